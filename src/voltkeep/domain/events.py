"""What happened, told to the rest of the system after commit. Names are past tense."""

from datetime import datetime

from msgspec import Struct

from voltkeep.domain.authorization import Authorization
from voltkeep.domain.availability import ChargingState, ConnectorStatus
from voltkeep.domain.certificates import CertificateState, IssuedCertificate
from voltkeep.domain.diagnostics import LogState
from voltkeep.domain.firmware import UpdateState
from voltkeep.domain.identity import Evse, IdToken, StationId, TransactionRef
from voltkeep.domain.local_list import ListState
from voltkeep.domain.reservations import ReservationState
from voltkeep.domain.smart_charging import ProfileState
from voltkeep.domain.stations import Make, Registration


class Event(Struct, frozen=True, kw_only=True, tag=True):
    """``at`` is when we learnt of it, UTC."""

    station: StationId
    at: datetime


class StationAdded(Event, frozen=True, kw_only=True):
    pass


class StationChanged(Event, frozen=True, kw_only=True):
    """An operator changed what decides over its connections: key, profile, registration."""

    what: str


class StationRenamed(Event, frozen=True, kw_only=True):
    """``station`` is the old id."""

    new: StationId


class StationRemoved(Event, frozen=True, kw_only=True):
    pass


class StationConnected(Event, frozen=True, kw_only=True):
    subprotocol: str
    security_profile: int
    remote_address: str
    epoch: int


class StationDisconnected(Event, frozen=True, kw_only=True):
    epoch: int
    reason: str


class ConnectionRefused(Event, frozen=True, kw_only=True):
    """Somebody asked for the address of this station, or for a file of it, and was refused."""

    remote_address: str
    reason: str


class StationBooted(Event, frozen=True, kw_only=True):
    make: Make
    registration: Registration
    reason: str


class ConnectorStatusChanged(Event, frozen=True, kw_only=True):
    evse: Evse | None
    status: ConnectorStatus
    raw_status: str
    error_code: str | None = None
    info: str | None = None


class TokenPresented(Event, frozen=True, kw_only=True):
    id_token: IdToken
    status: Authorization


class RemoteStartRequested(Event, frozen=True, kw_only=True):
    remote_start_id: int
    id_token: IdToken
    accepted: bool
    status: str


class TransactionStarted(Event, frozen=True, kw_only=True):
    ref: TransactionRef
    evse: Evse | None
    id_token: IdToken | None
    authorization: Authorization | None
    started_at: datetime
    remote_start_id: int | None
    meter_start_wh: float | None = None


class TransactionUpdated(Event, frozen=True, kw_only=True):
    ref: TransactionRef
    charging_state: ChargingState | None


class TransactionEnded(Event, frozen=True, kw_only=True):
    ref: TransactionRef
    evse: Evse | None
    ended_at: datetime
    energy_wh: float | None
    stop_reason: str | None
    is_orphan: bool


class TransactionClosed(Event, frozen=True, kw_only=True):
    """A person has closed it in our record. The station was asked nothing, and may yet end it."""

    ref: TransactionRef
    evse: Evse | None
    closed_by: str
    reason: str
    as_of: datetime
    energy_wh: float | None


class AvailabilityChanged(Event, frozen=True, kw_only=True):
    """What is wanted of a place (evse None: of the station), and how far that is.

    ``state``: asked, scheduled, unanswered, done, rejected.
    """

    evse: Evse | None
    operative: bool
    state: str
    status: str = ""


class EnergyMetered(Event, frozen=True, kw_only=True):
    """Live only: told to who listens now, never stored as an event (the rows are)."""

    ref: TransactionRef | None
    evse: Evse | None
    energy_wh: float | None
    power_w: float | None
    soc_percent: float | None


class CommandQueued(Event, frozen=True, kw_only=True):
    """Somebody asked something of a station, that waits until the station is there."""

    command_id: str


class CommandCompleted(Event, frozen=True, kw_only=True):
    command_id: str
    action: str
    result: str


class StationQuarantined(Event, frozen=True, kw_only=True):
    """Two connections contend for this identity: nobody new is let in for a while."""

    until: datetime
    swaps: int
    addresses: tuple[str, ...]


class DuplicateConnection(Event, frozen=True, kw_only=True):
    """A station connected while its older connection was alive: a clone, or a lost router."""

    remote_address: str
    older_address: str
    admitted: bool


class KeyRotated(Event, frozen=True, kw_only=True):
    """A new key was asked for or came into use, and why.

    ``stage``: sent, accepted, after reboot, rejected, unanswered, in use, given up.
    """

    stage: str
    reason: str = ""


class SecurityProfileRaised(Event, frozen=True, kw_only=True):
    """``stage``: asked, accepted, rejected, unanswered, in use, cancelled; and why."""

    profile: int
    stage: str
    reason: str = ""


class SecurityEventReported(Event, frozen=True, kw_only=True):
    """A station reported a security event (A04). ``event`` and ``tech_info`` are hostile."""

    event: str
    happened_at: datetime
    tech_info: str | None
    is_critical: bool


