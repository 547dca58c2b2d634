"""The certificate service on a floor of stations that answer as they are told to."""

from datetime import timedelta

from tests.services.authority import BEGAN, SETTINGS, authority, request
from voltkeep.domain.commands import Outcome, SendCertificate
from voltkeep.domain.identity import Sender, station_id
from voltkeep.domain.stations import Station, Trust
from voltkeep.services.certificates import CertificateService
from voltkeep.store import MemoryStore

ONE, OTHER = station_id("CS-1"), station_id("CS-2")
YES, NO = Outcome(accepted=True, status="Accepted"), Outcome(accepted=False, status="Rejected")


class Floor:
    """The service with its database in memory, and stations that answer as they are told to."""

    def __init__(self, settings=SETTINGS):
        self.store = MemoryStore()
        self.now = BEGAN + timedelta(days=1)
        self.answers = {}
        self.sent = []
        self.service = CertificateService(
            self.store.begin, self.store.read, self, authority(), lambda: self.now, settings
        )

    async def send(self, station, command, timeout=None):
        self.sent.append((station, command))
        answer = self.answers.get(type(command), YES)
        if isinstance(answer, Exception):
            raise answer
        return await answer() if callable(answer) else answer

    async def add(self, station=ONE, serial="SN-1", **changes):
        trust = changes.pop("trust", Trust(serial_number=serial))
        values = {"created_at": self.now, "trust": trust, "connected_at": self.now} | changes
        async with self.store.begin() as work:
            await work.stations.add(Station(id=station, **values))
        return self

    async def asks(self, pem=None, station=ONE, epoch=0, **more):
        sender = Sender(station, epoch, self.now)
        return await self.service.requested(sender, pem or request(), **more)

    async def certificates(self, station=ONE):
        return await self.service.all(station=station)

    async def alerts(self, station=ONE):
        async with self.store.read() as work:
            return [alert.kind for alert in await work.alerts.of(station)]

    async def deeds(self):
        async with self.store.read() as work:
            return [entry.deed.action for entry in await work.audit.since(ONE.tenant)]

    def events(self, kind):
        return [event for event in self.store.published if isinstance(event, kind)]

    @property
    def chains(self):
        return [command for _, command in self.sent if isinstance(command, SendCertificate)]
