"""What the API takes and returns. Written by tools/generate_client.py."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

AccountState = Literal["active", "disabled", "revoked"]
Attribute = Literal["Actual", "MaxSet", "MinSet", "Target"]
Authorization = Literal[
    "Accepted",
    "Blocked",
    "ConcurrentTx",
    "Expired",
    "Invalid",
    "NoCredit",
    "NotAllowedTypeEVSE",
    "NotAtThisLocation",
    "NotAtThisTime",
    "Unknown",
]
BatchState = Literal["cancelled", "done", "filling", "running"]
CampaignState = Literal[
    "cancelled", "cancelling", "filling", "finished", "halted", "paused", "running"
]
CertificateState = Literal[
    "accepted", "active", "issued", "rejected", "revoked", "sent", "superseded"
]
ChangeKind = Literal["firmware", "security profile"]
ChargingState = Literal["Charging", "EVConnected", "Idle", "SuspendedEV", "SuspendedEVSE"]
ConnectorStatus = Literal["Available", "Faulted", "Occupied", "Reserved", "Unavailable"]
DeliveryState = Literal["delivered", "failed", "waiting"]
Doubt = Literal["disconnected", "old", "restarted"]
DriftKind = Literal["different", "missing", "read-only", "reboot-required", "unread"]
Evidence = Literal[
    "EVSE available", "newer transaction", "station offline", "station removed", "station restarted"
]
Format = Literal["csv", "jsonl"]
ImportState = Literal["cancelled", "done", "failed", "running"]
Kind = Literal["Absolute", "Recurring", "Relative"]
ListState = Literal["by hand", "due", "failed", "in step", "new", "unsupported"]
LogKind = Literal["DiagnosticsLog", "SecurityLog"]
LogState = Literal[
    "cancelled", "failed", "refused", "requested", "unknown", "uploaded", "uploading"
]
OrderResult = Literal[
    "accepted",
    "busy",
    "cancelled",
    "expired",
    "failed",
    "impossible",
    "interrupted",
    "left",
    "offline",
    "passive",
    "refused",
    "rejected",
    "silent",
    "unclear",
    "unfit",
    "unserved",
]
OrderState = Literal["cancelled", "done", "expired", "interrupted", "pending", "queued", "running"]
Permission = Literal[
    "accounts:read",
    "accounts:write",
    "audit:read",
    "commands:send",
    "commands:technical",
    "events:read",
    "messages:read",
    "security:read",
    "security:write",
    "settings:read",
    "stations:read",
    "stations:write",
    "tenants:write",
    "tokens:read",
    "tokens:write",
    "transactions:read",
    "transactions:write",
    "webhooks:read",
    "webhooks:write",
]
PlanState = Literal["cancelled", "done", "expired", "failed", "planned"]
ProfileReportState = Literal["asked", "complete", "failed", "none", "running"]
ProfileState = Literal[
    "accepted",
    "cleared",
    "ended",
    "expired",
    "missing",
    "rejected",
    "replaced",
    "sent",
    "unknown",
    "unsent",
]
Purpose = Literal[
    "ChargingStationExternalConstraints",
    "ChargingStationMaxProfile",
    "LocalGeneration",
    "PriorityCharging",
    "TxDefaultProfile",
    "TxProfile",
]
RateUnit = Literal["A", "W"]
Recurrency = Literal["Daily", "Weekly"]
Registration = Literal["Accepted", "Pending", "Rejected"]
ReportBase = Literal["ConfigurationInventory", "FullInventory", "SummaryInventory"]
ReportState = Literal["asked", "coming", "complete", "refused", "unfinished"]
RequestState = Literal["refused", "replaced", "requested", "signed"]
ReservationState = Literal[
    "active", "cancelled", "expired", "refused", "removed", "requested", "unknown", "unused", "used"
]
ResetKind = Literal["Immediate", "OnIdle"]
RevocationReason = Literal[
    "affiliation_changed",
    "ca_compromise",
    "cessation_of_operation",
    "key_compromise",
    "superseded",
    "unspecified",
]
Role = Literal["administrator", "engineer", "operator", "viewer"]
RootUse = Literal[
    "CSMSRootCertificate",
    "MORootCertificate",
    "ManufacturerRootCertificate",
    "OEMRootCertificate",
    "V2GRootCertificate",
]
RowKind = Literal["stations", "tokens", "transactions"]
SecurityProfile = Literal[0, 1, 2, 3]
SeenState = Literal["dismissed", "seen"]
StepState = Literal["asked", "done", "failed", "preparing", "skipped", "waiting"]
Triggered = Literal[
    "BootNotification",
    "CustomTrigger",
    "FirmwareStatusNotification",
    "Heartbeat",
    "LogStatusNotification",
    "MeterValues",
    "PublishFirmwareStatusNotification",
    "SignChargingStationCertificate",
    "SignCombinedCertificate",
    "SignV2G20Certificate",
    "SignV2GCertificate",
    "StatusNotification",
    "TransactionEvent",
]
UnknownTokens = Literal["ask", "record", "refuse"]
UpdateState = Literal[
    "cancelled", "failed", "installed", "refused", "requested", "running", "unknown"
]
Via = Literal["ftp", "ftps", "http", "https"]
Wave = Literal["canary", "rest"]
WebhookState = Literal["disabled", "enabled"]
WishState = Literal["asked", "done", "rejected", "scheduled", "unanswered"]


class Actor(Struct, frozen=True, kw_only=True):
    """Who acts: a person at a shell, an API key, a station, or the system itself."""

    address: str | UnsetType = UNSET
    authenticated_by: str | UnsetType = UNSET
    kind: str
    name: str


class Adoption(Struct, frozen=True, kw_only=True):
    """How a token that was seen is registered."""

    expires_at: datetime | UnsetType | None = UNSET
    group: str | UnsetType | None = UNSET
    max_active: int | UnsetType = UNSET
    note: str | UnsetType = UNSET


class AlertOut(Struct, frozen=True, kw_only=True):
    """Something a person should look at. ``station`` is null if it is not about one."""

    acknowledged_at: datetime | None
    acknowledged_by: str
    count: int
    first_at: datetime
    id: str
    kind: str
    last_at: datetime
    note: str
    state: str
    station: str | None
    text: str


class AnyMessage(Struct, frozen=True, kw_only=True):
    """Exactly this message, in the version that the station speaks; ``force``: also if unfit."""

    action: str
    force: bool | UnsetType = UNSET
    payload: dict[str, Any] | UnsetType = UNSET


class ApplyTemplate(Struct, frozen=True, kw_only=True, tag_field="command", tag="ApplyTemplate"):
    """Write what differs from a template; without its name, from all that are for the station."""

    template: str | UnsetType = UNSET


class AttemptOut(Struct, frozen=True, kw_only=True):
    """One try. ``status`` is null if nobody answered: then ``error`` says why."""

    at: datetime
    error: str | None
    latency_ms: float
    response: str
    status: int | None


class AuditCheckpoint(Struct, frozen=True, kw_only=True):
    """An end of the log that the server has written to its own log, which is kept elsewhere."""

    at: datetime
    hash: str
    seq: int


class AuditOut(Struct, frozen=True, kw_only=True):
    """One deed. ``hash`` covers it and the hash before it."""

    actor: Actor
    at: datetime
    deed: Deed
    hash: str
    seq: int


class AuditProblem(Struct, frozen=True, kw_only=True):
    """Where the chain is broken."""

    problem: str
    seq: int


class AuditVerdict(Struct, frozen=True, kw_only=True):
    """Whether the chain holds, and its end: keep that elsewhere, and compare.

    ``entries`` were looked at, heard from ``first_at`` to ``last_at``. ``checkpoint`` is null if
    the server that answers has told no end yet, else the log was compared with it.
    """

    checkpoint: AuditCheckpoint | None
    entries: int
    first_at: datetime | None
    is_intact: bool
    last_at: datetime | None
    last_hash: str
    last_seq: int
    problems: tuple[AuditProblem, ...]


class AvailabilityOut(Struct, frozen=True, kw_only=True):
    """A station's connectors, what is wanted of it, and what is planned."""

    connectors: tuple[ConnectorOut, ...]
    planned: tuple[PlanOut, ...]
    station: str
    wanted: tuple[WantedOut, ...]


