"""Lists of what there is now: stations, connectors, tokens, transactions."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    and_,
    case,
    exists,
    func,
    literal_column,
    not_,
    or_,
    select,
)

from voltkeep.domain.authorization import Token
from voltkeep.domain.identity import IdToken, TenantId
from voltkeep.domain.stations import Station
from voltkeep.domain.transactions import Transaction
from voltkeep.services.lists import (
    ConnectorFilter,
    ConnectorSort,
    MakeCount,
    Makes,
    Page,
    Place,
    StationFilter,
    StationSort,
    TokenFilter,
    TokenSort,
    TransactionFilter,
    TransactionSort,
)
from voltkeep.services.ports import ConnectorRow
from voltkeep.store import availability, paging
from voltkeep.store.authorization import as_token
from voltkeep.store.history import SqlHistoryLists
from voltkeep.store.paging import Listing, Where, are_few, beginning
from voltkeep.store.stations import COLUMNS as STATION_COLUMNS
from voltkeep.store.stations import as_station
from voltkeep.store.tables import connectors, stations, tokens, transactions
from voltkeep.store.transactions import as_transaction

_s, _t = stations.c, transactions.c
_CONNECTED = and_(
    _s.connected_at.is_not(None),
    or_(_s.disconnected_at.is_(None), _s.disconnected_at < _s.connected_at),
)
# Not a parameter: PostgreSQL would take each place of it for another one.
_NOTHING: ColumnElement[str] = literal_column("''")
_COUNTS: tuple[ColumnElement[Any], ...] = (
    func.count(),
    func.sum(case((_CONNECTED, 1), else_=0)),
    func.sum(case((_s.passive, 1), else_=0)),
)
_EQUAL = ("registration", "security_profile", "passive", "vendor", "model", "firmware")
_EQUAL_OF_STATION = (*_EQUAL, "subprotocol")


class SqlLists(SqlHistoryLists):
    """`services.lists.Lists`."""

    async def stations(
        self,
        tenant: TenantId,
        which: StationFilter,
        sort: StationSort = "name",
        *,
        after: Place | None = None,
        limit: int = 100,
    ) -> Page[Station]:
        name, descending = _direction(sort)
        order = (_s.name,) if name == "name" else (_s[name], _s.name)
        found: Where = (_s.tenant == tenant, *beginning(_s.name, which.prefix))
        # Nothing is in the order of these times: each message of a station would change it.
        is_short = name == "last_seen_at"
        filters = _of_station(which)
        if which.names is not None:
            found, is_short = (*found, _s.name.in_(which.names)), True
        if which.sites is not None:
            there = _s.site.in_(which.sites)
            filters = (*filters, there)
            is_short = is_short or await are_few(self._db, stations, _s.tenant == tenant, there)
        listing = Listing(
            columns=STATION_COLUMNS,
            order=order,
            descending=descending,
            found=found,
            filters=filters,
            is_short=is_short,
        )
        rows, place = await paging.page(self._db, listing, after, limit)
        return Page([as_station(row) for row in rows], place)

    async def makes(self, tenant: TenantId, which: StationFilter, *, limit: int = 100) -> Makes:
        where = (_s.tenant == tenant, *beginning(_s.name, which.prefix), *_of_station(which))
        if which.names is not None:
            where = (*where, _s.name.in_(which.names))
        if which.sites is not None:
            where = (*where, _s.site.in_(which.sites))
        columns = (_s.vendor, _s.model, _s.firmware)
        said: list[ColumnElement[Any]] = [func.coalesce(each, _NOTHING) for each in columns]
        made: list[ColumnElement[Any]] = [*columns]
        if which.last_seen_since is not None or which.last_seen_before is not None:
            # No index has these times: one in the order of makes would only lead to each row.
            made = said
        wanted = select(*made, *_COUNTS).where(*where).group_by(*made)
        wanted = wanted.order_by(func.count().desc(), *said)
        rows: Sequence[Any] = await self._db.rows(wanted.limit(limit))
        whole: Sequence[Any] = rows
        if len(rows) == limit:
            whole = await self._db.rows(select(*_COUNTS).where(*where))
        return Makes(
            stations=sum(row[-3] for row in whole),
            connected=sum(row[-2] or 0 for row in whole),
            passive=sum(row[-1] or 0 for row in whole),
            rows=[
                MakeCount(
                    vendor=row[0] or "",
                    model=row[1] or "",
                    firmware=row[2] or "",
                    stations=row[3],
                    connected=row[4],
                    passive=row[5],
                )
                for row in rows
            ],
        )

    async def at_sites(self, tenant: TenantId, sites: Sequence[str]) -> dict[str, int]:
        there = (_s.tenant == tenant, _s.site.in_(sites))
        counted = select(_s.site, func.count().label("number")).where(*there).group_by(_s.site)
        return {row.site: row.number for row in await self._db.rows(counted)}

    async def connectors(
        self,
        tenant: TenantId,
        which: ConnectorFilter,
        sort: ConnectorSort = "station",
        *,
        after: Place | None = None,
        limit: int = 100,
    ) -> Page[ConnectorRow]:
        c = connectors.c
        found: Where = (c.tenant == tenant, *beginning(c.station, which.prefix))
        filters, is_short = await self._standing(tenant, c.station, which.sites)
        if which.station is not None:
            found, is_short = (*found, c.station == which.station), True
        if which.status is not None:
            found = (*found, c.status == which.status)
        if which.heard_since is not None:
            filters = (*filters, c.received_at >= which.heard_since)
        if which.heard_before is not None:
            filters = (*filters, c.received_at < which.heard_before)
        if which.stale_before is not None:
            heard = exists().where(_s.tenant == tenant, _s.name == c.station, _CONNECTED)
            filters = (*filters, or_(c.received_at < which.stale_before, not_(heard)))
        listing = Listing(
            columns=tuple(c),
            order=(c.station, c.evse_id, c.connector_id),
            descending=_direction(sort)[1],
            found=found,
            filters=filters,
            is_short=is_short,
        )
        rows, place = await paging.page(self._db, listing, after, limit)
        return Page([availability.as_connector(row) for row in rows], place)

    async def tokens(
        self,
        tenant: TenantId,
        which: TokenFilter,
        sort: TokenSort = "key",
        *,
        after: Place | None = None,
        limit: int = 100,
    ) -> Page[Token]:
        c = tokens.c
        name, descending = _direction(sort)
        found: Where = (c.tenant == tenant, *beginning(c.key, IdToken(which.prefix).key))
        filters: Where = ()
        if which.group is not None:
            found = (*found, c.group_token == which.group)
        if which.blocked is not None:
            filters = (*filters, c.blocked.is_(which.blocked))
        if which.expires_before is not None:
            filters = (*filters, c.expires_at < which.expires_before)
        listing = Listing(
            columns=tuple(c),
            order=(c.key,) if name == "key" else (c.created_at, c.key),
            descending=descending,
            found=found,
            filters=filters,
        )
        rows, place = await paging.page(self._db, listing, after, limit)
        return Page([as_token(row) for row in rows], place)

    async def transactions(
        self,
        tenant: TenantId,
        which: TransactionFilter,
        sort: TransactionSort = "-first_heard_at",
        *,
        after: Place | None = None,
        limit: int = 100,
    ) -> Page[Transaction]:
        name, descending = _direction(sort)
        if which.active and name == "ended_at":
            name = "first_heard_at"  # none has ended
        found, filters = _of_transaction(which)
        ranges = _ranges(which)
        parts = (False,) if name in ranges else (False, True)
        at_sites, is_short = await self._standing(tenant, _t.station, which.sites)
        for some in (found if name != "first_heard_at" else (), *ranges.values()):
            if some and not is_short:
                is_short = await are_few(self._db, transactions, _t.tenant == tenant, *some)
        # A range of the times that the list is sorted by is a part of its index.
        found = (_t.tenant == tenant, *found, *ranges.pop(name, ()))
        filters = (*filters, *at_sites, *(each for of in ranges.values() for each in of))
        listing = Listing(
            columns=tuple(_t),
            order=(_t[name], _t.station, _t.ref),
            descending=descending,
            found=found,
            filters=filters,
            is_short=is_short or which.ref is not None,
            parts=parts,
        )
        rows, place = await paging.page(self._db, listing, after, limit)
        return Page([as_transaction(row) for row in rows], place)

    async def _standing(
        self, tenant: TenantId, station: Column[Any], sites: tuple[str, ...] | None
    ) -> tuple[Where, bool]:
        """That a station stands at one of the sites; and whether few stations do."""
        if sites is None:
            return (), False
        there = (_s.tenant == tenant, _s.site.in_(sites))
        names = select(_s.name).where(*there)
        first = await self._db.rows(names.order_by(_s.site, _s.name).limit(_FEW_STATIONS + 1))
        if len(first) <= _FEW_STATIONS:
            return (station.in_([row.name for row in first]),), True
        return (names.where(_s.name == station).exists(),), False


_FEW_STATIONS = 300


def _direction(sort: str) -> tuple[str, bool]:
    return sort.removeprefix("-"), sort.startswith("-")


def _of_station(which: StationFilter) -> Where:
    said = {name: getattr(which, name) for name in _EQUAL_OF_STATION}
    filters = [_s[name] == value for name, value in said.items() if value is not None]
    if which.connected is not None:
        filters.append(_CONNECTED if which.connected else not_(_CONNECTED))
    if which.last_seen_since is not None:
        filters.append(_s.last_seen_at >= which.last_seen_since)
    if which.last_seen_before is not None:
        never = _s.last_seen_at.is_(None)
        filters.append(or_(never, _s.last_seen_at < which.last_seen_before))
    return tuple(filters)


def _of_transaction(which: TransactionFilter) -> tuple[Where, Where]:
    """What an index finds, and what is asked of each row."""
    found: list[ColumnElement[bool]] = []
    filters: list[ColumnElement[bool]] = []
    if which.station is not None:
        found.append(_t.station == which.station)
    if which.ref is not None:
        found.append(_t.ref == which.ref)
    if which.id_token is not None:
        found.append(_t.token_key == which.id_token.key)
    if which.group is not None:
        found.append(_t.group_token == which.group)
    if which.active:
        found.append(_t.ended_at.is_(None))
        filters.append(_t.closed_at.is_(None))
    elif which.active is not None:
        filters.append(or_(_t.ended_at.is_not(None), _t.closed_at.is_not(None)))
    if which.closed:
        found.append(_t.closed_at.is_not(None))
    elif which.closed is not None:
        filters.append(_t.closed_at.is_(None))
    if which.evse_id is not None:
        filters.append(_t.evse_id == which.evse_id)
    return tuple(found), tuple(filters)


def _ranges(which: TransactionFilter) -> dict[str, Where]:
    """By the column that they are of."""
    bounds: list[tuple[Column[Any], datetime | None, datetime | None]] = [
        (_t.started_at, which.started_since, which.started_before),
        (_t.ended_at, which.ended_since, which.ended_before),
    ]
    ranges: dict[str, Where] = {}
    for column, since, before in bounds:
        where = (
            *([column >= since] if since is not None else []),
            *([column < before] if before is not None else []),
        )
        if where:
            ranges[column.name] = where
    return ranges
