"""Who asks, and whether they may: every route says what it needs, or nobody gets in."""

import contextlib
from typing import Any, Protocol

from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult

from voltkeep.domain.accounts import Permission, Principal
from voltkeep.domain.identity import TenantId
from voltkeep.services.accounts import NotAllowed, NotAuthenticated, UnknownTenant
from voltkeep.web.cookies import check_page, chosen_tenant, session_token
from voltkeep.web.problems import Problem
from voltkeep.web.throttle import Throttle

TENANT_HEADER = "voltkeep-tenant"
NEEDS = "needs"
"""The option of a route that names its `Permission` (of several any), `PUBLIC` or `ANYBODY`."""

PUBLIC = "nothing"  # whoever asks
ANYBODY = "an account"  # whoever has signed in

Connection = ASGIConnection[Any, Any, Any, Any]


class Accounts(Protocol):
    """Whoever knows API keys and sessions."""

    async def principal_of_key(
        self, token: str, tenant: TenantId | None, address: str
    ) -> Principal:
        """Raises NotAuthenticated, or NotAllowed for a tenant that is not theirs."""
        ...


class Sessions(Protocol):
    """Whoever knows the cookies of people."""

    async def principal_of_session(
        self, token: str, tenant: TenantId | None, address: str
    ) -> Principal:
        """Raises NotAuthenticated, or NotAllowed for a tenant that is not theirs."""
        ...

    def csrf(self, token: str) -> str:
        """What only a page of that session knows."""
        ...


class AuthenticationMiddleware(AbstractAuthenticationMiddleware):
    """Finds out who asks. Whether that is enough is for `allowed` to say."""

    async def authenticate_request(self, connection: Connection) -> AuthenticationResult:
        throttle: Throttle | None = connection.app.state.throttle
        address = connection.client.host if connection.client else ""
        try:
            found = await who_asks(connection)
        except (NotAuthenticated, NotAllowed):
            if throttle is not None:
                throttle.check(None, address)
            raise
        if throttle is not None:
            throttle.check(found.user, address)
        return found


async def who_asks(connection: Connection) -> AuthenticationResult:
    """Who shows a key or a session, as it counts now. Raises what `Accounts` raises."""
    wanted = connection.headers.get(TENANT_HEADER)
    tenant = TenantId(wanted) if wanted is not None else None
    address = connection.client.host if connection.client else ""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        accounts: Accounts = connection.app.state.accounts
        by_key = await accounts.principal_of_key(token.strip(), tenant, address)
        return AuthenticationResult(user=by_key, auth=None)
    cookie = session_token(connection)
    if cookie is None:
        return AuthenticationResult(user=None, auth=None)
    sessions: Sessions = connection.app.state.sessions
    try:
        by_cookie = await _by_session(connection, cookie, tenant, address)
    except NotAuthenticated:  # a browser shows a session that is over until it has another
        return AuthenticationResult(user=None, auth=None)
    return AuthenticationResult(user=by_cookie, auth=sessions.csrf(cookie))


async def _by_session(
    connection: Connection, cookie: str, tenant: TenantId | None, address: str
) -> Principal:
    """Whose session it is, in the tenant that the request names, or else their browser.

    What a browser remembers may be another person's choice, or a tenant that is gone: then it is
    their own. What a request names is meant: it is refused.
    """
    sessions: Sessions = connection.app.state.sessions
    chosen = chosen_tenant(connection) if tenant is None else None
    if chosen is not None:
        with contextlib.suppress(NotAllowed, UnknownTenant):
            return await sessions.principal_of_session(cookie, TenantId(chosen), address)
    return await sessions.principal_of_session(cookie, tenant, address)


async def allowed(connection: Connection, handler: BaseRouteHandler) -> None:
    """A guard for all routes. Raises Problem 401 or 403; a route that says nothing is closed.

    It awaits nothing, but Litestar runs a plain function in a thread.
    """
    needs = handler.opt.get(NEEDS)
    if needs == PUBLIC or connection.scope.get("method") == "OPTIONS":  # which tells methods only
        return
    principal: Principal | None = connection.user
    if principal is None:
        raise Problem(
            401,
            "sign in, or send an API key: `Authorization: Bearer vk_...` (`voltkeep apikey add` "
            "makes one)",
            code="not-authenticated",
            headers={"www-authenticate": "Bearer"},
        )
    if connection.auth is not None:
        check_page(connection, connection.auth)
    if needs == ANYBODY:
        return
    if principal.must_change_password:
        raise Problem(403, "change your password first", code="password-change-needed")
    any_of = needs if isinstance(needs, tuple) else (needs,)
    if not any(isinstance(each, Permission) and principal.may(each) for each in any_of):
        words = " or ".join(map(str, any_of))
        raise Problem(403, f"this needs the permission {words}", code="not-allowed")
