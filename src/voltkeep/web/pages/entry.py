"""How people come in: the first page, the sign-in, and the language that they read."""

from typing import Any
from urllib.parse import quote

from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from voltkeep.web.access import Given, Who
from voltkeep.web.auth import ANYBODY, PUBLIC
from voltkeep.web.cookies import TENANT_COOKIE, set_cookie
from voltkeep.web.oidc import safe_path
from voltkeep.web.pages.menu import menu
from voltkeep.web.pages.rendering import LANGUAGE_COOKIE, LANGUAGES, page
from voltkeep.web.problems import Asked, NotThere, Problem

_YEAR_S = 365 * 24 * 3600


@get("/", needs=PUBLIC, include_in_schema=False)
async def first_page(request: Asked) -> Response[Any]:
    """Where somebody has most to do; for who has not signed in, the sign-in."""
    parts = menu(request.user)
    if request.user is None:
        return Redirect("/sign-in", status_code=303)
    return Redirect(parts[0].entries[0].address if parts else "/account", status_code=303)


@get("/sign-in", needs=PUBLIC, include_in_schema=False)
async def sign_in_page(
    request: Asked, services: Given, return_to: FromQuery[str] = "/"
) -> Response[str]:
    """The sign-in; afterwards it goes on where somebody wanted to be, on this server only."""
    oidc = request.app.state.oidc
    return page(
        request,
        "sign_in.html",
        needs_setup=await services.people.users.is_nobody(),
        provider=oidc.name if oidc is not None else "",
        return_to=safe_path(return_to),
    )


@post("/language/{language:str}", needs=PUBLIC, include_in_schema=False)
async def choose_language(request: Asked, language: FromPath[str]) -> Response[None]:
    """Remember the language that somebody reads."""
    chosen = language if language in LANGUAGES else "en"
    cookie = Cookie(key=LANGUAGE_COOKIE, value=chosen, path="/", max_age=_YEAR_S, samesite="lax")
    return Response(None, status_code=204, cookies=[cookie], headers={"hx-refresh": "true"})


@post("/tenant/{tenant:str}", needs=ANYBODY, include_in_schema=False)
async def choose_tenant(
    request: Asked, principal: Who, services: Given, tenant: FromPath[str]
) -> Response[None]:
    """Act in another tenant from now on, in this browser, for who is of every tenant.

    Raises Problem, and NotThere if there is no such tenant.
    """
    if not principal.is_everywhere:
        raise Problem(403, "you are of one tenant, and act in that", code="not-allowed")
    known = await services.people.tenants.tenants(principal)
    if tenant not in {each.id for each in known}:
        raise NotThere(f"there is no tenant called {tenant[:60]}")
    cookie = set_cookie(request, quote(tenant, safe=""), what=TENANT_COOKIE)
    return Response(None, status_code=204, cookies=[cookie])


AT_THE_ROOT = [first_page, sign_in_page, choose_language, choose_tenant]
EXAMPLES: list[object] = []