class BatchOut(Struct, frozen=True, kw_only=True):
    """A batch. Its commands, with a result for each station, are at `GET /commands?batch=`.

    It is done once every station was asked, or its command waits for it. ``states`` and
    ``results`` count its commands; they are null in lists.
    """

    ask: Any
    at: datetime
    at_once: int
    command: str
    given_at: datetime
    id: str
    issued_by: str
    queue_until: datetime | None
    results: dict[str, int] | None
    state: BatchState
    states: dict[str, int] | None
    stations: int
    which: Which


class CampaignOut(Struct, frozen=True, kw_only=True):
    """A campaign. ``failures`` and ``ended`` count since it was last resumed.

    ``stations`` counts its stations by state, ``canary_stations`` those that go first; both are
    null in lists.
    """

    at: datetime
    at_once: int
    attempts: int
    canaries: int
    canary_failures: int
    canary_percent: float | None
    canary_stations: dict[str, int] | None
    ended: int
    failures: int
    firmware: FirmwareGoal | None
    halt_after: int
    halt_percent: float | None
    id: str
    kind: ChangeKind
    phase: Wave
    reason: str
    retry_after_s: float
    security_profile: int | None
    started_at: datetime
    started_by: str
    state: CampaignState
    station_timeout_s: float
    stations: dict[str, int] | None
    until: datetime | None
    waits_for_word: bool
    which: Which
    window: Window | None


class CampaignStationOut(Struct, frozen=True, kw_only=True):
    """How far one station of a campaign is. ``update`` is the id of its firmware update."""

    at: datetime
    failed_attempts: int
    not_before: datetime | None
    reason: str
    security_profile: int | None
    state: StepState
    station: str
    update: str | None
    wave: Wave


class CancelReservation(
    Struct, frozen=True, kw_only=True, tag_field="command", tag="CancelReservation"
):
    """Give a reservation up (H02)."""

    id: int


class CertificateOut(Struct, frozen=True, kw_only=True):
    """A certificate that we issued. ``station`` is null for the server's own."""

    changed_at: datetime
    fingerprint: str
    issuer: str
    not_after: datetime
    not_before: datetime
    pem: str
    problem: str
    profile: str
    revocation_reason: RevocationReason | None
    revoked_at: datetime | None
    serial_number: str
    state: CertificateState
    station: str | None
    subject: str


class CertificateRequestOut(Struct, frozen=True, kw_only=True):
    """A station's request for a certificate that was found to be in order.

    ``problem`` says why the authority refused it after all. ``key_fingerprint`` is that of the
    certificate's key too.
    """

    changed_at: datetime
    common_name: str
    key_fingerprint: str
    organization: str
    pem: str
    problem: str
    state: RequestState
    station: str
    subject: str
    use: str


class ChangeAvailability(
    Struct, frozen=True, kw_only=True, tag_field="command", tag="ChangeAvailability"
):
    """Let an EVSE, a connector of it, or the station as a whole serve drivers or not (G03, G04)."""

    evse: Evse | UnsetType | None = UNSET
    operative: bool


class Characteristics(Struct, frozen=True, kw_only=True):
    """What values a variable may have, as the station says (2.x VariableCharacteristicsType)."""

    choices: str | UnsetType = UNSET
    data_type: str | UnsetType = UNSET
    maximum: float | UnsetType | None = UNSET
    minimum: float | UnsetType | None = UNSET
    unit: str | UnsetType = UNSET


class ChargingNeedsOut(Struct, frozen=True, kw_only=True):
    """What an EV has said: what it needs, and how it will charge. Null is what it did not say."""

    battery_wh: float | None
    departure_at: datetime | None
    energy_transfer: str
    energy_wh: float | None
    ev_max_current_a: float | None
    ev_max_power_w: float | None
    ev_max_voltage_v: float | None
    ev_min_current_a: float | None
    evse: Evse
    full_soc_percent: float | None
    max_schedule_periods: int | None
    schedule: tuple[Step, ...]
    schedule_answer: str
    schedule_starts_at: datetime | None
    soc_percent: float | None
    told_at: datetime
    transaction: str | None


class ChargingProfile(Struct, frozen=True, kw_only=True):
    """A limit over time, for a station, an EVSE or a transaction (K01; 1.6 section 3.13).

    Several schedules are alternatives that an EV chooses from (K15), and 1.6 has but one.
    Without ``id`` we give it one.
    """

    id: int | UnsetType | None = UNSET
    kind: Kind | UnsetType = UNSET
    purpose: Purpose
    recurrency: Recurrency | UnsetType | None = UNSET
    schedules: tuple[Schedule, ...]
    stack_level: int | UnsetType = UNSET
    transaction: str | UnsetType | None = UNSET
    valid_from: datetime | UnsetType | None = UNSET
    valid_to: datetime | UnsetType | None = UNSET


class ChargingProfileOut(Struct, frozen=True, kw_only=True):
    """A charging profile at a station, and what we believe of it.

    ``evse`` null is the station as a whole. ``profile`` is null where a station told of it in
    words that we do not compute with. ``source`` is who set it: CSO is us. ``status`` is the
    station's own word.
    """

    changed_at: datetime
    evse: Evse | None
    id: int
    is_grid_critical: bool
    key: str
    profile: ChargingProfile | None
    purpose: str
    remote_start_id: int | None
    reported_at: datetime | None
    sent_at: datetime | None
    source: str
    stack_level: int
    state: ProfileState
    station: str
    status: str
    transaction: str | None


class ClearCache(Struct, frozen=True, kw_only=True, tag_field="command", tag="ClearCache"):
    """Forget what was answered for tokens (C11)."""


class ClearChargingProfiles(
    Struct, frozen=True, kw_only=True, tag_field="command", tag="ClearChargingProfiles"
):
    """Take profiles from the station: all, if nothing says which (K10)."""

    criteria: ProfileCriteria | UnsetType = UNSET


class CloseTransaction(Struct, frozen=True, kw_only=True):
    """Close the record. What is left out is taken from what was heard last."""

    ended_at: datetime | UnsetType | None = UNSET
    meter_wh: float | UnsetType | None = UNSET
    reason: str | UnsetType = UNSET


class ClosingOut(Struct, frozen=True, kw_only=True):
    """That a person has closed the record. It stopped nothing at the station."""

    as_of: datetime
    closed_at: datetime
    closed_by: str
    meter_wh: float | None
    reason: str


class Code(Struct, frozen=True, kw_only=True):
    """What your authenticator app shows."""

    code: str


class CommandOut(Struct, frozen=True, kw_only=True):
    """What was asked of a station, and what became of it.

    ``result`` says how it went, once ``state`` is an end; ``advice`` what to do about it.
    ``status`` is the station's own word. Without `tokens:read` tokens are shown by their last
    four characters.
    """

    advice: str | None
    ask: Any
    batch: str | None
    command: str
    done_at: datetime | None
    error: str | None
    given_at: datetime
    id: str
    issued_by: str
    messages: tuple[CommandsMessageOut, ...]
    queue_until: datetime | None
    result: OrderResult | None
    started_at: datetime | None
    state: OrderState
    station: str
    status: str | None
    told: Any
    warning: str | None


