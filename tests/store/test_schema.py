"""The schema: what the migrations make is what the code says it is."""

import asyncio
import sqlite3 as driver
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import DBAPIError
from tests.contract.samples import ADA, DEED, NOON, TENANT
from tests.postgres import execute
from tests.store.databases import clock, plain

from voltkeep.domain.meter_values import MeterValue
from voltkeep.services.ports import StoreUnavailable
from voltkeep.store import (
    BadDatabaseUrl,
    SchemaMismatch,
    meter_values,
    migrate,
    open_store,
    postgres,
    schema_status,
    sqlite_workers,
    tables,
    upgrade,
)
from voltkeep.store.engine import parse_url

HEAD = upgrade.revisions()[-1]


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request, tmp_path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/new/voltkeep.db"
    return plain(request.getfixturevalue("postgres_database"))


def is_no_partition(name, kind, parents):
    return kind != "table" or not name.startswith(PARTITIONS)


PARTITIONS = tuple(
    f"{table.name}_{part}"
    for table in tables.metadata.sorted_tables
    if tables.PARTITIONED_BY in table.info
    for part in ("before", "other", "2")
)


def missing(table, key):
    """On PostgreSQL a partitioned table has its time in its key."""
    by = table.info.get(tables.PARTITIONED_BY)
    return [by] if by is not None and by not in key else []


def differences(connection):
    """What Alembic sees, which has no eye for primary keys."""
    is_sqlite = not connection.dialect.supports_identity_columns
    opts = {"compare_server_default": not is_sqlite, "include_name": is_no_partition}
    context = MigrationContext.configure(connection, opts=opts)
    inspector = inspect(connection)
    keys = {
        table.name: (inspector.get_pk_constraint(table.name)["constrained_columns"], named)
        for table in tables.metadata.sorted_tables
        for named in [[column.name for column in table.primary_key]]
        for named in [named + ([] if is_sqlite else missing(table, named))]
    }
    other_keys = {name: key for name, key in keys.items() if key[0] != key[1]}
    return [*compare_metadata(context, tables.metadata), *other_keys.items()]


async def compare(url):
    where = parse_url(url)
    if where.get_backend_name() == "sqlite":
        with create_engine(where).connect() as connection:
            return differences(connection)
    engine = postgres.make_engine(where, pool_size=1, pool_seconds=5)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(differences)
    finally:
        await engine.dispose()


async def test_the_migrations_make_the_tables_of_the_code(empty_url):
    assert (await schema_status(empty_url)).current is None

    done = await migrate(empty_url)

    assert (done.current, done.head, done.pending) == (HEAD, HEAD, [])
    assert await schema_status(empty_url) == done
    assert await compare(empty_url) == []


async def test_migrating_again_changes_nothing(database_url):
    before = await schema_status(database_url)

    assert await migrate(database_url) == before
    assert await compare(database_url) == []


async def test_two_that_migrate_at_once_take_turns(empty_url):
    done = await asyncio.gather(*(migrate(empty_url) for _ in range(3)))

    assert {status.current for status in done} == {HEAD}


def test_a_new_file_that_another_writes_is_waited_for(tmp_path):
    """SQLite itself says "locked" at once to one who wants a write-ahead log meanwhile."""
    where = parse_url(f"sqlite:///{tmp_path}/new.db")
    sqlite_workers.make_file(where)
    with (
        closing(driver.connect(sqlite_workers.file_of(where), isolation_level=None)) as other,
        ThreadPoolExecutor(1) as pool,
    ):
        other.execute("BEGIN IMMEDIATE")
        opened = pool.submit(sqlite_workers.connect, where, busy_seconds=30, writes=True)
        with pytest.raises(TimeoutError):
            opened.result(0.2)
        other.execute("ROLLBACK")
        with closing(opened.result(30)) as connection:
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_an_empty_database_is_not_opened(empty_url):
    with pytest.raises(SchemaMismatch, match="voltkeep db upgrade"):
        await open_store(empty_url, clock=clock)


async def test_a_schema_newer_than_the_code_is_left_alone(sqlite_url):
    with create_engine(sqlite_url).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999_next_pre'"))

    for refuses in (
        schema_status(sqlite_url),
        migrate(sqlite_url),
        open_store(sqlite_url, clock=clock),
    ):
        with pytest.raises(SchemaMismatch, match=r"9999_next_pre.*newer"):
            await refuses


