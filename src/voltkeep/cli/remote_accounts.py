"""Users, keys, tenants, and what is told of security, over the API of a server elsewhere."""

from collections.abc import Iterable
from datetime import datetime
from functools import cached_property

from msgspec import UNSET

from voltkeep.cli.remote_part import PAGE, Part, first
from voltkeep.cli.remote_words import plain, taken
from voltkeep.client import models
from voltkeep.domain.accounts import (
    AccountState,
    ApiKey,
    Permission,
    Principal,
    Session,
    Tenant,
    User,
    home,
)
from voltkeep.domain.audit import AuditEntry
from voltkeep.domain.identity import DEFAULT_TENANT, StationId, TenantId
from voltkeep.domain.security import Alert, SecurityEvent
from voltkeep.services.records import Look
from voltkeep.services.users import NewUser, UserChange
from voltkeep.wiring import now

_MANY = 10_000


class People(Part):
    """As `People`: whoever asks is whoever the key is of."""

    @cached_property
    def users(self) -> "Users":
        return Users(self._app)

    @cached_property
    def sessions(self) -> "Sessions":
        return Sessions(self._app)

    @cached_property
    def accounts(self) -> "Accounts":
        return Accounts(self._app)

    @cached_property
    def tenants(self) -> "Tenants":
        return Tenants(self._app)


class Users(Part):
    """As `UserService`."""

    async def users(self, by: Principal, look: Look) -> list[User]:
        listed = self._app.client(by.tenant).list_users(
            everywhere=look.station is not None, limit=PAGE
        )
        return [_user_of(each) for each in await first(listed, look.limit)]

    async def user(self, by: Principal, name: str) -> User:
        return _user_of(await self._app.client(by.tenant).show_user(name.casefold()))

    async def add(self, by: Principal, new: NewUser) -> User:
        made = models.NewUser(
            name=new.name,
            role=new.role.value,
            password=new.password or "",
            sites=new.sites,
            everywhere=new.tenant is None,
        )
        return _user_of(await self._app.client(by.tenant).add_user(made))

    async def change(self, by: Principal, name: str, change: UserChange) -> User:
        body = models.UserChange(
            role=UNSET if change.role is UNSET else change.role.value,
            sites=change.sites,
            disabled=change.is_disabled,
        )
        return _user_of(await self._app.client(by.tenant).change_user(name.casefold(), body))

    async def remove(self, by: Principal, name: str) -> None:
        await self._app.client(by.tenant).remove_user(name.casefold())

    async def set_password(self, by: Principal, name: str, password: str) -> User:
        body = models.NewPassword(password=password)
        await self._app.client(by.tenant).set_password(name.casefold(), body)
        return await self.user(by, name)

    async def reset_second_factor(self, by: Principal, name: str) -> User:
        await self._app.client(by.tenant).reset_second_factor(name.casefold())
        return await self.user(by, name)


def _user_of(said: models.UserOut) -> User:
    values = plain(said) | {
        "station": home(_tenant(said.tenant)),
        "at": said.changed_at,
        "issuer": said.signs_in_at or "",
        # What it is, the API tells nobody.
        "totp_secret": "kept there" if said.second_factor else None,
    }
    user: User = taken(User, values)
    return user


def _tenant(name: str | None) -> TenantId | None:
    return None if name is None else TenantId(name)


class Sessions(Part):
    """As `SessionService`."""

    async def sessions(self, by: Principal, user: str) -> list[Session]:
        told = await self._app.client(by.tenant).list_sessions(user)
        return [_session_of(user, each) for each in told.items]

    async def revoke_all(self, by: Principal, user: str) -> int:
        return (await self._app.client(by.tenant).end_sessions(user)).sessions


def _session_of(user: str, said: models.SessionOut) -> Session:
    values = plain(said) | {
        "station": home(TenantId(user)),
        "state": AccountState.ACTIVE,
        "at": said.last_seen_at,
    }
    session: Session = taken(Session, values)
    return session