class CompositeSchedule(Struct, frozen=True, kw_only=True):
    """What all profiles come to (K08). ``evse`` None: the station as a whole."""

    duration_s: int
    evse: Evse | None
    starts_at: datetime | None
    steps: tuple[Step, ...]
    unit: RateUnit


class ConfigurationValue(Struct, frozen=True, kw_only=True):
    """A value that a variable shall have."""

    attribute: Attribute | UnsetType = UNSET
    value: str
    variable: str


class ConnectionsOut(Struct, frozen=True, kw_only=True):
    """Stations at the door, since the server was started; ``refused`` is by reason."""

    at_most: int
    by_protocol: dict[str, int]
    connected: int
    event_streams: int
    let_in: int
    refused: dict[str, int]
    upgrades_per_s: float


class ConnectorOut(Struct, frozen=True, kw_only=True):
    """What a connector said last; ``evse`` null is the station as a whole.

    ``stale_since``: since then it may not be true any more, and ``stale_because`` tells why.
    ``raw_status`` is the station's own word.
    """

    age_s: int
    charging_state: ChargingState | None
    error_code: str | None
    evse: Evse | None
    heard_at: datetime
    info: str | None
    raw_status: str
    said_at: datetime
    stale_because: Doubt | None
    stale_since: datetime | None
    station: str
    status: ConnectorStatus
    vendor_error_code: str | None
    vendor_id: str | None


class CreatedKey(Struct, frozen=True, kw_only=True):
    """A new API key. ``token`` is told this once: keep it."""

    key: KeyOut
    token: str


class CreatedWebhook(Struct, frozen=True, kw_only=True):
    """A webhook with its secret (Standard Webhooks), which is told this once: keep it."""

    secret: str
    webhook: WebhookOut


class DatabaseOut(Struct, frozen=True, kw_only=True):
    """The database. All but ``in_use`` is null while it is away."""

    in_use: int
    kind: str | None
    latency_ms: float | None
    schema_revision: str | None
    size_bytes: int | None
    version: str | None


class DayOut(Struct, frozen=True, kw_only=True):
    """A day of the site's time zone; of several sites together, days of the same date.

    ``sessions`` began on it. ``busy_s`` is how long transactions took, ``connector_s`` how long
    they could have, ``utilisation`` the one in parts of the other; null if no connector is known,
    and for today where sites are of several time zones.
    """

    busy_s: int
    connector_s: int | None
    day: str
    energy_wh: int
    sessions: int
    utilisation: float | None


class DaysOut(Struct, frozen=True, kw_only=True):
    """Days in order, the last of them not over. ``time_zone`` "" is UTC, or that of each site.

    ``is_complete`` is false while what was there before an upgrade is being counted.
    """

    days: tuple[DayOut, ...]
    is_complete: bool
    site: str | None
    time_zone: str


class Deed(Struct, frozen=True, kw_only=True):
    """What was done, as a service says it. Nothing in it may be a secret."""

    action: str
    after: str | UnsetType = UNSET
    before: str | UnsetType = UNSET
    object: str
    result: str | UnsetType = UNSET


class DeleteCertificate(
    Struct, frozen=True, kw_only=True, tag_field="command", tag="DeleteCertificate"
):
    """Take a root certificate from the station (M04): by its id, or a part of its serial."""

    certificate: str
    force: bool | UnsetType = UNSET


class DeliveryOut(Struct, frozen=True, kw_only=True):
    """One event on its way to one webhook.

    ``payload`` is what is sent; null for who may not read all of what the webhook gets.
    """

    attempts: int
    event_id: str
    id: str
    last: AttemptOut | None
    next_at: datetime | None
    payload: Any
    queued_at: datetime
    state: DeliveryState
    station: str | None
    type: str


class DiskOut(Struct, frozen=True, kw_only=True):
    """The disk of the data directory."""

    free_bytes: int
    path: str
    total_bytes: int


class DriftOut(Struct, frozen=True, kw_only=True):
    """A variable that is not as a template wants it; ``at`` is when the station last said so."""

    at: datetime | None
    attribute: Attribute
    kind: DriftKind
    template: str
    value: str | None
    variable: str
    wanted: str


class Enabling(Struct, frozen=True, kw_only=True):
    """``from_now``: what has happened since it was switched off is left out."""

    from_now: bool | UnsetType = UNSET


class EndOut(Struct, frozen=True, kw_only=True):
    """The certificate of its kind that ends first."""

    kind: str
    not_after: datetime


class Ended(Struct, frozen=True, kw_only=True):
    """How many sessions are over."""

    sessions: int


class Enrolment(Struct, frozen=True, kw_only=True):
    """What your authenticator app needs: ``uri`` as a QR code, or ``secret`` typed."""

    secret: str
    uri: str


class EventType(Struct, frozen=True, kw_only=True):
    """A type of event. ``live_only``: streams get it, webhooks do not, and nothing replays it."""

    live_only: bool
    name: str
    permission: Permission | None


class Evse(Struct, frozen=True, kw_only=True):
    """A place where one EV can charge; without ``connector_id`` any of its plugs."""

    connector_id: int | UnsetType | None = UNSET
    id: int


class ExpiryOut(Struct, frozen=True, kw_only=True):
    """What expires, and whose it is. ``kind`` is own, issued or anchor (a foreign root)."""

    id: str
    kind: str
    not_after: datetime
    station: str | None
    subject: str


class ExplainedOut(Struct, frozen=True, kw_only=True):
    """Refused connections of one reason and host: what that means, and what to do."""

    count: int
    detail: str
    do: str
    first_at: datetime
    host: str
    last_at: datetime
    means: str
    reason: str


class ExplanationOut(Struct, frozen=True, kw_only=True):
    """Why a station connects, or does not, and what to do."""

    findings: tuple[Finding, ...]
    is_connected: bool
    is_registered: bool
    refusals: tuple[ExplainedOut, ...]
    station: str
    summary: str


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that is so, and what to do if it should not be."""

    do: str | UnsetType = UNSET
    is_wrong: bool | UnsetType = UNSET
    text: str
    topic: str


class FirmwareGoal(Struct, frozen=True, kw_only=True):
    """The image that stations are to run, and how they get it."""

    image: str
    install_at: datetime | UnsetType | None = UNSET
    retries: int | UnsetType | None = UNSET
    retrieve_at: datetime | UnsetType | None = UNSET
    retry_interval_s: int | UnsetType | None = UNSET
    unsigned: bool | UnsetType = UNSET
    version: str | UnsetType = UNSET
    via: str | UnsetType = UNSET


class FirmwareWish(Struct, frozen=True, kw_only=True):
    """The image to install. ``version`` is what stations call it once it runs.

    Without a version a station's word that it is installed is taken, and nobody is skipped.
    """

    image: str
    install_at: datetime | UnsetType | None = UNSET
    retries: int | UnsetType | None = UNSET
    retrieve_at: datetime | UnsetType | None = UNSET
    retry_interval_s: int | UnsetType | None = UNSET
    unsigned: bool | UnsetType = UNSET
    version: str | UnsetType = UNSET
    via: Via | UnsetType | None = UNSET


class GetChargingProfiles(
    Struct, frozen=True, kw_only=True, tag_field="command", tag="GetChargingProfiles"
):
    """Ask which profiles the station has; its reports correct what we believe (K09)."""

    criteria: ProfileCriteria | UnsetType = UNSET


class GetCompositeSchedule(
    Struct, frozen=True, kw_only=True, tag_field="command", tag="GetCompositeSchedule"
):
    """Ask what all profiles come to, and compare it with what we compute (K08)."""

    duration_s: int | UnsetType = UNSET
    evse: Evse | UnsetType | None = UNSET
    supply: Supply | UnsetType = UNSET
    unit: RateUnit | UnsetType | None = UNSET


class GetInstalledCertificates(
    Struct, frozen=True, kw_only=True, tag_field="command", tag="GetInstalledCertificates"
):
    """Ask which root certificates the station has (M03)."""

    use: RootUse | UnsetType | None = UNSET


class GetLocalListVersion(
    Struct, frozen=True, kw_only=True, tag_field="command", tag="GetLocalListVersion"
):
    """Which version of the list the station has (D02)."""


class GroupChange(Struct, frozen=True, kw_only=True):
    """What is to be changed of a group; a token that is blocked by itself stays so."""

    blocked: bool | UnsetType = UNSET
    name: str | UnsetType = UNSET
    note: str | UnsetType = UNSET


class GroupOut(Struct, frozen=True, kw_only=True):
    """Tokens whose owners may stop each other's transactions."""

    blocked: bool
    name: str
    note: str
    tokens: int


