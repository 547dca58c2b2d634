"""PostgreSQL's partitions: made ahead of time, and dropped when all in them is old.

Each partitioned table has one partition for what was there before it was partitioned, `…_before`,
and one for times that no other takes, `…_other`: a station's clock may be years off.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from msgspec import Struct
from sqlalchemy import MetaData, Table, text

from voltkeep.store.engine import Database, Statements
from voltkeep.store.tables import PARTITIONED_BY

log = structlog.get_logger(__name__)

BEFORE, OTHER = "before", "other"
_DAY = timedelta(days=1)
# What is kept so long is partitioned by month: a partition costs each look a little.
_LONG = timedelta(days=92)
_AHEAD = {True: timedelta(days=40), False: timedelta(days=7)}  # by month, by day
_MOST = 64  # made in one go
# Whoever wants a table to itself makes all who come later wait for it.
_HASTE = text("SET LOCAL lock_timeout = '2s'")


class Partition(Struct, frozen=True):
    """A table, and the times in it: from ``first`` (None: whatever came before) to ``end``."""

    name: str
    first: datetime | None
    end: datetime


def part(table: Table, name: str) -> Table:
    """A partition as a table of its own."""
    return table.to_metadata(MetaData(), name=f"{table.name}_{name}")


class Partitions:
    """Of one table. Raises StoreUnavailable; what was done until then stays done."""

    def __init__(self, database: Database, table: Table) -> None:
        self._database = database
        self._table = table
        self._column: str = table.info[PARTITIONED_BY]

    async def of(self) -> list[Partition]:
        """In order of time, but for the one that takes what no other does."""
        async with self._database.reading() as db:
            found = await _bounds(db, self._table)
        return sorted(found, key=lambda each: each.end)

    async def make(self, now: datetime, kept: timedelta | None) -> int:
        """Make those of the time to come; how many."""
        by_month = kept is None or kept > _LONG
        count = 0
        while count < _MOST:
            last = (await self.of())[-1].end
            if last >= now + _AHEAD[by_month]:
                break
            # After a long pause one takes all of it: nothing came meanwhile.
            end = _next(max(last, now), by_month=by_month)
            await self._make(last, end)
            count += 1
        return count

    async def drop(self, older_than: datetime) -> int:
        """Drop those whose times are all older; how many."""
        old = [each for each in await self.of() if each.end <= older_than and each.first]
        for each in old:
            async with self._database.writing() as db:
                await db.run(_HASTE)
                await db.run(text(f"ALTER TABLE {self._table.name} DETACH PARTITION {each.name}"))
                await db.run(text(f"DROP TABLE {each.name}"))
            log.info("dropped a partition", table=self._table.name, until=each.end.isoformat())
        return len(old)

    async def _make(self, first: datetime, end: datetime) -> None:
        """What has such times already is moved: the clocks of some stations are ahead."""
        table, column = self._table.name, self._column
        name, other = f"{table}_{first:%Y%m%d}", f"{table}_{OTHER}"
        columns = ", ".join(f'"{each.name}"' for each in self._table.columns)
        bounds = f"'{first.isoformat()}'", f"'{end.isoformat()}'"
        within = f"{column} >= {bounds[0]} AND {column} < {bounds[1]}"
        move = f"INSERT INTO {name} ({columns}) "
        move += f"SELECT {columns} FROM {other} WHERE {within}"  # noqa: S608  # names of ours
        attach = f"ALTER TABLE {table} ATTACH PARTITION {name} "
        attach += f"FOR VALUES FROM ({bounds[0]}) TO ({bounds[1]})"
        async with self._database.writing() as db:
            for statement in (
                # Whoever writes meanwhile chooses a partition afterwards, among the new ones.
                f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE",
                f"CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING STORAGE)",
                move,
                f"DELETE FROM {other} WHERE {within}",  # noqa: S608  # the same
                attach,
            ):
                await db.run(_HASTE)
                await db.run(text(statement))


_BOUNDS = text(
    "SELECT c.relname AS name, pg_get_expr(c.relpartbound, c.oid) AS bound "
    "FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
    "WHERE i.inhparent = CAST(:parent AS regclass)"
)


async def _bounds(db: Statements, table: Table) -> list[Partition]:
    found: list[Any] = list(await db.rows(_BOUNDS, {"parent": table.name}))
    return [_partition(row.name, row.bound) for row in found if row.bound != "DEFAULT"]


def _partition(name: str, bound: str) -> Partition:
    """From ``FOR VALUES FROM (…) TO (…)``, where a time is quoted."""
    first, _, end = bound.removeprefix("FOR VALUES FROM (").removesuffix(")").partition(") TO (")
    return Partition(name, None if first == "MINVALUE" else _time(first), _time(end))


def _time(quoted: str) -> datetime:
    return datetime.fromisoformat(quoted.strip("'")).astimezone(UTC)


def _next(at: datetime, *, by_month: bool) -> datetime:
    """The next midnight, or that of the next month, in UTC."""
    midnight = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if not by_month:
        return midnight + _DAY
    return (midnight.replace(day=1) + 32 * _DAY).replace(day=1)
