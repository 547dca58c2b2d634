"""How the journal's batches reach SQLite: plain statements on the writer's thread."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from voltkeep.store import availability, counting, messages, meter_values, transactions
from voltkeep.store.batch import Entry, Hints, Rows
from voltkeep.store.columns import micros
from voltkeep.store.engine import driver_sql
from voltkeep.store.sqlite import SqliteDatabase, undisturbed
from voltkeep.store.sqlite_workers import raw

_COUNT_UP = driver_sql(counting.COUNT_UP["sqlite"], "sqlite", counting.COLUMNS)
_METER_VALUE = driver_sql(meter_values.ADD["sqlite"], "sqlite", meter_values.COLUMNS)
_HOUR = driver_sql(meter_values.ADD_HOUR["sqlite"], "sqlite", meter_values.HOUR_COLUMNS)
_MARK = driver_sql(transactions.MARK["sqlite"], "sqlite", transactions.MARK_COLUMNS)
_EXCHANGE = driver_sql(messages.ADD["sqlite"], "sqlite", messages.COLUMNS)
_BLOCK = driver_sql(messages.ADD_BLOCK["sqlite"], "sqlite", messages.BLOCK_COLUMNS)
_HEARD = driver_sql(availability.ADD_HISTORY["sqlite"], "sqlite", availability.HISTORY_COLUMNS)


class SqliteJournalWriter:
    """Takes its turn among the works of this process."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database
        self._hours, self._blocks = Hints(), Hints()

    async def write(self, entries: Sequence[Entry]) -> None:
        """All of them, durably, or none."""
        async with self._database.turn() as worker:
            try:
                await worker.do(lambda connection: self._write(connection, entries))
            except BaseException:
                await undisturbed(worker.end())
                raise

    def _write(self, connection: Connection, entries: Sequence[Entry]) -> None:
        driver = raw(connection)
        rows = Rows(entries, micros)
        hours = self._hours.new(meter_values.hours(rows.meter_values))
        log: list[Any] = []
        driver.execute("BEGIN IMMEDIATE")
        driver.executemany(_METER_VALUE, rows.meter_values)
        driver.executemany(_HOUR, hours)
        driver.executemany(_MARK, rows.marks)
        if rows.numbered:
            [(last,)] = driver.execute(_COUNT_UP, ("", messages.COUNTER, rows.numbered)).fetchall()
            first = last - rows.numbered + 1
            log = rows.log(first)
            driver.executemany(_EXCHANGE, log)
            driver.executemany(_HEARD, rows.history(first))
        blocks = self._blocks.new(messages.blocks(log))
        driver.executemany(_BLOCK, blocks)
        driver.execute("COMMIT")
        self._hours.stored(hours)
        self._blocks.stored(blocks)

    async def close(self) -> None:
        """The database closes its connections."""