class Health(Struct, frozen=True, kw_only=True):
    """``status`` is ok or unavailable; ``reasons`` are for who may know them."""

    reasons: tuple[str, ...] | UnsetType = UNSET
    status: str


class Hours(Struct, frozen=True, kw_only=True):
    """Hours of the day in UTC, as in 22:00 to 04:30."""

    begin: str
    end: str


class IdToken(Struct, frozen=True, kw_only=True):
    """What identifies a driver: an RFID uid, an eMAID, a token of ours."""

    kind: str | UnsetType = UNSET
    value: str


class ImageElsewhere(Struct, frozen=True, kw_only=True):
    """An image on somebody else's server."""

    id: str
    signature: str | UnsetType = UNSET
    signing_certificate: str | UnsetType = UNSET
    url: str


class ImageOut(Struct, frozen=True, kw_only=True):
    """A firmware image. ``url`` says where it is, if it is not here."""

    added_at: datetime
    filename: str
    id: str
    is_signed: bool
    sha256: str
    signing_certificate: str
    size_bytes: int
    url: str


class ImportOut(Struct, frozen=True, kw_only=True):
    """How far an import is. ``errors`` are the first hundred; ``problem``: why it failed."""

    added: int
    bytes_done: int
    changed: int
    changed_at: datetime
    dry_run: bool
    ended_at: datetime | None
    errors: tuple[RowError, ...]
    failed: int
    format: Format
    given_at: datetime
    given_by: str
    id: str
    kind: RowKind
    problem: str
    rows_done: int
    size_bytes: int
    state: ImportState
    unchanged: int


class InstallCertificate(
    Struct, frozen=True, kw_only=True, tag_field="command", tag="InstallCertificate"
):
    """Give the station a root certificate (M05); without ``certificate`` our own root."""

    certificate: str | UnsetType | None = UNSET
    force: bool | UnsetType = UNSET
    use: RootUse | UnsetType = UNSET


class InstallationOut(Struct, frozen=True, kw_only=True):
    """The installation as a whole."""

    settings: tuple[SettingOut, ...]
    version: str


class KeyOut(Struct, frozen=True, kw_only=True):
    """An API key. ``last_used_at`` is true to a minute or two."""

    created_at: datetime
    created_by: str
    expires_at: datetime | None
    id: str
    last_used_at: datetime | None
    last_used_from: str | None
    name: str
    scopes: tuple[Permission, ...]
    sites: tuple[str, ...] | None
    state: AccountState
    tenant: str | None


class KindDaysOut(Struct, frozen=True, kw_only=True):
    """How many security events of a kind were heard of on each of the days, in their order."""

    kind: str
    number: int
    numbers: tuple[int, ...]


class ListEntry(Struct, frozen=True, kw_only=True):
    """A token in the list, and what the station shall make of it; without a status: remove it."""

    expires_at: datetime | UnsetType | None = UNSET
    group: str | UnsetType | None = UNSET
    id_token: IdToken
    status: Authorization | UnsetType | None = UNSET


class ListenerOut(Struct, frozen=True, kw_only=True):
    """Something that listens, by the name of its setting; one that is off is left out."""

    address: str
    is_open: bool
    setting: str


class LocalListChange(Struct, frozen=True, kw_only=True):
    """What is to be changed of how a list is kept; what is left out stays."""

    groups: tuple[str, ...] | UnsetType = UNSET
    on: bool | UnsetType = UNSET


class LocalListOut(Struct, frozen=True, kw_only=True):
    """A station's list. It has every change of the tokens from before ``synced_until``.

    ``on``: it is kept in step by itself. ``groups``: of these only; none are every token.
    ``entries`` were in the last full list; ``left_out``, of it and of every change since, are
    those that the station's version of OCPP cannot say.
    """

    changed_at: datetime
    entries: int
    groups: tuple[str, ...]
    left_out: int
    left_out_why: str
    most_entries: int | None
    on: bool
    per_message: int | None
    reason: str
    sent_at: datetime | None
    state: ListState
    station: str
    status: str
    synced_until: datetime | None
    version: int


class LogOut(Struct, frozen=True, kw_only=True):
    """One log that a station was asked for. ``status`` and ``filename`` are its own words."""

    changed_at: datetime
    filename: str
    has_arrived: bool
    id: str
    kind: LogKind
    requested_at: datetime
    sha256: str
    size_bytes: int
    state: LogState
    station: str
    status: str


class LoopOut(Struct, frozen=True, kw_only=True):
    """How late the event loop is: ``worst_ms`` in the last minute."""

    lag_ms: float
    worst_ms: float


class Make(Struct, frozen=True, kw_only=True):
    """What a station says it is, at boot. All of it is hostile input until shown escaped."""

    firmware: str | UnsetType | None = UNSET
    iccid: str | UnsetType | None = UNSET
    imsi: str | UnsetType | None = UNSET
    meter_serial_number: str | UnsetType | None = UNSET
    meter_type: str | UnsetType | None = UNSET
    model: str
    serial_number: str | UnsetType | None = UNSET
    vendor: str


class Me(Struct, frozen=True, kw_only=True):
    """Who asks. ``user`` is null for a program; ``csrf`` belongs into `X-Voltkeep-CSRF`."""

    csrf: str | None
    everywhere: bool
    must_change_password: bool
    name: str
    permissions: tuple[Permission, ...]
    sites: tuple[str, ...] | None
    tenant: str
    user: str | None


class MeterValueOut(Struct, frozen=True, kw_only=True):
    """What a meter showed at one instant; ``samples`` as the station said it."""

    at: datetime
    context: str
    evse: Evse | None
    heard_at: datetime
    samples: Any
    transaction: str | None
    values: dict[str, float]


class NewBatch(Struct, frozen=True, kw_only=True):
    """What to ask (as `POST /stations/{id}/commands` takes it), and of which stations."""

    ask: Any
    at_once: int | UnsetType = UNSET
    queue_until: datetime | UnsetType | None = UNSET
    timeout_s: float | UnsetType | None = UNSET
    which: Which


