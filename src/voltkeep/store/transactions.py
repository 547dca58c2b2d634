"""Functional block E: transactions, and the marks of what was heard of each."""

import heapq
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, exists, func, not_, or_, select, tuple_, update

from voltkeep.domain.authorization import Authorization
from voltkeep.domain.availability import ChargingState, ConnectorStatus
from voltkeep.domain.identity import Evse, IdToken, StationId, TenantId, TransactionRef
from voltkeep.domain.transactions import Closing, Transaction, TransactionUpdate
from voltkeep.store.columns import Moment, as_it_is, storable
from voltkeep.store.engine import Statements, per_engine
from voltkeep.store.tables import (
    TRANSACTION_NUMBERS,
    connectors,
    stations,
    transaction_events,
    transactions,
)
from voltkeep.store.tenants import tenants_of

_c = transactions.c
_KEY = ("tenant", "station", "ref")
_VALUES = tuple(column.name for column in transactions.columns if column.name not in _KEY)
_PLAIN = (
    *("start_key", "started_at", "ended_at", "meter_start_wh", "meter_stop_wh", "stop_reason"),
    *("remote_start_id", "reservation_id", "first_heard_at", "last_heard_at"),
)
_OF_STATION = and_(_c.tenant == bindparam("in_tenant"), _c.station == bindparam("of_station"))
_IS = and_(_OF_STATION, _c.ref == bindparam("of_ref"))

_GET = select(*transactions.columns).where(_IS)
_STARTED_AS = select(*transactions.columns).where(
    _OF_STATION, _c.start_key == bindparam("of_start_key")
)
_ADD = per_engine(lambda dialect: dialect.insert(transactions).on_conflict_do_nothing())
_SAVE = update(transactions).where(_IS).values({name: bindparam(name) for name in _VALUES})

MARK_COLUMNS = tuple(column.name for column in transaction_events.columns)
MARK = per_engine(lambda dialect: dialect.insert(transaction_events).on_conflict_do_nothing())

_later = transactions.alias("later")
_ACTIVE_WITH = (
    select(func.count())
    .select_from(transactions)
    .where(
        _c.tenant == bindparam("in_tenant"),
        _c.token_key == bindparam("of_token"),
        _c.ended_at.is_(None),
        _c.closed_at.is_(None),
        _c.authorization == Authorization.ACCEPTED,
        or_(
            _c.evse_id.is_(None),
            _c.station != bindparam("except_station"),
            _c.evse_id != bindparam("except_evse"),
        ),
        ~exists().where(
            _later.c.tenant == _c.tenant,
            _later.c.station == _c.station,
            _later.c.evse_id == _c.evse_id,
            _later.c.ended_at.is_(None),
            _later.c.closed_at.is_(None),
            tuple_(_later.c.first_heard_at, _later.c.ref) > tuple_(_c.first_heard_at, _c.ref),
        ),
    )
)
_BY_NAME = (_c.tenant, _c.station, _c.ref)
_has_followed = exists().where(
    _later.c.tenant == _c.tenant,
    _later.c.station == _c.station,
    _later.c.evse_id == _c.evse_id,
    _later.c.first_heard_at > _c.first_heard_at,
)
_says_available = exists().where(
    connectors.c.tenant == _c.tenant,
    connectors.c.station == _c.station,
    connectors.c.evse_id == _c.evse_id,
    connectors.c.status == ConnectorStatus.AVAILABLE,
    connectors.c.received_at > _c.last_heard_at,
)
_is_there = exists().where(
    stations.c.tenant == _c.tenant,
    stations.c.name == _c.station,
    stations.c.connected_at.is_not(None),
    or_(
        stations.c.disconnected_at.is_(None),
        stations.c.disconnected_at < stations.c.connected_at,
    ),
    or_(stations.c.booted_at.is_(None), stations.c.booted_at <= _c.last_heard_at),
)
_SUSPECTS = (
    select(*transactions.columns)
    .where(
        _c.ended_at.is_(None),
        _c.closed_at.is_(None),
        or_(
            _has_followed,
            _says_available,
            and_(_c.last_heard_at < bindparam("silent_since"), ~_is_there),
        ),
    )
    .order_by(*_BY_NAME)
)
_NEWER = (
    select(*transactions.columns)
    .where(_OF_STATION, _c.evse_id == bindparam("of_evse"), _c.first_heard_at > bindparam("since"))
    .order_by(_c.first_heard_at, _c.ref)
    .limit(1)
)
_ORDER = (_c.first_heard_at, _c.tenant, _c.station, _c.ref)


