"""Every kind of record, and the table it is kept in."""

from functools import cached_property

from voltkeep.domain.accounts import ApiKey, IdempotencyKey, Installation, Session, Tenant, User
from voltkeep.domain.authorization import SeenToken, TokenChange, TokenGroup
from voltkeep.domain.availability import AvailabilityPlan, AvailabilityWish
from voltkeep.domain.campaigns import Campaign, CampaignStep
from voltkeep.domain.certificates import (
    CertificateRequest,
    InstalledCertificate,
    IssuedCertificate,
    TrustAnchor,
)
from voltkeep.domain.closing import Unended
from voltkeep.domain.configuration import Assignment, Template
from voltkeep.domain.device_model import ComponentState, DeviceReport
from voltkeep.domain.diagnostics import LogUpload
from voltkeep.domain.firmware import FirmwareImage, FirmwareUpdate
from voltkeep.domain.imports import Import
from voltkeep.domain.local_list import LocalList
from voltkeep.domain.orders import Batch, Order
from voltkeep.domain.reservations import Reservation
from voltkeep.domain.security import Alert, Refusal, SecurityEvent
from voltkeep.domain.sites import Site
from voltkeep.domain.smart_charging import ChargingNeeds, HeldProfile, ProfileReport
from voltkeep.domain.webhooks import Delivery, Webhook
from voltkeep.store import tables
from voltkeep.store.ending import SqlEnding
from voltkeep.store.engine import Statements
from voltkeep.store.records import SqlRecords


class SqlRecordKinds:
    """`services.records.RecordKinds`. Most works need one or two of them."""

    def __init__(self, db: Statements) -> None:
        self._db = db

    @cached_property
    def orders(self) -> SqlRecords[Order]:
        return SqlRecords(self._db, tables.orders, Order)

    @cached_property
    def batches(self) -> SqlRecords[Batch]:
        return SqlRecords(self._db, tables.batches, Batch)

    @cached_property
    def certificates(self) -> SqlEnding[IssuedCertificate]:
        return SqlEnding(self._db, tables.certificates, IssuedCertificate)

    @cached_property
    def certificate_requests(self) -> SqlRecords[CertificateRequest]:
        return SqlRecords(self._db, tables.certificate_requests, CertificateRequest)

    @cached_property
    def installed(self) -> SqlRecords[InstalledCertificate]:
        return SqlRecords(self._db, tables.installed_certificates, InstalledCertificate)

    @cached_property
    def anchors(self) -> SqlEnding[TrustAnchor]:
        return SqlEnding(self._db, tables.trust_anchors, TrustAnchor)

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
    def variables(self) -> SqlRecords[ComponentState]:
        return SqlRecords(self._db, tables.variables, ComponentState)

    @cached_property
    def reports(self) -> SqlRecords[DeviceReport]:
        return SqlRecords(self._db, tables.device_reports, DeviceReport)

    @cached_property
    def templates(self) -> SqlRecords[Template]:
        return SqlRecords(self._db, tables.variable_templates, Template)

    @cached_property
    def assignments(self) -> SqlRecords[Assignment]:
        return SqlRecords(self._db, tables.template_assignments, Assignment)

    @cached_property
    def steps(self) -> SqlRecords[CampaignStep]:
        return SqlRecords(self._db, tables.campaign_steps, CampaignStep)

    @cached_property
    def reservations(self) -> SqlRecords[Reservation]:
        return SqlRecords(self._db, tables.reservations, Reservation)

    @cached_property
    def local_lists(self) -> SqlRecords[LocalList]:
        return SqlRecords(self._db, tables.local_lists, LocalList)

    @cached_property
    def unknown_tokens(self) -> SqlRecords[SeenToken]:
        return SqlRecords(self._db, tables.unknown_tokens, SeenToken)

    @cached_property
    def token_groups(self) -> SqlRecords[TokenGroup]:
        return SqlRecords(self._db, tables.token_groups, TokenGroup)

    @cached_property
    def token_changes(self) -> SqlRecords[TokenChange]:
        return SqlRecords(self._db, tables.token_changes, TokenChange)

    @cached_property
    def availability(self) -> SqlRecords[AvailabilityWish]:
        return SqlRecords(self._db, tables.availability, AvailabilityWish)

    @cached_property
    def availability_plans(self) -> SqlRecords[AvailabilityPlan]:
        return SqlRecords(self._db, tables.availability_plans, AvailabilityPlan)

    @cached_property
    def unended(self) -> SqlRecords[Unended]:
        return SqlRecords(self._db, tables.unended, Unended)

    @cached_property
    def sites(self) -> SqlRecords[Site]:
        return SqlRecords(self._db, tables.sites, Site)

    @cached_property
    def imports(self) -> SqlRecords[Import]:
        return SqlRecords(self._db, tables.imports, Import)

    @cached_property
    def users(self) -> SqlRecords[User]:
        return SqlRecords(self._db, tables.users, User)

    @cached_property
    def api_keys(self) -> SqlRecords[ApiKey]:
        return SqlRecords(self._db, tables.api_keys, ApiKey)

    @cached_property
    def sessions(self) -> SqlRecords[Session]:
        return SqlRecords(self._db, tables.sessions, Session)

    @cached_property
    def tenants(self) -> SqlRecords[Tenant]:
        return SqlRecords(self._db, tables.tenants, Tenant)

    @cached_property
    def installation(self) -> SqlRecords[Installation]:
        return SqlRecords(self._db, tables.installation, Installation)

    @cached_property
    def webhooks(self) -> SqlRecords[Webhook]:
        return SqlRecords(self._db, tables.webhooks, Webhook)

    @cached_property
    def deliveries(self) -> SqlRecords[Delivery]:
        return SqlRecords(self._db, tables.deliveries, Delivery)

    @cached_property
    def idempotency_keys(self) -> SqlRecords[IdempotencyKey]:
        return SqlRecords(self._db, tables.idempotency_keys, IdempotencyKey)

    @cached_property
    def charging_profiles(self) -> SqlRecords[HeldProfile]:
        return SqlRecords(self._db, tables.charging_profiles, HeldProfile)

    @cached_property
    def charging_needs(self) -> SqlRecords[ChargingNeeds]:
        return SqlRecords(self._db, tables.charging_needs, ChargingNeeds)

    @cached_property
    def profile_reports(self) -> SqlRecords[ProfileReport]:
        return SqlRecords(self._db, tables.profile_reports, ProfileReport)