class NewCampaign(Struct, frozen=True, kw_only=True):
    """What to change, either ``firmware`` or ``security_profile``, and in which stations.

    ``canaries`` or ``canary_percent`` go first; the rest follows once all of them have ended and
    no more than ``canary_failures`` failed. ``halt_percent`` counts from the fifth station on.
    """

    at_once: int | UnsetType = UNSET
    attempts: int | UnsetType = UNSET
    canaries: int | UnsetType = UNSET
    canary_failures: int | UnsetType = UNSET
    canary_percent: float | UnsetType | None = UNSET
    firmware: FirmwareWish | UnsetType | None = UNSET
    halt_after: int | UnsetType = UNSET
    halt_percent: float | UnsetType | None = UNSET
    retry_after_s: float | UnsetType = UNSET
    security_profile: int | UnsetType | None = UNSET
    station_timeout_s: float | UnsetType | None = UNSET
    until: datetime | UnsetType | None = UNSET
    waits_for_word: bool | UnsetType = UNSET
    which: Which
    window: Hours | UnsetType | None = UNSET


class NewKey(Struct, frozen=True, kw_only=True):
    """A key to be. It may no more than who makes it."""

    everywhere: bool | UnsetType = UNSET
    expires_at: datetime | UnsetType | None = UNSET
    name: str
    scopes: tuple[Permission, ...]
    sites: tuple[str, ...] | UnsetType | None = UNSET


class NewPassword(Struct, frozen=True, kw_only=True):
    """A password for somebody else, who has to change it at once."""

    password: str


class NewPlan(Struct, frozen=True, kw_only=True):
    """A change at ``due_at``, and back again at ``until``; ``evse`` null: of the whole station."""

    due_at: datetime
    evse: Evse | UnsetType | None = UNSET
    operative: bool
    until: datetime | UnsetType | None = UNSET


class NewSite(Struct, frozen=True, kw_only=True):
    """A site to be added. ``address`` is its lines; ``country`` two letters (ISO 3166-1)."""

    address: tuple[str, ...] | UnsetType = UNSET
    country: str | UnsetType = UNSET
    id: str
    latitude: float | UnsetType | None = UNSET
    longitude: float | UnsetType | None = UNSET
    name: str | UnsetType = UNSET
    note: str | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET


class NewStation(Struct, frozen=True, kw_only=True):
    """A station to be registered. It has no key yet: `POST /stations/{id}/key` makes one.

    ``security_profile`` 1 is a password without TLS; 2 is with TLS, 3 with a client certificate.
    """

    id: str
    note: str | UnsetType = UNSET
    registration: Registration | UnsetType = UNSET
    security_profile: SecurityProfile | UnsetType = UNSET
    site: str | UnsetType = UNSET


class NewTemplate(Struct, frozen=True, kw_only=True):
    """A template, and the name that it shall have."""

    after_boot: bool | UnsetType = UNSET
    makes: tuple[TemplateMake, ...] | UnsetType = UNSET
    name: str
    note: str | UnsetType = UNSET
    sites: tuple[str, ...] | UnsetType = UNSET
    values: tuple[TemplateValue, ...]


class NewTenant(Struct, frozen=True, kw_only=True):
    """A tenant to be."""

    id: str
    title: str | UnsetType = UNSET


class NewToken(Struct, frozen=True, kw_only=True):
    """A token to let charge. ``max_active``: transactions at once; 0 is without limit."""

    blocked: bool | UnsetType = UNSET
    expires_at: datetime | UnsetType | None = UNSET
    group: str | UnsetType | None = UNSET
    kind: str | UnsetType = UNSET
    max_active: int | UnsetType = UNSET
    note: str | UnsetType = UNSET
    value: str


class NewTrustedRoot(Struct, frozen=True, kw_only=True):
    """A foreign root to be trusted. ``for_clients``: certificates below it let stations in."""

    crl_url: str | UnsetType = UNSET
    for_clients: bool | UnsetType = UNSET
    ocsp_url: str | UnsetType = UNSET
    pem: str
    station: str | UnsetType | None = UNSET
    use: RootUse


class NewUser(Struct, frozen=True, kw_only=True):
    """A person to be. The first thing that they do is to change this password."""

    everywhere: bool | UnsetType = UNSET
    name: str
    password: str
    role: Role
    sites: tuple[str, ...] | UnsetType | None = UNSET


class OwnPassword(Struct, frozen=True, kw_only=True):
    """Your password, and the one that you want."""

    new_password: str
    old_password: str


class Period(Struct, frozen=True, kw_only=True):
    """From ``start_s`` of its schedule on: at most so much. In A it is of each phase."""

    limit_a: float | UnsetType | None = UNSET
    limit_w: float | UnsetType | None = UNSET
    phase_to_use: int | UnsetType | None = UNSET
    phases: int | UnsetType | None = UNSET
    start_s: int | UnsetType = UNSET


class PlanOut(Struct, frozen=True, kw_only=True):
    """A change at a time. The two ends of a window have ids that differ in their last letter."""

    asked_at: datetime
    asked_by: str
    due_at: datetime
    evse: Evse | None
    expires_at: datetime
    id: str
    operative: bool
    reason: str
    state: PlanState
    station: str


class Policy(Struct, frozen=True, kw_only=True):
    """How one station is run, where it is not run as all are."""

    unknown_tokens: UnknownTokens | UnsetType = UNSET
    unknown_tokens_url: str | UnsetType = UNSET


class ProfileCriteria(Struct, frozen=True, kw_only=True):
    """Which profiles: those that fit each field that is set (1.6 errata 3.25; K09, K10).

    Without ``evse`` at any place; ``whole_station``: only those of the station as a whole.
    """

    evse: Evse | UnsetType | None = UNSET
    ids: tuple[int, ...] | UnsetType = UNSET
    purpose: Purpose | UnsetType | None = UNSET
    sources: tuple[str, ...] | UnsetType = UNSET
    stack_level: int | UnsetType | None = UNSET
    whole_station: bool | UnsetType = UNSET


class ProfileReportOut(Struct, frozen=True, kw_only=True):
    """A station was asked which profiles it has (OCPP 2.x), and how far its report has come."""

    asked_at: datetime
    changed_at: datetime
    id: int
    profiles: int
    state: ProfileReportState
    status: str


class Proof(Struct, frozen=True, kw_only=True):
    """Your password: a browser that was left alone changes nothing."""

    password: str


class QueuesOut(Struct, frozen=True, kw_only=True):
    """What waits. ``events_untold`` is null while the database is away."""

    commands: int
    events_untold: int | None
    rows_dropped: int
    rows_unstored: int
    webhook_deliveries: int


class RaiseProfile(Struct, frozen=True, kw_only=True, tag_field="command", tag="RaiseProfile"):
    """Have the station use the next higher security profile (A05)."""

    force: bool | UnsetType = UNSET
    reset: ResetKind | UnsetType | None = UNSET
    to: SecurityProfile | UnsetType | None = UNSET


class ReadConfiguration(
    Struct, frozen=True, kw_only=True, tag_field="command", tag="ReadConfiguration"
):
    """Ask what variables are (B06); with none named, for a report of what there is (B07, B08).

    A variable is written ``Component.Variable``, or as a configuration key of old.
    """

    attribute: Attribute | UnsetType = UNSET
    components: tuple[str, ...] | UnsetType = UNSET
    report: ReportBase | UnsetType = UNSET
    variables: tuple[str, ...] | UnsetType = UNSET


class RecoveryCodes(Struct, frozen=True, kw_only=True):
    """Each lets you in once when your phone is gone. They are told this once."""

    codes: tuple[str, ...]


class Redelivered(Struct, frozen=True, kw_only=True):
    """How many deliveries are sent again."""

    count: int


class Redelivery(Struct, frozen=True, kw_only=True):
    """Everything that was given up and queued since then."""

    since: datetime