def mark_row(
    station: StationId,
    ref: TransactionRef,
    update: TransactionUpdate,
    at: datetime,
    moment: Moment,
) -> tuple[Any, ...]:
    """The row of an update that was heard, in the order of `MARK_COLUMNS`."""
    trigger = None if update.trigger is None else storable(update.trigger)
    return (
        station.tenant,
        station.name,
        storable(ref),
        update.mark,
        update.phase.value,
        moment(update.at),
        moment(at),
        trigger,
        update.offline,
    )


class SqlTransactionRows:
    """`services.ports.TransactionRows`."""

    def __init__(self, db: Statements) -> None:
        self._db = db

    async def get(self, station: StationId, ref: TransactionRef) -> Transaction | None:
        found = await self._db.rows(_GET, _of(station, ref))
        return as_transaction(found[0]) if found else None

    async def started_as(self, station: StationId, start_key: str) -> Transaction | None:
        values = {
            "in_tenant": station.tenant,
            "of_station": station.name,
            "of_start_key": start_key,
        }
        found = await self._db.rows(_STARTED_AS, values)
        return as_transaction(found[0]) if found else None

    async def next_number(self) -> int:
        return await self._db.next_number(TRANSACTION_NUMBERS.name)

    async def add(self, transaction: Transaction) -> bool:
        key = dict(zip(_KEY, (*transaction.station, transaction.ref), strict=True))
        return await self._db.run(_ADD[self._db.engine], {**key, **_row(transaction)}) == 1

    async def save(self, transaction: Transaction) -> None:
        await self._db.run(
            _SAVE, {**_of(transaction.station, transaction.ref), **_row(transaction)}
        )

    async def mark(
        self, station: StationId, ref: TransactionRef, update: TransactionUpdate, at: datetime
    ) -> bool:
        row = mark_row(station, ref, update, at, as_it_is)
        values = dict(zip(MARK_COLUMNS, row, strict=True))
        return await self._db.run(MARK[self._db.engine], values) == 1

    async def active_with(
        self,
        tenant: TenantId,
        id_token: IdToken,
        *,
        except_at: tuple[StationId, Evse | None] | None = None,
    ) -> int:
        station, evse = except_at or (None, None)
        values = {
            "in_tenant": tenant,
            "of_token": id_token.key,
            "except_station": station.name if station and evse else "",  # nobody's name
            "except_evse": evse.id if evse else 0,
        }
        count: int = (await self._db.rows(_ACTIVE_WITH, values))[0][0]
        return count

    async def all(
        self,
        tenant: TenantId | None = None,
        *,
        station: StationId | None = None,
        active: bool | None = None,
        before: tuple[datetime, StationId, TransactionRef] | None = None,
        limit: int = 1000,
    ) -> list[Transaction]:
        if station is not None:
            tenants = [station.tenant] if tenant in {None, station.tenant} else []
        else:
            tenants = [tenant] if tenant is not None else await tenants_of(self._db, transactions)
        # Of each tenant a page, from its index; then the first of all of them.
        found = select(*transactions.columns).order_by(*(column.desc() for column in _ORDER))
        if station is not None:
            found = found.where(_c.station == station.name)
        if active is not None:
            is_open = and_(_c.ended_at.is_(None), _c.closed_at.is_(None))
            found = found.where(is_open if active else not_(is_open))
        if before is not None:
            at, than, ref = before
            found = found.where(
                _c.first_heard_at <= at,
                tuple_(*_ORDER) < tuple_(at, *than, ref, types=[each.type for each in _ORDER]),
            )
        pages = [
            [
                as_transaction(row)
                for row in await self._db.rows(found.where(_c.tenant == each).limit(limit))
            ]
            for each in tenants
        ]
        latest = heapq.merge(
            *pages, key=lambda each: (each.first_heard_at, each.station, each.ref), reverse=True
        )
        return [transaction for transaction, _ in zip(latest, range(limit), strict=False)]

    async def suspects(
        self,
        silent_since: datetime,
        *,
        after: tuple[StationId, TransactionRef] | None = None,
        limit: int = 1000,
    ) -> list[Transaction]:
        found = _SUSPECTS
        if after is not None:
            station, ref = after
            types = [column.type for column in _BY_NAME]
            found = found.where(tuple_(*_BY_NAME) > tuple_(*station, ref, types=types))
        values = {"silent_since": silent_since}
        return [as_transaction(row) for row in await self._db.rows(found.limit(limit), values)]

    async def newer(self, transaction: Transaction) -> Transaction | None:
        if transaction.evse is None:
            return None
        values = {
            "in_tenant": transaction.station.tenant,
            "of_station": transaction.station.name,
            "of_evse": transaction.evse.id,
            "since": transaction.first_heard_at,
        }
        found = await self._db.rows(_NEWER, values)
        return as_transaction(found[0]) if found else None