class AlertRaised(Event, frozen=True, kw_only=True):
    """Somebody should look: see the alerts."""

    alert: str
    kind: str
    text: str


class CertificateRequested(Event, frozen=True, kw_only=True):
    """A station asked for a certificate; ``problem`` says why it got none."""

    subject: str
    problem: str = ""


class CertificateChanged(Event, frozen=True, kw_only=True):
    """A certificate that we issued has come further, and why."""

    serial_number: str
    state: CertificateState
    not_after: datetime
    reason: str = ""

    @classmethod
    def of(cls, certificate: IssuedCertificate, at: datetime, reason: str) -> "CertificateChanged":
        """What is to be told of a certificate, as it is now."""
        return cls(
            station=certificate.station,
            at=at,
            serial_number=certificate.id,
            state=certificate.state,
            not_after=certificate.not_after,
            reason=reason,
        )


class CertificatePinned(Event, frozen=True, kw_only=True):
    """A foreign certificate, whose names nobody checks, was the first: no other is let in."""

    fingerprint: str
    reason: str = ""


class RootsChanged(Event, frozen=True, kw_only=True):
    """What is trusted, or installed at a station, has changed. Station name "": everywhere."""

    what: str


class LogUploadChanged(Event, frozen=True, kw_only=True):
    request_id: str
    state: LogState
    status: str


class FirmwareUpdateChanged(Event, frozen=True, kw_only=True):
    request_id: str
    state: UpdateState
    status: str


class ConfigurationReported(Event, frozen=True, kw_only=True):
    """A report of what a station's variables are is complete. ``base`` is "" for one of parts."""

    request_id: str
    base: str
    variables: int


class ConfigurationWritten(Event, frozen=True, kw_only=True):
    """A station took a value; a secret has none here. ``status``: Accepted, RebootRequired."""

    variable: str
    attribute: str
    value: str | None
    status: str


class DataReceived(Event, frozen=True, kw_only=True):
    """A vendor's own message (P02). ``data`` is the beginning of it, as JSON: hostile."""

    vendor: str
    message: str
    status: str
    size_bytes: int
    data: str


class CampaignChanged(Event, frozen=True, kw_only=True):
    """Station name "": the campaign as a whole."""

    campaign: str
    state: str
    reason: str = ""


class ReservationChanged(Event, frozen=True, kw_only=True):
    """``status`` is the station's own word for it."""

    reservation_id: int
    evse: Evse | None
    id_token: IdToken
    state: ReservationState
    status: str
    expires_at: datetime


class ChargingProfileChanged(Event, frozen=True, kw_only=True):
    """What we believe of a profile of the station has changed. ``status`` is its own word."""

    profile_id: int
    purpose: str
    evse: Evse | None
    state: ProfileState
    status: str = ""
    transaction: TransactionRef | None = None


class ChargingLimitChanged(Event, frozen=True, kw_only=True):
    """Somebody else has limited the station, or does so no longer (K12, K13)."""

    source: str
    evse: Evse | None
    is_cleared: bool
    is_grid_critical: bool = False


class ChargingNeedsReported(Event, frozen=True, kw_only=True):
    """An EV has said what it needs (K15, K17)."""

    evse: Evse
    energy_transfer: str
    energy_wh: float | None
    departure_at: datetime | None


class EvScheduleReported(Event, frozen=True, kw_only=True):
    """An EV has chosen how it will charge; whether that is within what we allow (K15.FR.10)."""

    evse: Evse
    is_within_limits: bool


class WebhookChanged(Event, frozen=True, kw_only=True):
    """``what``: added, changed, enabled, disabled, removed, secret_rotated, redelivered."""

    webhook: str
    what: str


class LocalListChanged(Event, frozen=True, kw_only=True):
    """How far a station's list of tokens is in step with ours, and why it is not."""

    state: ListState
    version: int
    reason: str


Anything = (
    StationAdded
    | StationChanged
    | StationRenamed
    | StationRemoved
    | StationConnected
    | StationDisconnected
    | ConnectionRefused
    | StationBooted
    | ConnectorStatusChanged
    | TokenPresented
    | RemoteStartRequested
    | TransactionStarted
    | TransactionUpdated
    | TransactionEnded
    | TransactionClosed
    | AvailabilityChanged
    | EnergyMetered
    | CommandQueued
    | CommandCompleted
    | StationQuarantined
    | DuplicateConnection
    | KeyRotated
    | SecurityProfileRaised
    | SecurityEventReported
    | AlertRaised
    | CertificateRequested
    | CertificateChanged
    | CertificatePinned
    | RootsChanged
    | LogUploadChanged
    | FirmwareUpdateChanged
    | CampaignChanged
    | WebhookChanged
    | ConfigurationReported
    | ConfigurationWritten
    | DataReceived
    | ReservationChanged
    | LocalListChanged
    | ChargingProfileChanged
    | ChargingLimitChanged
    | ChargingNeedsReported
    | EvScheduleReported
)
