"""A file server with everything behind it but a database, and a station that is asked for files."""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.web.certificates import Files
from voltkeep.config import Address, Settings
from voltkeep.domain.commands import Outcome
from voltkeep.domain.diagnostics import LogKind
from voltkeep.domain.events import Event
from voltkeep.domain.identity import station_id
from voltkeep.domain.stations import Station
from voltkeep.pki.firmware import FirmwareSignatures
from voltkeep.services.addresses import Addresses
from voltkeep.services.diagnostics import DiagnosticsService
from voltkeep.services.firmware import FirmwareService, Wish
from voltkeep.services.refusals import Refusals
from voltkeep.services.transfers import Listeners, Via
from voltkeep.store import MemoryStore
from voltkeep.store.files import DirectoryFiles
from voltkeep.web.files import make_app
from voltkeep.web.listeners import FileListeners
from voltkeep.web.server import HttpServer

STATION = station_id("CS-1")


class Agreeable:
    """Stations that say yes, and remember what they were asked."""

    def __init__(self):
        self.asked = []

    async def send(self, station, command, timeout=None):
        self.asked.append(command)
        return Outcome(accepted=True, status="Accepted")


class Revoked:
    """A certificate authority of few words."""

    async def crl(self, issuer):
        return {"rsa": b"the list"}[issuer]

    async def ocsp(self, request):
        return b"about " + request


class Place:
    """The services of files, and the listeners in front of them."""

    certificates: tuple[Files, ...] = ()
    opened: FileListeners

    def __init__(self, directory: Path, **settings):
        self.settings = Settings(
            data=directory, public_host="127.0.0.1", **({"ftp": "127.0.0.1:0"} | settings)
        )
        self.store = MemoryStore()
        self.stations = Agreeable()
        self.files = DirectoryFiles(directory / "files")
        self.addresses = Addresses(self.settings)
        self.later = timedelta(0)
        parts = (self.store.begin, self.store.read, self.stations, self.files)
        self.told: list[Event] = []
        self.refusals = Refusals(self.store.begin, self.clock, self.told.append)
        rest = (Listeners(self.addresses), self.clock, self.settings, self.refusals)
        self.diagnostics = DiagnosticsService(*parts, *rest)
        self.firmware = FirmwareService(*parts, FirmwareSignatures(), *rest)
        self.server = HttpServer(make_app(self.diagnostics, self.firmware, Revoked()))

    def clock(self):
        return datetime.now(UTC) + self.later

    async def add(self, station=STATION):
        async with self.store.begin() as work:
            await work.stations.add(Station(id=station, created_at=self.clock()))

    async def listen(self, via=Via.HTTP):
        address = await self.server.listen(Address("127.0.0.1", 0), secured=via is Via.HTTPS)
        self.addresses.listens("files_tls" if via is Via.HTTPS else "files", address)
        return address

    async def wanted(self, station=STATION, **options):
        """Ask a station for its log, and say where it was told to put it."""
        await self.diagnostics.request_log(station, LogKind.DIAGNOSTICS, **options)
        return self.stations.asked[-1].location

    async def offered(self, content, *, name="fw-1", filename="fw 1.bin", **options):
        """Ask a station to update itself, and say where it was told to fetch the file."""

        async def blocks():
            yield content

        await self.firmware.images.add(STATION.tenant, name, filename, blocks())
        await self.firmware.update(STATION, Wish(image=name, **options))
        return self.stations.asked[-1].location

    async def refused(self):
        """Who came with what opens nothing."""
        await self.refusals.flush()
        async with self.store.read() as work:
            return await work.refusals.all()

    async def arrived(self, station=STATION):
        """The last log of a station, and its content; None if nothing has arrived."""
        log = (await self.diagnostics.logs(station))[0]
        if not log.stored_as:
            return log, None
        content = await self.diagnostics.open(station, log.id)
        return log, b"".join([block async for block in content])


@asynccontextmanager
async def place_in(directory, **settings):
    place = Place(directory, **settings)
    await place.add()
    await place.listen()
    try:
        yield place
    finally:
        await place.server.close(patience_s=0.1)


@pytest.fixture
async def place(tmp_path):
    async with place_in(tmp_path) as place:
        yield place


@pytest.fixture
async def client():
    async with httpx.AsyncClient(timeout=10) as client:
        yield client


async def say(url, request: bytes):
    """Send octets to the server of a URL, and read until it closes."""
    parts = httpx.URL(url)
    reader, writer = await asyncio.open_connection(parts.host, parts.port)
    writer.write(request)
    await writer.drain()
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return answer