async def test_only_what_the_code_needs_must_have_been_done():
    """A step for later, `_post`, may wait until no older code runs."""
    upgrade.SchemaStatus(current="1_a_pre", head="2_b_post", pending=["2_b_post"]).check()
    with pytest.raises(SchemaMismatch, match=r"1_a_pre.*2_b_pre"):
        upgrade.SchemaStatus(current="1_a_pre", head="2_b_pre", pending=["2_b_pre"]).check()


def test_each_step_is_named_by_its_file_and_says_when_it_runs():
    scripts = ScriptDirectory(str(Path(upgrade.__file__).parent / "migrations"))

    by_alembic = [script.revision for script in scripts.walk_revisions()]
    assert by_alembic[::-1] == upgrade.revisions()
    assert all(name.endswith(("_pre", "_post")) for name in upgrade.revisions())
    assert all(len(name) <= 32 for name in upgrade.revisions())  # Alembic's column


def test_each_table_has_its_tenant_first_in_its_key():
    first = {
        table.name: next(iter(table.primary_key)).name for table in tables.metadata.tables.values()
    }

    assert set(first.values()) == {"tenant"}
    assert all(
        next(iter(table.columns)).name == "tenant" for table in tables.metadata.sorted_tables
    )


def test_a_meter_value_has_a_column_for_each_of_its_fields():
    fields = set(MeterValue.__struct_fields__)

    assert fields <= set(meter_values.COLUMNS)
    assert set(meter_values.COLUMNS) - fields == {
        *("tenant", "shard", "station", "ref", "evse_id", "connector_id"),
        *("received_at", "digest"),
    }


def test_text_is_in_the_order_of_its_code_points(migrated_postgres_url):
    """Whatever the locale of the cluster: pages follow each other as on SQLite."""
    other = execute(
        migrated_postgres_url,
        "SELECT table_name, column_name FROM information_schema.columns "
        "WHERE table_schema = 'public' AND table_name <> 'alembic_version' "
        "AND data_type IN ('text', 'character varying') AND collation_name IS DISTINCT FROM 'C'",
    )

    assert other == ""


async def test_a_new_database_file_is_its_owners_alone(tmp_path):
    """It holds hashes of keys."""
    path = tmp_path / "a" / "b.db"
    await migrate(f"sqlite:///{path}")

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "url",
    [
        *("sqlite://", "sqlite:///:memory:", "mysql://host/name"),
        *("nonsense", "", "postgresql//x"),
    ],
)
async def test_a_url_that_cannot_be_used_is_refused_in_words(url):
    with pytest.raises(BadDatabaseUrl, match=r"sqlite:////absolute/path\.db"):
        await open_store(url, clock=clock)


async def test_a_url_may_name_its_driver_or_not(sqlite_url, migrated_postgres_url):
    for url in (
        sqlite_url.replace("sqlite:", "sqlite+aiosqlite:"),
        sqlite_url.replace("sqlite:", "sqlite+pysqlite:"),
        migrated_postgres_url.replace("postgresql:", "postgresql+asyncpg:"),
        migrated_postgres_url.replace("postgresql:", "postgres:"),
        migrated_postgres_url + "?sslmode=disable",
    ):
        store = await open_store(url, clock=clock)
        assert (await store.health()).latency_s > 0
        told = await store.describe()
        assert told.kind == ("SQLite" if "sqlite" in url else "PostgreSQL")
        assert told.version[0].isdigit()
        assert told.schema == HEAD
        assert told.size_bytes > 10_000
        await store.close()


async def test_a_database_that_is_away_is_unavailable(tmp_path):
    with pytest.raises(StoreUnavailable):
        await open_store("postgresql://nobody:x@127.0.0.1:1/none", clock=clock)
    (tmp_path / "directory.db").mkdir()
    with pytest.raises(StoreUnavailable):
        await open_store(f"sqlite:///{tmp_path}/directory.db", clock=clock)


_CHANGES = {
    "sqlite": "INSERT OR REPLACE INTO audit_log VALUES ('default', 1, 0, '{}', '{}', '', '')",
    "postgresql": "TRUNCATE audit_log",
}


@pytest.mark.parametrize(
    "change", ["UPDATE audit_log SET deed = '{}'", "DELETE FROM audit_log", ""]
)
async def test_the_database_itself_refuses_to_change_the_audit_log(database_url, change):
    change = change or _CHANGES[database_url.partition(":")[0]]
    store = await open_store(database_url, clock=clock)
    async with store.begin() as work:
        await work.audit.append(TENANT, NOON, ADA, DEED)

    with pytest.raises(DBAPIError, match="only added to"):
        async with store.begin() as work:
            await work._db.run(text(change))

    async with store.read() as work:
        assert [entry.deed for entry in await work.audit.since(TENANT)] == [DEED]
    await store.close()
