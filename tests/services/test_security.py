"""What a good connection settles, when something else has come in between."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec import structs

from voltkeep.config import Settings
from voltkeep.domain.certificates import ClientCertificate, Standing
from voltkeep.domain.events import StationChanged
from voltkeep.domain.identity import station_id
from voltkeep.domain.security import Shown, Verdict
from voltkeep.domain.stations import SecurityProfile, Station, Trust
from voltkeep.services.ports import Superseded
from voltkeep.services.security import Keys, is_generated
from voltkeep.services.settlement import Admission, settle
from voltkeep.store import MemoryStore
from voltkeep.wiring import make_services

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
STATION = station_id("CS-1")
BASIC, TLS = SecurityProfile.BASIC, SecurityProfile.TLS_BASIC
FOREIGN = ClientCertificate(
    standing=Standing.TRUSTED,
    common_names=("SN-1",),
    organizations=("Maker",),
    serial_number="0a",
    fingerprint="f1",
    not_after=NOON,
)


class Register:
    """A store with one station in it."""

    def __init__(self):
        self.store = MemoryStore()

    async def put(self, **trust):
        station = Station(
            id=STATION,
            security_profile=BASIC,
            key_hash="old",
            trust=Trust(**trust),
            created_at=NOON,
        )
        async with self.store.begin() as work:
            await work.stations.add(station)
        return await self.get()

    async def get(self):
        async with self.store.read() as work:
            return await work.stations.get(STATION)

    async def trust(self, **changes):
        async with self.store.begin() as work:
            known = await work.stations.get(STATION)
            assert known is not None
            await work.stations.set_trust(STATION, structs.replace(known.trust, **changes))

    async def settle(self, station, profile=BASIC, password=Shown.KEY, **more):
        admission = Admission(
            verdict=Verdict.ADMITTED, station=station, profile=profile, password=password, **more
        )
        async with self.store.begin() as work:
            await settle(work, admission, NOON)

    async def deeds(self):
        async with self.store.read() as work:
            return [entry.deed.action for entry in await work.audit.since(STATION.tenant)]


@pytest.fixture
def register():
    return Register()


async def test_nothing_is_written_where_nothing_was_pending(register):
    known = await register.put()

    await register.settle(known)

    assert await register.get() == known
    assert await register.deeds() == []


async def test_a_station_that_was_removed_meanwhile_is_not_let_in(register):
    known = await register.put(next_key_hash="new")
    async with register.store.begin() as work:
        await work.stations.remove(STATION)

    with pytest.raises(Superseded):
        await register.settle(known)


async def test_an_upgrade_that_was_given_up_meanwhile_is_none(register):
    known = await register.put(next_profile=TLS)
    await register.trust(next_profile=None)

    with pytest.raises(Superseded):
        await register.settle(known, profile=TLS)
    assert (await register.get()).security_profile is BASIC


async def test_of_two_certificates_that_come_first_one_is_pinned(register):
    known = await register.put()
    await register.settle(known, BASIC, Shown.NOTHING, certificate=FOREIGN, pins=True)
    other = structs.replace(FOREIGN, fingerprint="f2")

    with pytest.raises(Superseded):
        await register.settle(known, BASIC, Shown.NOTHING, certificate=other, pins=True)
    assert (await register.get()).trust.pin == "f1"


async def test_a_key_that_was_rotated_again_meanwhile_is_not_settled(register):
    known = await register.put(next_key_hash="new")
    await register.trust(next_key_hash="newer")

    await register.settle(known, password=Shown.NEXT_KEY)

    after = await register.get()
    assert (after.key_hash, after.trust.next_key_hash) == ("old", "newer")


async def test_what_is_settled_is_audited(register):
    known = await register.put(next_key_hash="new", next_profile=TLS)

    await register.settle(known, TLS, Shown.NEXT_KEY)

    after = await register.get()
    assert (after.key_hash, after.security_profile, after.trust) == ("new", TLS, Trust())
    assert await register.deeds() == ["key.rotated", "security_profile.raised"]


async def test_a_key_that_is_set_here_ends_a_rotation_and_is_audited_without_it():
    register = Register()
    services = make_services(
        register.store,
        None,
        lambda _: None,
        settings=Settings(data=Path("/nonexistent")),
        secret=b"pepper",
        authority=None,
        files=None,
        clock=lambda: NOON,
    )
    await register.put(next_key_hash="new")

    key = await services.security.rotate_key(STATION)
    await services.security.set_password(STATION, "a typed password")

    assert (await register.get()).trust == Trust()
    assert await register.deeds() == ["key.rotated", "key.set"]
    async with register.store.read() as work:
        entries = await work.audit.since(STATION.tenant)
    assert key not in repr(entries)
    assert "typed" not in repr(entries)
    assert {event.what for event in register.store.published if isinstance(event, StationChanged)}


def test_a_generated_key_is_told_from_a_typed_one():
    keys = Keys(b"pepper")

    assert is_generated(keys.generate()[1])
    assert not is_generated(keys.hash_typed("a typed password"))
