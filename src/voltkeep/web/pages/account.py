"""One's own account: password, second factor, sessions, and how pages look."""

from litestar import Response, get

from voltkeep.web.access import Given, Who
from voltkeep.web.api.users import user_out
from voltkeep.web.auth import ANYBODY
from voltkeep.web.pages.people import PERMISSIONS_IN_WORDS
from voltkeep.web.pages.rendering import page
from voltkeep.web.problems import Asked, NotThere


@get("/account", needs=ANYBODY, include_in_schema=False)
async def account_page(request: Asked, principal: Who, services: Given) -> Response[str]:
    """Of a person: a program has none. Who must change their password gets to no other page."""
    if not principal.user:
        raise NotThere("an API key has no account: this is for people")
    user = await services.people.users.user(principal, principal.user)
    sessions = await services.people.sessions.sessions(principal, principal.user)
    return page(
        request,
        "account.html",
        user=user_out(user),
        has_password=user.password_hash is not None,
        codes_left=len(user.recovery_hashes),
        sessions=sessions,
        words=PERMISSIONS_IN_WORDS,
    )


AT_THE_ROOT = [account_page]
EXAMPLES: list[object] = []
