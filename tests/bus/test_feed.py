"""The feed: what streams get, at the seam of what is kept and what happens now."""

import asyncio
from contextlib import AsyncExitStack, aclosing

import pytest

from tests.contract.samples import ALPHA, BETA, ELSEWHERE, NOON, OTHER_TENANT, TENANT
from voltkeep.bus.feed import Entry, Feed, Gap
from voltkeep.bus.local import LocalBus
from voltkeep.bus.outbox import Relay
from voltkeep.domain.accounts import Permission
from voltkeep.domain.events import (
    EnergyMetered,
    RootsChanged,
    StationAdded,
    StationChanged,
    StationRenamed,
)
from voltkeep.domain.identity import StationId
from voltkeep.domain.telling import Choice

EVERYTHING = Choice(tenant=TENANT, permissions=frozenset(Permission))


def changed(number, station=ALPHA):
    return StationChanged(station=station, at=NOON, what=str(number))


def energy(station=ALPHA):
    return EnergyMetered(
        station=station, at=NOON, ref=None, evse=None, energy_wh=1.0, power_w=None, soc_percent=None
    )


class Floor:
    """A feed over a store, with the relay that feeds it."""

    def __init__(self, store, ring=8):
        self.store = store
        self.bus = LocalBus()
        self.sites = {}
        self.feed = Feed(store.outbox, self._sites, ring=ring)
        self.feed.on_wants = self.bus.heed
        self.bus.follow(self.feed.put, self.feed.wants)
        self.relay = Relay(store.outbox, self.bus.publish, look_every_s=60)

    async def _sites(self, stations):
        return {each: self.sites[each] for each in stations if each in self.sites}

    async def emit(self, *events):
        async with self.store.begin() as work:
            for event in events:
                work.emit(event)

    async def tell(self, *events):
        await self.emit(*events)
        while await self.relay.relay():
            pass

    async def read(self, count, choice=EVERYTHING, after=None):
        found: list[Entry] = []
        async with asyncio.timeout(10), aclosing(self.feed.stream(choice, after)) as stream:
            async for batch in stream:
                found += batch
                if len(found) >= count:
                    return found
        raise AssertionError("the stream ended")

    async def listening(self, reading):
        while not self.feed.streams:  # noqa: ASYNC110  # no event tells
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        return reading


@pytest.fixture
async def floor(store):
    made = Floor(store)
    await made.feed.open()
    yield made
    made.feed.close()


def told_what(entries):
    return [each.event.what for each in entries]


async def test_a_stream_gets_what_happens_from_now_on(floor):
    await floor.tell(changed(1))
    reading = asyncio.create_task(floor.read(2))
    await floor.listening(reading)

    await floor.tell(changed(2), changed(3))

    entries = await reading
    assert told_what(entries) == ["2", "3"]
    assert [each.position for each in entries] == sorted(each.position for each in entries)


async def test_what_followed_an_event_comes_again_and_then_what_is_new(floor):
    """Far more than the ring holds, while more is told: no gap, nothing twice, in order."""
    await floor.tell(*(changed(n) for n in range(600)))
    first = (await floor.store.outbox.after(TENANT, 0))[0][0]
    reading = asyncio.create_task(floor.read(699, after=first))
    for n in range(600, 700):
        await floor.tell(changed(n))

    assert told_what(await reading) == [str(n) for n in range(1, 700)]


async def test_a_stream_that_falls_behind_reads_on_from_what_is_kept(floor):
    found = []
    async with aclosing(floor.feed.stream(EVERYTHING)) as stream:
        reading = asyncio.ensure_future(anext(stream))
        await floor.listening(reading)
        await floor.tell(changed(0))
        found += await reading
        for n in range(1, 100, 3):
            await floor.tell(*(changed(m) for m in range(n, n + 3)))
        assert len(floor.feed._ring) < 16
        while len(found) < 100:
            found += await asyncio.wait_for(anext(stream), 10)

    assert told_what(found) == [str(n) for n in range(100)]


async def test_what_was_stored_and_not_told_yet_comes_once(floor):
    await floor.tell(changed(1))
    await floor.emit(changed(2))
    seqs = [seq for seq, _ in await floor.store.outbox.unpublished()]
    positions = await floor.store.outbox.published(seqs)
    floor.feed._first = floor.feed.end  # as if the server had begun just now
    floor.feed._ring.clear()
    floor.feed._floor = positions[seqs[0]] - 1

    async with aclosing(floor.feed.stream(EVERYTHING, after=0)) as stream:
        assert told_what(await anext(stream)) == ["1", "2"]
        reading = asyncio.ensure_future(anext(stream))
        await floor.listening(reading)  # at the end of the ring, where 2 comes next
        floor.bus.publish(changed(2), positions[seqs[0]])
        await floor.tell(changed(3))
        assert told_what(await reading) == ["3"]


async def test_nobody_sees_another_tenant(floor):
    others = Choice(tenant=OTHER_TENANT, permissions=frozenset(Permission))
    reading = asyncio.create_task(floor.read(1, others))
    await floor.listening(reading)
    await floor.tell(changed(1), changed(2, ELSEWHERE), changed(3))

    assert told_what(await reading) == ["2"]
    assert told_what(await floor.read(1, others, after=0)) == ["2"]


