"""Who asks, and whether they may: every route says what it needs, or nobody gets in."""

from typing import Any, Protocol

from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult

from voltkeep.domain.accounts import Permission, Principal
from voltkeep.domain.identity import TenantId
from voltkeep.web.problems import Problem

TENANT_HEADER = "voltkeep-tenant"
NEEDS = "needs"
"""The option of a route that names its `Permission`, or `PUBLIC`, or `ANYBODY`."""

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


class AuthenticationMiddleware(AbstractAuthenticationMiddleware):
    """Finds out who asks. Whether that is enough is for `allowed` to say."""

    async def authenticate_request(self, connection: Connection) -> AuthenticationResult:
        accounts: Accounts = connection.app.state.accounts
        principal = await _principal(accounts, connection)
        return AuthenticationResult(user=principal, auth=None)


async def _principal(accounts: Accounts, connection: Connection) -> Principal | None:
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    wanted = connection.headers.get(TENANT_HEADER)
    tenant = TenantId(wanted) if wanted is not None else None
    address = connection.client.host if connection.client else ""
    return await accounts.principal_of_key(token.strip(), tenant, address)


def allowed(connection: Connection, handler: BaseRouteHandler) -> None:
    """A guard for all routes. Raises Problem 401 or 403; a route that says nothing is closed."""
    needs = handler.opt.get(NEEDS)
    if needs == PUBLIC:
        return
    principal: Principal | None = connection.user
    if principal is None:
        raise Problem(
            401,
            "send an API key: `Authorization: Bearer vk_...` (`voltkeep apikey add` makes one)",
            code="not-authenticated",
            headers={"www-authenticate": "Bearer"},
        )
    if needs == ANYBODY:
        return
    if not isinstance(needs, Permission) or not principal.may(needs):
        raise Problem(403, f"this needs the permission {needs}", code="not-allowed")
