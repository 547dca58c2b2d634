"""The unit of work: one database transaction, its repositories, and the events it emits."""

from functools import cached_property

from voltkeep.domain.campaigns import Campaign, CampaignStep
from voltkeep.domain.certificates import (
    CertificateRequest,
    InstalledCertificate,
    IssuedCertificate,
    TrustAnchor,
)
from voltkeep.domain.diagnostics import LogUpload
from voltkeep.domain.events import Event
from voltkeep.domain.firmware import FirmwareImage, FirmwareUpdate
from voltkeep.domain.identity import Sender
from voltkeep.domain.meter_values import MeterReport
from voltkeep.domain.security import Alert, Refusal, SecurityEvent
from voltkeep.store import meter_values, outbox, tables
from voltkeep.store.audit import SqlAuditRows
from voltkeep.store.authorization import SqlTokenRows
from voltkeep.store.availability import SqlConnectorRows
from voltkeep.store.engine import ReadsOnly, Statements
from voltkeep.store.messages import SqlMessageRows
from voltkeep.store.meter_values import SqlMeterRows
from voltkeep.store.records import SqlRecords
from voltkeep.store.remote_control import SqlCommandRows, SqlRemoteStartRows
from voltkeep.store.stations import SqlStationRows
from voltkeep.store.transactions import SqlTransactionRows


class SqlWork:
    """`services.ports.Work`."""

    def __init__(self, db: Statements, emitted: list[Event] | None) -> None:
        self._db = db
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

    # Most works need none of these.

    @cached_property
    def certificates(self) -> SqlRecords[IssuedCertificate]:
        return SqlRecords(self._db, tables.certificates, IssuedCertificate)

    @cached_property
    def certificate_requests(self) -> SqlRecords[CertificateRequest]:
        return SqlRecords(self._db, tables.certificate_requests, CertificateRequest)

    @cached_property
    def installed(self) -> SqlRecords[InstalledCertificate]:
        return SqlRecords(self._db, tables.installed_certificates, InstalledCertificate)

    @cached_property
    def anchors(self) -> SqlRecords[TrustAnchor]:
        return SqlRecords(self._db, tables.trust_anchors, TrustAnchor)

    @cached_property
    def logs(self) -> SqlRecords[LogUpload]:
        return SqlRecords(self._db, tables.log_uploads, LogUpload)

    @cached_property
    def images(self) -> SqlRecords[FirmwareImage]:
        return SqlRecords(self._db, tables.firmware_images, FirmwareImage)

    @cached_property
    def updates(self) -> SqlRecords[FirmwareUpdate]:
        return SqlRecords(self._db, tables.firmware_updates, FirmwareUpdate)

    @cached_property
    def security_events(self) -> SqlRecords[SecurityEvent]:
        return SqlRecords(self._db, tables.security_events, SecurityEvent)

    @cached_property
    def refusals(self) -> SqlRecords[Refusal]:
        return SqlRecords(self._db, tables.refusals, Refusal)

    @cached_property
    def alerts(self) -> SqlRecords[Alert]:
        return SqlRecords(self._db, tables.alerts, Alert)

    @cached_property
    def campaigns(self) -> SqlRecords[Campaign]:
        return SqlRecords(self._db, tables.campaigns, Campaign)

    @cached_property
    def steps(self) -> SqlRecords[CampaignStep]:
        return SqlRecords(self._db, tables.campaign_steps, CampaignStep)

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
