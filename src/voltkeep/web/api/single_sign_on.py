"""Sign-in at an OpenID provider: there, and back."""

from typing import TYPE_CHECKING, Annotated

from litestar import get
from litestar.params import QueryParameter
from litestar.response import Redirect

from voltkeep.services.sign_in import FLOW_LASTS_S
from voltkeep.web.access import Given
from voltkeep.web.api.sign_in import visit
from voltkeep.web.auth import PUBLIC
from voltkeep.web.cookies import check_private, cookie_name, set_cookie
from voltkeep.web.problems import Asked, NotThere

if TYPE_CHECKING:  # its libraries take a tenth of a second, and few use them
    from voltkeep.web.oidc import OidcClient

_KEPT = "voltkeep-oidc"
_BACK = "/api/v1/sign-in/oidc/callback"

_ReturnTo = Annotated[
    str, QueryParameter(description="The path of ours to go to afterwards; no other host.")
]
_Said = Annotated[str | None, QueryParameter(description="What the provider says.")]
_State = Annotated[str, QueryParameter(name="state", description="What this server has said.")]


@get("/sign-in/oidc", needs=PUBLIC, status_code=302)
async def begin_single_sign_on(request: Asked, return_to: _ReturnTo = "/") -> Redirect:
    """Go to the OpenID provider, and come back signed in."""
    check_private(request)
    url, kept = await _client(request).begin(_redirect_uri(request), return_to)
    cookie = set_cookie(request, kept, what=_KEPT, max_age=FLOW_LASTS_S)
    return Redirect(url, status_code=302, cookies=[cookie])


@get("/sign-in/oidc/callback", needs=PUBLIC, status_code=302, takes_any_query=True)
async def finish_single_sign_on(
    request: Asked,
    services: Given,
    in_state: _State = "",
    code: _Said = None,
    error: _Said = None,
    iss: _Said = None,
) -> Redirect:
    """Come back from the OpenID provider. Only the provider sends browsers here."""
    check_private(request)
    client = _client(request)
    kept = request.cookies.get(cookie_name(request, _KEPT), "")
    said = {"state": in_state, "code": code, "error": error, "iss": iss}
    answer = {name: value for name, value in said.items() if value is not None}
    identity, return_to = await client.finish(kept, answer, _redirect_uri(request))
    signed_in = await services.people.sign_in.vouched(identity, visit(request))
    done = set_cookie(request, "", what=_KEPT, max_age=0)
    cookies = [set_cookie(request, signed_in.token), done]
    return Redirect(return_to, status_code=302, cookies=cookies)


def _client(request: Asked) -> "OidcClient":
    client: OidcClient | None = request.app.state.oidc
    if client is None:
        raise NotThere("no OpenID provider is set up here: see the setting `oidc_issuer`")
    return client


def _redirect_uri(request: Asked) -> str:
    base: str = request.app.state.public_url or str(request.base_url)
    return base.rstrip("/") + _BACK


ROUTES = [begin_single_sign_on, finish_single_sign_on]

EXAMPLES: list[object] = []