def _of(station: StationId, ref: TransactionRef) -> dict[str, Any]:
    return {"in_tenant": station.tenant, "of_station": station.name, "of_ref": ref}


def _row(transaction: Transaction) -> dict[str, Any]:
    evse, token, stopped_by = transaction.evse, transaction.id_token, transaction.stop_token
    closing = transaction.closing
    return {
        **{name: getattr(transaction, name) for name in _PLAIN},
        "evse_id": evse.id if evse else None,
        "connector_id": evse.connector_id if evse else None,
        "token_key": token.key if token else None,
        "token_value": token.value if token else None,
        "token_kind": token.kind if token else None,
        "group_token": transaction.group,
        "authorization": transaction.authorization,
        "stop_token_value": stopped_by.value if stopped_by else None,
        "stop_token_kind": stopped_by.kind if stopped_by else None,
        "charging_state": transaction.charging_state,
        "closed_at": closing.at if closing else None,
        "closed_by": closing.by if closing else None,
        "close_reason": closing.reason if closing else None,
        "closed_as_of": closing.as_of if closing else None,
        "closed_meter_wh": closing.meter_wh if closing else None,
    }


def as_transaction(row: Any) -> Transaction:
    return Transaction(
        station=StationId(row.tenant, row.station),
        ref=TransactionRef(row.ref),
        evse=Evse(row.evse_id, row.connector_id) if row.evse_id is not None else None,
        id_token=_token(row.token_value, row.token_kind),
        group=row.group_token,
        authorization=Authorization(row.authorization) if row.authorization else None,
        stop_token=_token(row.stop_token_value, row.stop_token_kind),
        charging_state=ChargingState(row.charging_state) if row.charging_state else None,
        closing=_closing(row),
        **{name: getattr(row, name) for name in _PLAIN},
    )


def _closing(row: Any) -> Closing | None:
    if row.closed_at is None:
        return None
    return Closing(
        at=row.closed_at,
        by=row.closed_by,
        reason=row.close_reason,
        as_of=row.closed_as_of,
        meter_wh=row.closed_meter_wh,
    )


def _token(value: str | None, kind: str | None) -> IdToken | None:
    return None if value is None or kind is None else IdToken(value, kind)