class RefusalOut(Struct, frozen=True, kw_only=True):
    """Connections refused for one reason at one address. ``station`` is what was asked for."""

    count: int
    detail: str
    first_at: datetime
    host: str
    id: str
    last_at: datetime
    reason: str
    station: str | None


class ReleasedOut(Struct, frozen=True, kw_only=True):
    """A station that is not in quarantine any more; ``was_quarantined``: it was until now."""

    station: str
    was_quarantined: bool


class RemoteStart(Struct, frozen=True, kw_only=True, tag_field="command", tag="RemoteStart"):
    """Start charging for a token (F01, F02), with a profile of that transaction (K05)."""

    evse: Evse | UnsetType | None = UNSET
    force: bool | UnsetType = UNSET
    id_token: IdToken
    profile: ChargingProfile | UnsetType | None = UNSET


class RemoteStop(Struct, frozen=True, kw_only=True, tag_field="command", tag="RemoteStop"):
    """Stop a transaction (F03)."""

    transaction: str


class RenewCertificate(
    Struct, frozen=True, kw_only=True, tag_field="command", tag="RenewCertificate"
):
    """Have the station ask for a new certificate of its own (A02).

    ``prepare``: for one that has none yet, and is to connect with security profile 3.
    """

    prepare: bool | UnsetType = UNSET


class ReportOut(Struct, frozen=True, kw_only=True):
    """A report that a station was asked for: how far it is."""

    asked_at: datetime
    at: datetime
    base: str
    dropped: int
    id: str
    parts: int
    problem: str
    state: ReportState
    variables: int


class RequestLog(Struct, frozen=True, kw_only=True, tag_field="command", tag="RequestLog"):
    """Have a log uploaded to us, or to an address of one's own (N01).

    ``older``: by GetDiagnostics, in 1.6, also if the station may know GetLog.
    """

    kind: LogKind | UnsetType = UNSET
    latest: datetime | UnsetType | None = UNSET
    location: str | UnsetType | None = UNSET
    older: bool | UnsetType = UNSET
    oldest: datetime | UnsetType | None = UNSET
    retries: int | UnsetType | None = UNSET
    retry_interval_s: int | UnsetType | None = UNSET


class ReservationOut(Struct, frozen=True, kw_only=True):
    """A reservation; without ``evse`` any of the station's. ``status`` is the station's word.

    Without `tokens:read` the token is shown by its last four characters, and so is its group.
    """

    changed_at: datetime
    connector_type: str
    evse: Evse | None
    expires_at: datetime
    group: str | None
    id: int
    id_token: IdToken
    requested_at: datetime
    state: ReservationState
    station: str
    status: str
    transaction: str | None


class Reserve(Struct, frozen=True, kw_only=True, tag_field="command", tag="Reserve"):
    """Keep an EVSE, or any of the station, for a token (H01); ``id``: in place of that one."""

    connector_type: str | UnsetType = UNSET
    evse: Evse | UnsetType | None = UNSET
    expires_at: datetime
    group: str | UnsetType | None = UNSET
    id: int | UnsetType | None = UNSET
    id_token: IdToken


class Reset(Struct, frozen=True, kw_only=True, tag_field="command", tag="Reset"):
    """Restart the station, or one EVSE of it (B11, B12)."""

    evse: Evse | UnsetType | None = UNSET
    kind: ResetKind | UnsetType = UNSET


class RetentionOut(Struct, frozen=True, kw_only=True):
    """How long records are kept, by the name of the setting; null: for ever."""

    days: float | None
    setting: str


class Revocation(Struct, frozen=True, kw_only=True):
    """Why a certificate is revoked, and whether a connection made with it is closed at once."""

    disconnect: bool | UnsetType = UNSET
    reason: RevocationReason | UnsetType = UNSET


class RootOut(Struct, frozen=True, kw_only=True):
    """A root certificate that a station has, as far as we know."""

    changed_at: datetime
    fingerprint: str
    id: str
    problem: str
    state: str
    use: str


class RotateKey(Struct, frozen=True, kw_only=True, tag_field="command", tag="RotateKey"):
    """Give the station a new key (A01). Until it has answered, both count; nobody is shown it."""


class Rotation(Struct, frozen=True, kw_only=True):
    """How long the old secret signs beside the new one."""

    overlap_hours: float | UnsetType = UNSET


class RowError(Struct, frozen=True, kw_only=True):
    """Why a row was not taken; ``line`` is where it begins, from 1."""

    field: str
    line: int
    problem: str


class Schedule(Struct, frozen=True, kw_only=True):
    """Periods after each other, from ``starts_at`` on, or from where its profile begins."""

    duration_s: int | UnsetType | None = UNSET
    id: int | UnsetType | None = UNSET
    min_rate_a: float | UnsetType | None = UNSET
    min_rate_w: float | UnsetType | None = UNSET
    periods: tuple[Period, ...]
    starts_at: datetime | UnsetType | None = UNSET


class SecurityDaysOut(Struct, frozen=True, kw_only=True):
    """Kinds, the most frequent first; those that no standard names are counted as Other."""

    days: tuple[str, ...]
    kinds: tuple[KindDaysOut, ...]
    site: str | None
    time_zone: str


class SecurityEventOut(Struct, frozen=True, kw_only=True):
    """A security event of a station. ``type`` and ``tech_info`` are the station's own words."""

    happened_at: datetime
    heard_at: datetime
    id: str
    is_critical: bool
    station: str
    tech_info: str | None
    type: str


class SendLocalList(Struct, frozen=True, kw_only=True, tag_field="command", tag="SendLocalList"):
    """Send the list of tokens that the station keeps, or what changed in it (D01).

    Without ``entries`` it is what is registered. ``exactly``: without asking the station for its
    version and its limits first; so it is with ``entries`` or a ``version``, and if it is passive.
    """

    entries: tuple[ListEntry, ...] | UnsetType | None = UNSET
    exactly: bool | UnsetType = UNSET
    full: bool | UnsetType = UNSET
    version: int | UnsetType | None = UNSET


class SessionList(Struct, frozen=True, kw_only=True):
    """Every session of a person, the latest seen first."""

    items: tuple[SessionOut, ...]


class SessionOut(Struct, frozen=True, kw_only=True):
    """A session. ``current``: it is the one that asks."""

    address: str
    agent: str
    created_at: datetime
    current: bool
    expires_at: datetime
    id: str
    last_seen_at: datetime
    signed_in_by: str


class SetChargingProfile(
    Struct, frozen=True, kw_only=True, tag_field="command", tag="SetChargingProfile"
):
    """Limit an EVSE, a transaction, or the station as a whole; ``force``: also if unfit (K01)."""

    evse: Evse | UnsetType | None = UNSET
    force: bool | UnsetType = UNSET
    profile: ChargingProfile


class SettingOut(Struct, frozen=True, kw_only=True):
    """A setting. ``value`` is text, as a file or a flag would say it; a secret's is ***.

    ``origin`` is where it has its value from: default, a flag, a variable, or a file and its line;
    "" if that is not known.
    """

    allowed: str
    description: str
    is_default: bool
    name: str
    origin: str
    value: str


class Setup(Struct, frozen=True, kw_only=True):
    """The first administrator to be. ``token`` is the end of the link that the server printed."""

    name: str
    password: str
    token: str


class SignIn(Struct, frozen=True, kw_only=True):
    """Who you are. ``code`` is of the second factor's app, or a recovery code."""

    code: str | UnsetType | None = UNSET
    name: str
    password: str


class SignedInOut(Struct, frozen=True, kw_only=True):
    """You are signed in: a cookie came with this. Show ``csrf`` with every change you make."""

    csrf: str
    user: UserOut


