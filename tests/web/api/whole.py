"""A whole installation: a row of everything, behind a listener, in a thread of its own."""

import asyncio
import threading
from datetime import UTC, datetime
from pathlib import Path

from tests.contract import samples
from tests.services.authority import authority
from tests.web.api.conftest import Api
from voltkeep.config import Address
from voltkeep.domain.accounts import INSTALLATION, home
from voltkeep.domain.identity import StationId, TransactionRef
from voltkeep.store import MemoryStore, open_store
from voltkeep.store.files import DirectoryFiles
from voltkeep.web.api.vitals import Vitals
from voltkeep.web.http import hardened
from voltkeep.web.request_ids import identified
from voltkeep.web.server import HttpServer

ID = "1007"
"""The id of one of everything."""

OTHER = "others-9f3a"
"""The id of one of everything in another tenant, and in its name too."""

_HOME = {"users", "api_keys"}  # kept at a place that stands for the tenant


async def _untroubled():
    return ()


class WholeApi(Api):
    """An API with everything behind it but stations, which always say yes."""

    authority = authority()
    vitals = Vitals(metrics=None, troubles=_untroubled, allowed=())

    def __init__(self, store=None, directory=Path("/nonexistent"), **settings):
        self.files = DirectoryFiles(directory / "files")
        super().__init__(store, **settings)
        self.app.state.vitals = self.vitals

    async def fill(self, id=ID, tenant=samples.TENANT):
        """A row of every kind of record, with this id, of the station of this name."""
        station = StationId(tenant, id)
        async with self.store.begin() as work:
            if await work.tenants.get(home(None), tenant) is None:
                await work.tenants.put(samples.record("tenants", tenant, home(None)))
            if await work.stations.get(station) is None:
                await work.stations.add(samples.station(station))
                await work.connectors.save([samples.connector(station=station)])
            await work.tokens.save(tenant, samples.token(id))
            if await work.transactions.get(station, TransactionRef(id)) is None:
                await work.transactions.add(samples.transaction(TransactionRef(id), station))
            for name in samples.RECORDS:
                for place in _places(name, station):
                    await getattr(work, name).put(samples.record(name, id, place))


def _places(name, station):
    """Where a kind of record is kept that is of a tenant, or of a station."""
    if name in _HOME:
        return [home(station.tenant)]
    if name == "sessions":
        return [StationId(INSTALLATION, station.name)]
    if name in {"tenants", "installation"}:
        return []
    return [station, StationId(station.tenant, "")]


class Running:
    """The API of a store behind a real listener: its own thread, its own event loop."""

    def __init__(self, directory, url=None, **settings):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.run(self._open(directory, url, settings))

    def run(self, coroutine):
        """Have something done by the server's event loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)

    async def _open(self, directory, url, settings):
        store = MemoryStore() if url is None else await open_store(url, clock=_clock)
        self.api = WholeApi(store, directory, **settings)
        await self.api.fill()
        self.token = await self.api.key()
        self._server = HttpServer(identified(hardened(self.api.app)))
        address = await self._server.listen(Address("127.0.0.1", 0))
        self.url = f"http://{address.host}:{address.port}"

    async def _close(self):
        await self._server.close(patience_s=0.1)
        await self.api.store.close()

    def close(self):
        self.run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def _clock():
    return datetime.now(UTC)
