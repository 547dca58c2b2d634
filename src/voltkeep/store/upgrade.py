"""The schema of a database: what it is, and how it becomes what this code needs."""

import asyncio
from importlib import resources
from typing import TYPE_CHECKING

from msgspec import Struct
from sqlalchemy import Connection, inspect, text
from sqlalchemy.engine import URL

from voltkeep.store import postgres, sqlite_workers
from voltkeep.store.engine import parse_url
from voltkeep.store.failures import TRANSLATED

if TYPE_CHECKING:
    from collections.abc import Iterable

_MIGRATIONS = "voltkeep.store.migrations"
# Any number, but always the same: two processes that upgrade at once take turns.
_UPGRADE_LOCK = 7_158_208_354_471_276_915


class SchemaMismatch(RuntimeError):
    """The schema of the database is not one that this code works with."""


class SchemaStatus(Struct, frozen=True, kw_only=True):
    """Revisions by name; ``current`` None is an empty database."""

    current: str | None
    head: str
    pending: list[str]

    def check(self) -> None:
        """Raises SchemaMismatch unless this code works with it."""
        if any(name.endswith("_pre") for name in self.pending):
            raise SchemaMismatch(
                f"the database schema is {self.current or 'empty'}, and this version needs "
                f"{self.head}. Run: voltkeep db upgrade"
            )


def revisions() -> list[str]:
    """Every revision this code knows, oldest first."""
    files = (resources.files(_MIGRATIONS) / "versions").iterdir()
    return sorted(file.name.removesuffix(".py") for file in files if file.name[0].isdigit())


async def schema_status(url: str) -> SchemaStatus:
    """What the database has and lacks. Raises SchemaMismatch if it is newer than this code."""
    where = parse_url(url)
    if where.get_backend_name() == "sqlite":
        if not sqlite_workers.file_of(where).exists():
            return status_of(None)
        with TRANSLATED:
            return status_of(await asyncio.to_thread(_sqlite_revision, where))
    engine = postgres.make_engine(where, pool_size=1, pool_seconds=postgres.CONNECT_SECONDS)
    try:
        with TRANSLATED:
            async with engine.connect() as connection:
                return status_of(await connection.run_sync(_revision))
    finally:
        await engine.dispose()


async def migrate(url: str) -> SchemaStatus:
    """Bring the schema up to date, making a SQLite file if there is none.

    Raises SchemaMismatch if the schema is newer than this code, StoreUnavailable if the
    database is away; either way nothing has changed.
    """
    where = parse_url(url)
    with TRANSLATED:
        if where.get_backend_name() == "sqlite":
            await asyncio.to_thread(_upgrade_sqlite, where)
        else:
            await _upgrade_postgres(where)
    return await schema_status(url)


def _sqlite_revision(url: URL) -> str | None:
    engine = sqlite_workers.make_engine(url, busy_seconds=sqlite_workers.BUSY_SECONDS, writes=False)
    with engine.connect() as connection:
        return _revision(connection)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def status_of(current: str | None) -> SchemaStatus:
    """What a database at this revision has and lacks. Raises SchemaMismatch if it is newer."""
    known = revisions()
    if current is not None and current not in known:
        raise SchemaMismatch(
            f"the database schema is {current}, which this version does not know: a newer "
            "Voltkeep has upgraded it. Install that version again, or restore a backup"
        )
    pending = known if current is None else known[known.index(current) + 1 :]
    return SchemaStatus(current=current, head=known[-1], pending=pending)


def _upgrade_sqlite(url: URL) -> None:
    sqlite_workers.make_file(url)
    engine = sqlite_workers.make_engine(url, busy_seconds=sqlite_workers.BUSY_SECONDS, writes=True)
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        _run(connection)
        connection.commit()


async def _upgrade_postgres(url: URL) -> None:
    engine = postgres.make_engine(
        url, pool_size=1, pool_seconds=postgres.CONNECT_SECONDS, unhurried=True
    )
    try:
        async with engine.begin() as connection:
            await connection.execute(
                text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _UPGRADE_LOCK}
            )
            await connection.run_sync(_run)
    finally:
        await engine.dispose()


def _run(connection: Connection) -> None:
    """All pending steps in the transaction that is open: both engines take that for DDL."""
    # Alembic is slow to import, and most who ask for the status upgrade nothing.
    from alembic.config import Config  # noqa: PLC0415  # as said above
    from alembic.runtime.environment import EnvironmentContext  # noqa: PLC0415  # as said above
    from alembic.script import ScriptDirectory  # noqa: PLC0415  # as said above

    if not status_of(_revision(connection)).pending:
        return
    with resources.as_file(resources.files(_MIGRATIONS)) as directory:
        scripts = ScriptDirectory(str(directory))

        def steps(revision: str, _: object) -> "Iterable[object]":
            return scripts._upgrade_revs("head", revision)  # noqa: SLF001  # as Alembic's own

        with EnvironmentContext(Config(), scripts, fn=steps) as environment:
            environment.configure(connection=connection, transactional_ddl=True)
            environment.run_migrations()
