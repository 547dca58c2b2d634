"""Commands over the API of a server elsewhere: what `Run.app` gives them instead of a database.

Each service here has the methods of its namesake in `voltkeep.services` that the API can do. A
command that needs another one says that it works where the server is.
"""

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import structs

from voltkeep.cli.errors import LOCAL_ONLY, ExitCode, Failure
from voltkeep.cli.remote_words import (
    connector_of,
    order_of,
    site_of,
    station_of,
    token_of,
    transaction_of,
)
from voltkeep.client import AsyncClient, NotReached, ProblemError, models
from voltkeep.domain.authorization import Token
from voltkeep.domain.availability import AvailabilityPlan
from voltkeep.domain.identity import DEFAULT_TENANT, IdToken, StationId, TenantId, TransactionRef
from voltkeep.domain.orders import Order
from voltkeep.domain.sites import Site
from voltkeep.domain.stations import Policy, Registration, SecurityProfile, Station
from voltkeep.domain.transactions import Transaction
from voltkeep.services.authorization import TokenEdit
from voltkeep.services.availability import Availability, ConnectorState
from voltkeep.services.records import Look

if TYPE_CHECKING:
    from voltkeep.config import Settings


def api_key(given: str | None, environment: Mapping[str, str]) -> str:
    """The key: ``@FILE``, or from the environment. Raises Failure."""
    said = given or environment.get("VOLTKEEP_API_KEY", "")
    if said.startswith("@"):
        try:
            said = Path(said[1:]).expanduser().read_text().strip()
        except (OSError, UnicodeError) as error:
            raise Failure(f"The API key cannot be read: {error}.", code=ExitCode.USAGE) from error
    elif given:
        raise Failure(
            "A key on the command line is seen by everybody on this machine.",
            "Write it to a file and say --api-key @FILE, or set VOLTKEEP_API_KEY.",
            ExitCode.USAGE,
        )
    if not said:
        raise Failure(
            "A server elsewhere asks for an API key.",
            "Set VOLTKEEP_API_KEY, or say --api-key @FILE; `voltkeep apikey add` makes one there.",
            ExitCode.USAGE,
        )
    return said


@asynccontextmanager
async def remote_app(server: str, key: str, settings: "Settings") -> AsyncIterator["RemoteApp"]:
    """What a command needs of an `App`. Raises Failure in the words of the server."""
    app = RemoteApp(server, key, settings)
    try:
        yield app
    except ProblemError as error:
        said = "; ".join(f"{each.field}: {each.problem}" for each in error.fields)
        raise Failure(f"{said or error}.", _advice(error)) from error
    except NotReached as error:
        raise Failure(
            f"No answer: {error}.",
            "Is it the address of the API, such as http://127.0.0.1:8080?",
            ExitCode.UNREACHABLE,
        ) from error
    finally:
        await app.close()


def _advice(error: ProblemError) -> str:
    match error.status:
        case 401:
            return "Is it the whole key, and still good? `voltkeep apikey list` there tells."
        case 403:
            return "The key may not do that."
        case _:
            return ""


class RemoteApp:
    """Looks to a command like `voltkeep.app.App`."""

    def __init__(self, server: str, key: str, settings: "Settings") -> None:
        self.settings = settings
        self.services = _Services(self)
        self._server = server
        self._key = key
        self._clients: dict[str, AsyncClient] = {}

    def client(self, tenant: str = DEFAULT_TENANT) -> AsyncClient:
        """Who asks for a tenant; the default one is whichever the key is of."""
        if tenant not in self._clients:
            named = None if tenant == DEFAULT_TENANT else tenant
            self._clients[tenant] = AsyncClient(self._server, self._key, tenant=named)
        return self._clients[tenant]

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()

    @property
    def store(self) -> "_Store":
        return _Store(self)


class _Part:
    """A service. What it has not is done where the server is."""

    def __init__(self, app: RemoteApp) -> None:
        self._app = app

    def __getattr__(self, name: str) -> Any:
        raise LOCAL_ONLY


