"""What the rest of the store needs of a database, and how a URL names one."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, Protocol, TypeVar

from sqlalchemy import Connection, Dialect, Executable, Insert, Row, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

EngineName = Literal["sqlite", "postgresql"]
_DIALECTS: dict[EngineName, Any] = {"sqlite": sqlite, "postgresql": postgresql}
_DRIVERS: dict[EngineName, Dialect] = {
    "sqlite": sqlite.pysqlite.dialect(),
    "postgresql": postgresql.asyncpg.PGDialect_asyncpg(),  # type: ignore[no-untyped-call]  # it is SQLAlchemy's
}

Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None

T = TypeVar("T")

Steps = Generator[tuple[Executable, Parameters], Sequence[Row[Any]], T]
"""Statements that depend on each other: each is yielded, and gets its rows."""


class BadDatabaseUrl(ValueError):
    """The database's URL cannot be used; the message says what can."""


class Statements(Protocol):
    """One open database transaction. Raises StoreUnavailable from any method."""

    @property
    def engine(self) -> EngineName: ...
    async def rows(
        self, statement: Executable, parameters: Parameters = None
    ) -> Sequence[Row[Any]]: ...
    async def run(self, statement: Executable, parameters: Parameters = None) -> int:
        """How many rows it changed; -1 if it was run with many parameter sets."""
        ...

    async def run_later(self, statement: Executable, parameters: Parameters = None) -> None:
        """Run it in order, but perhaps not at once: what becomes of it shows later."""
        ...

    async def take(self, steps: Steps[T]) -> T:
        """Run these in one go; what they return."""
        ...

    async def take_later(self, steps: Steps[None]) -> None:
        """As `take`, and as `run_later`."""
        ...

    async def append(self, table: Table, rows: list[dict[str, Any]]) -> None:
        """Insert rows whose last key column the database numbers, in this order."""
        ...

    async def next_number(self, sequence: str) -> int:
        """1, 2, 3 …: never the same twice to anyone who was told, gaps allowed."""
        ...


class Database(Protocol):
    """A database with its connections."""

    @property
    def engine(self) -> EngineName: ...
    @property
    def in_use(self) -> int:
        """Connections that somebody uses now."""
        ...

    def writing(self) -> AbstractAsyncContextManager[Statements]:
        """Commits when the block ends well; else, or if a statement failed, keeps nothing."""
        ...

    def reading(self) -> AbstractAsyncContextManager[Statements]:
        """Waits for no writer, and refuses to write."""
        ...

    async def close(self) -> None: ...


class ReadsOnly(RuntimeError):
    """`read()` gives a unit of work that only reads; use `begin()` to write."""


SPOILT = "a statement of this work failed, so nothing of it was kept"


def per_engine(build: Any) -> dict[EngineName, Insert]:
    """A statement for each engine, from a function of its dialect: upserts are spelled in both."""
    return {engine: build(dialect) for engine, dialect in _DIALECTS.items()}


def driver_sql(statement: Insert, engine: EngineName, columns: Sequence[str]) -> str:
    """An insert as text for the driver itself, taking values in the order of ``columns``."""
    compiled = statement.compile(dialect=_DRIVERS[engine], column_keys=columns)
    assert compiled.positiontup == list(columns), "the order of the table's columns"
    return str(compiled)


def parse_url(text: str) -> URL:
    """The URL of a database we know, without its driver. Raises BadDatabaseUrl."""
    try:
        url = make_url(text)
    except ArgumentError:
        raise BadDatabaseUrl(f"not a database URL. {_USE}") from None
    name = url.drivername.partition("+")[0]
    if name == "sqlite":
        if not url.database or url.database == ":memory:":
            raise BadDatabaseUrl(f"a SQLite database needs a file. {_USE}")
        return url.set(drivername="sqlite")
    if name in {"postgresql", "postgres"}:
        return url.set(drivername="postgresql")
    raise BadDatabaseUrl(f"no database is called {name!r} here. {_USE}")


_USE = "Use sqlite:////absolute/path.db or postgresql://user:password@host/name"


def execute(
    connection: Connection, statement: Executable, parameters: Parameters
) -> tuple[Sequence[Row[Any]], int]:
    """The rows and the row count of a statement."""
    result = connection.execute(statement, parameters)
    if result.returns_rows:
        found = result.all()
        return found, len(found)
    return (), result.rowcount
