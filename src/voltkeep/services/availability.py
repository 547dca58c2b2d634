"""Functional block G, availability: the status of connectors."""

from datetime import datetime

import structlog

from voltkeep.domain.availability import StatusUpdate
from voltkeep.domain.events import ConnectorStatusChanged
from voltkeep.domain.identity import Evse, Sender, StationId
from voltkeep.services.ports import Begin, ConnectorRow, Journal, Read

log = structlog.get_logger(__name__)

MAX_CONNECTORS = 64  # of one station: a station must not fill our memory with inventions


class AvailabilityService:
    """Takes status at once, stores the latest of each connector soon, its history too."""

    def __init__(self, begin: Begin, read: Read, journal: Journal) -> None:
        self._begin = begin
        self._read = read
        self._journal = journal
        # With the time it counts for: a clock that is ahead must not outdate all that follows.
        self._latest: dict[StationId, dict[Evse | None, tuple[datetime, StatusUpdate]]] = {}
        self._unsaved: dict[tuple[StationId, Evse | None], tuple[ConnectorRow, bool]] = {}

    def record(self, sender: Sender, update: StatusUpdate) -> None:
        """Take a status. Never waits: `save` stores it within a second."""
        known = self._latest.setdefault(sender.station, {})
        before = known.get(update.evse)
        if before is None and len(known) >= MAX_CONNECTORS:
            log.warning("too many connectors", station=str(sender.station), limit=MAX_CONNECTORS)
            return
        at = min(update.at, sender.received_at)
        if before is not None and at < before[0]:
            self._journal.status(sender, update)  # late news: history, not state
            return
        known[update.evse] = at, update
        changed = before is None or _told(before[1]) != _told(update)
        row = ConnectorRow(station=sender.station, update=update, received_at=sender.received_at)
        unsaved = self._unsaved.get((sender.station, update.evse))
        self._unsaved[sender.station, update.evse] = (
            row,
            changed or (unsaved is not None and unsaved[1]),
        )
        self._journal.status(sender, update)

    async def save(self) -> None:
        """Store what has come since the last time, and tell of changes. Keeps it on failure."""
        if not self._unsaved:
            return
        taken, self._unsaved = self._unsaved, {}
        try:
            async with self._begin() as work:
                await work.connectors.save([row for row, _ in taken.values()])
                for row, changed in taken.values():
                    if changed:
                        work.emit(_changed(row))
        except BaseException:
            self._unsaved = taken | self._unsaved
            raise

    def disconnected(self, station: StationId) -> None:
        """Forget what is stored by now or soon: its next connection reports anew."""
        self._latest.pop(station, None)

    async def of(self, station: StationId) -> list[ConnectorRow]:
        """The stored status of a station and its connectors."""
        async with self._read() as work:
            return await work.connectors.of(station)


def _told(update: StatusUpdate) -> tuple[str | None, ...]:
    return update.raw_status, update.error_code, update.info


def _changed(row: ConnectorRow) -> ConnectorStatusChanged:
    update = row.update
    return ConnectorStatusChanged(
        station=row.station,
        at=row.received_at,
        evse=update.evse,
        status=update.status,
        raw_status=update.raw_status,
        error_code=update.error_code,
        info=update.info,
    )