async def test_types_and_stations_are_chosen(floor):
    added = StationAdded(station=BETA, at=NOON)
    await floor.tell(changed(1), added, StationAdded(station=ALPHA, at=NOON), changed(2, BETA))
    choice = Choice(
        tenant=TENANT,
        permissions=frozenset(),
        types=frozenset({"station.added"}),
        stations=frozenset({BETA.name}),
    )

    assert [each.event for each in await floor.read(1, choice, after=0)] == [added]


async def test_events_of_security_are_for_who_may_read_them(floor):
    secret = RootsChanged(station=StationId(TENANT, ""), at=NOON, what="a root")
    await floor.tell(secret, changed(1))

    viewer = Choice(tenant=TENANT, permissions=frozenset({Permission.READ_EVENTS}))
    assert told_what(await floor.read(1, viewer, after=0)) == ["1"]
    assert told_what(await floor.read(2, after=0)) == ["a root", "1"]


async def test_of_sites_only_what_stands_there_now(floor):
    """Also what happened before it was moved; the tenant as a whole stands nowhere."""
    floor.sites = {ALPHA: "north", BETA: "south"}
    north = Choice(tenant=TENANT, permissions=frozenset(Permission), sites=frozenset({"north"}))
    await floor.tell(
        RootsChanged(station=StationId(TENANT, ""), at=NOON, what="a root"),
        changed(1),
        changed(2, BETA),
        StationRenamed(station=StationId(TENANT, "old"), at=NOON, new=ALPHA),
    )

    found = await floor.read(2, north, after=0)
    assert [each.name for each in found] == ["station.changed", "station.renamed"]

    floor.sites = {ALPHA: "south", BETA: "north"}
    assert told_what(await floor.read(1, north, after=0)) == ["2"]


async def test_what_is_live_only_is_made_only_for_who_listens(floor):
    assert not floor.bus.hears(EnergyMetered)
    reading = asyncio.create_task(floor.read(2))
    await floor.listening(reading)
    assert floor.bus.hears(EnergyMetered)

    floor.bus.publish(energy())
    await floor.tell(changed(1))

    live, kept = await reading
    assert (live.event, live.position) == (energy(), None)
    assert kept.position is not None
    assert not floor.bus.hears(EnergyMetered)


async def test_streams_that_choose_alike_share_what_they_are_told(floor):
    """Not those that see less: of another station, or of other kinds of events."""
    elsewhere_only = Choice(
        tenant=TENANT, permissions=frozenset(Permission), stations=frozenset({BETA.name})
    )
    blind = Choice(tenant=TENANT, permissions=frozenset())
    async with AsyncExitStack() as stack:
        streams = [
            await stack.enter_async_context(aclosing(floor.feed.stream(choice, quiet_s=20)))
            for choice in (EVERYTHING, EVERYTHING, elsewhere_only, blind)
        ]
        reading = [asyncio.ensure_future(anext(stream)) for stream in streams]
        while floor.feed.streams < len(streams):  # noqa: ASYNC110  # no event tells
            await asyncio.sleep(0)
        await floor.tell(
            changed(1), RootsChanged(station=ALPHA, at=NOON, what="a root"), changed(2, BETA)
        )
        one, other, elsewhere, little = await asyncio.gather(*reading)

    assert one is other
    assert [each.name for each in one] == [*("station.changed", "roots.changed", "station.changed")]
    assert told_what(elsewhere) == ["2"]
    assert told_what(little) == ["1", "2"]


async def test_who_shares_at_a_site_sees_what_stands_there_by_now(floor):
    floor.sites = {ALPHA: "north", BETA: "south"}
    north = Choice(tenant=TENANT, permissions=frozenset(Permission), sites=frozenset({"north"}))
    async with (
        aclosing(floor.feed.stream(north, quiet_s=20)) as early,
        aclosing(floor.feed.stream(north, quiet_s=20)) as late,
    ):
        reading = asyncio.ensure_future(anext(early)), asyncio.ensure_future(anext(late))
        while floor.feed.streams < 2:  # noqa: ASYNC110  # no event tells
            await asyncio.sleep(0)
        await floor.tell(changed(0))
        one, other = await asyncio.gather(*reading)
        assert told_what(one) == told_what(other) == ["0"]

        await floor.tell(changed(1), changed(2, BETA))
        assert told_what(await anext(early)) == ["1"]
        floor.sites = {ALPHA: "south", BETA: "north"}
        assert told_what(await anext(late)) == ["2"]


async def test_a_quiet_stream_says_so(floor):
    async with aclosing(floor.feed.stream(EVERYTHING, quiet_s=0.01)) as stream:
        assert await anext(stream) == []


async def test_a_place_that_is_not_kept_is_told(floor):
    await floor.tell(changed(1))
    last = await floor.store.outbox.last()

    await floor.feed.check(TENANT, last)
    with pytest.raises(Gap) as gap:
        await floor.feed.check(TENANT, last + 1)
    assert gap.value.resumes_after == last


async def test_every_stream_ends_when_the_feed_closes(floor):
    async def whole():
        return [batch async for batch in floor.feed.stream(EVERYTHING)]

    reading = asyncio.create_task(whole())
    await floor.listening(reading)
    floor.feed.close()

    assert await asyncio.wait_for(reading, 5) == [[]]
