"""What every store must do with records: what is known by station and id, and has a state."""

import asyncio

import pytest
from msgspec import structs
from tests.contract import samples
from tests.contract.samples import (
    ALPHA,
    BETA,
    ELSEWHERE,
    IN_INDIA,
    NOON,
    OTHER_TENANT,
    RECORDS,
    TENANT,
    after,
    alert,
    record,
    station,
)

from voltkeep.domain.identity import StationId
from voltkeep.services.records import Look

EVERYWHERE = StationId(TENANT, "")


def mended(row):
    """Text that a database cannot keep may be mended."""
    if getattr(row, "filename", "").endswith("\ud800"):
        return structs.replace(row, filename="../../etc/passwd\ufffd?")
    return row


@pytest.mark.parametrize("name", RECORDS)
async def test_a_record_is_kept_as_it_was_put(store, name):
    row = record(name)
    optional = structs.replace(row, station=EVERYWHERE, id="2", at=IN_INDIA)
    async with store.begin() as work:
        await getattr(work, name).put(row)
        assert await getattr(work, name).add(optional)

    async with store.read() as work:
        rows = getattr(work, name)
        found = await rows.get(ALPHA, "1")
        assert found in {row, mended(row)}
        assert type(found.state) is type(row.state)
        assert await rows.get(EVERYWHERE, "2") in {optional, mended(optional)}
        assert await rows.get(BETA, "1") is None
        assert await rows.get(ALPHA, "2") is None
        assert await rows.of(ALPHA) == [found]


async def test_putting_a_record_again_replaces_it_and_adding_does_not(store):
    newer = alert(state="open", at=after(5), text="again")
    async with store.begin() as work:
        await work.alerts.put(alert())
        await work.alerts.put(newer)
        assert not await work.alerts.add(alert())
        assert await work.alerts.add(alert(station=BETA))
        assert await work.alerts.lock(ALPHA, "1") == newer

    async with store.read() as work:
        assert await work.alerts.all() == [newer, alert(station=BETA)]


async def test_a_record_is_removed_once(store):
    async with store.begin() as work:
        await work.alerts.put(alert())
        await work.alerts.put(alert(station=ELSEWHERE))
        assert await work.alerts.remove(ALPHA, "1")
        assert not await work.alerts.remove(ALPHA, "1")
        assert await work.alerts.all() == [alert(station=ELSEWHERE)]


async def test_a_record_is_found_by_its_id_whichever_station_it_is_of(store):
    async with store.begin() as work:
        await work.alerts.put(alert(at=after(1)))
        await work.alerts.put(alert(station=BETA))
        await work.alerts.put(alert(station=ELSEWHERE, at=after(9)))

        assert await work.alerts.find(TENANT, "1") == alert(at=after(1))
        assert await work.alerts.find(TENANT, "2") is None


async def test_records_of_a_station_are_told_latest_first_by_state(store):
    states = ["open", "acknowledged", "open", "closed"]
    rows = [alert(f"{n}", state=state, at=after(n)) for n, state in enumerate(states)]
    async with store.begin() as work:
        for row in [*rows, alert("9", BETA), alert("9", ELSEWHERE)]:
            await work.alerts.put(row)

    async with store.read() as work:
        assert await work.alerts.of(ALPHA) == rows[::-1]
        assert await work.alerts.of(ALPHA, limit=2) == rows[:1:-1]
        assert await work.alerts.of(ALPHA, states=["open"]) == [rows[2], rows[0]]
        assert await work.alerts.of(ALPHA, states=["open", "closed"], limit=1) == [rows[3]]
        assert await work.alerts.count(ALPHA) == 4
        assert await work.alerts.count(ALPHA, states=["open"]) == 2
        assert await work.alerts.count(ALPHA, states=["none"]) == 0


async def test_all_records_are_told_latest_first_in_pages(store):
    """By time, then tenant, station and id: none twice, none left out."""
    rows = [
        *(alert("1", station, at=NOON) for station in (ELSEWHERE, ALPHA, BETA)),
        *(alert(id, at=after(1)) for id in ("a", "b", "B")),
        alert("0", at=after(-1), state="open"),
    ]
    async with store.begin() as work:
        for row in rows:
            await work.alerts.put(row)
    told = sorted(rows, key=lambda row: (row.at, row.station, row.id), reverse=True)

    async with store.read() as work:
        assert await work.alerts.all() == told
        pages, before = [], None
        while page := await work.alerts.all(before=before, limit=2):
            pages += page
            before = (page[-1].at, page[-1].station, page[-1].id)
        assert pages == told
        assert await work.alerts.all(OTHER_TENANT) == [alert("1", ELSEWHERE)]
        of_tenant = [row for row in told if row.station.tenant == TENANT]
        assert await work.alerts.all(TENANT) == of_tenant
        assert await work.alerts.all(TENANT, states=["open"]) == [told[-1]]
        assert await work.alerts.all(TENANT, since=NOON) == of_tenant[:-1]


