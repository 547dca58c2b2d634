"""What is counted of each day, whatever is renamed, removed, pruned or fails meanwhile."""

from datetime import timedelta

import pytest
from msgspec import structs
from tests.contract.counted_days import FIRST, NIGHT, SECOND, charge, ended, keep, numbers, publish
from tests.contract.samples import ALPHA, OTHER_TENANT, TENANT

from voltkeep.domain.days import EVERYWHERE, SECURITY
from voltkeep.domain.events import SecurityEventReported, StationRenamed
from voltkeep.domain.identity import StationId
from voltkeep.domain.security import SecurityEvent
from voltkeep.services import day_counting
from voltkeep.services.provisioning import ProvisioningService

COUNTED = {FIRST: [1, 100, 1800], SECOND: [0, 100, 1800]}
KIND = "ResetOrReboot"


def reported(at=NIGHT):
    return SecurityEventReported(
        station=ALPHA, at=at, event=KIND, happened_at=at, tech_info=None, is_critical=False
    )


async def heard_of(store, days=(FIRST, SECOND)):
    async with store.read() as work:
        found = await work.days.totals(TENANT, [EVERYWHERE], [f"{SECURITY}{KIND}"], *days)
    return sum(each.number for each in found)


async def test_what_is_told_while_a_step_reads_is_counted_once(store, fleet, counter, monkeypatch):
    await counter.count()
    look = day_counting._last_position

    async def looked_before(work, tenant):
        return await look(work, tenant) - 1

    await keep(store, events=[reported(), reported()])
    monkeypatch.setattr(day_counting, "_last_position", looked_before)
    await counter._heed(TENANT, {})
    monkeypatch.undo()
    await counter.count()
    assert await heard_of(store) == 2


async def test_a_tenant_whose_last_station_went_is_counted_on(store, fleet, counter):
    await keep(store, charge(wh=200.0))
    await counter.count()
    assert await numbers(store) == COUNTED
    async with store.begin() as work:
        for each in await work.stations.all(TENANT):
            await work.stations.remove(each.id)
    over = charge(over=NIGHT, wh=200.0)
    await keep(store, over, events=[ended(over)])
    await counter.count()
    assert await numbers(store) == COUNTED
    async with store.read() as work:
        found = await work.days.totals(TENANT, [EVERYWHERE], ["running/sessions"], FIRST, SECOND)
    assert sum(each.number for each in found) == 0


async def test_one_tenant_that_fails_stops_no_other(store, fleet, counter, monkeypatch):
    await keep(store, charge("a", over=NIGHT, wh=200.0))
    zones = counter._zones

    async def broken(tenant):
        if tenant == min(TENANT, OTHER_TENANT):
            raise RuntimeError("broken")
        return await zones(tenant)

    monkeypatch.setattr(counter, "_zones", broken)
    with pytest.raises(RuntimeError):
        await counter.count()
    async with store.read() as work:
        assert await work.days.progress(min(TENANT, OTHER_TENANT)) is None
        assert await work.days.progress(max(TENANT, OTHER_TENANT)) is not None


async def test_all_that_a_station_told_under_its_old_name_is_counted(
    store, fleet, counter, monkeypatch
):
    monkeypatch.setattr(day_counting, "_AT_ONCE", 3)
    await counter.count()
    many = [charge(f"tx-{number}", over=NIGHT, wh=200.0) for number in range(8)]
    await keep(store, *many, events=[ended(each) for each in many])
    async with store.begin() as work:
        new = StationId(TENANT, "NEW")
        await work.stations.rename(ALPHA, new)
        work.emit(StationRenamed(station=ALPHA, at=NIGHT, new=new))
    await publish(store)
    await counter.count()
    await counter.count()
    assert await numbers(store) == {FIRST: [8, 800, 8 * 1800], SECOND: [0, 800, 8 * 1800]}


