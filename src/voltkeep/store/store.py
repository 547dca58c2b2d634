"""The store as the rest of the system sees it: works, the journal, the outbox."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from msgspec import Struct
from sqlalchemy import TextClause, text

from voltkeep.services.ports import Clock
from voltkeep.store import census, filling
from voltkeep.store.census import Census
from voltkeep.store.engine import Database, EngineName, parse_url
from voltkeep.store.journal import FLUSH_BOUNDS_S, BatchJournal, JournalCounters
from voltkeep.store.journal_postgres import PostgresJournalWriter
from voltkeep.store.journal_sqlite import SqliteJournalWriter
from voltkeep.store.outbox import Outbox
from voltkeep.store.postgres import PostgresDatabase
from voltkeep.store.retention import Kept, Retention
from voltkeep.store.sqlite import SqliteDatabase
from voltkeep.store.sqlite_workers import BUSY_SECONDS
from voltkeep.store.upgrade import schema_status, status_of
from voltkeep.store.work import SqlWork

_REVISION = text("SELECT version_num FROM alembic_version")
_KINDS: dict[EngineName, str] = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
_SIZE: dict[EngineName, TextClause] = {
    "sqlite": text(
        "SELECT sqlite_version() AS version, page_count * page_size AS size "
        "FROM pragma_page_count(), pragma_page_size()"
    ),
    "postgresql": text(
        "SELECT current_setting('server_version') AS version, "
        "pg_database_size(current_database()) AS size"
    ),
}


class Health(Struct, frozen=True, kw_only=True):
    """How the database does."""

    latency_s: float


class Described(Struct, frozen=True, kw_only=True):
    """Which database it is, how large, and how fast it answers."""

    kind: str
    version: str
    schema: str
    size_bytes: int
    latency_s: float


class Store:
    """Made by `open_store`."""

    def __init__(self, database: Database, journal: BatchJournal, *, clock: Clock) -> None:
        self._database = database
        self.journal = journal
        self.outbox = Outbox(database, clock)
        self._retention = Retention(database, clock)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[SqlWork]:
        """`services.ports.Begin`."""
        async with self._database.writing() as db:
            work = SqlWork(db, [])
            yield work
            emitted = await work.finish()
        if emitted:
            self.outbox.committed.set()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[SqlWork]:
        """`services.ports.Read`."""
        async with self._database.reading() as db:
            yield SqlWork(db, None)

    async def health(self) -> Health:
        """Whether and how fast the database answers. Raises StoreUnavailable, SchemaMismatch."""
        began = time.perf_counter()
        async with self._database.reading() as db:
            rows = await db.rows(_REVISION)
        status_of(rows[0].version_num if rows else None).check()
        return Health(latency_s=time.perf_counter() - began)

    async def describe(self) -> Described:
        """What people are told of the database. Raises StoreUnavailable."""
        engine = self._database.engine
        async with self._database.reading() as db:
            began = time.perf_counter()
            revision = await db.rows(_REVISION)
            took = time.perf_counter() - began
            [row] = await db.rows(_SIZE[engine])
        return Described(
            kind=_KINDS[engine],
            version=row.version,
            schema=revision[0].version_num,
            size_bytes=row.size,
            latency_s=took,
        )

    async def census(self) -> Census:
        """How many there are of what is watched. Raises StoreUnavailable."""
        return await census.take(self._database)

    @property
    def pool_in_use(self) -> int:
        """Connections to the database that somebody uses now."""
        return self._database.in_use

    @property
    def flush_bounds_s(self) -> Sequence[float]:
        """Of the buckets in which ``counters.flushes`` counts."""
        return FLUSH_BOUNDS_S

    @property
    def counters(self) -> JournalCounters:
        """What the journal has done, and has yet to do."""
        return self.journal.counters

    async def prune_messages(self, older_than: datetime) -> int:
        """Remove messages of the log that were called before; how many."""
        return await self._retention.prune_messages(older_than)

    async def prune_events(self, older_than: datetime) -> int:
        """Remove events that were published before; how many."""
        return await self._retention.prune_events(older_than)

    async def prune_status_history(self, older_than: datetime) -> int:
        """Remove the history of connectors from before; how many rows."""
        return await self._retention.prune_status_history(older_than)

    async def prune_commands(self, older_than: datetime) -> int:
        """Remove commands and remote starts from before; how many."""
        return await self._retention.prune_commands(older_than)

    async def prune_security(self, older_than: datetime) -> int:
        """Remove security events, refusals and acknowledged alerts from before; how many."""
        return await self._retention.prune_security(older_than)

    async def prune(self, kept: Kept) -> None:
        """Remove all that is older than it is kept, and make room for what is to come."""
        await self._retention.prune(kept)

    async def fill_columns(self) -> int:
        """Fill columns that a release added, where they are empty yet; how many rows."""
        return await filling.fill(self._database)

    async def close(self) -> None:
        """Store what the journal still holds, and close every connection."""
        await self.journal.close()
        await self._database.close()


async def open_store(
    url: str,
    *,
    clock: Clock,
    pool_size: int = 10,
    patience: float = 25.0,
    busy_seconds: float = BUSY_SECONDS,
    echo: bool = False,
) -> Store:
    """Open the database at ``url``, whose schema must be up to date.

    ``patience`` is how many seconds a work waits for its turn, and a row of the journal for a
    database that is away; ``busy_seconds`` how many SQLite waits for another process that writes.
    Raises BadDatabaseUrl, SchemaMismatch, StoreUnavailable.
    """
    where = parse_url(url)
    (await schema_status(url)).check()
    if where.get_backend_name() == "sqlite":
        file = SqliteDatabase(where, busy_seconds=busy_seconds, patience=patience, echo=echo)
        return Store(file, BatchJournal(SqliteJournalWriter(file), patience=patience), clock=clock)
    server = PostgresDatabase(where, pool_size=pool_size, patience=patience, echo=echo)
    journal = BatchJournal(PostgresJournalWriter(where), patience=patience)
    return Store(server, journal, clock=clock)
