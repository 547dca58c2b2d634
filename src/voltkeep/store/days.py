"""What is counted of each day: totals, the transactions in them, and how far counting is."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from msgspec import json
from sqlalchemy import ColumnElement, bindparam, delete, func, insert, select, tuple_

from voltkeep.domain.days import EVERYWHERE, Counted, Key, Progress, Total
from voltkeep.domain.identity import StationId, TenantId, TransactionRef
from voltkeep.domain.transactions import Transaction
from voltkeep.store.day_tables import day_counted, day_progress, day_totals
from voltkeep.store.engine import Statements, per_engine
from voltkeep.store.outbox import FORGOTTEN
from voltkeep.store.tables import (
    connectors,
    sequences,
    stations,
    transactions,
)
from voltkeep.store.tenants import tenants_of
from voltkeep.store.transactions import as_transaction

_c, _d, _t = day_counted.c, day_totals.c, transactions.c
_COUNTED = ("site", "zone", "begun_at", "over_at", "energy_wh")
_TOTAL_KEY = [column.name for column in day_totals.primary_key]
_progress: json.Decoder[Progress] = json.Decoder(Progress)


def _adding(dialect: Any) -> Any:
    new = dialect.insert(day_totals)
    return new.on_conflict_do_update(
        index_elements=_TOTAL_KEY, set_={"number": _d.number + new.excluded.number}
    )


def _putting(dialect: Any) -> Any:
    new = dialect.insert(day_totals)
    return new.on_conflict_do_update(
        index_elements=_TOTAL_KEY, set_={"number": new.excluded.number}
    )


def _counting(dialect: Any) -> Any:
    new = dialect.insert(day_counted)
    return new.on_conflict_do_update(
        index_elements=["tenant", "station", "ref"],
        set_={name: new.excluded[name] for name in _COUNTED},
    )


def _progressing(dialect: Any) -> Any:
    new = dialect.insert(day_progress)
    return new.on_conflict_do_update(
        index_elements=["tenant"], set_={"content": new.excluded.content}
    )


_ADD = per_engine(_adding)
_PUT = per_engine(_putting)
_COUNT = per_engine(_counting)
_SAVE = per_engine(_progressing)
_BEGIN = per_engine(lambda dialect: dialect.insert(day_progress).on_conflict_do_nothing())
_HOLD = (
    select(day_progress.c.content)
    .where(day_progress.c.tenant == bindparam("whose"))
    .with_for_update()
)
_CONNECTORS = (
    select(stations.c.site, func.count().label("number"))
    .join(
        connectors,
        (connectors.c.tenant == stations.c.tenant) & (connectors.c.station == stations.c.name),
    )
    .where(
        stations.c.tenant == bindparam("whose"),
        connectors.c.evse_id > 0,
        connectors.c.connector_id > 0,
    )
    .group_by(stations.c.site)
)


class SqlDayRows:
    """`services.day_rows.DayRows`."""

    def __init__(self, db: Statements) -> None:
        self._db = db

    async def tenants(self) -> list[TenantId]:
        counted = await self._db.rows(select(day_progress.c.tenant))
        of_stations = await tenants_of(self._db, stations)
        return sorted({*of_stations, *(TenantId(row.tenant) for row in counted)})

    async def hold(self, tenant: TenantId) -> Progress:
        """PostgreSQL locks the row; on SQLite a work that writes has locked everything."""
        new = {"tenant": tenant, "content": json.encode(Progress()).decode()}
        await self._db.run(_BEGIN[self._db.engine], new)
        found = await self._db.rows(_HOLD, {"whose": tenant})
        return _progress.decode(found[0].content)

    async def forget(self, tenant: TenantId) -> None:
        for table in (day_progress, day_totals, day_counted):  # as they are held: the first waits
            await self._db.run(delete(table).where(table.c.tenant == tenant))

    async def save(self, tenant: TenantId, progress: Progress) -> None:
        row = {"tenant": tenant, "content": json.encode(progress).decode()}
        await self._db.run(_SAVE[self._db.engine], row)

    async def progress(self, tenant: TenantId) -> Progress | None:
        of_tenant = day_progress.c.tenant == tenant
        found = await self._db.rows(select(day_progress.c.content).where(of_tenant))
        return _progress.decode(found[0].content) if found else None

    async def forgotten(self, tenant: TenantId) -> int:
        of_tenant = sequences.c.tenant == tenant, sequences.c.name == FORGOTTEN
        found = await self._db.rows(select(sequences.c.value).where(*of_tenant))
        return found[0].value if found else 0

    async def transactions(
        self, tenant: TenantId, keys: Iterable[tuple[str, TransactionRef]]
    ) -> list[Transaction]:
        named = list(keys)
        if not named:
            return []
        found = select(*transactions.columns).where(
            _t.tenant == tenant, tuple_(_t.station, _t.ref).in_(named)
        )
        return [as_transaction(row) for row in await self._db.rows(found)]

    async def walk(
        self, tenant: TenantId, after: tuple[str, str] | None, limit: int
    ) -> list[Transaction]:
        order = (_t.station, _t.ref)
        found = select(*transactions.columns).where(_t.tenant == tenant)
        if after is not None:
            types = [each.type for each in order]
            found = found.where(tuple_(*order) > tuple_(*after, types=types))
        return [
            as_transaction(row) for row in await self._db.rows(found.order_by(*order).limit(limit))
        ]

    async def counted(
        self, tenant: TenantId, keys: Iterable[tuple[str, TransactionRef]]
    ) -> list[Counted]:
        named = list(keys)
        if not named:
            return []
        found = select(*day_counted.columns).where(
            _c.tenant == tenant, tuple_(_c.station, _c.ref).in_(named)
        )
        return [_as_counted(row) for row in await self._db.rows(found)]

    async def uncount(self, station: StationId, limit: int) -> list[Counted]:
        of_station = _c.tenant == station.tenant, _c.station == station.name
        found = select(*day_counted.columns).where(*of_station).limit(limit)
        rows = [_as_counted(row) for row in await self._db.rows(found)]
        gone = delete(day_counted).where(*of_station, _c.ref.in_([each.ref for each in rows]))
        if rows:
            await self._db.run(gone)
        return rows

    async def count(self, found: Sequence[Counted]) -> None:
        rows = [
            {
                "tenant": each.station.tenant,
                "station": each.station.name,
                "ref": each.ref,
                **{name: getattr(each, name) for name in _COUNTED},
            }
            for each in found
        ]
        if rows:
            await self._db.run(_COUNT[self._db.engine], rows)

    async def add(self, tenant: TenantId, numbers: Mapping[Key, int]) -> None:
        await self._write(_ADD[self._db.engine], tenant, numbers)

    async def put(self, tenant: TenantId, numbers: Mapping[Key, int]) -> None:
        await self._write(_PUT[self._db.engine], tenant, numbers)

    async def replace(
        self, tenant: TenantId, kinds: Sequence[str], numbers: Mapping[Key, int]
    ) -> None:
        # Each site's are beside each other in the key; those of a kind in the index.
        await self._db.run(delete(day_totals).where(_d.tenant == tenant, _d.what.in_(kinds)))
        rows = _rows(tenant, numbers)
        if rows:
            await self._db.run(insert(day_totals), rows)

    async def _write(self, statement: Any, tenant: TenantId, numbers: Mapping[Key, int]) -> None:
        rows = _rows(tenant, numbers)
        if rows:
            await self._db.run(statement, rows)

    async def connectors(self, tenant: TenantId) -> dict[str, int]:
        found = await self._db.rows(_CONNECTORS, {"whose": tenant})
        return {row.site: row.number for row in found}

    async def totals(
        self,
        tenant: TenantId,
        sites: Sequence[str],
        kinds: Sequence[str],
        since: date,
        until: date,
    ) -> list[Total]:
        if not sites or not kinds:
            return []
        found = select(_d.site, _d.what, _d.day, _d.number).where(
            _d.tenant == tenant,
            _d.site.in_(sites),
            _d.what.in_(kinds),
            _d.day >= since.isoformat(),
            _d.day <= until.isoformat(),
        )
        return [
            Total(site=row.site, what=row.what, day=date.fromisoformat(row.day), number=row.number)
            for row in await self._db.rows(found)
        ]

    async def sums(
        self,
        tenant: TenantId,
        sites: Sequence[str],
        kinds: Sequence[str],
        since: date,
        until: date,
    ) -> list[Total]:
        if not sites or not kinds:
            return []
        where = (
            _d.tenant == tenant,
            _d.site.in_(sites),
            _d.what.in_(kinds),
            _d.day >= since.isoformat(),
            _d.day <= until.isoformat(),
        )
        if self._db.engine == "sqlite":
            return await self._added_up(where)
        number = func.sum(_d.number).label("number")
        found = select(_d.what, _d.day, number).where(*where).group_by(_d.what, _d.day)
        return [
            Total(site="", what=row.what, day=date.fromisoformat(row.day), number=int(row.number))
            for row in await self._db.rows(found)
        ]

    async def _added_up(self, where: Sequence[ColumnElement[bool]]) -> list[Total]:
        """A site's days are beside each other: to group by them SQLite would sort every row."""
        days = func.group_concat(_d.day).label("days")
        numbers = func.group_concat(_d.number).label("numbers")
        found = select(_d.what, days, numbers).where(*where).group_by(_d.site, _d.what)
        sums: dict[str, Counter[str]] = defaultdict(Counter)
        for row in await self._db.rows(found):
            added = sums[row.what]
            for day, number in zip(row.days.split(","), row.numbers.split(","), strict=True):
                added[day] += int(number)
        return [
            Total(site="", what=what, day=date.fromisoformat(day), number=number)
            for what, added in sums.items()
            for day, number in added.items()
        ]

    async def greatest(
        self,
        tenant: TenantId,
        kinds: Sequence[str],
        since: date,
        until: date,
        *,
        sites: Sequence[str] | None = None,
        limit: int,
    ) -> list[str]:
        total = func.sum(_d.number)
        found = (
            select(_d.site)
            .where(
                _d.tenant == tenant,
                _d.what.in_(kinds),
                _d.day >= since.isoformat(),
                _d.day <= until.isoformat(),
                _d.site != EVERYWHERE,
            )
            .group_by(_d.site)
            .having(total > 0)
            .order_by(total.desc(), _d.site)
            .limit(limit)
        )
        if sites is not None:
            found = found.where(_d.site.in_(sites))
        return [row.site for row in await self._db.rows(found)]


def _as_counted(row: Any) -> Counted:
    return Counted(
        station=StationId(row.tenant, row.station),
        ref=TransactionRef(row.ref),
        **{name: getattr(row, name) for name in _COUNTED},
    )


def _rows(tenant: TenantId, numbers: Mapping[Key, int]) -> list[dict[str, Any]]:
    """In the order of the key: works that write at the same time meet in no deadlock."""
    return [
        {"tenant": tenant, "site": site, "what": what, "day": day.isoformat(), "number": number}
        for (site, what, day), number in sorted(numbers.items())
    ]
