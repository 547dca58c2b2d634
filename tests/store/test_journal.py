"""The journal: batches, what waits, what cannot be stored. A writer of ours stands in for SQL."""

import asyncio

import pytest
from tests.contract import samples
from tests.contract.samples import exchange, meter_value, report, sender

from voltkeep.services.ports import Exchange, StoreUnavailable
from voltkeep.store.batch import Heard, Metered
from voltkeep.store.journal import BatchJournal, Limits, Unstorable


class GatedWriter:
    """Writes when it is told to."""

    def __init__(self) -> None:
        self.batches: list[list[object]] = []
        self.began = asyncio.Event()
        self.gate = asyncio.Event()
        self.failure: Exception | None = None
        self.refuses = lambda _: False
        self.is_closed = False

    async def write(self, entries) -> None:
        self.began.set()
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        for entry in entries:
            if self.refuses(entry):
                raise OverflowError("too large")
        self.batches.append(list(entries))

    async def close(self) -> None:
        self.is_closed = True

    @property
    def written(self):
        return [entry for batch in self.batches for entry in batch]


@pytest.fixture
def writer():
    return GatedWriter()


def journal_on(writer, *, patience=60.0, **limits):
    return BatchJournal(writer, patience=patience, pace=0, limits=Limits(**limits))


def metering(journal, count, first=0):
    return [
        asyncio.create_task(journal.meter_values(sender(), report(meter_value(first + n))))
        for n in range(count)
    ]


async def until(question):
    async with asyncio.timeout(10):
        while not question():  # noqa: ASYNC110  # counters ring no bell
            await asyncio.sleep(0.01)


async def test_nobody_is_told_before_the_commit(writer):
    journal = journal_on(writer)
    [waiting] = metering(journal, 1)
    await writer.began.wait()
    await asyncio.sleep(0)
    assert not waiting.done()

    writer.gate.set()
    await waiting
    assert len(writer.batches) == 1
    await journal.close()


async def test_what_comes_during_a_commit_goes_into_the_next_one(writer):
    journal = journal_on(writer)
    first = metering(journal, 1)
    await writer.began.wait()
    rest = metering(journal, 100, first=1)
    await asyncio.sleep(0)
    for n in range(5):
        journal.exchange(exchange(f"{n}"))
    journal.status(sender(), samples.status_update())

    writer.gate.set()
    await asyncio.gather(*first, *rest)
    assert [len(batch) for batch in writer.batches] == [1, 106]
    assert journal.counters.batches == 2
    assert journal.counters.entries == 107
    assert journal.counters.waiting == 0
    await journal.close()


async def test_the_log_is_not_kept_waiting_for_long(writer):
    """With nobody else to ride along with."""
    writer.gate.set()
    journal = journal_on(writer)
    for _ in range(2):
        writer.began.clear()
        journal.exchange(exchange())
        async with asyncio.timeout(1.5):
            await writer.began.wait()
    assert [type(entry) for entry in writer.written] == [Exchange, Exchange]
    await journal.close()


async def test_a_long_log_is_written_in_pieces(writer):
    writer.gate.set()
    journal = journal_on(writer)
    for n in range(2500):
        journal.exchange(exchange(f"{n}"))
    await asyncio.gather(*metering(journal, 1))
    await until(lambda: len(writer.written) == 2501)
    assert max(len(batch) for batch in writer.batches) <= 1001
    logged = [entry.message_id for entry in writer.written if type(entry) is Exchange]
    assert logged == [f"{n}" for n in range(2500)]
    await journal.close()


@pytest.mark.parametrize("bad", [0, 7, 99])
async def test_one_row_that_cannot_be_stored_fails_alone(writer, bad):
    writer.refuses = lambda entry: entry.what.values[0].at == meter_value(bad).at
    writer.gate.set()
    journal = journal_on(writer)

    results = await asyncio.gather(*metering(journal, 100), return_exceptions=True)

    assert isinstance(results.pop(bad), Unstorable)
    assert results == [None] * 99
    assert len(writer.written) == 99
    assert journal.counters.unstorable == 1
    await journal.meter_values(sender(), report(meter_value(200)))
    await journal.close()