class _Services(_Part):
    @cached_property
    def provisioning(self) -> "_Provisioning":
        return _Provisioning(self._app)

    @cached_property
    def availability(self) -> "_Availability":
        return _Availability(self._app)

    @cached_property
    def authorization(self) -> "_Authorization":
        return _Authorization(self._app)

    @cached_property
    def transactions(self) -> "_Transactions":
        return _Transactions(self._app)

    @cached_property
    def sites(self) -> "_Sites":
        return _Sites(self._app)

    @cached_property
    def orders(self) -> "_Orders":
        return _Orders(self._app)


class _Store(_Part):
    @asynccontextmanager
    async def read(self) -> AsyncIterator["_Work"]:
        yield _Work(self._app)


class _Work(_Part):
    @property
    def connectors(self) -> "_Connectors":
        return _Connectors(self._app)


class _Connectors(_Part):
    async def of(self, station: StationId) -> list[ConnectorState]:
        found = self._app.client(station.tenant).list_connectors(station=station.name)
        return [connector_of(station.tenant, each) async for each in found]


class _Provisioning(_Part):
    async def get(self, station: StationId) -> Station:
        return station_of(await self._app.client(station.tenant).show_station(station.name))

    async def all(self, tenant: TenantId | None = None) -> list[Station]:
        found = self._app.client(tenant or DEFAULT_TENANT).list_stations(limit=500)
        return [station_of(each) async for each in found]

    async def add(self, station: Station) -> None:
        new = models.NewStation(
            id=station.id.name,
            security_profile=int(station.security_profile),  # type: ignore[arg-type]  # 0 to 3
            registration=station.registration.value,
            site=station.site,
            note=station.note,
        )
        await self._app.client(station.id.tenant).add_station(new)

    async def remove(self, station: StationId) -> None:
        await self._app.client(station.tenant).remove_station(station.name)

    async def set_registration(self, station: StationId, registration: Registration) -> None:
        await self._change(station, registration=registration.value)

    async def set_passive(self, station: StationId, *, passive: bool) -> None:
        await self._change(station, passive=passive)

    async def set_profile(self, station: StationId, profile: SecurityProfile) -> None:
        body = models.WantedProfile(security_profile=int(profile))  # type: ignore[arg-type]  # 0 to 3
        await self._app.client(station.tenant).set_security_profile(station.name, body)

    async def describe(
        self,
        station: StationId,
        *,
        site: str | None = None,
        note: str | None = None,
        policy: Policy | None = None,
    ) -> None:
        said = {"site": site, "note": note, "policy": policy}
        await self._change(
            station, **{name: each for name, each in said.items() if each is not None}
        )

    async def _change(self, station: StationId, **said: Any) -> None:
        change = models.StationChange(**said)
        await self._app.client(station.tenant).change_station(station.name, change)


class _Availability(_Part):
    async def show(self, station: StationId) -> Availability:
        client = self._app.client(station.tenant)
        found = await client.show_availability(station.name)
        plans: tuple[AvailabilityPlan, ...] = ()
        return Availability(
            station=station_of(await client.show_station(station.name)),
            connectors=tuple(connector_of(station.tenant, each) for each in found.connectors),
            wishes=(),
            plans=plans,
        )

    def judge(self, row: ConnectorState, station: Station) -> ConnectorState:
        """The server has judged already."""
        return row


class _Authorization(_Part):
    async def all(self, tenant: TenantId) -> list[Token]:
        return [token_of(each) async for each in self._app.client(tenant).list_tokens(limit=500)]

    async def get(self, tenant: TenantId, id_token: IdToken) -> Token:
        return token_of(await self._app.client(tenant).show_token(id_token.value))

    async def save(self, tenant: TenantId, token: Token) -> bool:
        client = self._app.client(tenant)
        said = structs.asdict(token)
        known = ("group", "expires_at", "max_active", "note")
        values = {name: said[name] for name in known}
        try:
            await client.add_token(
                models.NewToken(
                    value=token.id_token.value,
                    kind=token.id_token.kind,
                    blocked=token.blocked,
                    **values,
                )
            )
        except ProblemError as error:
            if error.status != 409:
                raise
            change = models.TokenChange(kind=token.id_token.kind, **values)
            if token.blocked:  # only `block` lets it charge again
                change = structs.replace(change, blocked=True)
            await client.change_token(token.id_token.value, change)
            return False
        return True

    async def change(self, tenant: TenantId, id_token: IdToken, edit: TokenEdit) -> Token:
        change = models.TokenChange(**structs.asdict(edit))
        return token_of(await self._app.client(tenant).change_token(id_token.value, change))

    async def block(self, tenant: TenantId, id_token: IdToken, *, blocked: bool) -> Token:
        return await self.change(tenant, id_token, TokenEdit(blocked=blocked))

    async def remove(self, tenant: TenantId, id_token: IdToken) -> None:
        await self._app.client(tenant).remove_token(id_token.value)


