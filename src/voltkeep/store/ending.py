"""Records that end, by when they do."""

import heapq
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import structs
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    cast,
    func,
    literal,
    literal_column,
    select,
    type_coerce,
)

from voltkeep.domain.identity import TenantId
from voltkeep.services.records import Look, R
from voltkeep.store.columns import UtcTime
from voltkeep.store.engine import EngineName
from voltkeep.store.records import SqlRecords

_SECOND = 1_000_000
_NEVER = 2**63 - 1


class SqlEnding(SqlRecords[R]):
    """`services.records.Ending`, of a table with a column ``not_after``."""

    async def soonest(self, tenant: TenantId, look: Look) -> list[R]:
        order = (self._c.not_after, self._c.station, self._c.id)
        pages = []
        for state in look.states:  # of each a page, from its index
            narrowed = structs.replace(look, states=(state,), oldest_first=True)
            where = self._fitting(tenant, narrowed, self._c.not_after)
            found = self._select().where(*where, self._c.not_after.is_not(None))
            pages.append(await self._many(found.order_by(*order).limit(look.limit)))
        soonest = heapq.merge(*pages, key=place_by_end)
        return [record for record, _ in zip(soonest, range(look.limit), strict=False)]

    async def months(
        self,
        tenant: TenantId,
        states: Sequence[str],
        station: str | None = None,
        *,
        limit: int = 60,
    ) -> dict[str, int]:
        counts: Counter[str] = Counter()
        for state in states:
            where = [self._c.tenant == tenant, self._c.state == state]
            if station is not None:
                where.append(self._c.station == station)
            for row in await self._db.rows(self._by_month(where, limit)):
                counts[month_of(row.first)] += row.number
        return dict(sorted(counts.items())[:limit])

    def _by_month(self, where: Sequence[ColumnElement[bool]], limit: int) -> Select[Any]:
        """From each month straight to the next in which any ends: along the index, once."""
        ends = self._c.not_after
        first = select(func.min(ends).label("first"), literal(1).label("nth"))
        month = first.where(*where).cte("month", recursive=True)
        following = _NEXT_MONTH[self._db.engine](month.c.first)
        after = select(func.min(ends)).where(*where, ends >= following).correlate(month)
        is_more = (month.c.first.is_not(None), month.c.nth < limit)
        month = month.union_all(
            select(after.scalar_subquery(), month.c.nth + 1).where(*is_more),
        )
        following = _NEXT_MONTH[self._db.engine](month.c.first)
        is_within = (ends >= month.c.first, ends < following)
        counted = select(func.count(self._c.id)).where(*where, *is_within).correlate(month)
        number = counted.scalar_subquery().label("number")
        return select(month.c.first, number).where(month.c.first.is_not(None))


def _next_month_on_sqlite(at: ColumnElement[datetime]) -> ColumnElement[datetime]:
    seconds = type_coerce(at, BigInteger) // _SECOND
    moved = func.strftime("%s", seconds, "unixepoch", "start of month", "+1 month")
    after = cast(moved, BigInteger) * _SECOND
    return type_coerce(func.coalesce(after, _NEVER), UtcTime)  # it counts to the year 9999


def _next_month_on_postgres(at: ColumnElement[datetime]) -> ColumnElement[datetime]:
    start: ColumnElement[Any] = func.date_trunc("month", func.timezone("UTC", at))
    return func.timezone("UTC", start + literal_column("interval '1 month'"), type_=UtcTime)


_NextMonth = Callable[[ColumnElement[datetime]], ColumnElement[datetime]]
_NEXT_MONTH: dict[EngineName, _NextMonth] = {
    "sqlite": _next_month_on_sqlite,
    "postgresql": _next_month_on_postgres,
}


def place_by_end(record: Any) -> tuple[datetime, str, str]:
    """Where a record is among those that end."""
    return (record.not_after, record.station.name, record.id)


def month_of(at: datetime) -> str:
    """A month as 2026-11."""
    return f"{at.astimezone(UTC):%Y-%m}"
