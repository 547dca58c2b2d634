"""What every store must do with what is counted of each day, and the job that counts it."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec import structs
from tests.contract.counted_days import (
    FIRST,
    NIGHT,
    SECOND,
    charge,
    ended,
    keep,
    numbers,
    publish,
)
from tests.contract.samples import ALPHA, BETA, ELSEWHERE, EVSE, OTHER_TENANT, TENANT

from voltkeep.domain.availability import ConnectorStatus, StatusUpdate
from voltkeep.domain.days import OTHER, Progress, Total
from voltkeep.domain.events import (
    SecurityEventReported,
    StationRenamed,
    TransactionClosed,
    TransactionStarted,
)
from voltkeep.domain.identity import Evse, StationId
from voltkeep.domain.security import SecurityEvent
from voltkeep.domain.transactions import Closing
from voltkeep.services.day_counting import DayCounter
from voltkeep.services.ports import ConnectorRow


async def test_totals_are_added_put_and_replaced(store):
    a, b = ("north", "sessions", FIRST), ("south", "sessions", SECOND)
    async with store.begin() as work:
        await work.days.add(TENANT, {a: 2, b: 1})
        await work.days.add(TENANT, {a: 3})
        await work.days.add(OTHER_TENANT, {a: 50})
        await work.days.put(TENANT, {b: 9})
        await work.days.add(TENANT, {("north", "energy_wh", FIRST): 7})
        await work.days.replace(TENANT, ("energy_wh",), {("south", "energy_wh", FIRST): 8})

    async with store.read() as work:
        found = await work.days.totals(
            TENANT, ["north", "south"], ["sessions", "energy_wh"], FIRST, SECOND
        )
        none = await work.days.totals(TENANT, [], ["sessions"], FIRST, SECOND)
        one = await work.days.totals(TENANT, ["south"], ["sessions"], FIRST, FIRST)
        ranked = await work.days.greatest(TENANT, ["sessions"], FIRST, SECOND, limit=5)
        seen = await work.days.greatest(
            TENANT, ["sessions"], FIRST, SECOND, sites=["north"], limit=5
        )
    assert sorted(found, key=repr) == sorted(
        [
            Total(site="north", what="sessions", day=FIRST, number=5),
            Total(site="south", what="sessions", day=SECOND, number=9),
            Total(site="south", what="energy_wh", day=FIRST, number=8),
        ],
        key=repr,
    )
    assert (none, one, ranked, seen) == ([], [], ["south", "north"], ["north"])


async def test_progress_is_kept_and_held(store):
    async with store.begin() as work:
        assert await work.days.hold(TENANT) == Progress()
        place = (NIGHT, "ALPHA", "x")
        kept = Progress(position=7, since=NIGHT, walked=("A", "b"), walked_security=place)
        await work.days.save(TENANT, kept)
    async with store.begin() as work:
        assert await work.days.hold(TENANT) == kept
    async with store.read() as work:
        assert await work.days.progress(TENANT) == kept
        assert await work.days.progress(OTHER_TENANT) is None
        assert await work.days.forgotten(TENANT) == 0


async def test_what_was_there_before_is_counted_once(store, fleet, counter, days):
    over = NIGHT + timedelta(minutes=-10)
    await keep(
        store,
        charge(over=over, wh=5000.0),
        charge("tx-2", BETA, over=over, wh=1000.0),
        charge("tx-3", ELSEWHERE, over=over, wh=9.0),
    )
    assert not (await days.state(TENANT)).is_begun
    for _ in range(3):
        await counter.count()

    assert (await days.state(TENANT)).is_complete
    assert await numbers(store, "north") == {FIRST: [1, 3000, 1800], SECOND: [0, 2000, 1200]}
    assert await numbers(store, "tokyo") == {SECOND: [1, 1000, 3000]}
    assert await numbers(store) == {FIRST: [1, 3000, 1800], SECOND: [1, 3000, 4200]}
    assert await numbers(store, tenant=OTHER_TENANT) == {FIRST: [1, 5, 1800], SECOND: [0, 4, 1200]}


async def test_one_that_runs_is_counted_as_it_is_now_and_once_when_it_is_over(
    store, fleet, counter, clock
):
    runs = charge(wh=100.0)
    await keep(store, runs)
    await counter.count()
    assert await numbers(store) == {FIRST: [1, 50, 1800], SECOND: [0, 50, 1800]}

    over = structs.replace(runs, ended_at=NIGHT, meter_stop_wh=300.0, last_heard_at=NIGHT)
    await keep(store, over, events=[ended(over)])
    await counter._heed(TENANT, {})  # before it is looked again what runs
    assert await numbers(store) == {FIRST: [1, 100, 1800], SECOND: [0, 100, 1800]}
    await counter.count()
    assert await numbers(store) == {FIRST: [1, 100, 1800], SECOND: [0, 100, 1800]}


async def test_whoever_begins_anew_counts_nothing_twice(store, fleet, counter, clock):
    runs = charge(wh=100.0)
    await keep(store, runs)
    await counter.count()
    over = structs.replace(runs, ended_at=NIGHT, meter_stop_wh=300.0, last_heard_at=NIGHT)
    await keep(store, over, events=[ended(over), ended(over)])

    again = DayCounter(store.begin, store.read, clock)  # the one before was killed
    await again._replace_running(TENANT, {})
    await again._heed(TENANT, {})
    assert await numbers(store) == {FIRST: [1, 100, 1800], SECOND: [0, 100, 1800]}
    await again.count()
    assert await numbers(store) == {FIRST: [1, 100, 1800], SECOND: [0, 100, 1800]}


async def test_a_correction_takes_the_place_of_what_was_counted(store, fleet, counter):
    open_ = charge(begun=NIGHT - timedelta(minutes=90))
    closing = Closing(at=NIGHT, by="ada", reason="", as_of=NIGHT, meter_wh=2100.0)
    closed = structs.replace(open_, closing=closing)
    told = TransactionClosed(
        station=ALPHA,
        at=NIGHT,
        ref=closed.ref,
        evse=EVSE,
        closed_by="ada",
        reason="",
        as_of=NIGHT,
        energy_wh=None,
    )
    await counter.count()
    await keep(store, closed, events=[told])
    await counter.count()
    assert await numbers(store) == {FIRST: [1, 1333, 3600], SECOND: [0, 667, 1800]}

    # The station was offline, and says after all that it ended an hour before midnight.
    late = structs.replace(
        closed,
        ended_at=NIGHT - timedelta(minutes=60),
        meter_stop_wh=900.0,
        last_heard_at=NIGHT,
    )
    await keep(store, late, events=[ended(late)])
    await counter.count()
    assert await numbers(store) == {FIRST: [1, 800, 1800]}


async def test_a_step_that_fails_has_counted_nothing(store, fleet, counter, monkeypatch):
    await counter.count()
    over = charge(over=NIGHT, wh=200.0)
    await keep(store, over, events=[ended(over)])
    async with store.read() as work:
        rows = type(work.days)
    save = rows.save

    async def killed(*_):
        raise RuntimeError("killed")

    monkeypatch.setattr(rows, "save", killed)
    with pytest.raises(RuntimeError):
        await counter.count()
    assert await numbers(store) == {}
    monkeypatch.setattr(rows, "save", save)
    await counter.count()
    assert await numbers(store) == {FIRST: [1, 100, 1800], SECOND: [0, 100, 1800]}


async def test_what_a_station_told_under_its_old_name_is_counted(store, fleet, counter):
    await counter.count()
    over, new = charge(over=NIGHT, wh=200.0), StationId(TENANT, "NEW")
    await keep(store, over, events=[ended(over)])
    async with store.begin() as work:
        await work.stations.rename(ALPHA, new)
        work.emit(StationRenamed(station=ALPHA, at=NIGHT, new=new))
    await publish(store)
    await counter.count()
    await counter.count()
    assert (await numbers(store, "north"))[FIRST] == [1, 100, 1800]


async def test_one_that_moved_stays_where_it_was_counted(store, fleet, counter):
    over = charge(over=NIGHT, wh=200.0)
    await keep(store, over)
    await counter.count()
    async with store.begin() as work:
        await work.stations.set_site(ALPHA, "tokyo")
    longer = structs.replace(over, meter_stop_wh=500.0)
    await keep(store, longer, events=[ended(longer)])
    await counter.count()
    assert await numbers(store, "tokyo") == {}
    assert (await numbers(store, "north"))[FIRST] == [1, 200, 1800]


async def test_security_events_are_counted_by_kind_before_and_after(
    store, fleet, counter, days, clock
):
    def reported(event, at=NIGHT, id=ALPHA):
        return SecurityEventReported(
            station=id, at=at, event=event, happened_at=at, tech_info=None, is_critical=False
        )

    before = NIGHT - timedelta(hours=3)
    async with store.begin() as work:
        for id in ("1", "2"):
            record = SecurityEvent(
                station=ALPHA,
                id=id,
                state="noted",
                at=before,
                happened_at=before,
                type="BadMessages",
                tech_info=None,
            )
            await work.security_events.add(record)
    await counter.count()
    clock.now = NIGHT + timedelta(minutes=2)
    await counter.count()
    hostile = "<script>alert(1)</script>"
    told = [reported("InvalidMessages"), reported(hostile), reported("ResetOrReboot", id=BETA)]
    await keep(store, events=[*told, reported("InvalidMessages", before)])
    await counter.count()

    found = {each.kind: each.numbers for each in await days.security(TENANT, None, 2)}
    assert found == {"InvalidMessages": [2, 1], OTHER: [0, 1], "ResetOrReboot": [0, 1]}
    assert [each.kind for each in await days.security(TENANT, ("tokyo",), 2)] == ["ResetOrReboot"]
    assert await days.security(OTHER_TENANT, None, 2) == []


async def test_days_say_how_much_of_the_time_connectors_were_used(store, fleet, counter, days):
    async with store.begin() as work:
        rows = [
            ConnectorRow(
                station=ALPHA,
                update=StatusUpdate(
                    evse=evse,
                    status=ConnectorStatus.AVAILABLE,
                    raw_status="Available",
                    at=NIGHT,
                ),
                received_at=NIGHT,
            )
            for evse in (None, Evse(1, 1), Evse(2, 1))
        ]
        await work.connectors.save(rows)
    await keep(store, charge(over=NIGHT, wh=200.0))
    await counter.count()

    first, second = await days.days(TENANT, None, 2)
    assert (first.connector_s, second.connector_s) == (None, 2 * 1800)
    assert (first.utilisation, second.utilisation) == (None, 0.5)
    assert (await days.days(TENANT, ("north",), 2)) == [first, second]
    assert [day.sessions for day in await days.days(TENANT, (), 2)] == [0, 0]
    (site,) = await days.by_site(TENANT, None, 2, 5)
    assert (site.site, site.name, site.days) == ("north", "north", [first, second])
    assert await days.by_site(TENANT, ("tokyo",), 2, 5) == []


async def test_today_is_measured_where_all_sites_have_the_same_day(store, fleet, counter, days):
    status = StatusUpdate(
        evse=Evse(1, 1), status=ConnectorStatus.AVAILABLE, raw_status="Available", at=NIGHT
    )
    rows = [ConnectorRow(station=id, update=status, received_at=NIGHT) for id in (ALPHA, BETA)]
    async with store.begin() as work:
        await work.connectors.save(rows)
    await counter.count()

    told = {
        sites: [each.connector_s for each in await days.days(TENANT, sites, 2)]
        for sites in (None, ("north", "tokyo"), ("north",), ("tokyo",))
    }
    assert told[None] == told["north", "tokyo"] == [None, None]
    assert told["north",] == [None, 1800]
    assert told["tokyo",] == [None, None]
    (_, today) = await days.days(TENANT, ("tokyo",), 2, "Asia/Tokyo")
    assert today.connector_s == 9.5 * 3600


async def test_many_days_are_told_of_few_sites(store, days):
    async with store.begin() as work:
        numbers = {(f"site-{each:02}", "energy_wh", SECOND): 100 - each for each in range(20)}
        await work.days.add(TENANT, numbers)
    assert len(await days.by_site(TENANT, None, 30, 100)) == 20
    told = await days.by_site(TENANT, None, 366, 100)
    assert [each.site for each in told] == [f"site-{each:02}" for each in range(10)]


async def test_no_time_that_a_station_says_stops_the_counting(store, fleet, counter):
    far = datetime(2, 1, 1, tzinfo=UTC)
    late = datetime(9998, 12, 31, 23, tzinfo=UTC)
    odd = [
        structs.replace(charge("a", over=far, wh=1e300), last_heard_at=NIGHT),
        structs.replace(charge("b", over=late, wh=-5.0), last_heard_at=NIGHT),
        structs.replace(charge("c", over=NIGHT, wh=1.0), started_at=far),
        structs.replace(charge("d", over=NIGHT, wh=float("inf")), started_at=late),
        structs.replace(charge("e"), started_at=None),
    ]
    await keep(store, *odd, events=[ended(each) for each in odd])
    await counter.count()
    await counter.count()
    found = await numbers(store)
    assert sum(of[0] for of in found.values()) == 4
    assert sum(of[1] for of in found.values()) == 1


async def test_events_that_were_forgotten_have_everything_looked_at_again(store, fleet, counter):
    await counter.count()
    over = charge(over=NIGHT, wh=200.0)
    await keep(store, over)  # and of its event nothing is left
    async with store.begin() as work:
        progress = await work.days.hold(TENANT)
        await work.days.save(TENANT, structs.replace(progress, position=-1))
    await counter.count()
    started = TransactionStarted(
        station=ALPHA,
        at=NIGHT,
        ref=over.ref,
        evse=EVSE,
        id_token=None,
        authorization=None,
        started_at=NIGHT,
        remote_start_id=None,
    )
    await keep(store, events=[started])
    await counter.count()
    assert (await numbers(store))[FIRST] == [1, 100, 1800]
