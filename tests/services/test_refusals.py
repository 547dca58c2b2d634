"""Refusals are told, counted and stored, whatever an attacker sends."""

from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from tests.gateway.csms import SwitchedStore
from voltkeep.domain.events import Event
from voltkeep.domain.identity import station_id
from voltkeep.services.ports import StoreUnavailable
from voltkeep.services.refusals import MORE, NOBODY, Refusals, host_of

CS = station_id("CS-1")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class World:
    def __init__(self):
        self.now = NOON
        self.store = SwitchedStore()
        self.announced: list[Event] = []
        self.refusals = Refusals(self.store.begin, lambda: self.now, self.announced.append)

    async def stored(self, station=CS):
        async with self.store.read() as work:
            return await work.refusals.of(station)


@pytest.fixture
def world():
    return World()


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("192.0.2.1:4711", "192.0.2.1"),
        ("192.0.2.1", "192.0.2.1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("unknown", "unknown"),
        ("", ""),
    ],
)
def test_the_host_of_an_address(address, host):
    assert host_of(address) == host


async def test_refusals_of_one_reason_and_host_are_counted_together(world):
    for port in (1, 2, 3):
        world.refusals.note(CS, f"192.0.2.1:{port}", "wrong password")
        world.now += timedelta(seconds=1)
    world.refusals.note(CS, "192.0.2.2:1", "wrong password")
    world.refusals.note(CS, "192.0.2.1:1", "no key")
    await world.refusals.flush()

    world.refusals.note(CS, "192.0.2.1:1", "wrong password", "said more")
    await world.refusals.flush()
    stored = {(each.reason, each.host): each for each in await world.stored()}
    counted = stored["wrong password", "192.0.2.1"]
    assert len(stored) == 3
    assert (counted.count, counted.detail) == (4, "said more")
    assert (counted.first_at, counted.at) == (NOON, world.now)


async def test_a_flood_is_bounded_in_memory_and_rows(world):
    """Hostile row 15: ids that nobody has, ten thousand of them."""
    for each in range(10_000):
        world.refusals.note(station_id(f"CP{each:04}"), "192.0.2.1:1", "unknown station")
    assert len(world.refusals._counted) == 1001

    await world.refusals.flush()
    (more,) = await world.stored(NOBODY)
    assert (more.reason, more.count) == (MORE, 9000)
    async with world.store.read() as work:
        assert len(await work.refusals.all(limit=5000)) == 1001


async def test_a_flood_does_not_fill_the_log(world):
    with capture_logs() as logs:
        for _ in range(5000):
            world.refusals.note(CS, "192.0.2.1:1", "wrong password")
        world.refusals.note(CS, "192.0.2.2:1", "wrong password")
        assert len(logs) == 21
        assert len(world.announced) == 21

        world.refusals.summarize()
        assert len(logs) == 21
        world.now += timedelta(minutes=1)
        world.refusals.summarize()
        world.refusals.summarize()
    assert len(logs) == 22
    assert (logs[-1]["remote"], logs[-1]["count"]) == ("192.0.2.1", 4980)


async def test_a_line_says_why_and_what_to_do(world):
    with capture_logs() as logs:
        world.refusals.note(CS, "192.0.2.1:1", "unknown station")

    assert logs[0]["why"] == "unknown station"
    assert "voltkeep station add" in logs[0]["advice"]


async def test_what_could_not_be_stored_is_kept(world):
    world.refusals.note(CS, "192.0.2.1:1", "wrong password")
    world.store.is_away = True
    with pytest.raises(StoreUnavailable):
        await world.refusals.flush()

    world.store.is_away = False
    world.refusals.note(CS, "192.0.2.1:1", "wrong password")
    await world.refusals.flush()
    assert [each.count for each in await world.stored()] == [2]


async def test_a_refusal_keeps_no_more_than_is_useful(world):
    world.refusals.note(CS, "x" * 1000, "y" * 1000, "z" * 1000)
    await world.refusals.flush()

    (stored,) = await world.stored()
    assert max(len(stored.host), len(stored.reason), len(stored.detail)) == 200
