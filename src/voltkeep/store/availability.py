"""Functional block G: the latest status of each connector, and the history behind it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from voltkeep.domain.availability import ChargingState, ConnectorStatus, StatusUpdate
from voltkeep.domain.identity import Evse, Sender, StationId
from voltkeep.services.ports import ConnectorRow
from voltkeep.store.columns import Moment, storable
from voltkeep.store.engine import Statements, per_engine
from voltkeep.store.tables import NONE, connectors, status_history

_KEY = tuple(column.name for column in connectors.primary_key)
_SAID = tuple(column.name for column in connectors.columns if column.name not in _KEY)
HISTORY_COLUMNS = tuple(column.name for column in status_history.columns)
ADD_HISTORY = per_engine(lambda dialect: dialect.insert(status_history))
_OF = (
    select(*connectors.columns)
    .where(connectors.c.tenant == bindparam("tenant"), connectors.c.station == bindparam("station"))
    .order_by(connectors.c.evse_id, connectors.c.connector_id)
)


def _saving(dialect: Any) -> Any:
    insert = dialect.insert(connectors)
    return insert.on_conflict_do_update(
        index_elements=_KEY, set_={name: insert.excluded[name] for name in _SAID}
    )


_SAVE = per_engine(_saving)


def history_row(sender: Sender, update: StatusUpdate, id: int, moment: Moment) -> tuple[Any, ...]:
    """The row of a status that was heard, in the order of `HISTORY_COLUMNS`."""
    row = _row(ConnectorRow(station=sender.station, update=update, received_at=sender.received_at))
    row["id"] = id
    return tuple(_for_driver(row[name], moment) for name in HISTORY_COLUMNS)


def _for_driver(value: Any, moment: Moment) -> Any:
    if isinstance(value, str):
        return storable(value)
    return moment(value) if isinstance(value, datetime) else value


class SqlConnectorRows:
    """`services.ports.ConnectorRows`."""

    def __init__(self, db: Statements) -> None:
        self._db = db

    async def save(self, rows: Sequence[ConnectorRow]) -> None:
        values = {tuple(row[name] for name in _KEY): row for row in map(_row, rows)}
        if values:
            # In one order, or two works could wait for each other.
            await self._db.run(_SAVE[self._db.engine], [values[key] for key in sorted(values)])

    async def of(self, station: StationId) -> list[ConnectorRow]:
        values = {"tenant": station.tenant, "station": station.name}
        return [as_connector(row) for row in await self._db.rows(_OF, values)]


def _row(row: ConnectorRow) -> dict[str, Any]:
    update, evse = row.update, row.update.evse
    return {
        "tenant": row.station.tenant,
        "station": row.station.name,
        "evse_id": evse.id if evse else NONE,
        "connector_id": (evse.connector_id or NONE) if evse else NONE,
        "status": update.status,
        "raw_status": update.raw_status,
        "at": update.at,
        "charging_state": update.charging_state,
        "error_code": update.error_code,
        "info": update.info,
        "vendor_id": update.vendor_id,
        "vendor_error_code": update.vendor_error_code,
        "received_at": row.received_at,
    }


def as_connector(row: Any) -> ConnectorRow:
    return ConnectorRow(
        station=StationId(row.tenant, row.station),
        update=StatusUpdate(
            evse=Evse(row.evse_id, row.connector_id or None) if row.evse_id != NONE else None,
            status=ConnectorStatus(row.status),
            raw_status=row.raw_status,
            at=row.at,
            charging_state=ChargingState(row.charging_state) if row.charging_state else None,
            error_code=row.error_code,
            info=row.info,
            vendor_id=row.vendor_id,
            vendor_error_code=row.vendor_error_code,
        ),
        received_at=row.received_at,
    )
