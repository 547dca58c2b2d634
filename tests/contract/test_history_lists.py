"""What every store must do with lists of what has been: all of it, in order, page by page."""

from datetime import timedelta

import pytest
from tests.contract import samples
from tests.contract.paging import pages
from tests.contract.samples import (
    ADA,
    ALPHA,
    BETA,
    ELSEWHERE,
    NOON,
    OTHER_TENANT,
    TENANT,
    after,
    exchange,
    meter_value,
    report,
    sender,
    station,
    status_update,
)

from voltkeep.domain.audit import Actor, Deed
from voltkeep.domain.events import StationAdded, StationRemoved
from voltkeep.domain.identity import Evse, StationId
from voltkeep.services.lists import (
    AuditFilter,
    EventFilter,
    MessageFilter,
    MeterFilter,
    StatusFilter,
)
from voltkeep.store import paging

GAMMA = StationId(TENANT, "GAMMA")


@pytest.fixture
async def stations(store):
    """ALPHA and BETA at a site each, GAMMA at none, and one of another tenant."""
    async with store.begin() as work:
        for id, site in ((ALPHA, "north"), (BETA, "south"), (GAMMA, ""), (ELSEWHERE, "north")):
            assert await work.stations.add(station(id, site=site))
    return store


# Meter values.


@pytest.fixture
async def metered(store):
    """In three hours, of two transactions and of none; times of another station between them."""
    async with store.begin() as work:
        for n in range(12):
            ref = (None, "tx-1", "tx-2")[n % 3]
            evse = Evse(1 + n % 3, 1) if ref else None
            said = report(meter_value(n * 900, energy_wh=float(n)), ref=ref, evse=evse)
            await work.store_meter_values(sender(), said)
            await work.store_meter_values(sender(BETA), said)
    return store


@pytest.mark.parametrize("limit", [1, 4, 5, 100])
@pytest.mark.parametrize(
    ("which", "found"),
    [
        ({}, range(12)),
        ({"ref": "tx-1"}, (1, 4, 7, 10)),
        ({"ref": "tx-1", "evse_id": 3}, ()),
        ({"evse_id": 3}, (2, 5, 8, 11)),
        ({"evse_id": 0}, (0, 3, 6, 9)),
        ({"since": after(1800), "before": after(4500)}, (2, 3, 4)),
        ({"since": after(1800), "ref": "tx-2"}, (2, 5, 8, 11)),
        ({"ref": "nobody's"}, ()),
    ],
)
async def test_meter_values_are_paged_by_their_time(metered, which, found, limit):
    async def said(sort):
        rows = await pages(metered, "meter_values", ALPHA, MeterFilter(**which), sort, limit=limit)
        assert {row.station for row in rows} <= {ALPHA}
        return [int(row.value.energy_wh) for row in rows]

    assert await said("at") == [*found]
    assert await said("-at") == [*found][::-1]


async def test_readings_of_one_instant_are_told_apart(store):
    values = [meter_value(0, energy_wh=float(n)) for n in range(5)]
    async with store.begin() as work:
        await work.store_meter_values(sender(), report(*values))

    rows = await pages(store, "meter_values", ALPHA, MeterFilter())
    assert sorted(row.value.energy_wh for row in rows) == [0, 1, 2, 3, 4]


# What the journal keeps.


async def settle(store):
    """A meter value is durable, and what was said before it is written with it."""
    await store.journal.meter_values(sender(), report(meter_value(1)))


@pytest.fixture
async def statuses(store):
    for n in range(6):
        said = status_update(None if n % 2 else Evse(1, 1), info=f"{n}")
        store.journal.status(sender(ALPHA, at=after(n)), said)
        store.journal.status(sender(BETA, at=after(n)), said)
    await settle(store)
    return store


@pytest.mark.parametrize(
    ("which", "found"),
    [
        ({}, "012345"),
        ({"evse_id": 0}, "135"),
        ({"evse_id": 1}, "024"),
        ({"since": after(2), "before": after(4)}, "23"),
    ],
)
async def test_the_history_of_a_station_is_in_the_order_in_which_it_was_heard(
    statuses, which, found
):
    async def said(sort):
        rows = await pages(statuses, "status_history", ALPHA, StatusFilter(**which), sort)
        assert {row.row.station for row in rows} <= {ALPHA}
        return "".join(row.row.update.info for row in rows)

    assert await said("at") == found
    assert await said("-at") == found[::-1]


@pytest.fixture
async def logged(stations):
    for n in range(8):
        stations.journal.exchange(
            exchange(
                f"{n}",
                (ALPHA, BETA, GAMMA, ELSEWHERE)[n % 4],
                called_at=after(n * 3600),
                direction="out" if n == 4 else "in",
                action="BootNotification" if n in {1, 4} else "Heartbeat",
                verdict="GenericError" if n == 5 else "ok",
            )
        )
    await settle(stations)
    return stations