class SiteChange(Struct, frozen=True, kw_only=True):
    """What is to be changed of a site; what is left out stays."""

    address: tuple[str, ...] | UnsetType = UNSET
    country: str | UnsetType = UNSET
    latitude: float | UnsetType | None = UNSET
    longitude: float | UnsetType | None = UNSET
    name: str | UnsetType = UNSET
    note: str | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET


class SiteDaysOut(Struct, frozen=True, kw_only=True):
    """A site's days in order. ``site`` "" is where stations stand that have none."""

    days: tuple[DayOut, ...]
    name: str
    site: str
    time_zone: str


class SiteOut(Struct, frozen=True, kw_only=True):
    """A place with stations. ``time_zone`` is a name of the IANA database, or ""."""

    address: tuple[str, ...]
    changed_at: datetime
    country: str
    created_at: datetime
    id: str
    latitude: float | None
    longitude: float | None
    name: str
    note: str
    time_zone: str


class SitesDaysOut(Struct, frozen=True, kw_only=True):
    """The sites with the most energy in the last 7 days come first."""

    is_complete: bool
    sites: tuple[SiteDaysOut, ...]


class StationChange(Struct, frozen=True, kw_only=True):
    """What is to be changed of a station; what is left out stays."""

    note: str | UnsetType = UNSET
    passive: bool | UnsetType = UNSET
    policy: Policy | UnsetType = UNSET
    registration: Registration | UnsetType = UNSET
    site: str | UnsetType = UNSET


class StationDriftOut(Struct, frozen=True, kw_only=True):
    """How far a station is from the templates that are for it."""

    drift: tuple[DriftOut, ...]
    station: str
    templates: tuple[str, ...]
    wanted: int


class StationKey(Struct, frozen=True, kw_only=True):
    """A station's new key, 40 hex digits, told this once; and the address it connects to."""

    address: str
    key: str
    station: str


class StationOut(Struct, frozen=True, kw_only=True):
    """A station. ``connected`` is what the server knows now; ``last_heard_at`` says how old."""

    booted_at: datetime | None
    connected: bool
    connected_at: datetime | None
    created_at: datetime
    disconnected_at: datetime | None
    has_key: bool
    id: str
    last_heard_at: datetime | None
    make: Make | None
    note: str
    passive: bool
    policy: Policy
    registration: Registration
    remote_address: str | None
    security_profile: SecurityProfile
    site: str
    subprotocol: str | None
    tenant: str


class StationPassword(Struct, frozen=True, kw_only=True):
    """A password that a person chose: for stations that take no key of 40 hex digits."""

    password: str


class StatusOut(Struct, frozen=True, kw_only=True):
    """What was heard of a connector once."""

    charging_state: ChargingState | None
    error_code: str | None
    evse: Evse | None
    heard_at: datetime
    info: str | None
    raw_status: str
    said_at: datetime
    status: ConnectorStatus


class StatusSaid(Struct, frozen=True, kw_only=True):
    """One word of a station about its update, and when."""

    at: datetime
    status: str


class Step(Struct, frozen=True, kw_only=True):
    """From ``start_s`` on: at most so much; neither: no limit that we know of."""

    limit_a: float | UnsetType | None = UNSET
    limit_w: float | UnsetType | None = UNSET
    start_s: float


class Supply(Struct, frozen=True, kw_only=True):
    """What W and A are converted by: the set voltage between phase and neutral (K01.FR.50)."""

    phases: int | UnsetType = UNSET
    voltage_v: float | UnsetType = UNSET


class SystemOut(Struct, frozen=True, kw_only=True):
    """The server that answers. ``troubles`` tell why it may not be used now."""

    certificates: tuple[EndOut, ...]
    connections: ConnectionsOut
    database: DatabaseOut
    disk: DiskOut | None
    event_loop: LoopOut
    listeners: tuple[ListenerOut, ...]
    pruned_at: datetime | None
    prunes_at: datetime | None
    python: str
    queues: QueuesOut
    retention: tuple[RetentionOut, ...]
    started_at: datetime
    troubles: tuple[str, ...]
    version: str


class TemplateContent(Struct, frozen=True, kw_only=True):
    """What stations shall be like: those of these sites and makes, and those it is assigned to.

    With ``after_boot`` what differs is written each time a station has booted.
    """

    after_boot: bool | UnsetType = UNSET
    makes: tuple[TemplateMake, ...] | UnsetType = UNSET
    note: str | UnsetType = UNSET
    sites: tuple[str, ...] | UnsetType = UNSET
    values: tuple[TemplateValue, ...]


class TemplateMake(Struct, frozen=True, kw_only=True):
    """Stations whose make begins like this."""

    firmware: str | UnsetType = UNSET
    model: str | UnsetType = UNSET
    vendor: str


class TemplateOut(Struct, frozen=True, kw_only=True):
    """A template."""

    after_boot: bool
    at: datetime
    makes: tuple[TemplateMake, ...]
    name: str
    note: str
    sites: tuple[str, ...]
    values: tuple[TemplateValue, ...]


class TemplateValue(Struct, frozen=True, kw_only=True):
    """A value that a variable shall have."""

    attribute: Attribute | UnsetType = UNSET
    value: str
    variable: str


class TenantList(Struct, frozen=True, kw_only=True):
    """Every tenant that whoever asks may act in."""

    items: tuple[TenantOut, ...]


class TenantOut(Struct, frozen=True, kw_only=True):
    """A tenant."""

    id: str
    title: str


class TokenChange(Struct, frozen=True, kw_only=True):
    """What is to be changed of a token; what is left out stays."""

    blocked: bool | UnsetType = UNSET
    expires_at: datetime | UnsetType | None = UNSET
    group: str | UnsetType | None = UNSET
    kind: str | UnsetType = UNSET
    max_active: int | UnsetType = UNSET
    note: str | UnsetType = UNSET


class TokenOut(Struct, frozen=True, kw_only=True):
    """A token. ``status`` is what a station would be told now, if nothing charges with it."""

    blocked: bool
    created_at: datetime
    expires_at: datetime | None
    group: str | None
    group_blocked: bool
    kind: str
    max_active: int
    note: str
    status: Authorization
    value: str


class TransactionOut(Struct, frozen=True, kw_only=True):
    """A transaction as far as it has been told; times as the station gave them.

    ``active``: neither has the station ended it, nor a person closed it in the record. Without
    `tokens:read` tokens are shown by their last four characters.
    """

    active: bool
    authorization: Authorization | None
    charging_state: ChargingState | None
    closed: ClosingOut | None
    ended_at: datetime | None
    energy_wh: float | None
    evse: Evse | None
    first_heard_at: datetime
    group: str | None
    id_token: IdToken | None
    last_heard_at: datetime
    meter_last_wh: float | None
    meter_start_wh: float | None
    ref: str
    remote_start_id: int | None
    reservation_id: int | None
    started_at: datetime | None
    station: str
    stop_reason: str | None
    stop_token: IdToken | None


class TransferData(Struct, frozen=True, kw_only=True, tag_field="command", tag="TransferData"):
    """A vendor's own message (P01); ``data`` is any JSON."""

    data: Any | UnsetType = UNSET
    message: str | UnsetType = UNSET
    vendor: str


class Trigger(Struct, frozen=True, kw_only=True, tag_field="command", tag="Trigger"):
    """Have a message sent now (F06).

    ``newer``: by ExtendedTriggerMessage, in 1.6. ``custom``: what a 2.1 station calls its own.
    """

    custom: str | UnsetType = UNSET
    evse: Evse | UnsetType | None = UNSET
    message: Triggered
    newer: bool | UnsetType = UNSET


