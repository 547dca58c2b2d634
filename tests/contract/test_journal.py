"""What every journal must do. The log follows soon: it is asked for until it comes."""

import asyncio

from tests.contract import samples
from tests.contract.samples import ALPHA, BETA, ELSEWHERE, EVSE, NOON, REF, after, exchange, sender

from voltkeep.domain.identity import StationId


async def until(question):
    """Ask until the answer is true: what is not waited for is stored within a second."""
    async with asyncio.timeout(10):
        while not (answer := await question()):  # noqa: ASYNC110  # a database rings no bell
            await asyncio.sleep(0.02)
    return answer


async def metered(store, station=ALPHA, ref=REF):
    async with store.read() as work:
        return await work.meter_values.of_transaction(station, ref)


async def since(store, after=0, **which):
    async with store.read() as work:
        return [logged.exchange for logged in await work.messages.since(after, **which)]


async def test_a_meter_value_is_there_when_the_journal_returns(store):
    await store.journal.meter_values(sender(), samples.report(samples.FULL_METER_VALUE))

    [row] = await metered(store)
    assert row.value == samples.FULL_METER_VALUE
    assert (row.station, row.evse, row.ref, row.received_at) == (ALPHA, EVSE, REF, NOON)


async def test_a_report_without_values_is_nothing(store):
    await store.journal.meter_values(sender(), samples.report())

    assert await metered(store) == []


async def test_the_same_said_twice_is_stored_once(store):
    """Twice at once, twice in the journal, and once more in a work."""
    report = samples.report(samples.meter_value(), samples.meter_value(3600))
    await asyncio.gather(*(store.journal.meter_values(sender(), report) for _ in range(2)))
    await store.journal.meter_values(sender(at=after(9)), report)
    async with store.begin() as work:
        await work.store_meter_values(sender(), report)

    assert [row.value for row in await metered(store)] == list(report.values)


async def test_meter_values_outside_a_transaction_are_nobodys(store):
    await store.journal.meter_values(sender(), samples.report(samples.meter_value(), ref=None))

    assert await metered(store) == []


async def test_meter_values_far_apart_are_one_transactions(store):
    """A car that charged for days, with pauses, and a clock that jumped."""
    values = [samples.meter_value(hours * 3600) for hours in (-90_000, -1, 0, 0.5, 1, 30, 31)]
    for value in reversed(values):
        await store.journal.meter_values(sender(), samples.report(value))
    await store.journal.meter_values(sender(BETA), samples.report(values[0]))
    await store.journal.meter_values(sender(), samples.report(values[0], ref="another"))

    assert [row.value for row in await metered(store)] == values


async def test_an_update_leaves_its_mark_and_its_meter_values(store):
    update = samples.update(4, values=(samples.meter_value(),))
    await store.journal.transaction_update(sender(), REF, update)
    await store.journal.transaction_update(sender(), REF, update)
    await store.journal.transaction_update(sender(), REF, samples.update(5))

    async with store.begin() as work:
        assert not await work.transactions.mark(ALPHA, REF, update, NOON)
        assert not await work.transactions.mark(ALPHA, REF, samples.update(5), NOON)
        assert await work.transactions.mark(ALPHA, REF, samples.update(6), NOON)
    assert [row.value for row in await metered(store)] == list(update.values)


async def test_the_message_log_keeps_exchanges_whole_and_in_order(store):
    heard = [
        exchange("1"),
        exchange("2", answer=None, answered_at=None, verdict="no answer", note=""),
        exchange("3", BETA, direction="out", call=b"\xff\x00", action="Réset"),
        exchange("4", ELSEWHERE),
    ]
    for each in heard:
        store.journal.exchange(each)
    store.journal.status(sender(), samples.status_update())

    assert await until(lambda: since(store)) == heard
    assert await since(store, station=ALPHA) == heard[:2]
    assert await since(store, station=ELSEWHERE) == heard[3:]
    assert await since(store, limit=3) == heard[:3]
    async with store.read() as work:
        everything = await work.messages.since(0)
        ids = [logged.id for logged in everything]
        assert ids == sorted(set(ids))
        assert await work.messages.since(ids[1]) == everything[2:]
        assert await work.messages.since(ids[0], station=ALPHA) == everything[1:2]
        assert await work.messages.last(limit=3) == everything[1:]
        assert await work.messages.last(station=ALPHA, limit=1) == everything[1:2]
        assert await work.messages.last(station=ALPHA) == everything[:2]
        assert await work.messages.last(limit=0) == []
        assert await work.messages.last(station=StationId("default", "NOBODY")) == []


async def test_a_renamed_station_keeps_what_the_journal_stored(store):
    new = StationId("acme", "GAMMA")
    store.journal.exchange(exchange("1"))
    store.journal.exchange(exchange("2", BETA))
    await store.journal.meter_values(sender(), samples.report(samples.meter_value()))
    await store.journal.meter_values(sender(BETA), samples.report(samples.meter_value()))
    await until(lambda: since(store))
    async with store.begin() as work:
        await work.stations.add(samples.station())
        await work.stations.rename(ALPHA, new)
    assert [each.message_id for each in await since(store, station=new)] == ["1"]

    store.journal.exchange(exchange("3", new))
    store.journal.exchange(exchange("4"))
    await until(lambda: since(store, station=ALPHA))
    assert [each.message_id for each in await since(store, station=new)] == ["1", "3"]
    assert [each.message_id for each in await since(store, station=ALPHA)] == ["4"]
    assert [row.station for row in await metered(store, new)] == [new]
    assert await metered(store) == []
    assert [row.station for row in await metered(store, BETA)] == [BETA]