@pytest.mark.parametrize("stretch", [1, 10_000])
@pytest.mark.parametrize(
    ("which", "found"),
    [
        ({}, "012456"),
        ({"station": "ALPHA"}, "04"),
        ({"station": "ALPHA", "direction": "out"}, "4"),
        ({"station": "nobody"}, ""),
        ({"direction": "in"}, "01256"),
        ({"action": "BootNotification"}, "14"),
        ({"message_id": "5"}, "5"),
        ({"verdict": "GenericError"}, "5"),
        ({"since": after(3600), "before": after(5 * 3600)}, "124"),
        ({"since": after(3600), "station": "BETA"}, "15"),
        ({"before": after(3600), "station": "BETA"}, ""),
        ({"sites": ("north", "south")}, "0145"),
        ({"sites": ("north",), "station": "BETA"}, ""),
        ({"sites": ()}, ""),
    ],
)
async def test_messages_that_fit_every_filter_are_found(logged, monkeypatch, which, found, stretch):
    monkeypatch.setattr(paging, "STRETCH", stretch)

    async def ids(sort):
        rows = await pages(logged, "messages", TENANT, MessageFilter(**which), sort)
        return "".join(row.exchange.message_id for row in rows)

    assert await ids("at") == found
    assert await ids("-at") == found[::-1]


async def test_a_time_is_found_in_a_long_log(store):
    """Where it begins is guessed from the numbers, and nothing may be missed."""
    for n in range(900):
        store.journal.exchange(exchange(f"{n}", called_at=after(n * 60)))
        if n % 400 == 399:
            await settle(store)
    await store.journal.meter_values(sender(), report(meter_value(2)))

    which = MessageFilter(since=after(400 * 60), before=after(500 * 60))
    rows = await pages(store, "messages", TENANT, which, "at", limit=70)
    assert [row.exchange.message_id for row in rows] == [f"{n}" for n in range(400, 500)]


# Deeds and events.


@pytest.fixture
async def deeds(store):
    bob = Actor(kind="api", name='bob "name":"ada"')
    async with store.begin() as work:
        for n, (actor, action, what) in enumerate(
            (
                (ADA, "station.added", "ALPHA"),
                (bob, "station.removed", "ALPHA"),
                (ADA, "key.rotated", 'BETA "object":"ALPHA"'),
                (bob, "stationary", "AL%"),
            )
        ):
            deed = Deed(action=action, object=what, after=f'"action":"key.{n}')
            await work.audit.append(TENANT, after(n * 60), actor, deed)
        await work.audit.append(OTHER_TENANT, NOON, ADA, samples.DEED)
    return store


@pytest.mark.parametrize(
    ("which", "found"),
    [
        ({}, [1, 2, 3, 4]),
        ({"actor": "ada"}, [1, 3]),
        ({"actor": "ad"}, []),
        ({"action": "station."}, [1, 2]),
        ({"action": "Station."}, []),
        ({"action": "key.rotated"}, [3]),
        ({"action": "key.1"}, []),
        ({"object": "AL"}, [1, 2, 4]),
        ({"object": "AL%"}, [4]),
        ({"object": 'BETA "'}, [3]),
        ({"since": after(60), "before": after(180)}, [2, 3]),
        ({"actor": "ada", "object": "BETA"}, [3]),
    ],
)
async def test_deeds_that_fit_every_filter_are_found(deeds, which, found):
    async def seqs(sort):
        return [e.seq for e in await pages(deeds, "audit", TENANT, AuditFilter(**which), sort)]

    assert await seqs("at") == found
    assert await seqs("-at") == found[::-1]


@pytest.fixture
async def told(stations):
    async with stations.begin() as work:
        for n, id in enumerate((ALPHA, BETA, GAMMA, ELSEWHERE, ALPHA, BETA)):
            kind = StationRemoved if n == 4 else StationAdded
            work.emit(kind(station=id, at=after(n)))
    seqs = [seq for seq, _ in await stations.outbox.unpublished()]
    await stations.outbox.published(seqs[:5])
    return stations


@pytest.mark.parametrize(
    ("which", "found"),
    [
        ({}, [0, 1, 2, 4]),
        ({"station": "ALPHA"}, [0, 4]),
        ({"types": ("StationRemoved",)}, [4]),
        ({"types": ("StationRemoved", "StationAdded")}, [0, 1, 2, 4]),
        ({"types": ("Station",)}, []),
        ({"sites": ("north",)}, [0, 4]),
        ({"sites": ("south",), "types": ("StationAdded",)}, [1]),
        ({"sites": ()}, []),
    ],
)
async def test_events_that_were_told_are_found_in_that_order(told, which, found):
    async def seconds(sort, limit):
        rows = await pages(told, "events", TENANT, EventFilter(**which), sort, limit=limit)
        return [(row.event.at - NOON) // timedelta(seconds=1) for row in rows]

    for limit in (1, 2, 100):
        assert await seconds("at", limit) == found
        assert await seconds("-at", limit) == found[::-1]


async def test_what_follows_an_event_is_told_again(told):
    async with told.read() as work:
        all_of_them = await work.lists.events(TENANT, EventFilter())
        second = all_of_them.rows[1]
        rest = await work.lists.events(TENANT, EventFilter(), after=(second.position,))
    assert rest.rows == all_of_them.rows[2:]
