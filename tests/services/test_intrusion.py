"""What somebody does at the door: who is looked at all the same, and what a person hears of it."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec import structs

from voltkeep.domain.events import DuplicateConnection, StationChanged, StationQuarantined
from voltkeep.domain.identity import station_id
from voltkeep.domain.stations import SecurityProfile, Station, Trust
from voltkeep.services.intrusion import IntrusionService, Look
from voltkeep.services.provisioning import UnknownStation
from voltkeep.services.security import Keys
from voltkeep.store import MemoryStore

CS = station_id("CS-1")
HOME, AWAY = "192.0.2.1", "198.51.100.7"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
_KEYS = Keys(b"pepper")
GENERATED, TYPED = _KEYS.generate()[1], _KEYS.hash_typed("correct horse")


class World:
    def __init__(self):
        self.now = NOON
        self.store = MemoryStore()
        self.service = IntrusionService(
            self.store.begin, self.store.read, lambda: self.now, quarantine_s=300
        )

    async def add(self, **fields):
        async with self.store.begin() as work:
            await work.stations.add(Station(id=CS, created_at=NOON, **fields))

    async def station(self):
        async with self.store.read() as work:
            return await work.stations.get(CS)

    async def alerts(self):
        async with self.store.read() as work:
            return [(each.station.name, each.kind) for each in await work.alerts.all()]

    async def deeds(self):
        async with self.store.read() as work:
            return [entry.deed.action for entry in await work.audit.since(CS.tenant)]


@pytest.fixture
def world():
    return World()


@pytest.mark.parametrize("host", [HOME, AWAY])
async def test_a_key_that_nobody_guesses_is_looked_at_wherever_it_comes_from(world, host):
    """Nobody's failures keep the real station out."""
    await world.add(key_hash=GENERATED, remote_address=f"{HOME}:4711")

    look = await world.service.may_try(CS, host, has_failed_here=True)
    assert look is Look.UNGUESSABLE


async def test_so_is_a_key_on_its_way_only_if_nobody_guesses_the_other(world):
    await world.add(key_hash=TYPED, trust=Trust(next_key_hash=GENERATED))

    assert not await world.service.may_try(CS, AWAY, has_failed_here=False)


async def test_a_certificate_proves_itself(world):
    await world.add(security_profile=SecurityProfile.TLS_CERTIFICATE)

    assert await world.service.may_try(CS, AWAY, has_failed_here=True)


@pytest.mark.parametrize(
    ("host", "has_failed_here", "expected"),
    [
        (HOME, False, Look.AT_HOME),
        (HOME, True, Look.NO),
        (AWAY, False, Look.NO),
        (AWAY, True, Look.NO),
    ],
)
async def test_a_typed_key_is_looked_at_from_home_only(world, host, has_failed_here, expected):
    await world.add(key_hash=TYPED, remote_address=f"{HOME}:4711")

    assert await world.service.may_try(CS, host, has_failed_here=has_failed_here) == expected


@pytest.mark.parametrize("fields", [{}, {"key_hash": TYPED}])
async def test_a_station_that_was_never_here_has_no_home(world, fields):
    await world.add(**fields)

    assert not await world.service.may_try(CS, AWAY, has_failed_here=False)


async def test_nobody_knows_an_unknown_station(world):
    assert not await world.service.may_try(CS, HOME, has_failed_here=False)


async def test_an_enumeration_is_one_alert_of_the_tenant(world):
    await world.service.enumerated(CS, AWAY)
    await world.service.enumerated(CS, AWAY)

    assert await world.alerts() == [("", "identity enumeration")]
    assert "source.limited" in await world.deeds()


async def test_guessing_is_an_alert_of_a_station_that_there_is(world):
    await world.service.guessed(CS, AWAY)
    assert await world.alerts() == []

    await world.add()
    await world.service.guessed(CS, AWAY)
    assert await world.alerts() == [("CS-1", "password guessing")]
    assert "station.limited" in await world.deeds()


@pytest.mark.parametrize("admitted", [True, False])
async def test_a_duplicate_is_told_and_audited(world, admitted):
    await world.add()
    await world.service.duplicate(CS, f"{AWAY}:1", f"{HOME}:1", admitted=admitted)

    told = [event for event in world.store.published if isinstance(event, DuplicateConnection)]
    assert [each.admitted for each in told] == [admitted]
    assert await world.alerts() == ([] if admitted else [("CS-1", "duplicate connection")])
    assert "connection.duplicate" in await world.deeds()


async def test_a_quarantine_is_stored_told_audited_and_ends(world):
    trust = Trust(pin="kept")
    await world.add(trust=trust)
    await world.service.quarantine(CS, 4, (f"{HOME}:1", f"{AWAY}:1"))

    until = NOON + timedelta(minutes=5)
    assert (await world.station()).trust == structs.replace(trust, quarantined_until=until)
    assert next(type(each) for each in world.store.published) is StationQuarantined
    assert await world.alerts() == [("CS-1", "contending connections")]

    assert await world.service.lift_quarantine(CS)
    assert (await world.station()).trust == trust
    assert isinstance(world.store.published[-1], StationChanged)
    assert not await world.service.lift_quarantine(CS)
    deeds = [deed for deed in await world.deeds() if deed.startswith("station.")]
    assert deeds == ["station.quarantined", "station.released"]


async def test_a_quarantine_that_is_over_needs_no_release(world):
    await world.add(trust=Trust(quarantined_until=NOON))

    assert not await world.service.lift_quarantine(CS)
    with pytest.raises(UnknownStation):
        await world.service.lift_quarantine(station_id("NOBODY"))
