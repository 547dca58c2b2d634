"""Lists of what has been: meter values, statuses, messages, deeds, events."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct, json
from sqlalchemy import Column, ColumnElement, Row, Table, func, or_, select

from voltkeep.domain import events
from voltkeep.domain.audit import AuditEntry
from voltkeep.domain.events import Event
from voltkeep.domain.identity import StationId, TenantId
from voltkeep.services.lists import (
    AuditFilter,
    EventFilter,
    LoggedStatus,
    MessageFilter,
    MeterFilter,
    Page,
    Place,
    StatusFilter,
    StoredEvent,
    TimeSort,
)
from voltkeep.services.ports import LoggedExchange, MeterRow
from voltkeep.store import audit, availability, messages, meter_values, paging
from voltkeep.store.engine import Statements
from voltkeep.store.paging import Listing, Where
from voltkeep.store.tables import (
    LOG_BLOCK,
    audit_log,
    message_log,
    message_log_blocks,
    outbox,
    stations,
    status_history,
)

_log, _blocks = message_log.c, message_log_blocks.c
# What is logged when it was answered may be older than what was logged before it.
_SLACK = timedelta(minutes=10)
_CLOSE_ENOUGH = 2000  # rows, for where a time begins
_BLOCKS_A_PAGE = 24
_EVENTS_AT_ONCE = 500
_MOST_EVENTS = 1000


class _OfStation(Struct):
    station: StationId


_station_of = json.Decoder(_OfStation)
_event: json.Decoder[Event] = json.Decoder(events.Anything)


class SqlHistoryLists:
    """The lists of `services.lists.Lists` that only grow."""

    def __init__(self, db: Statements) -> None:
        self._db = db

    async def meter_values(
        self,
        station: StationId,
        which: MeterFilter,
        sort: TimeSort = "at",
        *,
        after: Place | None = None,
        limit: int = 100,
    ) -> Page[MeterRow]:
        descending = sort == "-at"
        rows: list[Row[Any]] = []
        for hour in await meter_values.hours_of(
            self._db, station, which, after, descending=descending
        ):
            listing = await meter_values.listing_of(
                self._db, station, which, hour, descending=descending
            )
            found, place = await paging.page(self._db, listing, after, limit - len(rows))
            rows += found
            if place is not None:
                return Page([meter_values.as_meter_row(row) for row in rows], place)
            after = None
            if len(rows) == limit:
                return Page(
                    [meter_values.as_meter_row(row) for row in rows],
                    paging.place_of(listing, rows[-1]),
                )
        return Page([meter_values.as_meter_row(row) for row in rows])

    async def status_history(
        self,
        station: StationId,
        which: StatusFilter,
        sort: TimeSort = "-at",
        *,
        after: Place | None = None,
        limit: int = 100,
    ) -> Page[LoggedStatus]:
        c = status_history.c
        filters: list[ColumnElement[bool]] = []
        if which.evse_id is not None:
            filters.append(c.evse_id == which.evse_id)
        listing = Listing(
            columns=tuple(c),
            order=(c.id,),
            descending=sort == "-at",
            found=(c.tenant == station.tenant, c.station == station.name),
            filters=(*filters, *_between(c.received_at, which.since, which.before)),
        )
        rows, place = await paging.page(self._db, listing, after, limit)
        found = [LoggedStatus(id=row.id, row=availability.as_connector(row)) for row in rows]
        return Page(found, place)

    async def messages(
        self,
        tenant: TenantId,
        which: MessageFilter,
        sort: TimeSort = "-at",
        *,
        after: Place | None = None,
        limit: int = 100,
    ) -> Page[LoggedExchange]:
        found = await self._about(
            message_log, _log.id, _log.called_at, tenant, which.since, which.before
        )
        filters = [
            *(
                _log[name] == value
                for name in ("direction", "action", "message_id", "verdict")
                if (value := getattr(which, name)) is not None
            ),
            *_between(_log.called_at, which.since, which.before),
        ]
        if which.sites is not None:
            there = select(stations.c.name).where(
                stations.c.tenant == tenant, stations.c.site.in_(which.sites)
            )
            filters.append(_log.station.in_(there))
        listing = Listing(
            columns=tuple(_log),
            order=(_log.id,),
            descending=sort == "-at",
            found=found,
            filters=tuple(filters),
        )
        if which.station is not None:
            of_station = StationId(tenant, which.station)
            rows, place = await self._of_station(of_station, listing, after, limit)
        else:
            rows, place = await paging.page(self._db, listing, after, limit)
        return Page([messages.as_logged(row) for row in rows], place)

    async def _of_station(
        self, station: StationId, listing: Listing, after: Place | None, limit: int
    ) -> tuple[list[Row[Any]], Place | None]:
        """Block by block, and not too many of them for a page."""
        rows: list[Row[Any]] = []
        blocks = await self._blocks_of(station, listing, after)
        for block in blocks[:_BLOCKS_A_PAGE]:
            within = _log.id.between(block * LOG_BLOCK, block * LOG_BLOCK + LOG_BLOCK - 1)
            in_block = Listing(
                columns=listing.columns,
                order=listing.order,
                descending=listing.descending,
                found=(*listing.found, within, _log.station == station.name),
                filters=listing.filters,
                is_short=True,
            )
            found, place = await paging.page(self._db, in_block, after, limit - len(rows))
            rows += found
            if place is not None:
                return rows, place
            # What follows the block: beyond its last id, or before its first.
            end = block * LOG_BLOCK if listing.descending else block * LOG_BLOCK + LOG_BLOCK - 1
            after = (end,)
            if len(rows) == limit:
                return rows, after
        return rows, after if len(blocks) > _BLOCKS_A_PAGE else None

    async def _blocks_of(
        self, station: StationId, listing: Listing, after: Place | None
    ) -> list[int]:
        found = select(_blocks.block).where(
            _blocks.tenant == station.tenant, _blocks.station == station.name
        )
        if after is not None and isinstance(after[0], int):
            at = after[0] // LOG_BLOCK
            found = found.where(_blocks.block <= at if listing.descending else _blocks.block >= at)
        order = _blocks.block.desc() if listing.descending else _blocks.block
        rows = await self._db.rows(found.order_by(order).limit(_BLOCKS_A_PAGE + 1))
        return [row.block for row in rows]

    async def audit(
        self,
        tenant: TenantId,
        which: AuditFilter,
        sort: TimeSort = "-at",
        *,
        after: Place | None = None,
        limit: int = 100,
    ) -> Page[AuditEntry]:
        c = audit_log.c
        found = await self._about(audit_log, c.seq, c.at, tenant, which.since, which.before)
        filters = list(_between(c.at, which.since, which.before))
        # In JSON as msgspec writes it no text has a quote that could be taken for a field's.
        if which.actor is not None:
            filters.append(self._has(c.actor, f'"name":{_said(which.actor)}'))
        if which.action:
            filters.append(self._has(c.deed, f'"action":{_said(which.action)[:-1]}'))
        if which.object:
            filters.append(self._has(c.deed, f'"object":{_said(which.object)[:-1]}'))
        listing = Listing(
            columns=tuple(c),
            order=(c.seq,),
            descending=sort == "-at",
            found=found,
            filters=tuple(filters),
        )
        rows, place = await paging.page(self._db, listing, after, limit)
        return Page([audit.as_entry(row) for row in rows], place)

    async def events(
        self,
        tenant: TenantId,
        which: EventFilter,
        sort: TimeSort = "at",
        *,
        after: Place | None = None,
        limit: int = 100,
    ) -> Page[StoredEvent]:
        c = outbox.c
        filters: list[ColumnElement[bool]] = []
        if which.types:
            first = [f'{{"type":{_said(each)},' for each in which.types]
            filters.append(or_(*(func.substr(c.event, 1, len(each)) == each for each in first)))
        if which.station is not None:
            named = f'"station":[{_said(tenant)},{_said(which.station)}]'
            filters.append(self._has(c.event, named))
        listing = Listing(
            columns=(c.position, c.event),
            order=(c.position,),
            descending=sort == "-at",
            found=(c.tenant == tenant,),
            filters=tuple(filters),
            parts=(False,),  # the others are not told yet
        )
        if which.sites is None:
            rows, place = await paging.page(self._db, listing, after, limit)
            return Page([_stored(row) for row in rows], place)
        return await self._events_at(tenant, which.sites, listing, after, limit)

    async def _events_at(
        self,
        tenant: TenantId,
        sites: Sequence[str],
        listing: Listing,
        after: Place | None,
        limit: int,
    ) -> Page[StoredEvent]:
        """Of stations at these sites: events are looked at some hundreds at a time."""
        kept: list[StoredEvent] = []
        for _ in range(_MOST_EVENTS // _EVENTS_AT_ONCE):
            rows, place = await paging.page(self._db, listing, after, _EVENTS_AT_ONCE)
            of = [_station_of.decode(row.event).station.name for row in rows]
            there = select(stations.c.name).where(
                stations.c.tenant == tenant,
                stations.c.name.in_(set(of)),
                stations.c.site.in_(sites),
            )
            standing = {row.name for row in await self._db.rows(there)}
            kept += [_stored(row) for row, name in zip(rows, of, strict=True) if name in standing]
            if len(kept) > limit or (len(kept) == limit and place is not None):
                return Page(kept[:limit], (kept[limit - 1].position,))
            after = place
            if place is None:
                break
        return Page(kept, after)

    def _has(self, column: Column[Any], text: str) -> ColumnElement[bool]:
        place = func.instr if self._db.engine == "sqlite" else func.strpos
        return place(column, text) > 0

    async def _about(
        self,
        table: Table,
        number: Column[Any],
        time: Column[Any],
        tenant: TenantId,
        since: datetime | None,
        before: datetime | None,
    ) -> Where:
        """Which numbers of a tenant's log may have such times: both grow together, nearly."""
        where: list[ColumnElement[bool]] = [table.c.tenant == tenant]
        if since is not None:
            low, _ = await self._around(table, number, time, tenant, since - _SLACK)
            where.append(number >= low)
        if before is not None:
            _, high = await self._around(table, number, time, tenant, before + _SLACK)
            where.append(number < high)
        return tuple(where)

    async def _around(
        self, table: Table, number: Column[Any], time: Column[Any], tenant: TenantId, at: datetime
    ) -> tuple[int, int]:
        """Numbers close below and above the first that is not older."""
        of_tenant = select(number.label("number"), time.label("time")).where(
            table.c.tenant == tenant
        )
        first = await self._db.rows(of_tenant.order_by(number).limit(1))
        last = await self._db.rows(of_tenant.order_by(number.desc()).limit(1))
        if not first or not last:
            return 0, 0
        low, high = first[0].number, last[0].number + 1
        while high - low > _CLOSE_ENOUGH:
            middle = (low + high) // 2
            found = await self._db.rows(of_tenant.where(number >= middle).order_by(number).limit(1))
            if found and found[0].time < at:
                low = found[0].number
            else:
                high = middle
        return low, high


def _between(column: Column[Any], since: datetime | None, before: datetime | None) -> Where:
    return (
        *([column >= since] if since is not None else []),
        *([column < before] if before is not None else []),
    )


def _said(text: str) -> str:
    return json.encode(text).decode()


def _stored(row: Row[Any]) -> StoredEvent:
    return StoredEvent(position=row.position, event=_event.decode(row.event))
