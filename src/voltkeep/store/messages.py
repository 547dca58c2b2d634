"""The message log: every CALL and what became of it."""

import heapq
from typing import Any

from sqlalchemy import Select, select

from voltkeep.domain.identity import StationId
from voltkeep.services.ports import Exchange, LoggedExchange
from voltkeep.store.columns import storable
from voltkeep.store.engine import Statements
from voltkeep.store.tables import message_log
from voltkeep.store.tenants import tenants_of

_c = message_log.c
COLUMNS = tuple(column.name for column in message_log.columns if column.name != "id")
_ALL = select(*message_log.columns)


def row(exchange: Exchange) -> tuple[Any, ...]:
    """The row of an exchange, in the order of `COLUMNS`; the times as they are."""
    tenant, station = exchange.station
    return (
        tenant,
        station,
        exchange.direction,
        storable(exchange.message_id),
        storable(exchange.action),
        exchange.call,
        exchange.called_at,
        exchange.answer,
        exchange.answered_at,
        storable(exchange.verdict),
        storable(exchange.note),
    )


class SqlMessageRows:
    """`services.ports.MessageRows`.

    Ids grow in the order of commits on SQLite, and on PostgreSQL for what one process writes.
    """

    def __init__(self, db: Statements) -> None:
        self._db = db

    async def since(
        self, after: int, *, station: StationId | None = None, limit: int = 500
    ) -> list[LoggedExchange]:
        newer = _ALL.where(_c.id > after).order_by(_c.id).limit(limit)
        return (await self._of(newer, station))[:limit]

    async def last(
        self, *, station: StationId | None = None, limit: int = 20
    ) -> list[LoggedExchange]:
        newest = _ALL.order_by(_c.id.desc()).limit(limit)
        return (await self._of(newest, station))[-limit:] if limit else []

    async def _of(self, found: Select[Any], station: StationId | None) -> list[LoggedExchange]:
        """Each tenant's from its own index, together in order of their ids."""
        if station is not None:
            tenants = [station.tenant]
            found = found.where(_c.station == station.name)
        else:
            tenants = await tenants_of(self._db, message_log)
        pages = [
            sorted(
                map(_logged, await self._db.rows(found.where(_c.tenant == tenant))),
                key=lambda logged: logged.id,
            )
            for tenant in tenants
        ]
        return list(heapq.merge(*pages, key=lambda logged: logged.id))


def _logged(row: Any) -> LoggedExchange:
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
