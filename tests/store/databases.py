"""Empty, migrated databases for tests: made once, then copied."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import pytest
from tests.postgres import create_database, drop_database, execute

from voltkeep.store import MemoryStore, Store, migrate, open_store, tables

NOW = datetime(2026, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)


def clock() -> datetime:
    return NOW


def plain(url: str) -> str:
    """A database URL as a person would write it, without a driver."""
    return url.replace("postgresql+asyncpg:", "postgresql:")


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("sqlite") / "migrated.db"
    asyncio.run(migrate(f"sqlite:///{path}"))
    return path


@pytest.fixture
def sqlite_url(migrated_file, tmp_path) -> str:
    path = tmp_path / "voltkeep.db"
    shutil.copy(migrated_file, path)
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def migrated_database(postgres_url: str) -> Iterator[str]:
    url = create_database(postgres_url)
    asyncio.run(migrate(url))
    yield plain(url)
    drop_database(url)


@pytest.fixture
def migrated_postgres_url(migrated_database: str) -> str:
    """One database for all tests of this process, emptied: a new one takes a second."""
    emptied = [f'DELETE FROM "{name}"' for name in tables.metadata.tables]
    restarted = [
        f"ALTER SEQUENCE {sequence.name} RESTART"
        for sequence in (tables.TRANSACTION_NUMBERS, tables.REMOTE_START_NUMBERS)
    ]
    may_be_emptied = ["ALTER TABLE audit_log DISABLE TRIGGER USER"]
    may_not = ["ALTER TABLE audit_log ENABLE TRIGGER USER"]
    execute(migrated_database, "; ".join(may_be_emptied + emptied + restarted + may_not))
    return migrated_database


_FIXTURES = {"sqlite": "sqlite_url", "postgres": "migrated_postgres_url"}


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty, migrated database of each engine."""
    url: str = request.getfixturevalue(_FIXTURES[request.param])
    return url


@pytest.fixture
async def sql_store(database_url: str) -> AsyncIterator[Store]:
    """An open store of each engine, empty."""
    opened = await open_store(database_url, clock=clock)
    yield opened
    await opened.close()


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest) -> str | None:
    """As `database_url`, and None for the store in memory."""
    name = _FIXTURES.get(request.param)
    return request.getfixturevalue(name) if name else None


@pytest.fixture
async def store(store_url: str | None) -> AsyncIterator[Store | MemoryStore]:
    """Every store there is, empty."""
    opened = MemoryStore() if store_url is None else await open_store(store_url, clock=clock)
    yield opened
    await opened.close()
