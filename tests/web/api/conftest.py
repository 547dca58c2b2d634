"""The API over real services: in memory, or on each database."""

from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.store.databases import migrated_file
from voltkeep.config import Settings
from voltkeep.domain.accounts import Permission, Principal
from voltkeep.domain.audit import SYSTEM
from voltkeep.domain.commands import Outcome
from voltkeep.domain.identity import DEFAULT_TENANT, station_id
from voltkeep.domain.sites import Site, of_tenant
from voltkeep.domain.stations import Station
from voltkeep.store import MemoryStore
from voltkeep.web.http import hardened, make_api
from voltkeep.wiring import make_services

__all__ = ["migrated_file"]

EVERYTHING = Principal(
    actor=SYSTEM,
    tenant=DEFAULT_TENANT,
    permissions=frozenset(Permission),
    is_everywhere=True,
)


class Agreeable:
    """Stations that say yes, and remember what they were asked."""

    def __init__(self):
        self.asked = []
        self.outcome = Outcome(accepted=True, status="Accepted")

    async def send(self, station, command, timeout=None):
        self.asked.append((station, command))
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


class Api:
    """An installation behind its API; `client` makes requests with a key of all scopes."""

    authority = None
    files: Any = None

    def __init__(self, store=None, **settings):
        self.store = store or MemoryStore()
        self.stations = Agreeable()
        self.settings = Settings(data=Path("/nonexistent"), **settings)
        self.services = make_services(
            self.store,
            self.stations,
            lambda _: None,
            settings=self.settings,
            secret=b"pepper",
            authority=self.authority,
            files=self.files,
        )
        self.app = make_api(self.services, b"key of cursors")
        self.client = self.by(None)

    def by(self, token, **headers):
        """A client that shows this token; None shows none."""
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        transport = httpx.ASGITransport(app=hardened(self.app), raise_app_exceptions=False)
        return httpx.AsyncClient(
            transport=transport, base_url="http://voltkeep.test/api/v1", headers=headers
        )

    async def key(self, *scopes, tenant=None, sites=None, **more):
        """A token with these scopes (all, if none is named)."""
        wanted = scopes or tuple(Permission)
        _, token = await self.services.accounts.create_key(
            EVERYTHING, "test", wanted, tenant=tenant, sites=sites, **more
        )
        return token

    async def add(self, *names, tenant=DEFAULT_TENANT, **values):
        """Register stations, and the site that they are at."""
        if "site" in values:
            whole, now = of_tenant(tenant), datetime.now(UTC)
            async with self.store.begin() as work:
                await work.sites.put(Site(station=whole, id=values["site"], at=now, created_at=now))
        for name in names:
            station = Station(id=station_id(name, tenant), created_at=datetime.now(UTC), **values)
            await self.services.provisioning.add(station)

    async def request(self, method, path, expect=200, **options):
        """Make a request, and return what came. Fails unless it has this status."""
        answer = await self.client.request(method, path, **options)
        assert answer.status_code == expect, (answer.status_code, answer.text)
        return answer.json() if answer.content else None


@asynccontextmanager
async def running_api(store=None, **settings):
    api = Api(store, **settings)
    api.client = api.by(await api.key())
    async with api.client:
        yield api


@pytest.fixture
async def api():
    async with running_api() as running:
        yield running
