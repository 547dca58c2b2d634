"""Commands over the API of a server elsewhere: what `Run.app` gives them instead of a database.

Each service here has the methods of its namesake in `voltkeep.services` that the API can do. A
command that needs another one says that it works where the server is.
"""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import structs

from voltkeep.cli.errors import ExitCode, Failure
from voltkeep.cli.remote_accounts import Audit, People, SecurityEvents
from voltkeep.cli.remote_charging import LocalLists, Reservations, SmartCharging
from voltkeep.cli.remote_configuration import Configuration, Templates
from voltkeep.cli.remote_fleet import Campaigns, Webhooks
from voltkeep.cli.remote_orders import Orders
from voltkeep.cli.remote_part import Part, fields_of
from voltkeep.cli.remote_stations import (
    Addresses,
    AvailabilityNow,
    Credentials,
    Provisioning,
    Security,
)
from voltkeep.cli.remote_transactions import Closing, Transactions
from voltkeep.cli.remote_words import (
    connector_of,
    site_of,
    token_of,
)
from voltkeep.client import AsyncClient, NotReached, ProblemError, models
from voltkeep.domain.authorization import Token
from voltkeep.domain.identity import DEFAULT_TENANT, IdToken, StationId, TenantId
from voltkeep.domain.sites import Site
from voltkeep.services.authorization import TokenEdit, UnknownToken
from voltkeep.services.availability import ConnectorState

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


_NOT_FOUND = 404
_CODES = {_NOT_FOUND: ExitCode.NOT_FOUND, 400: ExitCode.USAGE, 422: ExitCode.USAGE}


@asynccontextmanager
async def remote_app(server: str, key: str, settings: "Settings") -> AsyncIterator["RemoteApp"]:
    """What a command needs of an `App`. Raises Failure in the words of the server."""
    app = RemoteApp(server, key, settings)
    try:
        yield app
    except ProblemError as error:
        said = "; ".join(f"{each.field}: {each.problem}" for each in error.fields)
        code = _CODES.get(error.status, ExitCode.FAILED)
        raise Failure(f"{said or error}.", _advice(error), code) from error
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


class _Services(Part):
    @cached_property
    def provisioning(self) -> Provisioning:
        return Provisioning(self._app)

    @cached_property
    def availability(self) -> AvailabilityNow:
        return AvailabilityNow(self._app)

    @cached_property
    def authorization(self) -> "_Authorization":
        return _Authorization(self._app)

    @cached_property
    def transactions(self) -> Transactions:
        return Transactions(self._app)

    @cached_property
    def closing(self) -> Closing:
        return Closing(self._app)

    @cached_property
    def security(self) -> Security:
        return Security(self._app)

    @cached_property
    def credentials(self) -> Credentials:
        return Credentials(self._app)

    @cached_property
    def addresses(self) -> Addresses:
        return Addresses(self._app)

    @cached_property
    def reservations(self) -> Reservations:
        return Reservations(self._app)

    @cached_property
    def smart_charging(self) -> SmartCharging:
        return SmartCharging(self._app)

    @cached_property
    def local_lists(self) -> LocalLists:
        return LocalLists(self._app)

    @cached_property
    def configuration(self) -> Configuration:
        return Configuration(self._app)

    @cached_property
    def templates(self) -> Templates:
        return Templates(self._app)

    @cached_property
    def people(self) -> People:
        return People(self._app)

    @cached_property
    def security_events(self) -> SecurityEvents:
        return SecurityEvents(self._app)

    @cached_property
    def audit(self) -> Audit:
        return Audit(self._app)

    @cached_property
    def campaigns(self) -> Campaigns:
        return Campaigns(self._app)

    @cached_property
    def webhooks(self) -> Webhooks:
        return Webhooks(self._app)

    @cached_property
    def sites(self) -> "_Sites":
        return _Sites(self._app)

    @cached_property
    def orders(self) -> Orders:
        return Orders(self._app)


class _Store(Part):
    @asynccontextmanager
    async def read(self) -> AsyncIterator["_Work"]:
        yield _Work(self._app)


class _Work(Part):
    @property
    def transactions(self) -> Transactions:
        return Transactions(self._app)

    @property
    def connectors(self) -> "_Connectors":
        return _Connectors(self._app)


class _Connectors(Part):
    async def of(self, station: StationId) -> list[ConnectorState]:
        found = self._app.client(station.tenant).list_connectors(station=station.name)
        return [connector_of(station.tenant, each) async for each in found]


class _Authorization(Part):
    async def all(self, tenant: TenantId) -> list[Token]:
        return [token_of(each) async for each in self._app.client(tenant).list_tokens(limit=500)]

    async def get(self, tenant: TenantId, id_token: IdToken) -> Token:
        """Raises UnknownToken."""
        try:
            return token_of(await self._app.client(tenant).show_token(id_token.value))
        except ProblemError as error:
            if error.status != _NOT_FOUND:
                raise
            raise UnknownToken(str(error)) from error

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


class _Sites(Part):
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
        new = models.NewSite(**fields_of(site, models.NewSite))
        return site_of(tenant, await self._app.client(tenant).add_site(new))

    async def replace(self, before: Site, after: Site) -> Site:
        tenant = before.station.tenant
        change = models.SiteChange(**fields_of(after, models.SiteChange))
        return site_of(tenant, await self._app.client(tenant).change_site(before.id, change))

    async def remove(self, tenant: TenantId, id: str) -> None:
        await self._app.client(tenant).remove_site(id)


def server_of(given: str | None) -> str:
    """The address of a server elsewhere; "" if there is none."""
    return (given or os.environ.get("VOLTKEEP_SERVER", "")).rstrip("/").removesuffix("/api/v1")