@pytest.mark.parametrize("name", RECORDS)
async def test_a_record_follows_the_new_name_of_its_station(store, name):
    """And what comes after in the same work finds it there."""
    row, others = record(name, "x"), record(name, "x", ELSEWHERE)
    async with store.begin() as work:
        await work.stations.add(station())
        await getattr(work, name).put(row)
        await getattr(work, name).put(others)
        await work.stations.rename(ALPHA, BETA)
        moved = await getattr(work, name).get(BETA, "x")

    assert moved in {structs.replace(each, station=BETA) for each in (row, mended(row))}
    async with store.read() as work:
        assert await getattr(work, name).of(ALPHA) == []
        assert await getattr(work, name).of(BETA) == [moved]
        assert len(await getattr(work, name).of(ELSEWHERE)) == 1


async def test_a_station_that_is_removed_leaves_its_history_but_not_what_was_trusted_for_it(store):
    kept = set(RECORDS) - {"installed", "anchors", "variables", "reports", "assignments"}
    kept -= {"charging_profiles", "charging_needs", "profile_reports"}
    kept -= {"availability", "availability_plans", "reservations", "local_lists"}
    async with store.begin() as work:
        await work.stations.add(station())
        for name in RECORDS:
            await getattr(work, name).put(record(name))
            await getattr(work, name).put(record(name, station=EVERYWHERE))
        await work.stations.remove(ALPHA)

    async with store.read() as work:
        assert {name for name in RECORDS if await getattr(work, name).of(ALPHA)} == kept
        assert all([await getattr(work, name).of(EVERYWHERE) for name in RECORDS])


async def test_two_works_that_lock_a_record_take_turns(store):
    async with store.begin() as work:
        await work.alerts.put(alert(count=0))

    async def count_up():
        async with store.begin() as work:
            found = await work.alerts.lock(ALPHA, "1")
            await asyncio.sleep(0)
            await work.alerts.put(structs.replace(found, count=found.count + 1))

    await asyncio.gather(*(count_up() for _ in range(10)))

    async with store.read() as work:
        assert (await work.alerts.get(ALPHA, "1")).count == 10


async def test_of_two_who_add_the_same_at_once_one_wins(store):
    async def add(text):
        async with store.begin() as work:
            return await work.alerts.add(alert(text=text))

    assert sorted(await asyncio.gather(*(add(f"{n}") for n in range(5)))) == [False] * 4 + [True]


async def test_a_record_that_fails_to_commit_is_not_kept(store):
    async def fails():
        async with store.begin() as work:
            await work.alerts.put(samples.alert())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fails()
    async with store.read() as work:
        assert await work.alerts.all() == []


async def test_as_many_are_counted_as_fit_and_no_further_than_asked(store):
    async with store.begin() as work:
        for number in range(5):
            await work.alerts.put(alert(str(number), at=after(number)))
        await work.alerts.put(alert("9", at=after(9), state="open"))
        await work.alerts.put(alert("1", ELSEWHERE))

    async with store.read() as work:
        assert await work.alerts.amount(TENANT, Look(limit=100)) == 6
        assert await work.alerts.amount(TENANT, Look(limit=4)) == 4
        assert await work.alerts.amount(TENANT, Look(states=("open",))) == 1
        assert await work.alerts.amount(TENANT, Look(since=after(1), until=after(3))) == 2
        assert await work.alerts.amount(TENANT, Look(sites=("north",))) == 0


async def test_many_looks_are_counted_at_once(store):
    async with store.begin() as work:
        for number in range(5):
            await work.alerts.put(alert(str(number), at=after(number)))
        await work.alerts.put(alert("9", at=after(9), state="open"))

    looks = [Look(states=("open",)), Look(limit=4), Look(sites=("north",))]
    looks += [Look(until=after(number)) for number in range(120)]
    async with store.read() as work:
        found = await work.alerts.amounts(TENANT, looks)
        assert found == [await work.alerts.amount(TENANT, look) for look in looks]
        assert found[:3] == [1, 4, 0]
        assert await work.alerts.amounts(TENANT, []) == []


async def test_records_of_many_stations_are_found_together(store):
    async with store.begin() as work:
        for name in ("a", "b", "c"):
            for id in ("1", "2"):
                await work.alerts.put(alert(id, StationId(TENANT, name)))
        await work.alerts.put(alert("1", StationId(OTHER_TENANT, "a")))

    async with store.read() as work:

        async def found(*args):
            return sorted((e.station, e.id) for e in await work.alerts.of_each(TENANT, *args))

        a, c = StationId(TENANT, "a"), StationId(TENANT, "c")
        assert await found(["a", "c"]) == [(a, "1"), (a, "2"), (c, "1"), (c, "2")]
        assert await found(["a", "c", "nobody"], ["2", "3"]) == [(a, "2"), (c, "2")]
        assert await found([]) == []
        assert len(await found([*map(str, range(250)), "b"])) == 2
