"""The message log: every CALL and what became of it."""

import heapq
from collections.abc import AsyncIterator, Iterable
from typing import Any

from sqlalchemy import bindparam, select, update

from voltkeep.domain.identity import StationId
from voltkeep.services.ports import Exchange, LoggedExchange
from voltkeep.store.columns import Moment, storable
from voltkeep.store.engine import Statements, per_engine
from voltkeep.store.tables import LOG_BLOCK, message_log, message_log_blocks
from voltkeep.store.tenants import tenants_of

_c = message_log.c
COLUMNS = tuple(column.name for column in message_log.columns)
_PAGE = 64  # blocks looked at in one go

ADD = per_engine(lambda dialect: dialect.insert(message_log))
ADD_BLOCK = per_engine(lambda dialect: dialect.insert(message_log_blocks).on_conflict_do_nothing())
BLOCK_COLUMNS = tuple(column.name for column in message_log_blocks.columns)
COUNTER = "journal"

_ALL = select(*message_log.columns)
_blocks = message_log_blocks.c


def row(exchange: Exchange, id: int, moment: Moment) -> tuple[Any, ...]:
    """A row in the order of `COLUMNS`."""
    tenant, station = exchange.station
    answered_at = exchange.answered_at
    return (
        tenant,
        id,
        station,
        exchange.direction,
        storable(exchange.message_id),
        storable(exchange.action),
        exchange.call,
        moment(exchange.called_at),
        exchange.answer,
        None if answered_at is None else moment(answered_at),
        storable(exchange.verdict),
        storable(exchange.note),
    )


def blocks(log: Iterable[tuple[Any, ...]]) -> set[tuple[Any, ...]]:
    """The blocks of such rows, in the order of `BLOCK_COLUMNS`."""
    return {(row[0], row[2], row[1] // LOG_BLOCK) for row in log}


class SqlMessageRows:
    """`services.ports.MessageRows`. Ids grow in the order of commits."""

    def __init__(self, db: Statements) -> None:
        self._db = db

    async def since(
        self, after: int, *, station: StationId | None = None, limit: int = 500
    ) -> list[LoggedExchange]:
        if station is not None:
            return await self._of_station(station, after=after, limit=limit, newest=False)
        pages = [
            [
                as_logged(row)
                for row in await self._db.rows(
                    _ALL.where(_c.tenant == tenant, _c.id > after).order_by(_c.id).limit(limit)
                )
            ]
            for tenant in await tenants_of(self._db, message_log)
        ]
        return list(heapq.merge(*pages, key=_id))[:limit]

    async def last(
        self, *, station: StationId | None = None, limit: int = 20
    ) -> list[LoggedExchange]:
        if station is not None:
            return await self._of_station(station, after=0, limit=limit, newest=True)
        found = [
            as_logged(row)
            for tenant in await tenants_of(self._db, message_log)
            for row in await self._db.rows(
                _ALL.where(_c.tenant == tenant).order_by(_c.id.desc()).limit(limit)
            )
        ]
        return sorted(found, key=_id)[-limit:] if limit else []

    async def _of_station(
        self, station: StationId, *, after: int, limit: int, newest: bool
    ) -> list[LoggedExchange]:
        """Block by block, from either end, until there are enough."""
        in_order = _c.id.desc() if newest else _c.id
        of_station = _ALL.where(
            _c.tenant == station.tenant, _c.station == station.name, _c.id > after
        ).order_by(in_order)
        found: list[LoggedExchange] = []
        async for block in self._blocks_of(station, after // LOG_BLOCK, newest=newest):
            if len(found) >= limit:
                break
            within = _c.id.between(block * LOG_BLOCK, block * LOG_BLOCK + LOG_BLOCK - 1)
            page = of_station.where(within).limit(limit - len(found))
            found += map(as_logged, await self._db.rows(page))
        return found[::-1] if newest else found

    async def _blocks_of(
        self, station: StationId, first: int, *, newest: bool
    ) -> AsyncIterator[int]:
        in_order = _blocks.block.desc() if newest else _blocks.block
        of_station = (
            select(_blocks.block)
            .where(_blocks.tenant == station.tenant, _blocks.station == station.name)
            .order_by(in_order)
            .limit(_PAGE)
        )
        bound = _blocks.block >= first
        while page := [each.block for each in await self._db.rows(of_station.where(bound))]:
            for block in page:
                yield block
            bound = (
                _blocks.block.between(first, page[-1] - 1) if newest else _blocks.block > page[-1]
            )


async def rename(db: Statements, station: StationId, new: StationId) -> None:
    """Give a station's messages its new name.

    The old name keeps its blocks: the journal of another process may count on them, and a block
    without a message is only looked at in vain.
    """
    found = await db.rows(
        select(_blocks.block).where(
            _blocks.tenant == station.tenant, _blocks.station == station.name
        )
    )
    of_station = [row.block for row in found]
    if not of_station:
        return
    named = {"tenant": new.tenant, "station": new.name}
    await db.run(ADD_BLOCK[db.engine], [{**named, "block": block} for block in of_station])
    await db.run(
        update(message_log)
        .where(
            _c.tenant == station.tenant,
            _c.station == station.name,
            _c.id.between(bindparam("first"), bindparam("last")),
        )
        .values(named),
        [
            {"first": block * LOG_BLOCK, "last": block * LOG_BLOCK + LOG_BLOCK - 1}
            for block in of_station
        ],
    )


def _id(logged: LoggedExchange) -> int:
    return logged.id


def as_logged(row: Any) -> LoggedExchange:
    return LoggedExchange(
        id=row.id,
        exchange=Exchange(
            station=StationId(row.tenant, row.station),
            direction=row.direction,
            message_id=row.message_id,
            action=row.action,
            call=row.call,
            called_at=row.called_at,
            answer=row.answer,
            answered_at=row.answered_at,
            verdict=row.verdict,
            note=row.note,
        ),
    )
