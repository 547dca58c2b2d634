"""PostgreSQL: a pool of asyncpg connections behind SQLAlchemy."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from sqlalchemy import Executable, Row, Table, event, insert, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from voltkeep.services.ports import StoreUnavailable
from voltkeep.store.engine import SPOILT, EngineName, Parameters, ReadsOnly, Steps, T
from voltkeep.store.failures import TRANSLATED

CONNECT_SECONDS = 5.0
# The server gives up a statement or a lock before the client gives up the server.
_LOCK_SECONDS = 10
_STATEMENT_SECONDS = 20
_ANSWER_SECONDS = 25.0
_IDLE_IN_TRANSACTION_SECONDS = 60

_NEXT = text("SELECT nextval(:sequence)")


async def connect(url: URL, *, unhurried: bool = False) -> asyncpg.Connection:
    """A connection of the driver's; ``unhurried`` ones (migrations) may take their time."""
    settings = {
        "application_name": "voltkeep",
        "lock_timeout": f"{_LOCK_SECONDS}s",
        "idle_in_transaction_session_timeout": f"{_IDLE_IN_TRANSACTION_SECONDS}s",
    }
    if not unhurried:
        settings["statement_timeout"] = f"{_STATEMENT_SECONDS}s"
    return await asyncpg.connect(
        url.render_as_string(hide_password=False),
        timeout=CONNECT_SECONDS,
        command_timeout=None if unhurried else _ANSWER_SECONDS,
        server_settings=settings,
    )


def make_engine(
    url: URL,
    *,
    pool_size: int,
    pool_seconds: float,
    unhurried: bool = False,
    echo: bool = False,
) -> AsyncEngine:
    async def creator() -> asyncpg.Connection:
        return await connect(url, unhurried=unhurried)

    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=creator,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=pool_seconds,
        echo=echo,
    )
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    return engine


def _refuse_closed(dbapi_connection: Any, record: Any, proxy: Any) -> None:
    """What a server closed while it lay in the pool is replaced: a ping that costs nothing."""
    if dbapi_connection.driver_connection.is_closed():
        raise DisconnectionError


class PostgresStatements:
    """One open transaction."""

    engine: EngineName = "postgresql"

    def __init__(self, connection: AsyncConnection, *, writes: bool) -> None:
        self._connection = connection
        self._writes = writes
        self._failed = False

    def check(self) -> None:
        """Raises StoreUnavailable if a statement failed: COMMIT would roll back in silence."""
        if self._failed:
            raise StoreUnavailable(SPOILT)

    async def rows(
        self, statement: Executable, parameters: Parameters = None
    ) -> Sequence[Row[Any]]:
        try:
            with TRANSLATED:
                return (await self._connection.execute(statement, parameters)).all()
        except BaseException:
            self._failed = True
            raise

    async def run(self, statement: Executable, parameters: Parameters = None) -> int:
        if not self._writes:
            raise ReadsOnly(ReadsOnly.__doc__)
        try:
            with TRANSLATED:
                return (await self._connection.execute(statement, parameters)).rowcount
        except BaseException:
            self._failed = True
            raise

    async def run_later(self, statement: Executable, parameters: Parameters = None) -> None:
        await self.run(statement, parameters)

    async def take(self, steps: Steps[T]) -> T:
        if not self._writes:
            raise ReadsOnly(ReadsOnly.__doc__)
        try:
            statement, parameters = next(steps)
            while True:
                with TRANSLATED:
                    result = await self._connection.execute(statement, parameters)
                    rows = result.all() if result.returns_rows else ()
                statement, parameters = steps.send(rows)
        except StopIteration as end:
            value: T = end.value
            return value
        except BaseException:
            self._failed = True
            raise

    async def take_later(self, steps: Steps[None]) -> None:
        await self.take(steps)

    async def append(self, table: Table, rows: list[dict[str, Any]]) -> None:
        await self.run(insert(table).inline(), rows)

    async def next_number(self, sequence: str) -> int:
        """From a sequence: what is rolled back leaves a gap, and nobody waits for anybody."""
        number: int = (await self.rows(_NEXT, {"sequence": sequence}))[0][0]
        return number


class PostgresDatabase:
    """A server's database behind a pool."""

    engine: EngineName = "postgresql"

    def __init__(self, url: URL, *, pool_size: int, patience: float, echo: bool = False) -> None:
        self._engine = make_engine(url, pool_size=pool_size, pool_seconds=patience, echo=echo)
        self._is_closed = False

    @property
    def in_use(self) -> int:
        pool = self._engine.pool
        assert isinstance(pool, AsyncAdaptedQueuePool), "what a URL without a choice makes"
        return pool.checkedout()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[PostgresStatements]:
        async with self._connection() as connection:
            statements = PostgresStatements(connection, writes=True)
            yield statements
            statements.check()
            with TRANSLATED:
                await connection.commit()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[PostgresStatements]:
        async with self._connection() as connection:
            with TRANSLATED:
                await connection.execution_options(postgresql_readonly=True)
            yield PostgresStatements(connection, writes=False)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection]:
        """A connection of the pool; it rolls back what was not committed when it returns."""
        if self._is_closed:
            raise StoreUnavailable("the store is closed")
        connection = self._engine.connect()
        with TRANSLATED:
            await connection.start()
        is_lost = False
        try:
            yield connection
        except StoreUnavailable:
            is_lost = True  # perhaps; and a rollback on one that is would be waited for in vain
            raise
        finally:
            with TRANSLATED:
                if is_lost or self._is_closed:  # when closed, its pool is no more
                    await connection.invalidate()
                await connection.__aexit__(None, None, None)

    async def close(self) -> None:
        """A work that has not ended keeps its connection until it does."""
        self._is_closed = True
        await self._engine.dispose()
