"""Functional block J: meter values, in the one form that the journal and works write."""

from collections.abc import Iterable
from hashlib import blake2b
from operator import attrgetter
from typing import Any
from zlib import crc32

from msgspec.structs import astuple
from sqlalchemy import bindparam, select, update

from voltkeep.domain.identity import Evse, Sender, StationId, TransactionRef
from voltkeep.domain.meter_values import MeterReport, MeterValue
from voltkeep.services.lists import MeterFilter, Place
from voltkeep.services.ports import MeterRow
from voltkeep.store.columns import Moment, as_it_is, from_micros, micros, storable
from voltkeep.store.engine import Statements, per_engine
from voltkeep.store.paging import Listing
from voltkeep.store.tables import NONE, meter_value_hours, meter_values

COLUMNS = tuple(column.name for column in meter_values.columns)
HOUR_COLUMNS = tuple(column.name for column in meter_value_hours.columns)
ADD = per_engine(lambda dialect: dialect.insert(meter_values).on_conflict_do_nothing())
ADD_HOUR = per_engine(lambda dialect: dialect.insert(meter_value_hours).on_conflict_do_nothing())

_SHARDS = 16
HOUR = 3_600_000_000  # microseconds
_NO_REF = ""  # in the key of what was metered outside a transaction

_MEASURED = MeterValue.__struct_fields__[2:]
assert MeterValue.__struct_fields__[:2] == ("at", "context")
assert COLUMNS[-len(_MEASURED) :] == _MEASURED
_measured = attrgetter(*_MEASURED)

_c = meter_values.c
_hours = meter_value_hours.c
_HOURS_OF_TRANSACTION = (
    select(_hours.hour)
    .where(
        _hours.tenant == bindparam("tenant"),
        _hours.station == bindparam("station"),
        _hours.ref == bindparam("ref"),
    )
    .order_by(_hours.hour)
)
_OF_TRANSACTION = (
    select(*(_c[name] for name in COLUMNS if name not in {"shard", "digest"}))
    .where(
        _c.tenant == bindparam("tenant"),
        _c.shard == bindparam("shard"),
        _c.at >= bindparam("first"),
        _c.at < bindparam("end"),
        _c.station == bindparam("station"),
        _c.ref == bindparam("ref"),
    )
    .order_by(_c.at, _c.received_at, _c.evse_id)
)
_HOURS_OF_STATION = select(_hours.ref, _hours.hour).where(
    _hours.tenant == bindparam("tenant"), _hours.station == bindparam("station")
)

Row = tuple[Any, ...]


def digest(value: MeterValue) -> int:
    """What tells apart two readings of one instant: a signed 64-bit number."""
    said = b"%b\0%b" % (value.context.encode("utf-8", "replace"), value.raw)
    return int.from_bytes(blake2b(said, digest_size=8).digest(), "big", signed=True)


def rows(
    sender: Sender,
    ref: TransactionRef | None,
    evse: Evse | None,
    values: Iterable[MeterValue],
    moment: Moment,
) -> list[Row]:
    """Rows in the order of `COLUMNS`."""
    tenant, station = sender.station
    of_ref = _NO_REF if ref is None else storable(ref)
    shard = _shard(of_ref)
    evse_id, connector_id = (NONE, None) if evse is None else (evse.id, evse.connector_id)
    received_at = moment(sender.received_at)
    return [
        (
            tenant,
            shard,
            moment(value.at),
            station,
            of_ref,
            evse_id,
            digest(value),
            connector_id,
            received_at,
            storable(value.context),
            *astuple(value)[2:],
        )
        for value in values
    ]


