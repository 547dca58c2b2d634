"""Functional block J: meter values, in the one form that the journal and works write."""

from hashlib import blake2b
from operator import attrgetter
from typing import Any

from sqlalchemy import bindparam, select

from voltkeep.domain.identity import Evse, Sender, StationId, TransactionRef
from voltkeep.domain.meter_values import MeterReport, MeterValue
from voltkeep.services.ports import MeterRow
from voltkeep.store.columns import storable
from voltkeep.store.engine import Statements, per_engine
from voltkeep.store.tables import NONE, meter_values

COLUMNS = tuple(column.name for column in meter_values.columns)
_KEY = tuple(column.name for column in meter_values.primary_key)
_MEASURED = COLUMNS[COLUMNS.index("energy_wh") : COLUMNS.index("raw")]
_measured = attrgetter(*_MEASURED)

NO_REF = ""  # in the key of what was metered outside a transaction

ADD = per_engine(lambda dialect: dialect.insert(meter_values).on_conflict_do_nothing())

_OF_TRANSACTION = (
    select(*(meter_values.c[name] for name in COLUMNS if name != "digest"))
    .where(
        meter_values.c.tenant == bindparam("tenant"),
        meter_values.c.station == bindparam("station"),
        meter_values.c.ref == bindparam("ref"),
    )
    .order_by(meter_values.c.at, meter_values.c.received_at, meter_values.c.evse_id)
)


def digest(value: MeterValue) -> int:
    """What tells apart two readings of one instant: a signed 64-bit number."""
    mixed = blake2b(value.context.encode("utf-8", "replace") + b"\0" + value.raw, digest_size=8)
    return int.from_bytes(mixed.digest(), "big", signed=True)


def rows(sender: Sender, report: MeterReport) -> list[tuple[Any, ...]]:
    """The rows of a report, in the order of `COLUMNS`; the times as they are."""
    tenant, station = sender.station
    evse_id, connector_id = NONE, None
    if report.evse is not None:
        evse_id, connector_id = report.evse.id, report.evse.connector_id
    ref = NO_REF if report.ref is None else storable(report.ref)
    return [
        (
            tenant,
            station,
            ref,
            evse_id,
            value.at,
            digest(value),
            connector_id,
            sender.received_at,
            storable(value.context),
            *_measured(value),
            value.raw,
        )
        for value in report.values
    ]


async def store(db: Statements, sender: Sender, report: MeterReport) -> None:
    """Within a work; what is there already stays as it is."""
    found = [dict(zip(COLUMNS, row, strict=True)) for row in rows(sender, report)]
    if found:
        await db.run(ADD[db.engine], found)


class SqlMeterRows:
    """`services.ports.MeterRows`."""

    def __init__(self, db: Statements) -> None:
        self._db = db

    async def of_transaction(self, station: StationId, ref: TransactionRef) -> list[MeterRow]:
        found = await self._db.rows(
            _OF_TRANSACTION, {"tenant": station.tenant, "station": station.name, "ref": ref}
        )
        return [_meter_row(row) for row in found]


def _meter_row(row: Any) -> MeterRow:
    measured = dict(zip(_MEASURED, _measured(row), strict=True))
    return MeterRow(
        station=StationId(row.tenant, row.station),
        evse=Evse(row.evse_id, row.connector_id) if row.evse_id != NONE else None,
        ref=TransactionRef(row.ref) if row.ref != NO_REF else None,
        value=MeterValue(at=row.at, context=row.context, raw=row.raw, **measured),
        received_at=row.received_at,
    )
