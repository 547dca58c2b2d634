"""A fleet that is updated by a campaign: its stations, its services and its clock."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec import structs

from voltkeep.config import Settings
from voltkeep.domain.campaigns import (
    CampaignState,
    FirmwareGoal,
    Terms,
)
from voltkeep.domain.commands import Outcome
from voltkeep.domain.identity import DEFAULT_TENANT, Sender, station_id
from voltkeep.domain.stations import Boot, Make, Station
from voltkeep.pki.firmware import FirmwareSignatures
from voltkeep.services.addresses import Addresses
from voltkeep.services.campaigns import CampaignService
from voltkeep.services.firmware import FirmwareService
from voltkeep.services.lists import StationFilter
from voltkeep.services.refusals import Refusals
from voltkeep.services.transfers import Listeners
from voltkeep.store import MemoryStore

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
YES, NO = Outcome(accepted=True, status="Accepted"), Outcome(accepted=False, status="Rejected")
GOAL = FirmwareGoal(image="new", version="2.0")
RUNNING, HALTED = CampaignState.RUNNING, CampaignState.HALTED
PAUSED, FINISHED = CampaignState.PAUSED, CampaignState.FINISHED


class Killed(BaseException):
    """The server is killed at this point."""


class Fleet:
    """Stations that answer as they are told to, and the clock."""

    def __init__(self, count):
        self.now = NOON
        self.store = MemoryStore()
        self.names = [f"CS-{number:02}" for number in range(1, count + 1)]
        self.asked: list[str] = []
        self.requests: dict[str, int] = {}
        self.answers: dict[str, Outcome | BaseException] = {}
        for name in self.names:
            self.add(name)
        self.start_server()

    def add(self, name, *, created_at=NOON, **make):
        make = {"vendor": "Acme", "model": "One", "firmware": "1.0", "serial_number": name} | make
        self.rows[station_id(name)] = Station(
            id=station_id(name),
            created_at=created_at,
            connected_at=NOON - timedelta(hours=1),
            make=Make(**make),
        )

    def start_server(self):
        """What is not in the database is forgotten."""
        begin, read, clock = self.store.begin, self.store.read, lambda: self.now
        options = Settings(data=Path("/nonexistent"), public_host="csms.example")
        self.firmware = FirmwareService(
            begin,
            read,
            self,
            None,
            FirmwareSignatures(),
            Listeners(Addresses(options)),
            clock,
            options,
            Refusals(begin, clock, lambda _: None),
        )
        self.service = CampaignService(begin, read, None, None, self.firmware, clock)

    @property
    def rows(self):
        return self.store._state.stations

    async def send(self, station, command, timeout=None):
        answer = self.answers.get(station.name, YES)
        if isinstance(answer, Killed):
            raise answer
        self.asked.append(station.name)
        self.requests[station.name] = command.request_id
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def start(self, which=None, goal=GOAL, **terms):
        if not self.store._state.records or not await self.firmware.images.all(DEFAULT_TENANT):
            url = "https://maker.example/new"
            await self.firmware.images.add_elsewhere(DEFAULT_TENANT, "new", url)
        which = which or StationFilter(names=tuple(self.names))
        campaign = await self.service.start(DEFAULT_TENANT, goal, which, Terms(**terms))
        self.id = campaign.id
        return campaign

    async def look(self, after_s=1.0):
        self.now += timedelta(seconds=after_s)
        await self.service.move_on()

    async def say(self, name, status):
        """A station tells how far it is."""
        self.now += timedelta(seconds=1)
        sender = Sender(station=station_id(name), epoch=0, received_at=self.now)
        await self.firmware.status(sender, status, self.requests[name])

    async def boot(self, name, firmware="2.0", **make):
        self.now += timedelta(seconds=1)
        station = self.rows[station_id(name)]
        make = structs.replace(station.make, firmware=firmware, **make)
        async with self.store.begin() as work:
            await work.stations.booted(station.id, Boot(make=make), self.now)

    async def progress(self):
        return await self.service.progress(DEFAULT_TENANT, self.id)

    async def state(self):
        return (await self.progress()).campaign.state

    async def counts(self):
        return {state: n for state, n in (await self.progress()).counts.items() if n}

    async def step(self, name):
        async with self.store.read() as work:
            return await work.steps.get(station_id(name), self.id)

    def change(self, name, **values):
        self.rows[station_id(name)] = structs.replace(self.rows[station_id(name)], **values)


async def started(count=1, **terms):
    fleet = Fleet(count)
    await fleet.start(**terms)
    await fleet.look()
    return fleet
