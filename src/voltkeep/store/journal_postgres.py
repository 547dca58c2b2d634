"""How the journal's batches reach PostgreSQL: a driver's connection of its own."""

from collections.abc import Sequence
from typing import Any

import asyncpg
from sqlalchemy.engine import URL

from voltkeep.services.ports import StoreUnavailable
from voltkeep.store import availability, counting, messages, meter_values, postgres, transactions
from voltkeep.store.batch import Entry, Hints, Rows
from voltkeep.store.columns import as_it_is
from voltkeep.store.engine import driver_sql
from voltkeep.store.failures import TRANSLATED
from voltkeep.store.tables import message_log, status_history

_COUNT_UP = driver_sql(counting.COUNT_UP["postgresql"], "postgresql", counting.COLUMNS)
_METER_VALUE = driver_sql(meter_values.ADD["postgresql"], "postgresql", meter_values.COLUMNS)
_HOUR = driver_sql(meter_values.ADD_HOUR["postgresql"], "postgresql", meter_values.HOUR_COLUMNS)
_MARK = driver_sql(transactions.MARK["postgresql"], "postgresql", transactions.MARK_COLUMNS)
_BLOCK = driver_sql(messages.ADD_BLOCK["postgresql"], "postgresql", messages.BLOCK_COLUMNS)


class PostgresJournalWriter:
    """Connects when it first writes, and anew after each time the server was away."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._connection: asyncpg.Connection | None = None
        self._hours, self._blocks = Hints(), Hints()

    async def write(self, entries: Sequence[Entry]) -> None:
        """All of them, durably, or none.

        Or we cannot know, if the connection ends during COMMIT: then writing them again stores
        each meter value once, and each message of the log twice.
        """
        rows = Rows(entries, as_it_is)
        hours = self._hours.new(meter_values.hours(rows.meter_values))
        try:
            with TRANSLATED:
                if self._connection is None or self._connection.is_closed():
                    self._connection = await postgres.connect(self._url)
                async with self._connection.transaction():
                    await self._write_metered(self._connection, rows, hours)
                    # Last, because the journals of other processes wait for the counter.
                    blocks = await self._write_log(self._connection, rows)
        except BaseException as error:
            if isinstance(error, StoreUnavailable) or not isinstance(error, Exception):
                self._drop()
            raise
        self._hours.stored(hours)
        self._blocks.stored(blocks)

    async def _write_metered(
        self, connection: asyncpg.Connection, rows: Rows, hours: list[Any]
    ) -> None:
        if rows.meter_values:
            await connection.executemany(_METER_VALUE, rows.meter_values)
        if hours:
            await connection.executemany(_HOUR, hours)
        if rows.marks:
            await connection.executemany(_MARK, rows.marks)

    async def _write_log(self, connection: asyncpg.Connection, rows: Rows) -> list[Any]:
        if not rows.numbered:
            return []
        last = await connection.fetchval(_COUNT_UP, "", messages.COUNTER, rows.numbered)
        first = last - rows.numbered + 1
        log, history = rows.log(first), rows.history(first)
        if log:
            await connection.copy_records_to_table(
                message_log.name, records=log, columns=messages.COLUMNS
            )
        if history:
            await connection.copy_records_to_table(
                status_history.name, records=history, columns=availability.HISTORY_COLUMNS
            )
        blocks = self._blocks.new(messages.blocks(log))
        if blocks:
            await connection.executemany(_BLOCK, blocks)
        return blocks

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with TRANSLATED:
                await connection.close(timeout=postgres.CONNECT_SECONDS)
