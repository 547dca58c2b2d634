"""Records that end, by when they do."""

import heapq
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import structs
from sqlalchemy import ColumnElement, func, select

from voltkeep.domain.identity import TenantId
from voltkeep.services.records import Look, R
from voltkeep.store.records import SqlRecords


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
        self, tenant: TenantId, states: Sequence[str], station: str | None = None
    ) -> dict[str, int]:
        counts: Counter[str] = Counter()
        for state in states:
            where = [self._c.tenant == tenant, self._c.state == state]
            if station is not None:
                where.append(self._c.station == station)
            await self._count_months(where, counts)
        return dict(sorted(counts.items()))

    async def _count_months(
        self, where: Sequence[ColumnElement[bool]], counts: Counter[str]
    ) -> None:
        """From each month straight to the next in which any ends: along the index, once."""
        ends = self._c.not_after
        first = select(func.min(ends)).where(*where)
        number = select(func.count()).select_from(self._table).where(*where)
        found = (await self._db.rows(first))[0][0]
        while found is not None:
            start = first_of_month(found)
            following = next_month(start)
            counted, found = number.where(ends >= start), None
            if following is not None:
                counted = counted.where(ends < following)
                found = (await self._db.rows(first.where(ends >= following)))[0][0]
            counts[month_of(start)] += (await self._db.rows(counted))[0][0]


def place_by_end(record: Any) -> tuple[datetime, str, str]:
    """Where a record is among those that end."""
    return (record.not_after, record.station.name, record.id)


def month_of(at: datetime) -> str:
    """A month as 2026-11."""
    return f"{at.astimezone(UTC):%Y-%m}"


def first_of_month(at: datetime) -> datetime:
    """The beginning of its month, in UTC."""
    return at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def next_month(start: datetime) -> datetime | None:
    """The beginning of the month after; None: time ends before."""
    if start.month < 12:
        return start.replace(month=start.month + 1)
    return start.replace(year=start.year + 1, month=1) if start.year < 9999 else None
