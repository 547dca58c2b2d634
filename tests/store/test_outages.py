"""A database that is away, busy, full or slow, and comes back; and rows it will never take."""

import asyncio
import contextlib
import gc
import os
import signal
import sqlite3

import pytest
from sqlalchemy import text
from tests.contract import samples
from tests.contract.samples import ALPHA, NOON, REF, exchange, meter_value, report, sender, station
from tests.postgres import Cluster, execute
from tests.store.databases import clock, plain

from voltkeep.domain.events import StationAdded
from voltkeep.domain.identity import Evse
from voltkeep.services.ports import Contended, StoreUnavailable
from voltkeep.store import migrate, open_store
from voltkeep.store.journal import Unstorable


class SqliteOutage:
    """Another process writes, and does not stop."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._path = url.removeprefix("sqlite:///")
        self._other: sqlite3.Connection | None = None

    def begin(self) -> None:
        self._other = sqlite3.connect(self._path, isolation_level=None)
        self._other.execute("BEGIN IMMEDIATE")

    def end(self) -> None:
        if self._other is not None:
            self._other.execute("ROLLBACK")
            self._other.close()
            self._other = None

    def stored(self, table: str) -> int:
        with contextlib.closing(sqlite3.connect(self._path)) as other:
            [(count,)] = other.execute(f"SELECT count(*) FROM {table}")
            return int(count)


class PostgresOutage:
    """The server crashes, and is started again."""

    def __init__(self, cluster: Cluster) -> None:
        self.url = plain(cluster.url)
        self._cluster = cluster

    def begin(self) -> None:
        self._cluster.stop("immediate")

    def end(self) -> None:
        if self._cluster.pid is None:
            self._cluster.start()

    def stored(self, table: str) -> int:
        return int(execute(self.url, f"SELECT count(*) FROM {table}"))


@pytest.fixture(scope="module")
def own_cluster():
    with Cluster() as cluster:
        asyncio.run(migrate(cluster.url))
        yield cluster


@pytest.fixture(params=["sqlite", "postgres"])
def outage(request):
    made: SqliteOutage | PostgresOutage
    if request.param == "sqlite":
        made = SqliteOutage(request.getfixturevalue("sqlite_url"))
    else:
        made = PostgresOutage(request.getfixturevalue("own_cluster"))
        execute(made.url, "DELETE FROM stations; DELETE FROM meter_values; DELETE FROM outbox")
    yield made
    made.end()


@pytest.fixture
async def patient(outage):
    opened = await open_store(outage.url, clock=clock, busy_seconds=0.05)
    yield opened
    outage.end()
    await opened.close()


async def add_station(store, id=ALPHA):
    async with store.begin() as work:
        return await work.stations.add(station(id))


async def test_a_work_fails_while_the_database_is_away_and_succeeds_after(patient, outage):
    assert await add_station(patient)
    outage.begin()
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            await add_station(patient, samples.BETA)
    outage.end()

    assert await add_station(patient, samples.BETA)
    assert outage.stored("stations") == 2


async def test_after_a_crash_no_connection_of_the_pool_is_met_dead(patient, outage):
    """All of them were open; the first work after the restart must not pay for that."""

    async def touch(barrier):
        async with patient.read() as work:
            await work.stations.get(ALPHA)
            await barrier.wait()

    barrier = asyncio.Barrier(4)
    await asyncio.gather(*(touch(barrier) for _ in range(4)))
    outage.begin()
    outage.end()
    await asyncio.sleep(0.05)  # the loop hears that the server hung up

    for _ in range(5):
        async with patient.read() as work:
            assert await work.stations.get(ALPHA) is None
    assert await add_station(patient)


async def test_the_journal_waits_for_the_database_to_come_back(patient, outage):
    await patient.journal.meter_values(sender(), report(meter_value()))
    outage.begin()
    waiting = asyncio.gather(
        *(patient.journal.meter_values(sender(), report(meter_value(n))) for n in range(1, 20))
    )
    async with asyncio.timeout(20):
        while not patient.counters.failures:  # noqa: ASYNC110  # counters ring no bell
            await asyncio.sleep(0.01)
    assert not waiting.done()
    outage.end()

    await waiting
    assert outage.stored("meter_values") == 20


async def test_a_server_that_crashes_in_the_middle_of_a_work_leaves_nothing(own_cluster):
    outage = PostgresOutage(own_cluster)
    execute(outage.url, "DELETE FROM stations; DELETE FROM outbox")
    store = await open_store(outage.url, clock=clock)

    async def interrupted(*, statement_follows):
        async with store.begin() as work:
            await work.stations.add(station())
            work.emit(StationAdded(station=ALPHA, at=NOON))
            outage.begin()
            if statement_follows:
                await work.stations.get(ALPHA)

    for statement_follows in (True, False):
        with pytest.raises(StoreUnavailable):
            await interrupted(statement_follows=statement_follows)
        outage.end()
        assert (outage.stored("stations"), outage.stored("outbox")) == (0, 0)
    await store.close()


async def test_a_server_that_answers_nothing_is_given_up(own_cluster, monkeypatch):
    """A rollback is not waited for, and the journal finds another connection by itself."""
    monkeypatch.setattr("voltkeep.store.postgres._ANSWER_SECONDS", 0.5)
    url = plain(own_cluster.url)
    execute(url, "DELETE FROM stations; DELETE FROM meter_values")
    store = await open_store(url, clock=clock)
    await store.journal.meter_values(sender(), report(meter_value()))
    journals = int(
        execute(url, "SELECT pid FROM pg_stat_activity WHERE query LIKE '%COMMIT%' LIMIT 1")
    )
    stopped = [journals]

    async def met_with_silence():
        async with store.begin() as work:
            [(pid,)] = await work._db.rows(text("SELECT pg_backend_pid()"))
            stopped.append(pid)
            os.kill(pid, signal.SIGSTOP)
            await work.stations.get(ALPHA)

    os.kill(journals, signal.SIGSTOP)
    try:
        async with asyncio.timeout(15):
            await store.journal.meter_values(sender(), report(meter_value(1)))
            with pytest.raises(StoreUnavailable):
                await met_with_silence()
            assert await add_station(store)
        assert len(set(stopped)) == 2
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    await store.close()


async def test_a_work_whose_statement_failed_cannot_be_committed(sql_store):
    """Even if somebody caught it: PostgreSQL would answer COMMIT with a quiet ROLLBACK."""

    async def careless():
        async with sql_store.begin() as work:
            await work.stations.add(station())
            with contextlib.suppress(Exception):
                await work._db.rows(text("SELECT nonsense FROM nowhere"))

    with pytest.raises(StoreUnavailable):
        await careless()
    assert await add_station(sql_store)


async def test_a_full_disk_is_unavailable(sqlite_url):
    store = await open_store(sqlite_url, clock=clock)
    async with store.begin() as work:
        await work._db.rows(text("PRAGMA max_page_count=1"))
        [pages] = await work._db.rows(text("PRAGMA page_count"))
        await work._db.rows(text(f"PRAGMA max_page_count={pages[0]}"))

    async def fill():
        async with store.begin() as work:
            await work.stations.add(station(note="x" * 1_000_000))

    with pytest.raises(StoreUnavailable, match="full"):
        await fill()
    async with store.begin() as work:
        await work._db.rows(text("PRAGMA max_page_count=1000000"))
    await fill()
    await store.close()


async def test_a_pool_that_is_used_up_is_unavailable(migrated_postgres_url):
    store = await open_store(migrated_postgres_url, clock=clock, pool_size=1, patience=0.1)
    async with store.read() as work:
        await work.stations.get(ALPHA)
        with pytest.raises(StoreUnavailable):
            await add_station(store)
    assert await add_station(store)
    await store.close()


async def test_a_writer_that_does_not_end_is_not_waited_for_forever(sqlite_url):
    store = await open_store(sqlite_url, clock=clock, patience=0.1)
    async with store.begin():
        with pytest.raises(StoreUnavailable):
            await add_station(store)
    assert await add_station(store)
    await store.close()


async def test_a_deadlock_is_unavailable_for_one_and_harmless_for_the_other(
    migrated_postgres_url,
):
    store = await open_store(migrated_postgres_url, clock=clock)
    tokens = [samples.token("one"), samples.token("two")]
    async with store.begin() as work:
        for token in tokens:
            await work.tokens.save(samples.TENANT, token)
    barrier = asyncio.Barrier(2)

    async def hold(first, second):
        async with store.begin() as work:
            await work.tokens.hold(samples.TENANT, first.id_token)
            await barrier.wait()
            await work.tokens.hold(samples.TENANT, second.id_token)

    results = await asyncio.gather(hold(*tokens), hold(*tokens[::-1]), return_exceptions=True)

    await store.close()
    (failure,) = filter(None, results)
    assert isinstance(failure, Contended)
    assert isinstance(failure, StoreUnavailable)


async def test_a_cancelled_statement_leaves_the_pool_whole(migrated_postgres_url):
    store = await open_store(migrated_postgres_url, clock=clock, pool_size=1, patience=5)

    async def slow():
        async with store.read() as work:
            await work._db.rows(text("SELECT pg_sleep(30)"))

    for _ in range(3):
        task = asyncio.create_task(slow())
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await add_station(store) is not None
    await store.close()


@pytest.mark.parametrize(
    "bad",
    [
        report(meter_value(1), evse=Evse(2**70)),
        report(samples.meter_value(2), evse=Evse(1, 2**63)),
    ],
)
async def test_a_row_that_the_database_will_never_take_fails_alone(sql_store, bad):
    journal = sql_store.journal
    good = [report(meter_value(n)) for n in range(10, 20)]

    results = await asyncio.gather(
        *(journal.meter_values(sender(), each) for each in (*good[:5], bad, *good[5:])),
        return_exceptions=True,
    )

    assert isinstance(results.pop(5), Unstorable)
    assert results == [None] * 10
    async with sql_store.read() as work:
        found = await work.meter_values.of_transaction(ALPHA, REF)
        assert [row.value for row in found] == [each.values[0] for each in good]


async def test_text_that_no_database_keeps_is_mended_in_the_journal(sql_store):
    odd = "a\0b\ud800c"
    sql_store.journal.exchange(exchange(message_id=odd, action=odd, note=odd, verdict=odd))
    sql_store.journal.status(sender(), samples.status_update(info=odd))
    await sql_store.journal.meter_values(sender(), report(meter_value(), ref=odd))
    await sql_store.journal.transaction_update(sender(), odd, samples.update(trigger=odd))

    async with sql_store.begin() as work:
        assert len(await work.meter_values.of_transaction(ALPHA, odd)) == 1
        assert not await work.transactions.mark(ALPHA, odd, samples.update(), NOON)
    assert sql_store.counters.unstorable == 0


async def test_a_commit_is_on_the_disk(sqlite_url):
    """A kill leaves what the system holds in memory; only a power cut would tell."""
    store = await open_store(sqlite_url, clock=clock)
    async with store.begin() as work:
        [(synchronous,)] = await work._db.rows(text("PRAGMA synchronous"))
        [(journal,)] = await work._db.rows(text("PRAGMA journal_mode"))
    assert (synchronous, journal) == (2, "wal")
    await store.close()


async def test_a_closed_store_takes_nothing(sql_store):
    await sql_store.close()

    with pytest.raises(StoreUnavailable):
        await add_station(sql_store)
    with pytest.raises(StoreUnavailable):
        await sql_store.health()
    with pytest.raises(StoreUnavailable):
        await sql_store.journal.meter_values(sender(), report(meter_value()))
    await sql_store.close()


async def test_closing_waits_for_no_work_that_never_ends(sql_store, monkeypatch):
    monkeypatch.setattr("voltkeep.store.sqlite._CLOSE_SECONDS", 0.1)
    entered = asyncio.Event()

    async def endless():
        async with sql_store.begin() as work:
            await work.stations.add(station())
            entered.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(endless())
    await entered.wait()
    async with asyncio.timeout(10):
        await sql_store.close()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await sql_store.close()
    gc.collect()  # a connection that was left open would be told of here
