"""Where the first administrator is made, with the link that the server printed."""

from litestar import Response, get

from voltkeep.web.access import Given
from voltkeep.web.auth import PUBLIC
from voltkeep.web.pages.rendering import page
from voltkeep.web.problems import Asked


@get("/setup", needs=PUBLIC, include_in_schema=False)
async def start(request: Asked, services: Given) -> Response[str]:
    """The token of a setup link stands behind the #: it is sent to nobody but the API."""
    return page(request, "setup.html", needs_setup=await services.people.users.is_nobody())


AT_THE_ROOT = [start]
EXAMPLES: list[object] = []
