"""A station that answers by a script, and the service that changes its credentials."""

from datetime import UTC, datetime
from pathlib import Path

from voltkeep.config import Settings
from voltkeep.domain.commands import Outcome
from voltkeep.domain.events import KeyRotated, SecurityProfileRaised
from voltkeep.domain.identity import station_id
from voltkeep.domain.stations import SecurityProfile, Station, Trust
from voltkeep.services.addresses import Addresses
from voltkeep.services.credentials import CredentialsService
from voltkeep.services.security import Keys
from voltkeep.store import MemoryStore

STATION = station_id("CS-1")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
OLD = "the hash of the old key"
NONE, BASIC, TLS, CERTIFICATE = SecurityProfile
YES = Outcome(accepted=True, status="Accepted")
REBOOT = Outcome(accepted=True, status="RebootRequired")
NO = Outcome(accepted=False, status="Rejected")
NOTHING_TO_SAY = Outcome(accepted=True)
SETTINGS = Settings(
    data=Path("/nonexistent"),
    public_host="csms.example",
    ocpp="127.0.0.1:9000",
    ocpp_tls="127.0.0.1:9443",
    ocpp_mtls="127.0.0.1:9444",
)


def clock():
    return NOW


class Scripted:
    """A station that answers by a script: by kind of command, an outcome or a failure."""

    def __init__(self, script):
        self.script = script
        self.asked = []
        self.before = None  # what happens while the station makes up its mind

    async def send(self, station, command, timeout=None):
        self.asked.append(command)
        if self.before is not None:
            await self.before(command)
        answer = self.script.get(type(command), NOTHING_TO_SAY)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def of(self, kind):
        return [command for command in self.asked if isinstance(command, kind)]


class Here:
    """A store with one station, and the service."""

    def __init__(self, script=None, *, profile=BASIC, settings=SETTINGS, **station):
        self.store = MemoryStore()
        self.stations = Scripted(script or {})
        self.keys = Keys(b"pepper")
        self.service = CredentialsService(
            self.store.begin, self.store.read, self.stations, self.keys, clock, Addresses(settings)
        )
        row = {"id": STATION, "security_profile": profile, "key_hash": OLD, "created_at": NOW}
        self.store._state.stations[STATION] = Station(**(row | station))

    @property
    def station(self):
        return self.store._state.stations[STATION]

    @property
    def trust(self):
        return self.station.trust

    @property
    def stages(self):
        return [stage for stage, _ in self.told]

    @property
    def told(self):
        """Each stage, and why."""
        kinds = KeyRotated | SecurityProfileRaised
        happened = [event for event in self.store.published if isinstance(event, kinds)]
        return [(event.stage, event.reason) for event in happened]

    @property
    def deeds(self):
        return [entry.deed for entry in self.store._state.audit.values()]

    async def change(self, **trust):
        async with self.store.begin() as work:
            await work.stations.set_trust(STATION, Trust(**trust))

    async def opens(self, key):
        """Whether this key is the one that counts."""
        return await self.keys.matches(self.station.key_hash, key.encode())