class Accounts(Part):
    """As `AccountService`."""

    async def create_key(
        self,
        by: Principal,
        name: str,
        scopes: Iterable[Permission],
        *,
        tenant: TenantId | None,
        sites: list[str] | None = None,
        expires_at: datetime | None = None,
    ) -> tuple[ApiKey, str]:
        new = models.NewKey(
            name=name,
            scopes=tuple(each.value for each in scopes),
            sites=None if sites is None else tuple(sites),
            expires_at=expires_at,
            everywhere=tenant is None,
        )
        created = await self._app.client(by.tenant).create_api_key(new)
        return _key_of(created.key), created.token

    async def keys(self, by: Principal, look: Look) -> list[ApiKey]:
        listed = self._app.client(by.tenant).list_api_keys(
            everywhere=look.station is not None, limit=PAGE
        )
        return [_key_of(each) for each in await first(listed, look.limit)]

    async def revoke_key(self, by: Principal, id: str) -> ApiKey:
        return _key_of(await self._app.client(by.tenant).revoke_api_key(id))


def _key_of(said: models.KeyOut) -> ApiKey:
    values = plain(said) | {
        "station": home(_tenant(said.tenant)),
        "at": said.created_at,
        "secret_hash": "",
        "last_used_from": said.last_used_from or "",
    }
    key: ApiKey = taken(ApiKey, values)
    return key


class Tenants(Part):
    """As `TenantService`."""

    async def add(self, by: Principal, id: str, title: str = "") -> Tenant:
        new = models.NewTenant(id=id, title=title)
        return _tenant_of(await self._app.client(by.tenant).add_tenant(new))

    async def tenants(self, by: Principal) -> list[Tenant]:
        told = await self._app.client(by.tenant).list_tenants()
        return [_tenant_of(each) for each in told.items]

    async def remove(self, by: Principal, id: str) -> None:
        await self._app.client(by.tenant).remove_tenant(id)


def _tenant_of(said: models.TenantOut) -> Tenant:
    return Tenant(
        station=home(None), id=said.id, state=AccountState.ACTIVE, at=now(), title=said.title
    )


class SecurityEvents(Part):
    """As `SecurityEventService`, of the key's tenant."""

    async def events(
        self,
        station: StationId | None,
        *,
        critical: bool = False,
        since: datetime | None = None,
        limit: int = 100,
    ) -> list[SecurityEvent]:
        tenant = DEFAULT_TENANT if station is None else station.tenant
        listed = self._app.client(tenant).list_security_events(
            station=None if station is None else station.name,
            state="critical" if critical else None,
            since=since,
            limit=min(limit, PAGE),
        )
        found = await first(listed, limit)
        if station is not None and not found:
            await self._app.client(tenant).show_station(station.name)  # which there may not be
        return [_event_of(tenant, each) for each in found]

    async def alerts(self, *, acknowledged: bool = False) -> list[Alert]:
        listed = self._app.client().list_alerts(state=None if acknowledged else "open", limit=PAGE)
        return [_alert_of(DEFAULT_TENANT, each) for each in await first(listed, _MANY)]

    async def acknowledge(self, tenant: TenantId, id: str) -> Alert:
        return _alert_of(tenant, await self._app.client(tenant).acknowledge_alert(id))


def _event_of(tenant: TenantId, said: models.SecurityEventOut) -> SecurityEvent:
    values = plain(said) | {
        "station": (tenant, said.station),
        "state": "critical" if said.is_critical else "noted",
        "at": said.heard_at,
    }
    event: SecurityEvent = taken(SecurityEvent, values)
    return event


def _alert_of(tenant: TenantId, said: models.AlertOut) -> Alert:
    values = plain(said) | {"station": (tenant, said.station or ""), "at": said.last_at}
    alert: Alert = taken(Alert, values)
    return alert


class Audit(Part):
    """As `AuditService`, for reading."""

    async def entries(
        self,
        tenant: TenantId,
        *,
        since: datetime | None = None,
        about: str = "",
        actor: str = "",
        limit: int = 100,
    ) -> list[AuditEntry]:
        listed = self._app.client(tenant).list_audit(
            actor=actor or None, since=since, limit=PAGE if about else min(limit, PAGE)
        )
        # The API looks how an object begins; at a shell one finds what is anywhere in it.
        wanted = (each async for each in listed if about in each.deed.object)
        return [_entry_of(tenant, each) for each in reversed(await first(wanted, limit))]


def _entry_of(tenant: TenantId, said: models.AuditOut) -> AuditEntry:
    entry: AuditEntry = taken(AuditEntry, plain(said) | {"tenant": tenant, "before_hash": ""})
    return entry
