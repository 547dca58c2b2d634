"""A fleet whose days are counted, and the job that counts them."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from tests.contract.samples import ALPHA, BETA, ELSEWHERE, EVSE, TENANT, station

from voltkeep.domain.days import EVERYWHERE
from voltkeep.domain.events import TransactionEnded
from voltkeep.domain.identity import TransactionRef
from voltkeep.domain.sites import Site, of_tenant
from voltkeep.domain.transactions import Transaction
from voltkeep.services.day_counting import DayCounter
from voltkeep.services.days import DayService

NIGHT = datetime(2026, 5, 2, 0, 30, tzinfo=UTC)
FIRST, SECOND = date(2026, 5, 1), date(2026, 5, 2)


class Clock:
    now = NIGHT

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def counter(store, clock):
    return DayCounter(store.begin, store.read, clock, {"BadMessages": "InvalidMessages"})


@pytest.fixture
def days(store, clock):
    return DayService(store.read, clock)


@pytest.fixture
async def fleet(store):
    """ALPHA at a site in the north, BETA at one in Tokyo, and a station of another tenant."""
    async with store.begin() as work:
        for id, site in ((ALPHA, "north"), (BETA, "tokyo"), (ELSEWHERE, "north")):
            assert await work.stations.add(station(id, site=site))
        at, nobody = NIGHT, of_tenant(TENANT)
        for name, zone in (("north", ""), ("tokyo", "Asia/Tokyo")):
            await work.sites.put(
                Site(station=nobody, id=name, at=at, created_at=at, time_zone=zone)
            )


def charge(ref="tx-1", id=ALPHA, begun=NIGHT - timedelta(hours=1), over=None, wh=None):
    return Transaction(
        station=id,
        ref=TransactionRef(ref),
        evse=EVSE,
        started_at=begun,
        ended_at=over,
        meter_start_wh=100.0,
        meter_stop_wh=None if wh is None else 100.0 + wh,
        first_heard_at=begun,
        last_heard_at=over or begun,
    )


async def keep(store, *those, events=()):
    async with store.begin() as work:
        for each in those:
            if not await work.transactions.add(each):
                await work.transactions.get(each.station, each.ref)
                await work.transactions.save(each)
        for event in events:
            work.emit(event)
    await publish(store)


async def publish(store):
    await store.outbox.published([seq for seq, _ in await store.outbox.unpublished()])


def ended(transaction):
    return TransactionEnded(
        station=transaction.station,
        at=NIGHT,
        ref=transaction.ref,
        evse=EVSE,
        ended_at=NIGHT,
        energy_wh=None,
        stop_reason=None,
        is_orphan=False,
    )


async def numbers(store, site=EVERYWHERE, tenant=TENANT):
    """Of each day that has some: sessions, Wh, seconds."""
    over = ("sessions", "energy_wh", "busy_s")
    kinds = (*over, *(f"running/{each}" for each in over))
    async with store.read() as work:
        found = await work.days.totals(tenant, [site], kinds, FIRST, SECOND + timedelta(days=9))
    told: dict[Any, list[float]] = {}
    for each in found:
        of = told.setdefault(each.day, [0, 0, 0])
        of[kinds.index(each.what) % 3] += each.number
    return {day: of for day, of in told.items() if any(of)}