async def test_a_log_row_that_cannot_be_stored_stops_nothing(writer):
    writer.refuses = lambda entry: type(entry) is not Metered
    writer.gate.set()
    journal = journal_on(writer)
    journal.exchange(exchange())
    journal.status(sender(), samples.status_update())

    await journal.meter_values(sender(), report(meter_value()))

    await journal.close()
    assert [type(entry) for entry in writer.written] == [Metered]
    assert journal.counters.unstorable == 2


async def test_a_batch_that_the_database_did_not_take_is_tried_again(writer):
    writer.failure = StoreUnavailable("away")
    writer.gate.set()
    journal = journal_on(writer)
    waiting = metering(journal, 3)
    await until(lambda: journal.counters.failures == 2)
    assert not any(task.done() for task in waiting)

    writer.failure = None
    await asyncio.gather(*waiting)
    assert len(writer.written) == 3
    await journal.close()


async def test_who_waits_too_long_is_told_and_the_row_is_stored_yet(writer):
    """In flight, or behind it."""
    journal = journal_on(writer, patience=0.2)
    waiting = metering(journal, 1)
    await writer.began.wait()
    waiting += metering(journal, 1, first=1)

    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [StoreUnavailable, StoreUnavailable]

    writer.gate.set()
    await journal.close()
    assert len(writer.written) == 2


async def test_who_no_longer_waits_disturbs_nobody(writer):
    journal = journal_on(writer)
    waiting = metering(journal, 3)
    await writer.began.wait()
    waiting[1].cancel()
    await asyncio.sleep(0)

    writer.gate.set()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [type(None), asyncio.CancelledError, type(None)]
    assert len(writer.written) == 3
    await journal.close()


@pytest.mark.parametrize("limit", [{"durable_entries": 5}, {"durable_bytes": 1600}])
async def test_rows_past_the_limit_are_refused_at_once(writer, limit):
    journal = journal_on(writer, **limit)
    waiting = metering(journal, 5)
    await writer.began.wait()

    with pytest.raises(StoreUnavailable):
        await journal.meter_values(sender(), report(meter_value(9)))
    writer.gate.set()
    await asyncio.gather(*waiting)
    await journal.meter_values(sender(), report(meter_value(9)))
    await journal.close()


@pytest.mark.parametrize("limit", [{"log_entries": 3}, {"log_bytes": 1100}])
async def test_of_the_log_the_oldest_rows_are_dropped_and_counted(writer, limit):
    journal = journal_on(writer, **limit)
    for n in range(10):
        journal.exchange(exchange(f"{n}"))
    assert journal.counters.dropped == 7

    writer.gate.set()
    await journal.close()
    assert [entry.message_id for entry in writer.written] == ["7", "8", "9"]


async def test_closing_stores_what_waits(writer):
    writer.gate.set()
    journal = journal_on(writer)
    waiting = metering(journal, 2)
    await asyncio.sleep(0)
    journal.exchange(exchange())
    journal.status(sender(), samples.status_update())

    await journal.close()

    assert {type(entry) for entry in writer.written} == {Metered, Exchange, Heard}
    await asyncio.gather(*waiting)
    assert writer.is_closed
    with pytest.raises(StoreUnavailable):
        await journal.meter_values(sender(), report(meter_value()))


@pytest.mark.parametrize("hangs", [True, False])
async def test_closing_gives_up_on_a_database_that_stays_away(writer, hangs):
    writer.failure = StoreUnavailable("away")
    journal = journal_on(writer)
    waiting = metering(journal, 1)
    await writer.began.wait()
    waiting += metering(journal, 1, first=1)
    await asyncio.sleep(0)
    if not hangs:
        writer.gate.set()

    async with asyncio.timeout(5):
        await journal.close(patience=0.2)

    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [StoreUnavailable, StoreUnavailable]
    assert writer.is_closed


async def test_commits_keep_their_pace_under_load(writer):
    """But the first after a pause waits for nothing."""
    writer.gate.set()
    loop = asyncio.get_running_loop()
    began = loop.time()
    journal = BatchJournal(writer, patience=60, pace=0.3)
    await asyncio.gather(*metering(journal, 1))
    assert loop.time() - began < 0.3
    await asyncio.gather(*metering(journal, 1))
    assert loop.time() - began >= 0.3
    await journal.close()