class _Transactions(_Part):
    async def get(self, station: StationId, ref: TransactionRef) -> Transaction:
        client = self._app.client(station.tenant)
        return transaction_of(station.tenant, await client.show_transaction(station.name, ref))

    async def all(
        self,
        tenant: TenantId | None = None,
        *,
        station: StationId | None = None,
        active: bool | None = None,
        limit: int = 100,
    ) -> list[Transaction]:
        of = (station.tenant if station else tenant) or DEFAULT_TENANT
        found: list[Transaction] = []
        listed = self._app.client(of).list_transactions(
            station=station.name if station else None, active=active, limit=min(limit, 500)
        )
        async for each in listed:
            found.append(transaction_of(of, each))
            if len(found) >= limit:
                break
        return found


class _Sites(_Part):
    async def get(self, tenant: TenantId, id: str) -> Site:
        return site_of(tenant, await self._app.client(tenant).show_site(id))

    async def page(self, tenant: TenantId, *, limit: int = 100) -> list[Site]:
        found: list[Site] = []
        async for each in self._app.client(tenant).list_sites(limit=min(limit, 500)):
            found.append(site_of(tenant, each))
            if len(found) >= limit:
                break
        return found

    async def add(self, site: Site) -> Site:
        tenant = site.station.tenant
        new = models.NewSite(**_said(site, models.NewSite))
        return site_of(tenant, await self._app.client(tenant).add_site(new))

    async def replace(self, before: Site, after: Site) -> Site:
        tenant = before.station.tenant
        change = models.SiteChange(**_said(after, models.SiteChange))
        return site_of(tenant, await self._app.client(tenant).change_site(before.id, change))

    async def remove(self, tenant: TenantId, id: str) -> None:
        await self._app.client(tenant).remove_site(id)


def _said(ours: msgspec.Struct, kind: type[msgspec.Struct]) -> dict[str, Any]:
    return {name: getattr(ours, name) for name in kind.__struct_fields__}


class _Orders(_Part):
    async def give(
        self,
        station: StationId,
        ask: Any,
        *,
        queue_until: datetime | None = None,
        timeout_s: float | None = None,
        told: Callable[[Order], Any] | None = None,
        **_: Any,
    ) -> Order:
        body = msgspec.to_builtins(ask)
        if queue_until is not None:
            body["queue_until"] = queue_until
        if timeout_s is not None:
            body["timeout_s"] = timeout_s
        given = await self._app.client(station.tenant).give_command(station.name, body)
        return order_of(station.tenant, given)

    async def get(self, tenant: TenantId, id: str) -> Order:
        return order_of(tenant, await self._app.client(tenant).show_command(id))

    async def wait(self, tenant: TenantId, id: str, seconds: float) -> Order:
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        while True:
            left = (until - datetime.now(UTC)).total_seconds()
            client = self._app.client(tenant)
            order = order_of(tenant, await client.show_command(id, wait=max(0, min(left, 30))))
            if not order.is_open or left <= 0:
                return order

    async def cancel(self, tenant: TenantId, id: str) -> Order:
        return order_of(tenant, await self._app.client(tenant).cancel_command(id))

    async def page(self, tenant: TenantId, look: Look) -> list[Order]:
        fields: dict[str, Any] = dict(look.fields)
        listed = self._app.client(tenant).list_commands(
            station=look.station,
            state=look.states[0] if look.states else None,
            limit=min(look.limit, 500),
            **fields,
        )
        found: list[Order] = []
        async for each in listed:
            found.append(order_of(tenant, each))
            if len(found) >= look.limit:
                break
        return found


def server_of(given: str | None) -> str:
    """The address of a server elsewhere; "" if there is none."""
    return (given or os.environ.get("VOLTKEEP_SERVER", "")).rstrip("/").removesuffix("/api/v1")