def hours(found: Iterable[Row]) -> set[Row]:
    """The hours of such rows, in the order of `HOUR_COLUMNS`."""
    return {
        (row[0], row[3], row[4], (at if type(at := row[2]) is int else micros(at)) // HOUR)
        for row in found
    }


async def store(db: Statements, sender: Sender, report: MeterReport) -> None:
    """Within a work; what is there already stays as it is."""
    found = rows(sender, report.ref, report.evse, report.values, as_it_is)
    if found:
        await db.run(ADD[db.engine], [dict(zip(COLUMNS, row, strict=True)) for row in found])
        new = [dict(zip(HOUR_COLUMNS, row, strict=True)) for row in sorted(hours(found))]
        await db.run(ADD_HOUR[db.engine], new)


async def rename(db: Statements, station: StationId, new: StationId) -> None:
    """Give a station's meter values its new name.

    The old name keeps its hours: a journal may count on them, and one without a value is only
    looked at in vain.
    """
    of_station = {"tenant": station.tenant, "station": station.name}
    found = await db.rows(_HOURS_OF_STATION, of_station)
    if not found:
        return
    named = {"tenant": new.tenant, "station": new.name}
    await db.run(
        ADD_HOUR[db.engine], [{**named, "ref": row.ref, "hour": row.hour} for row in found]
    )
    by_shard: dict[int, set[int]] = {}
    for row in found:
        by_shard.setdefault(_shard(row.ref), set()).add(row.hour)
    statement = (
        update(meter_values)
        .where(
            _c.tenant == station.tenant,
            _c.shard == bindparam("of_shard"),
            _c.at >= bindparam("first"),
            _c.at < bindparam("end"),
            _c.station == station.name,
        )
        .values(named)
    )
    ranges = [
        {"of_shard": shard, **spell}
        for shard, its_hours in sorted(by_shard.items())
        for spell in _spells(its_hours)
    ]
    await db.run(statement, ranges)


class SqlMeterRows:
    """`services.ports.MeterRows`."""

    def __init__(self, db: Statements) -> None:
        self._db = db

    async def of_transaction(self, station: StationId, ref: TransactionRef) -> list[MeterRow]:
        named = {"tenant": station.tenant, "station": station.name, "ref": ref}
        found = await self._db.rows(_HOURS_OF_TRANSACTION, named)
        shard = _shard(storable(ref))
        return [
            as_meter_row(row)
            for spell in _spells({row.hour for row in found})
            for row in await self._db.rows(_OF_TRANSACTION, {**named, "shard": shard, **spell})
        ]


async def hours_of(
    db: Statements, station: StationId, which: MeterFilter, after: Place | None, *, descending: bool
) -> list[int]:
    """The hours in which there may be what fits, in order, from a place on."""
    found = (
        select(_hours.hour)
        .distinct()
        .where(_hours.tenant == station.tenant, _hours.station == station.name)
    )
    if which.ref is not None:
        found = found.where(_hours.ref == which.ref)
    if which.since is not None:
        found = found.where(_hours.hour >= micros(which.since) // HOUR)
    if which.before is not None:
        found = found.where(_hours.hour <= micros(which.before) // HOUR)
    if after is not None and isinstance(after[0], int):
        at = after[0] // HOUR
        found = found.where(_hours.hour <= at if descending else _hours.hour >= at)
    found = found.order_by(_hours.hour.desc() if descending else _hours.hour)
    return [row.hour for row in await db.rows(found)]


async def listing_of(
    db: Statements, station: StationId, which: MeterFilter, hour: int, *, descending: bool
) -> Listing:
    """What a station metered in an hour, in order of time."""
    refs = select(_hours.ref).where(
        _hours.tenant == station.tenant, _hours.station == station.name, _hours.hour == hour
    )
    if which.ref is not None:
        refs = refs.where(_hours.ref == which.ref)
    shards = {_shard(row.ref) for row in await db.rows(refs)}
    found = [
        _c.tenant == station.tenant,
        _c.shard.in_(sorted(shards)),
        _c.at >= from_micros(hour * HOUR),
        _c.at < from_micros((hour + 1) * HOUR),
        _c.station == station.name,
    ]
    if which.ref is not None:
        found.append(_c.ref == which.ref)
    if which.evse_id is not None:
        found.append(_c.evse_id == which.evse_id)
    if which.since is not None:
        found.append(_c.at >= which.since)
    if which.before is not None:
        found.append(_c.at < which.before)
    return Listing(
        columns=tuple(_c),
        order=(_c.at, _c.ref, _c.evse_id, _c.digest),
        descending=descending,
        found=tuple(found),
    )


async def has_values(db: Statements, hour: tuple[Any, ...]) -> bool:
    """Whether there is a value in an hour, a row in the order of `HOUR_COLUMNS`."""
    tenant, station, ref, number = hour
    found = select(_c.at).where(
        _c.tenant == tenant,
        _c.shard == _shard(ref),
        _c.at >= from_micros(number * HOUR),
        _c.at < from_micros((number + 1) * HOUR),
        _c.station == station,
        _c.ref == ref,
    )
    return bool(await db.rows(found.limit(1)))


def _shard(ref: str) -> int:
    return crc32(ref.encode()) % _SHARDS


def _spells(of_hours: set[int]) -> list[dict[str, Any]]:
    """Hours as times, those that follow each other in one: ``first``, and ``end`` after it."""
    firsts = sorted(hour for hour in of_hours if hour - 1 not in of_hours)
    ends = sorted(hour + 1 for hour in of_hours if hour + 1 not in of_hours)
    return [
        {"first": from_micros(first * HOUR), "end": from_micros(end * HOUR)}
        for first, end in zip(firsts, ends, strict=True)
    ]


def as_meter_row(row: Any) -> MeterRow:
    measured = dict(zip(_MEASURED, _measured(row), strict=True))
    return MeterRow(
        station=StationId(row.tenant, row.station),
        evse=Evse(row.evse_id, row.connector_id) if row.evse_id != NONE else None,
        ref=TransactionRef(row.ref) if row.ref != _NO_REF else None,
        value=MeterValue(at=row.at, context=row.context, **measured),
        received_at=row.received_at,
    )
