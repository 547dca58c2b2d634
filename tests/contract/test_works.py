"""What every store must do with units of work."""

import asyncio

import pytest
from tests.contract import samples
from tests.contract.samples import (
    ALPHA,
    BETA,
    NOON,
    OTHER_TENANT,
    TENANT,
    TOKEN,
    after,
    station,
    transaction,
)

from voltkeep.domain.events import StationAdded, StationRemoved
from voltkeep.domain.identity import Evse
from voltkeep.store.engine import ReadsOnly


def added(id=ALPHA):
    return StationAdded(station=id, at=NOON)


async def unpublished(store):
    return [event for _, event in await store.outbox.unpublished()]


async def test_a_work_that_fails_keeps_nothing(store):
    async def fails():
        async with store.begin() as work:
            await work.stations.add(station())
            await work.transactions.mark(ALPHA, samples.REF, samples.update(), NOON)
            work.emit(added())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fails()
    async with store.begin() as work:
        assert await work.stations.get(ALPHA) is None
        assert await work.transactions.mark(ALPHA, samples.REF, samples.update(), NOON)
    assert await unpublished(store) == []
    assert not store.outbox.committed.is_set()


async def test_a_cancelled_work_keeps_nothing_and_frees_its_place(store):
    entered = asyncio.Event()

    async def slow():
        async with store.begin() as work:
            await work.stations.add(station())
            entered.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(slow())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    async with store.begin() as work:
        assert await work.stations.add(station())


async def test_events_are_published_in_order_once_committed(store):
    emitted = [added(), added(BETA), StationRemoved(station=ALPHA, at=after(1))]
    async with store.begin() as work:
        for event in emitted[:2]:
            work.emit(event)
        assert await unpublished(store) == []
    assert store.outbox.committed.is_set()
    async with store.begin() as work:
        work.emit(emitted[2])

    numbered = await store.outbox.unpublished()
    seqs = [seq for seq, _ in numbered]
    assert [event for _, event in numbered] == emitted
    assert seqs == sorted(set(seqs))
    assert await store.outbox.unpublished(1) == numbered[:1]
    await store.outbox.published(seqs[:2])
    await store.outbox.published([])
    assert await store.outbox.unpublished() == numbered[2:]


async def test_what_was_told_is_found_again_by_its_position(store):
    """In the order in which it was told, which may not be that of its numbers."""
    elsewhere = added(samples.ELSEWHERE)
    async with store.begin() as work:
        for event in (added(), elsewhere, added(BETA)):
            work.emit(event)
    seqs = [seq for seq, _ in await store.outbox.unpublished()]

    later = await store.outbox.published(seqs[1:])
    first = await store.outbox.published([seqs[1], seqs[0]])

    assert first[seqs[1]] == later[seqs[1]] < later[seqs[2]] < first[seqs[0]]
    assert await store.outbox.last() == first[seqs[0]]
    told = [(later[seqs[2]], added(BETA)), (first[seqs[0]], added())]
    assert await store.outbox.after(TENANT, 0) == told
    assert await store.outbox.after(TENANT, 0, limit=1) == told[:1]
    assert await store.outbox.after(TENANT, later[seqs[2]]) == told[1:]
    assert await store.outbox.after(OTHER_TENANT, 0) == [(later[seqs[1]], elsewhere)]
    assert await store.outbox.forgotten(TENANT) == 0


async def test_a_work_that_only_reads_writes_nothing(store):
    async with store.read() as work:
        with pytest.raises(ReadsOnly):
            await work.stations.add(station())
    async with store.read() as work:
        with pytest.raises(ReadsOnly):
            work.emit(added())


async def test_who_reads_waits_for_no_writer_and_sees_nothing_unfinished(store):
    async with store.begin() as work:
        await work.stations.add(station())
        async with asyncio.timeout(5), store.read() as reader:
            assert await reader.stations.get(ALPHA) is None


async def test_two_works_that_hold_a_token_take_turns(store):
    """ConcurrentTx: of two starts at once only one is accepted."""
    async with store.begin() as work:
        await work.tokens.save(TENANT, samples.token())

    async def start_if_free(ref, evse, held=None, goes_on=None):
        async with store.begin() as work:
            await work.tokens.hold(TENANT, TOKEN)
            if held and goes_on:
                held.set()
                await goes_on.wait()
            is_free = not await work.transactions.active_with(TENANT, TOKEN)
            if is_free:
                await work.transactions.add(transaction(ref, evse=evse))
            return is_free

    held, goes_on = asyncio.Event(), asyncio.Event()
    first = asyncio.create_task(start_if_free("1", Evse(1), held, goes_on))
    await held.wait()
    second = asyncio.create_task(start_if_free("2", Evse(2)))
    done, _ = await asyncio.wait({second}, timeout=0.3)
    assert not done

    goes_on.set()
    assert await first
    assert not await second


async def test_two_works_that_hold_a_station_take_turns(store):
    """What a station says is recorded in order, whichever connections say it."""
    async with store.begin() as work:
        await work.stations.add(station())
    held, goes_on, order = asyncio.Event(), asyncio.Event(), []

    async def hold(name, waits):
        async with store.begin() as work:
            await work.stations.hold(samples.sender(epoch=0))
            held.set()
            if waits:
                await goes_on.wait()
            order.append(name)

    first = asyncio.create_task(hold("first", waits=True))
    await held.wait()
    second = asyncio.create_task(hold("second", waits=False))
    await asyncio.wait({second}, timeout=0.3)
    goes_on.set()
    await asyncio.gather(first, second)
    assert order == ["first", "second"]


async def test_of_two_starts_at_once_that_say_the_same_one_wins(store):
    async def add(ref):
        async with store.begin() as work:
            won = await work.transactions.add(transaction(ref, start_key="same"))
            return won or (await work.transactions.started_as(ALPHA, "same")).ref

    results = await asyncio.gather(*(add(f"{n}") for n in range(5)))

    [winner] = [f"{n}" for n, result in enumerate(results) if result is True]
    assert [result for result in results if result is not True] == [winner] * 4


async def test_works_at_once_are_told_different_numbers(store):
    async def number():
        async with store.begin() as work:
            return await work.transactions.next_number()

    numbers = await asyncio.gather(*(number() for _ in range(20)))

    assert len(set(numbers)) == 20


async def test_text_that_a_database_cannot_keep_is_mended(store):
    """PostgreSQL has no NUL; a station that says one must be able to boot all the same."""
    async with store.begin() as work:
        await work.stations.add(station(note="a\0b\ud800c"))
        found = await work.stations.get(ALPHA)
    assert found.note in {"a\ufffdb?c", "a\0b\ud800c"}  # in memory it may stay
