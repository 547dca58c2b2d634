"""SQLite: the file, connections to it, and the thread of each."""

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import structlog
from sqlalchemy import Connection, create_engine
from sqlalchemy.engine import URL, Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from voltkeep.services.ports import StoreUnavailable
from voltkeep.store.engine import T
from voltkeep.store.failures import TRANSLATED

log = structlog.get_logger(__name__)

BUSY_SECONDS = 10.0  # how long SQLite waits for a writer in another process
_RETRY_SECONDS = 0.02
_WRITER_CACHE_KIB = 16 * 1024
# Pages in the log before they are moved to the database: the more, the fewer are moved twice.
_CHECKPOINT_PAGES = 4000


def file_of(url: URL) -> Path:
    """The database file that a `parse_url` names."""
    assert url.database
    return Path(url.database).absolute()


def make_file(url: URL) -> None:
    """Make an empty database file that only its owner may read: it holds hashes of keys."""
    path = file_of(url)
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def connect(url: URL, *, busy_seconds: float, writes: bool) -> sqlite3.Connection:
    """A connection that begins no transaction by itself; the file must be there."""
    connection = sqlite3.connect(
        f"{file_of(url).as_uri()}?mode=rw",
        uri=True,
        timeout=busy_seconds,
        isolation_level=None,
        check_same_thread=False,  # closed by whoever ends the thread
        cached_statements=256,
    )
    if writes:
        _log_ahead(connection, busy_seconds)
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(f"PRAGMA cache_size=-{_WRITER_CACHE_KIB}")
        connection.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
    else:
        connection.execute("PRAGMA query_only=ON")
    return connection


def _log_ahead(connection: sqlite3.Connection, busy_seconds: float) -> None:
    """Keep a write-ahead log from now on.

    SQLite does not wait for others when it changes to one: it says "locked" at once while
    another process does the same to a new file, whatever its timeout is.
    """
    until = time.monotonic() + busy_seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(_RETRY_SECONDS)
        else:
            return


def make_engine(url: URL, *, busy_seconds: float, writes: bool, echo: bool = False) -> Engine:
    return create_engine(
        "sqlite://",
        creator=lambda: connect(url, busy_seconds=busy_seconds, writes=writes),
        poolclass=NullPool,
        echo=echo,
    )


class Worker:
    """A connection, opened when it is first needed, and the one thread that uses it."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"sqlite-{name}")
        self._connection: Connection | None = None
        self._is_closed = False

    async def do(self, function: Callable[[Connection], T]) -> T:
        """Run on the thread. Raises StoreUnavailable. Cancelled, the thread still finishes it."""
        if self._is_closed:
            raise StoreUnavailable("the store is closed")
        with TRANSLATED:
            return await asyncio.get_running_loop().run_in_executor(
                self._thread, self._run, function
            )

    def _run(self, function: Callable[[Connection], T]) -> T:
        if self._connection is None:
            self._connection = self._engine.connect()
        return function(self._connection)

    async def end(self) -> None:
        """Roll back, if anything is left to roll back; a connection that cannot is dropped."""
        if not self._is_closed:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._end)

    def end_soon(self) -> None:
        """As `end`, before whatever is to be done next: nobody waits for it."""
        if not self._is_closed:
            self._thread.submit(self._end)

    def _end(self) -> None:
        connection = self._connection
        if connection is None:
            return
        try:
            connection.rollback()
            if raw(connection).in_transaction:
                raw(connection).rollback()
        except (SQLAlchemyError, sqlite3.Error) as error:
            log.warning("a database connection is given up", error=str(error))
            self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None

    async def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            await asyncio.get_running_loop().run_in_executor(self._thread, self._drop)
            self._thread.shutdown(wait=False)


def raw(connection: Connection) -> sqlite3.Connection:
    """The driver's own connection."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver
