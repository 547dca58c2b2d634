"""An installation whose clock the test moves, and stations that answer as the test says."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from voltkeep.config import Settings
from voltkeep.domain.audit import Actor
from voltkeep.domain.commands import Outcome
from voltkeep.domain.identity import Sender, station_id
from voltkeep.domain.stations import Station
from voltkeep.services.ports import StationOffline
from voltkeep.store import MemoryStore
from voltkeep.wiring import make_services

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
CS = station_id("CS-1")
SETTINGS = Settings(data=Path("/nonexistent"), public_host="csms.example")
ALICE = Actor(kind="api", name="alice")


class Here:
    """`asked` is what stations were sent; those not in `connected` are offline."""

    def __init__(self, authority=None, settings=SETTINGS):
        self.now = NOON
        self.store = MemoryStore()
        self.asked = []
        self.answer = Outcome(accepted=True, status="Accepted")
        self.connected = {}
        self.sender = None  # of the station that a test speaks for
        self._authority = authority
        self._settings = settings
        self.start_server()

    def start_server(self):
        """What is not in the database is forgotten."""
        self.services = make_services(
            self.store,
            self,
            lambda _: None,
            settings=self._settings,
            secret=b"here",
            authority=self._authority,
            files=None,
            clock=lambda: self.now,
        )

    async def add(self, *names, **values):
        for name in names:
            await self.services.provisioning.add(
                Station(id=station_id(name), created_at=self.now, **values)
            )

    async def connect(self, name="CS-1"):
        provisioning = self.services.provisioning
        station = await provisioning.get(station_id(name))
        epoch = await provisioning.connect(
            station, subprotocol="ocpp1.6", remote_address="127.0.0.1"
        )
        self.connected[station.id] = epoch
        return Sender(station.id, epoch, self.now)

    async def disconnect(self, name="CS-1"):
        id = station_id(name)
        await self.services.provisioning.disconnect(id, self.connected.pop(id), "gone")

    def later(self, **span):
        self.now += timedelta(**span)
        return self.now

    async def send(self, station, command, timeout=None):
        if station not in self.connected:
            raise StationOffline(f"{station} is not connected")
        self.asked.append((station, command))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def events(self, kind):
        return [event for event in self.store.published if isinstance(event, kind)]

    async def alerts(self):
        return [each.kind for each in await self.services.security_events.alerts()]

    async def deeds(self):
        async with self.store.read() as work:
            return [
                (each.deed.action, each.actor.name) for each in await work.audit.last("default")
            ]
