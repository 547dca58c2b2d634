"""Tenants: companies of their own in one installation."""

from datetime import UTC, datetime

from voltkeep.domain.accounts import (
    INSTALLATION,
    AccountState,
    Permission,
    Principal,
    Tenant,
    home,
)
from voltkeep.domain.audit import Deed
from voltkeep.domain.identity import DEFAULT_TENANT, TenantId
from voltkeep.services.accounts import (
    AccountService,
    BadAccount,
    NotAllowed,
    UnknownTenant,
    audited_tenant,
    is_tenant_name,
)
from voltkeep.services.audit import audit
from voltkeep.services.ports import Begin, Clock, Read, Work
from voltkeep.services.records import Look
from voltkeep.services.users import whole

_LONGEST_TITLE = 200


class TenantExists(Exception):
    """That name is taken."""


class TenantInUse(Exception):
    """Something is still there that is the tenant's."""


class TenantService:
    """Adds and removes tenants; there is always `DEFAULT_TENANT`."""

    def __init__(self, begin: Begin, read: Read, clock: Clock, accounts: AccountService) -> None:
        self._begin = begin
        self._read = read
        self._clock = clock
        self._accounts = accounts

    async def tenants(self, by: Principal) -> list[Tenant]:
        """Those that they may act in, by name; the default one first."""
        async with self._read() as work:
            added = await work.tenants.of(home(None), limit=100_000)
        found = [_default(), *sorted(added, key=lambda tenant: tenant.id)]
        return [each for each in found if by.is_everywhere or each.id == by.tenant]

    async def add(self, by: Principal, name: str, title: str = "") -> Tenant:
        """Raises NotAllowed, BadAccount, TenantExists."""
        _check(by)
        if not is_tenant_name(name):
            raise BadAccount(
                "id", "a tenant's name is as a station's id: 1 to 48 letters or digits"
            )
        if len(title) > _LONGEST_TITLE or not (title.isprintable()):
            raise BadAccount("title", f"a title has at most {_LONGEST_TITLE} printable characters")
        at = self._clock()
        tenant = Tenant(station=home(None), id=name, state=AccountState.ACTIVE, at=at, title=title)
        async with whole(self._begin, at) as (work, _):
            if name == DEFAULT_TENANT or not await work.tenants.add(tenant):
                raise TenantExists(f"there is a tenant called {name} already")
            deed = Deed(action="tenant.added", object=name, after=title)
            await audit(work, audited_tenant(None), at, deed)
        return tenant

    async def remove(self, by: Principal, name: str) -> None:
        """One that has nothing left. Its audit log stays.

        Raises NotAllowed, UnknownTenant, TenantInUse.
        """
        _check(by)
        at, tenant = self._clock(), TenantId(name)
        async with whole(self._begin, at) as (work, _):
            if not await work.tenants.remove(home(None), name):
                raise UnknownTenant(f"no tenant called {name[:60]!a} was added")
            if left := await _left(work, tenant):
                raise TenantInUse(f"{name} still has {left}: remove them first")
            await work.days.forget(tenant)
            deed = Deed(action="tenant.removed", object=name)
            await audit(work, audited_tenant(None), at, deed)
        self._accounts.forget_tenant(tenant)


async def _left(work: Work, tenant: TenantId) -> str:
    """What is still a tenant's, in a word; "" if there is nothing."""
    look = Look(station=tenant, limit=1)
    rows = {
        "stations": await work.stations.all(tenant, limit=1),
        "tokens": await work.tokens.all(tenant, limit=1),
        "transactions": await work.transactions.all(tenant, limit=1),
        "users": await work.users.page(INSTALLATION, look),
        "API keys": await work.api_keys.page(
            INSTALLATION, Look(station=tenant, states=(AccountState.ACTIVE,), limit=1)
        ),
    }
    return " and ".join(name for name, found in rows.items() if found)


def _check(by: Principal) -> None:
    if not by.is_everywhere or not by.may(Permission.WRITE_TENANTS):
        raise NotAllowed("this needs tenants:write, everywhere")


def _default() -> Tenant:
    at = datetime.fromtimestamp(0, UTC)
    return Tenant(station=home(None), id=DEFAULT_TENANT, state=AccountState.ACTIVE, at=at)
