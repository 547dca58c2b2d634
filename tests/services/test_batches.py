"""Batches: many stations, so many at once, each with its own result."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from tests.gateway.csms import Csms, clock, until
from voltkeep.domain.asks import Reset
from voltkeep.domain.audit import Actor
from voltkeep.domain.commands import Outcome
from voltkeep.domain.identity import DEFAULT_TENANT
from voltkeep.domain.orders import BatchState, OrderState
from voltkeep.services.audit import acting_as
from voltkeep.services.batches import BatchService, UnknownBatch
from voltkeep.services.lists import StationFilter
from voltkeep.services.orders import OrderConflict
from voltkeep.services.ports import StationSilent
from voltkeep.services.records import Look

ALICE = Actor(kind="api", name="alice")
EVERY = StationFilter()


class Fleet:
    """Stations that answer when they are let, and remember how many were asked at once."""

    def __init__(self):
        self.asked = []
        self.now = self.most = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.silent = set()

    async def send(self, station, command, timeout=None):
        self.asked.append(station.name)
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await self.gate.wait()
            await asyncio.sleep(0)
        finally:
            self.now -= 1
        if station.name in self.silent:
            raise StationSilent("x")
        return Outcome(accepted=True, status="Accepted")


@asynccontextmanager
async def fleet_of(csms, monkeypatch, names, connected=None):
    fleet = Fleet()
    monkeypatch.setattr(csms.stations, "send", fleet.send)
    for name in names:
        await csms.add(name)
    async with csms.store.begin() as work:
        for station in await work.stations.all():
            if connected is None or station.id.name in connected:
                await work.stations.connected(
                    station.id, at=clock(), subprotocol="ocpp1.6", address="x"
                )
    yield fleet


@pytest.fixture
async def csms():
    async with Csms() as running:
        yield running


@asynccontextmanager
async def carried_out(csms):
    """Whatever carries batches out."""
    task = asyncio.create_task(csms.services.batches.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def over(csms, batch, state=BatchState.DONE):
    async with asyncio.timeout(10):
        while True:
            progress = await csms.services.batches.progress(DEFAULT_TENANT, batch.id)
            if progress.batch.state is state:
                return progress
            await asyncio.sleep(0.01)


async def test_every_station_has_a_result_of_its_own(csms, monkeypatch):
    names = [f"S{number:03}" for number in range(450)]  # more than two pages
    async with fleet_of(csms, monkeypatch, names, set(names) - {"S007"}) as fleet:
        fleet.silent = {"S010"}
        with acting_as(ALICE):
            batch = await csms.services.batches.give(DEFAULT_TENANT, EVERY, Reset(), at_once=7)
        async with carried_out(csms):
            progress = await over(csms, batch)

    assert progress.batch.stations == 450
    assert progress.states == {"done": 450}
    assert progress.results == {"accepted": 448, "offline": 1, "silent": 1}
    assert sorted(fleet.asked) == sorted(set(names) - {"S007"})
    assert fleet.most == 7
    look = Look(station="S001", fields=(("batch", batch.id),))
    [order] = await csms.services.orders.page(DEFAULT_TENANT, look)
    assert (order.issued_by, order.result) == ("alice", "accepted")


async def test_only_stations_that_fit_are_asked(csms, monkeypatch):
    async with fleet_of(csms, monkeypatch, ["A1", "A2", "B1"]) as fleet:
        which = StationFilter(prefix="A")
        batch = await csms.services.batches.give(DEFAULT_TENANT, which, Reset())
        nothing = await csms.services.batches.give(
            DEFAULT_TENANT, StationFilter(prefix="Z"), Reset()
        )
        async with carried_out(csms):
            await over(csms, batch)
            assert (await over(csms, nothing)).states == {}

    assert sorted(fleet.asked) == ["A1", "A2"]


async def test_a_cancelled_batch_asks_nobody_further(csms, monkeypatch):
    names = [f"S{number}" for number in range(9)]
    async with fleet_of(csms, monkeypatch, names) as fleet:
        fleet.gate.clear()
        batch = await csms.services.batches.give(DEFAULT_TENANT, EVERY, Reset(), at_once=3)
        async with carried_out(csms):
            await until(lambda: len(fleet.asked) == 3)
            with acting_as(ALICE):
                await csms.services.batches.cancel(DEFAULT_TENANT, batch.id)
            fleet.gate.set()
            async with asyncio.timeout(5):
                while True:
                    progress = await csms.services.batches.progress(DEFAULT_TENANT, batch.id)
                    if "running" not in progress.states:
                        break
                    await asyncio.sleep(0.01)

    assert progress.results == {"accepted": 3, "cancelled": 6}
    assert len(fleet.asked) == 3
    with pytest.raises(OrderConflict):
        await csms.services.batches.cancel(DEFAULT_TENANT, batch.id)
    with pytest.raises(UnknownBatch):
        await csms.services.batches.cancel(DEFAULT_TENANT, "no")


async def test_a_batch_waits_for_stations_if_it_may(csms, monkeypatch):
    async with fleet_of(csms, monkeypatch, ["HERE", "AWAY"], {"HERE"}):
        batch = await csms.services.batches.give(
            DEFAULT_TENANT, EVERY, Reset(), queue_until=clock() + timedelta(hours=1)
        )
        async with carried_out(csms):
            progress = await over(csms, batch)

    assert progress.states == {"done": 1, "queued": 1}
    await csms.services.batches.cancel(DEFAULT_TENANT, batch.id)
    progress = await csms.services.batches.progress(DEFAULT_TENANT, batch.id)
    assert progress.results == {"accepted": 1, "cancelled": 1}


async def test_a_restart_goes_on_where_a_batch_was(csms, monkeypatch):
    names = [f"S{number}" for number in range(5)]
    async with fleet_of(csms, monkeypatch, names) as fleet:
        fleet.gate.clear()
        batch = await csms.services.batches.give(DEFAULT_TENANT, EVERY, Reset(), at_once=2)
        async with carried_out(csms):
            await until(lambda: len(fleet.asked) == 2)
        await csms.services.orders.close()
        fleet.gate.set()
        await csms.services.orders.start()
        begin, read = csms.store.begin, csms.store.read
        again = BatchService(begin, read, csms.services.orders, clock)
        task = asyncio.create_task(again.run())
        progress = await over(csms, batch)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    assert sorted(fleet.asked) == sorted(names)  # nobody twice
    assert sum(progress.states.values()) == 5
    assert progress.states[OrderState.DONE] >= 3
