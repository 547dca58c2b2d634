"""The unit of work: one database transaction, its repositories, and the events it emits."""

from voltkeep.domain.events import Event
from voltkeep.domain.identity import Sender
from voltkeep.domain.meter_values import MeterReport
from voltkeep.store import meter_values, outbox
from voltkeep.store.audit import SqlAuditRows
from voltkeep.store.authorization import SqlTokenRows
from voltkeep.store.availability import SqlConnectorRows
from voltkeep.store.days import SqlDayRows
from voltkeep.store.engine import ReadsOnly, Statements
from voltkeep.store.lists import SqlLists
from voltkeep.store.messages import SqlMessageRows
from voltkeep.store.meter_values import SqlMeterRows
from voltkeep.store.record_kinds import SqlRecordKinds
from voltkeep.store.remote_control import SqlCommandRows, SqlRemoteStartRows
from voltkeep.store.stations import SqlStationRows
from voltkeep.store.transactions import SqlTransactionRows


class SqlWork(SqlRecordKinds):
    """`services.ports.Work`."""

    def __init__(self, db: Statements, emitted: list[Event] | None) -> None:
        super().__init__(db)
        self._emitted = emitted  # None: this work only reads
        self.stations = SqlStationRows(db)
        self.connectors = SqlConnectorRows(db)
        self.tokens = SqlTokenRows(db)
        self.transactions = SqlTransactionRows(db)
        self.remote_starts = SqlRemoteStartRows(db)
        self.meter_values = SqlMeterRows(db)
        self.commands = SqlCommandRows(db)
        self.messages = SqlMessageRows(db)
        self.audit = SqlAuditRows(db, writes=emitted is not None)
        self.lists = SqlLists(db)
        self.days = SqlDayRows(db)

    def emit(self, event: Event) -> None:
        if self._emitted is None:
            raise ReadsOnly(ReadsOnly.__doc__)
        self._emitted.append(event)

    async def store_meter_values(self, sender: Sender, report: MeterReport) -> None:
        await meter_values.store(self._db, sender, report)

    async def finish(self) -> bool:
        """Store what was emitted and audited. True if anything was emitted."""
        await self.audit.finish()
        if self._emitted:
            await outbox.store(self._db, self._emitted)
        return bool(self._emitted)
