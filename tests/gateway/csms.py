"""A whole CSMS in memory behind a real socket, and a station of few words to talk to it."""

import asyncio
import base64
import itertools
import json
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

from websockets.asyncio.client import connect

from voltkeep.config import Settings, parse_networks
from voltkeep.dialects import DIALECTS
from voltkeep.domain.authorization import Token
from voltkeep.domain.events import Event
from voltkeep.domain.identity import IdToken, station_id
from voltkeep.domain.stations import Registration, SecurityProfile, Station
from voltkeep.gateway.limits import Limits
from voltkeep.gateway.server import Gateway
from voltkeep.gateway.stations import LocalStations
from voltkeep.services.ports import StoreUnavailable
from voltkeep.store import MemoryStore
from voltkeep.wiring import make_services

VERSIONS = ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")
STATION = station_id("CS-1")
AT = "2026-01-01T00:00:00Z"
LOOPBACK = (ip_network("127.0.0.0/8"),)
# For tests of something else: as many failures and connections as they like.
LENIENT = Limits(
    refusal_takes_s=0.0,
    drain_s=1.0,
    unlimited_sources=LOOPBACK,
    failures_burst=10_000,
    identity_failures_burst=10_000,
    identities_per_source=10_000,
)
QUICK = replace(LENIENT, call_timeout_s=0.05)
BOOTS = {
    "ocpp1.6": {"chargePointVendor": "V", "chargePointModel": "M"},
    "ocpp2.0.1": {"reason": "PowerUp", "chargingStation": {"vendorName": "V", "model": "M"}},
    "ocpp2.1": {"reason": "PowerUp", "chargingStation": {"vendorName": "V", "model": "M"}},
}


def clock():
    return datetime.now(UTC)


class SwitchedStore(MemoryStore):
    """A store whose database can be taken away."""

    is_away = False

    def begin(self):
        return self._unless_away(super().begin)

    def read(self):
        return self._unless_away(super().read)

    @asynccontextmanager
    async def _unless_away(self, begin):
        if self.is_away:
            raise StoreUnavailable("switched off by the test")
        async with begin() as work:
            yield work
            if self.is_away:
                raise StoreUnavailable("switched off by the test")


class Csms:
    """Everything but a database. Use it as a context manager."""

    def __init__(
        self, limits=None, dialects=DIALECTS, *, settings=None, authority=None, files=None
    ):
        self.store = SwitchedStore()
        self.announced: list[Event] = []
        self.stations = LocalStations()
        self.limits = limits or LENIENT
        self.settings = settings or Settings(data=Path("/nonexistent"))
        self.services = make_services(
            self.store,
            self.stations,
            self.announced.append,
            settings=self.settings,
            secret=b"pepper",
            authority=authority,
            files=files,
        )
        self.security = self.services.security
        self.remote_control = self.services.remote_control
        self.gateway = Gateway(
            dialects=dialects,
            services=self.services,
            security=self.security,
            intrusion=self.services.intrusion,
            stations=self.stations,
            log_exchange=self.store.journal.exchange,
            clock=clock,
            limits=self.limits,
            compression=True,
            trusted_proxies=parse_networks(self.settings.trusted_proxies),
        )

    async def __aenter__(self):
        self.address = await self.gateway.listen("127.0.0.1", 0)
        async with self.store.begin() as work:
            token = Token(id_token=IdToken("CARD"), max_active=0, created_at=clock())
            await work.tokens.save("default", token)
        return self

    async def __aexit__(self, *_):
        await self.gateway.close()

    async def add(self, name="CS-1", profile=0, registration=Registration.ACCEPTED):
        """Register a station; with a security profile, its key is returned."""
        station = Station(
            id=station_id(name),
            security_profile=SecurityProfile(profile),
            registration=registration,
            created_at=clock(),
        )
        await self.services.provisioning.add(station)
        return await self.security.rotate_key(station.id) if profile else None

    def url(self, path):
        return f"ws://{self.address}{path}"

    @asynccontextmanager
    async def connected(self, name="CS-1", version="ocpp1.6", **options):
        """A station that is connected and says nothing yet."""
        async with knock(self, f"/ocpp/{name}", [version], **options) as socket:
            yield Talker(socket, version)

    @asynccontextmanager
    async def booted(self, name="CS-1", version="ocpp1.6", **options):
        """A station that has booted."""
        async with self.connected(name, version, **options) as station:
            assert (await station.ask("BootNotification", BOOTS[version]))[0] == 3
            yield station

    async def logged(self):
        """The message log, oldest first."""
        async with self.store.read() as work:
            return [row.exchange for row in await work.messages.since(0)]


def knock(csms, path, subprotocols, *, user=None, password=None, **options):
    """A foreign WebSocket client before its upgrade; ``password`` may be any octets."""
    headers = dict(options.pop("additional_headers", {}))
    if password is not None:
        secret = password if isinstance(password, bytes) else password.encode()
        user = (user if user is not None else path.rpartition("/")[2]).encode()
        headers["Authorization"] = "Basic " + base64.b64encode(user + b":" + secret).decode()
    options.setdefault("compression", None)
    options.setdefault("ping_interval", None)
    return connect(csms.url(path), subprotocols=subprotocols, additional_headers=headers, **options)


class Talker:
    """One side of a conversation, frame by frame."""

    def __init__(self, socket, version):
        self.socket = socket
        self.version = version
        self._ids = itertools.count(1)

    async def say(self, frame):
        """Send a frame, or whatever else is given as text or octets."""
        await self.socket.send(frame if isinstance(frame, str | bytes) else json.dumps(frame))

    async def hear(self, timeout=5):
        # No `wait_for`: of Python 3.11 it swallows a cancellation that comes with the message.
        async with asyncio.timeout(timeout):
            return json.loads(await self.socket.recv())

    async def ask(self, action, payload, id=None):
        """Send a CALL and return what comes back."""
        await self.say([2, id or f"m{next(self._ids)}", action, payload])
        return await self.hear()

    async def is_alive(self):
        """Whether the connection still serves."""
        answer = await self.ask("Heartbeat", {})
        return answer[0] == 3 and "currentTime" in answer[2]


async def until(condition):
    """Wait for something that another task brings about."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  # what it looks at is no event
            await asyncio.sleep(0.005)


@asynccontextmanager
async def beside(csms):
    """A connected station, which must go on being served: the longest it waited, at the end."""
    waits: list[float] = []
    async with csms.booted("OTHER") as station:
        is_over = asyncio.Event()

        async def live():
            while not is_over.is_set():
                started = time.monotonic()
                assert await station.is_alive()
                waits.append(time.monotonic() - started)
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.1):
                        await is_over.wait()

        task = asyncio.create_task(live())
        try:
            yield waits
        finally:
            is_over.set()
        async with asyncio.timeout(5):
            await task
        assert max(waits) < 1.0