async def test_one_that_moves_to_another_tenant_is_counted_there(store, fleet, counter, clock):
    over, runs = charge(over=NIGHT, wh=200.0), charge("tx-2", wh=200.0)
    await keep(store, over, runs)
    await counter.count()
    new = StationId(OTHER_TENANT, "MOVED")
    provisioning = ProvisioningService(
        store.begin,
        store.read,
        None,  # commands: none is sent
        clock,
        heartbeat_interval_s=60,
        boot_retry_s=60,
        check_url=lambda _: None,
    )
    await provisioning.rename(ALPHA, new)
    await publish(store)
    await counter.count()
    again = structs.replace(over, station=new, meter_stop_wh=300.0)
    await keep(store, again, events=[ended(again)])
    await counter.count()
    await counter.count()
    assert await numbers(store) == {}
    assert await numbers(store, tenant=OTHER_TENANT) == {
        FIRST: [2, 200, 3600],
        SECOND: [0, 200, 3600],
    }


async def test_security_events_that_were_pruned_are_counted_from_their_records(
    store, fleet, counter, clock
):
    async def record(at):
        async with store.begin() as work:
            await work.security_events.add(
                SecurityEvent(
                    station=ALPHA, id=str(at), state="noted", at=at, happened_at=at, type=KIND
                )
            )

    await counter.count()
    clock.now += timedelta(minutes=2)
    await counter.count()
    first, second = (NIGHT + timedelta(minutes=minutes) for minutes in (1, 3))
    await record(first)
    await keep(store, events=[reported(first)])
    await counter.count()
    assert await heard_of(store) == 1

    await record(second)  # and of its event nothing is left
    async with store.begin() as work:
        progress = await work.days.hold(TENANT)
        await work.days.save(TENANT, structs.replace(progress, position=-1))
    clock.now += timedelta(minutes=5)
    await counter.count()
    clock.now += timedelta(minutes=5)
    await counter.count()
    assert await heard_of(store) == 2


async def test_what_is_counted_of_a_tenant_can_be_forgotten(store, fleet, counter):
    await keep(store, charge(over=NIGHT, wh=200.0), charge("tx-2", wh=200.0))
    await counter.count()
    others = await numbers(store, tenant=OTHER_TENANT)
    async with store.begin() as work:
        await work.days.forget(TENANT)
    assert await numbers(store) == {}
    assert await numbers(store, tenant=OTHER_TENANT) == others
    async with store.read() as work:
        assert await work.days.progress(TENANT) is None
        assert await work.days.counted(TENANT, [(ALPHA.name, charge().ref)]) == []
    await counter.count()
    assert (await numbers(store))[FIRST] == [2, 200, 3600]


async def test_how_a_station_was_counted_is_told_as_it_is_forgotten(store, fleet, counter):
    await keep(store, *(charge(str(number), over=NIGHT, wh=200.0) for number in range(3)))
    await counter.count()
    async with store.begin() as work:
        assert len(await work.days.uncount(ALPHA, 2)) == 2
        (last,) = await work.days.uncount(ALPHA, 2)
        assert (last.station, last.energy_wh) == (ALPHA, 200)
        assert await work.days.uncount(ALPHA, 2) == []


async def test_of_what_runs_only_what_changed_is_written(store, fleet, counter, clock, monkeypatch):
    async with store.read() as work:
        rows = type(work.days)
    replaced, added = [], []
    replace, add = rows.replace, rows.add

    async def replacing(self, tenant, kinds, numbers):
        replaced.append(tenant)
        await replace(self, tenant, kinds, numbers)

    async def adding(self, tenant, numbers):
        added.extend(numbers)
        await add(self, tenant, numbers)

    monkeypatch.setattr(rows, "replace", replacing)
    monkeypatch.setattr(rows, "add", adding)
    await keep(store, charge(wh=200.0))
    await counter.count()
    replaced.clear()
    added.clear()
    await counter.count()
    assert (replaced, added) == ([], [])
    clock.now += timedelta(minutes=5)
    await counter.count()
    assert replaced == []
    assert {what for _, what, _ in added} == {"running/busy_s", "running/energy_wh"}
    found = await numbers(store)
    assert (found[FIRST][0], sum(of[1] for of in found.values())) == (1, 200)
    assert sum(of[2] for of in found.values()) == 3900
