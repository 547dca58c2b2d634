"""The step that gives certificates and foreign roots a column for when they end."""

from datetime import timedelta
from importlib import import_module

from alembic.migration import MigrationContext
from alembic.operations import Operations
from msgspec import structs
from sqlalchemy import create_engine, text
from tests.contract.samples import ALPHA, IN_INDIA, TENANT, record
from tests.store.databases import clock

from voltkeep.services.records import Look
from voltkeep.store import open_store, postgres
from voltkeep.store.engine import parse_url

STEP = import_module("voltkeep.store.migrations.versions.0005_endings_pre")
MANY = 1_003  # more than are filled at once


def run(connection):
    with Operations.context(MigrationContext.configure(connection)):
        STEP.upgrade()


async def upgrade(url):
    """This step alone, whatever came after it."""
    where = parse_url(url)
    if where.get_backend_name() == "sqlite":
        with create_engine(where).begin() as connection:
            run(connection)
        return
    engine = postgres.make_engine(where, pool_size=1, pool_seconds=5)
    async with engine.begin() as connection:
        await connection.run_sync(run)
    await engine.dispose()


async def test_what_is_there_gets_its_column_filled(database_url):
    first = structs.replace(record("certificates"), not_after=IN_INDIA)
    anchor = record("anchors")
    rows = [
        structs.replace(first, id=f"{n:04}", not_after=IN_INDIA + timedelta(days=n))
        for n in range(MANY)
    ]
    store = await open_store(database_url, clock=clock)
    async with store.begin() as work:
        await work.anchors.put(anchor)
        for row in rows:
            await work.certificates.put(row)
    async with store.begin() as work:
        for table in ("certificates", "trust_anchors"):
            index = f"ix_{table}_tenant_state_not_after_station_id"
            await work._db.run(text(f"DROP INDEX {index}"))
            await work._db.run(text(f"ALTER TABLE {table} DROP COLUMN not_after"))
    await store.close()

    await upgrade(database_url)

    store = await open_store(database_url, clock=clock)
    async with store.read() as work:
        look = Look(states=(first.state,), limit=2 * MANY)
        assert await work.certificates.soonest(TENANT, look) == rows
        assert await work.certificates.get(ALPHA, "0000") == rows[0]
        assert await work.anchors.soonest(TENANT, Look(states=("trusted",))) == [anchor]
    await store.close()