class TrustedRoot(Struct, frozen=True, kw_only=True):
    """A foreign root that we trust; ``station`` null: for every station."""

    crl_url: str
    fingerprint: str
    for_clients: bool
    not_after: datetime
    ocsp_url: str
    pem: str
    station: str | None
    subject: str
    use: RootUse


class UnendedOut(Struct, frozen=True, kw_only=True):
    """A transaction that is open, and cannot be running any more: ``text`` tells why."""

    evidence: Evidence
    evse: Evse | None
    found_at: datetime
    id_token: IdToken | None
    last_heard_at: datetime
    ref: str
    started_at: datetime | None
    station: str
    text: str


class UnknownTokenOut(Struct, frozen=True, kw_only=True):
    """A token that nobody registered, as stations showed it. ``status``: what it was told."""

    first_seen_at: datetime
    id: str
    kind: str
    last_seen_at: datetime
    last_seen_at_station: str
    state: SeenState
    status: Authorization
    times: int
    value: str


class UnlockConnector(
    Struct, frozen=True, kw_only=True, tag_field="command", tag="UnlockConnector"
):
    """Let go of the cable (F05)."""

    evse: Evse


class UpdateFirmware(Struct, frozen=True, kw_only=True, tag_field="command", tag="UpdateFirmware"):
    """Update the firmware with an image (L01); ``force`` sends a signature that may be wrong."""

    force: bool | UnsetType = UNSET
    image: str
    install_at: datetime | UnsetType | None = UNSET
    location: str | UnsetType | None = UNSET
    retries: int | UnsetType | None = UNSET
    retrieve_at: datetime | UnsetType | None = UNSET
    retry_interval_s: int | UnsetType | None = UNSET
    signature: str | UnsetType | None = UNSET
    signing_certificate: str | UnsetType | None = UNSET
    unsigned: bool | UnsetType = UNSET


class UpdateOut(Struct, frozen=True, kw_only=True):
    """One request to update a station. ``status`` is its last word; ``said`` are all of them."""

    changed_at: datetime
    id: str
    image: str
    is_signed: bool
    requested_at: datetime
    said: tuple[StatusSaid, ...]
    state: UpdateState
    station: str
    status: str


class UserChange(Struct, frozen=True, kw_only=True):
    """What is to be changed of a person; what is left out stays."""

    disabled: bool | UnsetType = UNSET
    role: Role | UnsetType = UNSET
    sites: tuple[str, ...] | UnsetType | None = UNSET


class UserOut(Struct, frozen=True, kw_only=True):
    """A person. ``tenant`` null is at home everywhere; ``sites`` null sees all sites."""

    changed_at: datetime
    created_at: datetime
    id: str
    last_sign_in_at: datetime | None
    must_change_password: bool
    name: str
    role: Role
    second_factor: bool
    signs_in_at: str | None
    sites: tuple[str, ...] | None
    state: AccountState
    tenant: str | None


class VariableOut(Struct, frozen=True, kw_only=True):
    """What a station last said of a variable, and when; a secret has no value.

    ``variable`` is written ``Component[instance]@evse:connector.Variable[instance]``. A value that
    was accepted and waits for a reboot is ``pending``. ``known`` false: the station has no such
    variable.
    """

    at: datetime
    characteristics: Characteristics | None
    known: bool
    needs_reboot: bool
    others: dict[str, str]
    pending: str | None
    read_only: bool | None
    value: str | None
    variable: str


class WantedOut(Struct, frozen=True, kw_only=True):
    """What is wanted of a place; ``differs``: it was done, and the station says otherwise since."""

    asked_at: datetime
    asked_by: str
    changed_at: datetime
    differs: bool
    evse: Evse | None
    operative: bool
    state: WishState
    status: str


class WantedProfile(Struct, frozen=True, kw_only=True):
    """How a station must connect from now on."""

    security_profile: SecurityProfile


class Ways(Struct, frozen=True, kw_only=True):
    """How one can sign in here. ``provider`` is what people call the OpenID provider, if any."""

    needs_setup: bool
    password: bool
    provider: str | None


class WebhookChange(Struct, frozen=True, kw_only=True):
    """What is to be changed of a webhook; what is left out stays."""

    description: str | UnsetType = UNSET
    full_tokens: bool | UnsetType = UNSET
    sites: tuple[str, ...] | UnsetType | None = UNSET
    stations: tuple[str, ...] | UnsetType = UNSET
    types: tuple[str, ...] | UnsetType = UNSET
    url: str | UnsetType = UNSET


class WebhookOut(Struct, frozen=True, kw_only=True):
    """A webhook. No type or station named, or sites null: all of them.

    ``reason`` says why it was switched off; ``failing_since`` is null after a success.
    """

    created_at: datetime
    created_by: str
    description: str
    failing_since: datetime | None
    full_tokens: bool
    id: str
    old_secret_until: datetime | None
    reason: str | None
    sites: tuple[str, ...] | None
    state: WebhookState
    stations: tuple[str, ...]
    types: tuple[str, ...]
    url: str


class WebhookWords(Struct, frozen=True, kw_only=True):
    """What people say of a webhook. No type, station or site named means all.

    ``types`` are names of events, or a noun with ``.*``. ``full_tokens``: tokens are not masked.
    """

    description: str | UnsetType = UNSET
    full_tokens: bool | UnsetType = UNSET
    sites: tuple[str, ...] | UnsetType | None = UNSET
    stations: tuple[str, ...] | UnsetType = UNSET
    types: tuple[str, ...] | UnsetType = UNSET
    url: str


class Which(Struct, frozen=True, kw_only=True):
    """Which stations: those that fit each field that is given. Nothing given is every station."""

    connected: bool | UnsetType | None = UNSET
    firmware: str | UnsetType | None = UNSET
    model: str | UnsetType | None = UNSET
    passive: bool | UnsetType | None = UNSET
    prefix: str | UnsetType = UNSET
    registration: Registration | UnsetType | None = UNSET
    security_profile: SecurityProfile | UnsetType | None = UNSET
    sites: tuple[str, ...] | UnsetType | None = UNSET
    stations: tuple[str, ...] | UnsetType | None = UNSET
    subprotocol: str | UnsetType | None = UNSET
    vendor: str | UnsetType | None = UNSET


class Window(Struct, frozen=True, kw_only=True):
    """When stations may be asked, by the clock of UTC; past midnight if it ends before it begins.

    A station that was asked goes on after its end.
    """

    begin: str
    end: str


class WriteConfiguration(
    Struct, frozen=True, kw_only=True, tag_field="command", tag="WriteConfiguration"
):
    """Set variables (B05); the answer tells what became of each."""

    values: tuple[ConfigurationValue, ...]


class CommandsMessageOut(Struct, frozen=True, kw_only=True):
    """An OCPP message that the command took, without its secrets."""

    action: str
    latency_ms: float | None
    request: Any
    response: Any
    result: str
    sent_at: datetime


class MessagesMessageOut(Struct, frozen=True, kw_only=True):
    """One call and its answer, as they crossed the wire, with secrets masked.

    ``direction`` is seen from us. ``verdict`` is ok, an OCPP error code, or what else happened.
    Frames that are not JSON, or nested more than 100 deep, are text. Without `tokens:read` tokens
    are shown by their last four characters.
    """

    action: str
    answer: Any
    answered_at: datetime | None
    call: Any
    called_at: datetime
    direction: Literal["in", "out"]
    id: int
    latency_ms: float | None
    message_id: str
    note: str
    station: str
    verdict: str
