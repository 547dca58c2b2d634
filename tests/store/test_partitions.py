"""PostgreSQL's partitions: made ahead, dropped whole, and unseen by whoever reads and writes."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import select, text
from tests.contract import samples
from tests.contract.samples import ALPHA, REF, exchange, meter_value, report, status_update
from tests.postgres import execute
from tests.store.databases import plain

from voltkeep.domain.identity import Sender
from voltkeep.domain.meter_values import MeterValue
from voltkeep.services.lists import MeterFilter, StatusFilter
from voltkeep.store import migrate, open_store, tables
from voltkeep.store.partitions import Partitions
from voltkeep.store.retention import Kept

DAY = timedelta(days=1)
# Beyond whatever the clock was when the tables were made.
EDGE = datetime(2031, 2, 1, tzinfo=UTC)


@pytest.fixture
async def store(postgres_database):
    """A database of its own: its tables are changed. The clock stands half a day before an edge."""
    url = plain(postgres_database)
    await migrate(url)
    opened = await open_store(url, clock=lambda: EDGE - DAY / 2)
    yield opened
    await opened.close()


def of(store, table):
    return Partitions(store._database, table)


async def names(store, table):
    return [each.name for each in await of(store, table).of()]


async def count(store, name):
    async with store.read() as work:
        return (await work._db.rows(text(f"SELECT count(*) AS n FROM {name}")))[0].n


def value(at, energy_wh=1.0):
    return MeterValue(at=at, energy_wh=energy_wh, raw=b"[]")


async def store_values(store, *times, received_at=None):
    sender = Sender(ALPHA, 1, received_at or times[0])
    await store.journal.meter_values(sender, report(*(value(at) for at in times)))


async def test_partitions_are_made_ahead_by_month_or_by_day(store):
    now = EDGE - DAY / 2
    await store.prune(Kept(messages=30 * DAY, statuses=365 * DAY))

    months = await of(store, tables.meter_values).of()
    assert [each.end for each in months[1:]] == [
        EDGE,
        datetime(2031, 3, 1, tzinfo=UTC),
        datetime(2031, 4, 1, tzinfo=UTC),
    ]
    assert months[0].name == "meter_values_before"
    assert months[0].first is None
    days = await of(store, tables.message_log).of()
    assert [each.end for each in days[1:]] == [EDGE + n * DAY for n in range(8)]
    assert all(before.end == after.first for before, after in pairwise(days))
    assert await of(store, tables.message_log).make(now, 30 * DAY) == 0


async def test_what_was_metered_at_a_months_edge_is_stored_once_and_read_in_order(store):
    await store.prune(Kept())
    times = [EDGE + timedelta(microseconds=n) for n in (-2, -1, 0, 1)]
    for _ in range(2):
        await store_values(store, *times)

    async with store.read() as work:
        rows = await work.meter_values.of_transaction(ALPHA, REF)
        page = await work.lists.meter_values(ALPHA, MeterFilter(ref=REF), limit=3)
        rest = await work.lists.meter_values(ALPHA, MeterFilter(ref=REF), after=page.next)
    assert [row.value.at for row in rows] == times
    assert [row.value.at for row in (*page.rows, *rest.rows)] == times
    assert await count(store, "meter_values_20310201") == 2


@pytest.mark.parametrize("year", [1970, 2029, 2199])
async def test_a_clock_that_is_years_off_fails_nothing(store, year):
    await store.prune(Kept())
    far = datetime(year, 1, 1, tzinfo=UTC)
    await store_values(store, far, EDGE)
    await store_values(store, far, EDGE)

    async with store.read() as work:
        rows = await work.meter_values.of_transaction(ALPHA, REF)
    assert [row.value.at for row in rows] == sorted([far, EDGE])


async def test_times_that_were_ahead_move_to_their_partition_when_it_is_made(store):
    ahead = EDGE + 70 * DAY
    await store_values(store, EDGE, ahead)
    assert await count(store, "meter_values_other") == 2

    await store.prune(Kept())
    assert await count(store, "meter_values_other") == 1
    await of(store, tables.meter_values).make(EDGE + 60 * DAY, None)
    assert await count(store, "meter_values_other") == 0

    await store_values(store, EDGE, ahead)
    assert await count(store, "meter_values") == 2


async def test_old_partitions_are_dropped_and_newer_ones_are_not(store):
    kept = Kept(meter_values=200 * DAY, messages=2 * DAY, statuses=200 * DAY)
    await store.prune(kept)
    sender = Sender(ALPHA, 1, EDGE)
    await store_values(store, EDGE - DAY, EDGE + DAY, received_at=EDGE)
    for at in (EDGE - DAY, EDGE):
        store.journal.exchange(exchange(called_at=at))
        store.journal.status(Sender(ALPHA, 1, at), status_update(info=f"{at:%d}"))
    await store.journal.meter_values(sender, report(meter_value()))

    later = EDGE + 202 * DAY
    store._retention._clock = lambda: later
    await store.prune(kept)

    async with store.read() as work:
        values = await work.meter_values.of_transaction(ALPHA, REF)
        assert [row.value.at for row in values] == [EDGE + DAY]
        history = await work.lists.status_history(ALPHA, StatusFilter())
        assert [row.row.update.info for row in history.rows] == ["01"]
        assert await work.messages.since(0) == []
    assert "meter_values_20310201" in await names(store, tables.meter_values)
    days = await of(store, tables.message_log).of()
    assert not [each.name for each in days[1:] if each.end <= later - 2 * DAY]


async def test_what_is_old_goes_from_where_no_partition_is_dropped(store):
    """Before the first one, and where times go that are years off: by when they were received."""
    old, new = EDGE - 300 * DAY, EDGE - DAY
    await store_values(store, datetime(2020, 1, 1, tzinfo=UTC), received_at=old)
    await store_values(store, datetime(2199, 1, 1, tzinfo=UTC), received_at=old)
    await store_values(store, datetime(2021, 1, 1, tzinfo=UTC), received_at=new)
    await store_values(store, datetime(2198, 1, 1, tzinfo=UTC), received_at=new)

    await store.prune(Kept(meter_values=200 * DAY))

    async with store.read() as work:
        found = await work._db.rows(
            select(tables.meter_values.c.at).order_by(tables.meter_values.c.at)
        )
    assert [row.at.year for row in found] == [2021, 2198]


async def test_others_write_while_partitions_are_made_and_dropped(store):
    is_over = False

    async def write():
        turn = 0
        while not is_over:
            turn += 1
            await store_values(store, EDGE + timedelta(seconds=turn))
        return turn

    writing = asyncio.create_task(write())
    for _ in range(3):
        await store.prune(Kept(meter_values=2 * DAY, messages=DAY))
    is_over = True
    assert await writing == await count(store, "meter_values")


async def test_a_table_with_rows_is_partitioned_where_it_stands(postgres_database, monkeypatch):
    url = plain(postgres_database)
    await _migrate_to(url, "0002_trust_pre", monkeypatch)
    ahead = "'2199-01-01 00:00+00'"
    for at in ("'2020-01-01 00:00+00'", ahead):
        execute(
            postgres_database,
            "INSERT INTO meter_values (tenant, shard, at, station, ref, evse_id, digest, "
            f"received_at, context, raw) VALUES ('default', 1, {at}, 'ALPHA', '', 0, 1, {at}, "
            "'', '[]'); INSERT INTO message_log (tenant, id, station, direction, message_id, "
            "action, call, called_at, verdict, note) VALUES ('default', "
            f"{1 if at is not ahead else 2}, 'ALPHA', 'in', 'm', 'a', '', {at}, 'ok', '')",
        )
    monkeypatch.undo()

    await migrate(url)

    for table in ("meter_values", "message_log"):
        for part, rows in (("", "2"), ("_before", "1"), ("_other", "1")):
            found = execute(postgres_database, f"SELECT count(*) FROM {table}{part}")
            assert found == rows, (table, part)


async def _migrate_to(url, revision, monkeypatch):
    original = ScriptDirectory._upgrade_revs

    def until(self, _, current):
        return original(self, revision, current)

    monkeypatch.setattr(ScriptDirectory, "_upgrade_revs", until)
    await migrate(url)


async def test_old_transactions_go_with_what_was_heard_of_them(store):
    async with store.begin() as work:
        ended = samples.transaction(ended_at=EDGE - 9 * DAY)
        assert await work.transactions.add(ended)
        await work.transactions.mark(ALPHA, REF, samples.update(), EDGE)

    await store.prune(Kept(transactions=DAY))

    assert await count(store, "transactions") == await count(store, "transaction_events") == 0


async def test_where_no_partition_can_be_made_the_rest_is_kept_in_order(store):
    """The server's role may not own the tables; or somebody has one to himself for long."""
    await store_values(store, EDGE)
    async with store.begin() as work:
        first = (await of(store, tables.meter_values).of())[0]
        name = f"meter_values_{first.end:%Y%m%d}"
        await work._db.run(text(f"CREATE TABLE {name} (a int)"))
        await work.transactions.add(samples.transaction(ended_at=EDGE - 9 * DAY))

    await store.prune(Kept(transactions=DAY))

    assert len(await of(store, tables.meter_values).of()) == 1
    assert len(await of(store, tables.message_log).of()) > 1
    assert await count(store, "transactions") == 0
    assert await count(store, "meter_values") == 1
