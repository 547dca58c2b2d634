"""Records of any kind: what is kept by name and looked at by state, in one table a kind."""

import heapq
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Generic, TypeVar

from msgspec import convert, json, structs
from sqlalchemy import (
    ColumnElement,
    Insert,
    Select,
    Table,
    UnaryExpression,
    Update,
    and_,
    bindparam,
    delete,
    desc,
    func,
    literal_column,
    select,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.sql.operators import custom_op

from voltkeep.domain.identity import StationId, TenantId
from voltkeep.services.records import Fields, Look, R, Record
from voltkeep.store.columns import all_storable
from voltkeep.store.engine import EngineName, Statements, per_engine
from voltkeep.store.paging import are_few
from voltkeep.store.tables import stations
from voltkeep.store.tenants import tenants_of

T = TypeVar("T")

_OWN = frozenset({"station", "id", "state", "at"})  # columns; the rest is content
_KEY = frozenset({"tenant", "station", "id"})
_AT_ONCE = 100  # names or counts in one statement
_STANDARD = _KEY | {"state", "at", "content"}  # any other column holds a field that is looked for


@cache
def _put(table: Table) -> dict[EngineName, Insert]:
    def upsert(dialect: Any) -> Any:
        new = dialect.insert(table)
        names = [column.name for column in table.columns if column.name not in _KEY]
        values = {name: new.excluded[name] for name in names}
        return new.on_conflict_do_update(index_elements=["tenant", "station", "id"], set_=values)

    return per_engine(upsert)


@cache
def _add(table: Table) -> dict[EngineName, Insert]:
    return per_engine(lambda dialect: dialect.insert(table).on_conflict_do_nothing())


@cache
def _replace(table: Table) -> Update:
    values: dict[str, Any] = {
        each.name: bindparam(each.name) for each in table.columns if each.name not in _KEY
    }
    return update(table).where(_named(table)).values(values)


@cache
def _get(table: Table) -> tuple[Select[Any], Select[Any]]:
    """To read a record, and to lock it: built once, for it takes longer than to run it."""
    found = select(*table.columns).where(_named(table))
    return found, found.with_for_update()


@cache
def _find(table: Table) -> Select[Any]:
    """To read the latest record of a tenant that has an id, whichever station it is of."""
    c = table.c
    named = (c.tenant == bindparam("of_tenant"), c.id == bindparam("of_id"))
    return select(*table.columns).where(*named).order_by(*map(desc, _order(table))).limit(1)


def _order(table: Table) -> tuple[ColumnElement[Any], ...]:
    return (table.c.at, table.c.tenant, table.c.station, table.c.id)


def _named(table: Table) -> ColumnElement[bool]:
    return and_(*(table.c[name] == bindparam(f"of_{name}") for name in sorted(_KEY)))


def _names(station: StationId, id: str) -> dict[str, str]:
    return {"of_tenant": station.tenant, "of_station": station.name, "of_id": id}


class SqlRecords(Generic[R]):
    """`services.records.Records`, of one table that `tables` made for them."""

    def __init__(self, db: Statements, table: Table, kind: type[R]) -> None:
        self._db = db
        self._table = table
        self._c = table.c
        self._kind = kind

    async def get(self, station: StationId, id: str) -> R | None:
        return self._only(await self._db.rows(_get(self._table)[0], _names(station, id)))

    async def lock(self, station: StationId, id: str) -> R | None:
        """PostgreSQL locks the row; on SQLite a work that writes has locked everything."""
        return self._only(await self._db.rows(_get(self._table)[1], _names(station, id)))

    async def find(self, tenant: TenantId, id: str) -> R | None:
        return self._only(
            await self._db.rows(_find(self._table), {"of_tenant": tenant, "of_id": id})
        )

    async def put(self, record: R) -> None:
        await self._db.run_later(_put(self._table)[self._db.engine], _row(self._table, record))

    async def replace(self, record: R) -> bool:
        row = _row(self._table, record)
        values = {name: value for name, value in row.items() if name not in _KEY}
        names = _names(record.station, record.id)
        return await self._db.run(_replace(self._table), values | names) == 1

    async def add(self, record: R) -> bool:
        row = _row(self._table, record)
        return await self._db.run(_add(self._table)[self._db.engine], row) == 1

    async def remove(self, station: StationId, id: str) -> bool:
        return await self._db.run(delete(self._table).where(self._is(station, id))) == 1

    async def of(
        self, station: StationId, *, states: Sequence[str] = (), limit: int = 1000
    ) -> list[R]:
        found = self._select().where(self._of(station, states))
        order = self._order
        if self._db.engine == "sqlite":  # see `_in_order`
            order = tuple(_plus(column) for column in order)
        latest = found.order_by(*(column.desc() for column in order))
        return await self._many(latest.limit(limit))

    async def all(
        self,
        tenant: TenantId | None = None,
        *,
        states: Sequence[str] = (),
        since: datetime | None = None,
        before: tuple[datetime, StationId, str] | None = None,
        limit: int = 1000,
    ) -> list[R]:
        found = self._latest(self._select())
        if states:
            found = found.where(self._c.state.in_(states))
        if since is not None:
            found = found.where(self._c.at >= since)
        if before is not None:
            at, station, id = before
            types = [column.type for column in self._order]
            found = found.where(tuple_(*self._order) < tuple_(at, *station, id, types=types))
        # Of each tenant a page, from its index; then the first of all of them.
        tenants = [tenant] if tenant is not None else await tenants_of(self._db, self._table)
        pages = [
            await self._many(found.where(self._c.tenant == each).limit(limit)) for each in tenants
        ]
        latest = heapq.merge(*pages, key=_place, reverse=True)
        return [record for record, _ in zip(latest, range(limit), strict=False)]

    async def page(self, tenant: TenantId, look: Look) -> list[R]:
        many = await self._are_many(tenant, look.sites)
        states = tuple(dict.fromkeys(look.states))
        if len(states) < 2:
            return await self._many(self._in_order(tenant, look, many=many))
        # Of each state a page, from its index; then the first of all of them.
        pages = [
            self._in_order(tenant, structs.replace(look, states=(state,)), many=many).subquery()
            for state in states
        ]
        rows = list(await self._db.rows(union_all(*(select(*each.c) for each in pages))))
        rows.sort(key=lambda row: (row.at, row.station, row.id), reverse=not look.oldest_first)
        return [self._record(row) for row in rows[: look.limit]]

    def _in_order(self, tenant: TenantId, look: Look, *, many: bool) -> Select[Any]:
        """SQLite takes an index that is in the whole order, however few rows a narrower one has.

        A plus before a column keeps it from that: it finds what is narrow, and sorts the rest.
        """
        order: list[ColumnElement[Any]] = [self._c.at, self._c.station, self._c.id]
        if self._db.engine == "sqlite" and (look.states or look.fields or look.station):
            start = 0 if look.station is not None else 1
            order[start:] = [_plus(column) for column in order[start:]]
        directed = order if look.oldest_first else [column.desc() for column in order]
        found = self._select().where(*self._fitting(tenant, look, many=many))
        return found.order_by(*directed).limit(look.limit)

    async def _are_many(self, tenant: TenantId, sites: Sequence[str] | None) -> bool:
        """Whether so many stations stand there that one asks of each record where its own does."""
        if sites is None:
            return False
        there = (stations.c.tenant == tenant, stations.c.site.in_(sites))
        return not await are_few(self._db, stations, *there)

    async def amount(self, tenant: TenantId, look: Look) -> int:
        return (await self.amounts(tenant, [look]))[0]

    async def amounts(self, tenant: TenantId, looks: Sequence[Look]) -> list[int]:
        seen = {look.sites for look in looks}
        many = {sites: await self._are_many(tenant, sites) for sites in seen}
        counted: list[Any] = [
            # Nothing is read of the rows: what an index has of them is enough.
            select(
                literal_column(str(number)).label("place"), func.count().label("number")
            ).select_from(
                select(literal_column("1").label("one"))
                .select_from(self._table)
                .where(*self._fitting(tenant, look, many=many[look.sites]))
                .limit(look.limit)
                .subquery()
            )
            for number, look in enumerate(looks)
        ]
        if not counted:
            return []
        numbers = {
            row.place: row.number
            for some in batched(counted, _AT_ONCE)
            for row in await self._db.rows(union_all(*some))
        }
        return [numbers[place] for place in range(len(looks))]

    async def of_each(
        self, tenant: TenantId, stations: Sequence[str], ids: Sequence[str] = ()
    ) -> list[R]:
        found: list[R] = []
        for names in batched(stations, _AT_ONCE):
            wanted = self._select().where(self._c.tenant == tenant, self._c.station.in_(names))
            found += await self._many(wanted.where(self._c.id.in_(ids)) if ids else wanted)
        return found

    def _fitting(
        self,
        tenant: TenantId,
        look: Look,
        by: ColumnElement[Any] | None = None,
        *,
        many: bool = False,
    ) -> list[ColumnElement[bool]]:
        """What the look means, its times those of a column; of ``at``, if none is named.

        ``many`` stations stand at its sites: they are not gathered first.
        """
        time = self._c.at if by is None else by
        order = (time, self._c.station, self._c.id)
        where = [self._c.tenant == tenant]
        if look.station is not None:
            where.append(self._c.station == look.station)
        if look.sites is not None:
            there = _standing_at(tenant, look.sites)
            if many:
                where.append(there.where(stations.c.name == self._c.station).exists())
            else:
                where.append(self._c.station.in_(there))
        if look.states:
            where.append(self._c.state.in_(look.states))
        if look.since is not None:
            where.append(time >= look.since)
        if look.until is not None:
            where.append(time < look.until)
        where += [self._c[name] == value for name, value in look.fields]
        if look.after is not None:
            last = tuple_(*look.after, types=[column.type for column in order])
            where.append(tuple_(*order) > last if look.oldest_first else tuple_(*order) < last)
        return where

    async def tally(
        self, tenant: TenantId, by: tuple[str, ...], fields: Fields = ()
    ) -> dict[tuple[str, ...], int]:
        columns = [self._c[name] for name in by]
        where = [self._c[name] == value for name, value in fields]
        counted = select(*columns, func.count()).where(self._c.tenant == tenant, *where)
        rows = await self._db.rows(counted.group_by(*columns))
        return {tuple(row[:-1]): row[-1] for row in rows}

    async def count(self, station: StationId, *, states: Sequence[str] = ()) -> int:
        counted = select(func.count()).select_from(self._table).where(self._of(station, states))
        number: int = (await self._db.rows(counted))[0][0]
        return number

    @property
    def _order(self) -> tuple[ColumnElement[Any], ...]:
        return _order(self._table)

    def _select(self) -> Select[Any]:
        return select(*self._table.columns)

    def _latest(self, found: Select[Any]) -> Select[Any]:
        return found.order_by(*(column.desc() for column in self._order))

    def _is(self, station: StationId, id: str) -> ColumnElement[bool]:
        return and_(self._of(station), self._c.id == id)

    def _of(self, station: StationId, states: Sequence[str] = ()) -> ColumnElement[bool]:
        where = [self._c.tenant == station.tenant, self._c.station == station.name]
        return and_(*where, self._c.state.in_(states)) if states else and_(*where)

    def _only(self, rows: Sequence[Any]) -> R | None:
        return self._record(rows[0]) if rows else None

    async def _many(self, found: Select[Any]) -> list[R]:
        return [self._record(row) for row in await self._db.rows(found)]

    def _record(self, row: Any) -> R:
        own = {"station": (row.tenant, row.station), "id": row.id, "state": row.state, "at": row.at}
        return convert({**json.decode(row.content), **own}, self._kind)


def batched(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """So many at a time, in order."""
    return (values[start : start + size] for start in range(0, len(values), size))


def _place(record: Record) -> tuple[datetime, StationId, str]:
    return (record.at, record.station, record.id)


def _plus(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return UnaryExpression(column, operator=custom_op("+"), type_=column.type)


def _standing_at(tenant: TenantId, sites: Sequence[str]) -> Select[Any]:
    return select(stations.c.name).where(stations.c.tenant == tenant, stations.c.site.in_(sites))


def _row(table: Table, record: Any) -> dict[str, Any]:
    clean = structs.asdict(all_storable(record))
    content = {name: value for name, value in clean.items() if name not in _OWN}
    return {
        "tenant": record.station.tenant,
        "station": record.station.name,
        "id": record.id,
        "state": record.state,
        "at": record.at,
        "content": json.encode(content).decode(),
        **{each.name: clean[each.name] for each in table.columns if each.name not in _STANDARD},
    }
