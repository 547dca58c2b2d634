"""A station that has variables, as services see it."""

from datetime import UTC, datetime, timedelta

from voltkeep.domain.commands import (
    Outcome,
    ReadVariables,
    ReportVariables,
    VariablesTold,
    WriteVariables,
)
from voltkeep.domain.device_model import VariableValue, told, variable
from voltkeep.domain.identity import Sender, station_id
from voltkeep.domain.stations import Boot, Make, Station
from voltkeep.services.configuration import ConfigurationService
from voltkeep.services.data_transfer import DataTransferService
from voltkeep.services.ports import CommandUnfit
from voltkeep.services.templates import TemplateService
from voltkeep.store import MemoryStore

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
STATION = station_id("CS-1")
MAKE = Make(vendor="Acme", model="Wallbox 22", firmware="1.4")
MOST_READ = "DeviceDataCtrlr.ItemsPerMessage[GetVariables]"
MOST_WRITTEN = "DeviceDataCtrlr.ItemsPerMessage[SetVariables]"


def value(of, text, **more):
    return VariableValue(variable=variable(of), value=text, **more)


class Devices:
    """One station, or more that are all alike; and the clock."""

    transfers: DataTransferService

    def __init__(self):
        self.now = NOON
        self.store = MemoryStore()
        self.values = {}  # by key: what a variable is
        self.words = {}  # by key: what it says instead of Accepted
        self.asked = []
        self.failures = []  # raised one by one, None for none
        self.one_at_a_time = False
        self.epochs = {}
        self.start_server()

    def start_server(self):
        """What is not in the database is forgotten."""
        begin, read = self.store.begin, self.store.read
        self.configuration = ConfigurationService(begin, read, self, lambda: self.now)
        self.templates = TemplateService(begin, read, self.configuration, lambda: self.now)

    async def add(self, *names, **values):
        async with self.store.begin() as work:
            for name in names or (STATION.name,):
                id = station_id(name)
                await work.stations.add(Station(id=id, created_at=NOON, **values))
                self.epochs[id] = await work.stations.connected(
                    id, at=NOON, subprotocol="ocpp2.1", address="-"
                )
                await work.stations.booted(id, Boot(make=MAKE), NOON - timedelta(days=1))

    def later(self, **span):
        self.now += timedelta(**span)

    async def boots(self):
        self.later(minutes=1)
        async with self.store.begin() as work:
            await work.stations.booted(STATION, Boot(make=MAKE), self.now)
        self.later(minutes=1)

    def sender(self, station=STATION):
        return Sender(station, self.epochs[station], self.now)

    async def reports(self, id, number, values, *, is_last=False, **more):
        said = [told(variable(of), text, **more) for of, text in values.items()]
        await self.configuration.reported(self.sender(), int(id), number, said, is_last=is_last)

    async def state(self, of, station=STATION):
        name = variable(of)
        async with self.store.read() as work:
            component = await work.variables.get(station, name.component.key)
        return component and component.find(name)

    async def send(self, station, command, timeout=None):
        self.asked.append((station, command))
        if self.failures and (failure := self.failures.pop(0)) is not None:
            raise failure
        match command:
            case ReadVariables(variables=variables):
                said = tuple(map(self._read, variables))
            case WriteVariables(values=values):
                if self.one_at_a_time and len(values) > 1:
                    raise CommandUnfit("one at a time")
                said = tuple(map(self._write, values))
            case ReportVariables():
                return Outcome(accepted=True, status="Accepted")
        return Outcome(accepted=True, told=VariablesTold(said))

    def _read(self, of):
        if of.key not in self.values:
            return told(of, None, status="UnknownVariable")
        return told(of, self.values[of.key])

    def _write(self, wish):
        word = self.words.get(wish.variable.key, "Accepted")
        if word == "Accepted":
            self.values[wish.variable.key] = wish.value
        return told(wish.variable, None, status=word, attribute=wish.attribute)

    def has(self, **values):
        for of, text in values.items():
            self.values[variable(of.replace("__", ".")).key] = text

    def allows(self, *, read, written):
        self.values[variable(MOST_READ).key] = str(read)
        self.values[variable(MOST_WRITTEN).key] = str(written)

    def sizes(self, kind):
        return [
            len(command.values if kind is WriteVariables else command.variables)
            for _, command in self.asked
            if isinstance(command, kind)
        ]
