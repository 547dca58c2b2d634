"""What we ask of a station, and how it took it."""

import enum
from datetime import datetime

from msgspec import Raw, Struct

from voltkeep.domain.certificates import HashData, RootUse
from voltkeep.domain.device_model import (
    Attribute,
    Component,
    ReportBase,
    Variable,
    VariableTold,
    VariableValue,
)
from voltkeep.domain.diagnostics import LogKind
from voltkeep.domain.identity import Evse, IdToken, TransactionRef
from voltkeep.domain.local_list import ListEntry
from voltkeep.domain.smart_charging import (
    ChargingProfile,
    CompositeSchedule,
    Difference,
    ProfileCriteria,
    RateUnit,
)
from voltkeep.domain.stations import SecurityProfile


class StartTransaction(Struct, frozen=True, kw_only=True, tag=True):
    """Start charging for a token (functional block F)."""

    remote_start_id: int
    id_token: IdToken
    evse: Evse | None = None
    profile: ChargingProfile | None = None  # of the transaction that begins (K05)


class StopTransaction(Struct, frozen=True, kw_only=True, tag=True):
    """Stop a transaction (functional block F)."""

    ref: TransactionRef


class ResetKind(enum.StrEnum):
    """OCPP 2.1 ResetEnumType; 1.6 calls them Hard and Soft."""

    IMMEDIATE = "Immediate"
    ON_IDLE = "OnIdle"


class Reset(Struct, frozen=True, kw_only=True, tag=True):
    """Restart the station, or one EVSE of it (B11, B12)."""

    kind: ResetKind = ResetKind.ON_IDLE
    evse: Evse | None = None


class Triggered(enum.StrEnum):
    """OCPP 2.1 MessageTriggerEnumType: which message a station shall send."""

    BOOT_NOTIFICATION = "BootNotification"
    FIRMWARE_STATUS_NOTIFICATION = "FirmwareStatusNotification"
    HEARTBEAT = "Heartbeat"
    LOG_STATUS_NOTIFICATION = "LogStatusNotification"
    METER_VALUES = "MeterValues"
    SIGN_CERTIFICATE = "SignChargingStationCertificate"
    STATUS_NOTIFICATION = "StatusNotification"
    TRANSACTION_EVENT = "TransactionEvent"
    SIGN_V2G_CERTIFICATE = "SignV2GCertificate"
    SIGN_V2G20_CERTIFICATE = "SignV2G20Certificate"
    SIGN_COMBINED_CERTIFICATE = "SignCombinedCertificate"
    PUBLISH_FIRMWARE_STATUS_NOTIFICATION = "PublishFirmwareStatusNotification"
    CUSTOM = "CustomTrigger"


class Trigger(Struct, frozen=True, kw_only=True, tag=True):
    """Ask a station to send a message now (F06).

    ``newer``: by the newer of two requests, and for the newer of two messages, where a version
    has both. ``custom`` names what a station sends for `Triggered.CUSTOM`.
    """

    message: Triggered
    evse: Evse | None = None
    newer: bool = False
    custom: str = ""


class ChangeAvailability(Struct, frozen=True, kw_only=True, tag=True):
    """Let an EVSE, a connector of it, or the station as a whole serve drivers or not (G03, G04)."""

    operative: bool
    evse: Evse | None = None


class UnlockConnector(Struct, frozen=True, kw_only=True, tag=True):
    """Let go of the cable (F05); of an EVSE without a connector named, the first one."""

    evse: Evse


class ClearCache(Struct, frozen=True, kw_only=True, tag=True):
    """Forget what was answered for tokens (C11)."""


class SetKey(Struct, frozen=True, kw_only=True, tag=True):
    """Give the station another Basic password (A01): 40 hex digits."""

    key: str


class SetNetworkProfile(Struct, frozen=True, kw_only=True, tag=True):
    """Tell the station to connect with a higher security profile, and where (A05, B09)."""

    profile: SecurityProfile
    url: str
    slot: int = 1
    subprotocol: str = ""  # the version spoken now, to be spoken there as well
    interface: str = ""  # of the station: Wired0, Wireless0 …; "" as its version has it
    message_timeout_s: int = 30


class UseNetworkProfile(Struct, frozen=True, kw_only=True, tag=True):
    """Put a network profile first (B10); 1.6 has said that already."""

    slots: tuple[int, ...] = (1,)


class GetNetworkProfiles(Struct, frozen=True, kw_only=True, tag=True):
    """Ask which network profile is in use, and which come next (B10); 1.6 has but one."""


class SetOrganization(Struct, frozen=True, kw_only=True, tag=True):
    """The O that the station puts into its certificate requests (CpoName, OrganizationName)."""

    name: str


class InstallCertificate(Struct, frozen=True, kw_only=True, tag=True):
    """Give the station a root certificate (M05)."""

    use: RootUse
    certificate: str  # PEM


class GetInstalledCertificates(Struct, frozen=True, kw_only=True, tag=True):
    """Ask which root certificates the station has, of one use or of all (M03)."""

    use: RootUse | None = None


class DeleteCertificate(Struct, frozen=True, kw_only=True, tag=True):
    """Take a certificate from the station (M04), by the name the station gave it."""

    hash_data: HashData


class SendCertificate(Struct, frozen=True, kw_only=True, tag=True):
    """Give the station its own new certificate (A02, A03), with its chain."""

    chain: str  # PEM, the station's first
    request_id: int | None = None  # what a 2.1 station asked under
    use: str = ""  # what a 2.x station asked for it as


class GetLog(Struct, frozen=True, kw_only=True, tag=True):
    """Ask for a log (N01); ``older``: by the message that came before GetLog, if there is one."""

    kind: LogKind
    older: bool = False
    request_id: int
    location: str
    oldest: datetime | None = None
    latest: datetime | None = None
    retries: int | None = None
    retry_interval_s: int | None = None


class UpdateFirmware(Struct, frozen=True, kw_only=True, tag=True):
    """Update the station's firmware (L01); without a signature, the unsigned way of old."""

    request_id: int
    location: str
    retrieve_at: datetime
    install_at: datetime | None = None
    signature: str = ""
    signing_certificate: str = ""
    retries: int | None = None
    retry_interval_s: int | None = None


class ReadVariables(Struct, frozen=True, kw_only=True, tag=True):
    """Ask what these variables are (B06), no more at once than the station allows."""

    variables: tuple[Variable, ...]
    attribute: Attribute = Attribute.ACTUAL


class WriteVariables(Struct, frozen=True, kw_only=True, tag=True):
    """Set these variables (B05); OCPP 1.6 sets one at a time."""

    values: tuple[VariableValue, ...]


class ReportVariables(Struct, frozen=True, kw_only=True, tag=True):
    """Ask for a report of what there is: by its base (B07), or of some components (B08)."""

    request_id: int
    base: ReportBase | None = ReportBase.FULL
    components: tuple[Component, ...] = ()


class TransferData(Struct, frozen=True, kw_only=True, tag=True):
    """A vendor's own message (P01); ``data`` is any JSON, "" for none."""

    vendor: str
    message: str = ""
    data: Raw = Raw(b"")


class ReserveNow(Struct, frozen=True, kw_only=True, tag=True):
    """Keep an EVSE, or any one of the station, for a token (H01)."""

    id: int
    id_token: IdToken
    expires_at: datetime
    evse: Evse | None = None
    connector_type: str = ""
    group: str | None = None


class CancelReservation(Struct, frozen=True, kw_only=True, tag=True):
    """Give a reservation up (H02)."""

    id: int


class SetChargingProfile(Struct, frozen=True, kw_only=True, tag=True):
    """Limit an EVSE, a transaction, or the station as a whole (K01)."""

    profile: ChargingProfile
    evse: Evse | None = None


class ClearChargingProfiles(Struct, frozen=True, kw_only=True, tag=True):
    """Take profiles from the station: all, if nothing says which (K10)."""

    criteria: ProfileCriteria = ProfileCriteria()


class GetCompositeSchedule(Struct, frozen=True, kw_only=True, tag=True):
    """Ask what all profiles come to, from now on (K08)."""

    duration_s: int
    evse: Evse | None = None
    unit: RateUnit | None = None


class GetChargingProfiles(Struct, frozen=True, kw_only=True, tag=True):
    """Ask which profiles the station has; it reports them apart (K09)."""

    request_id: int
    criteria: ProfileCriteria = ProfileCriteria()


class SendLocalList(Struct, frozen=True, kw_only=True, tag=True):
    """Replace the station's list of tokens, or change entries of it (D01)."""

    version: int
    full: bool
    entries: tuple[ListEntry, ...] = ()
    skips_unfit: bool = False  # leave out tokens that the station's version cannot say


class GetLocalListVersion(Struct, frozen=True, kw_only=True, tag=True):
    """Ask which version of the list the station has (D02)."""


class GetLocalListLimits(Struct, frozen=True, kw_only=True, tag=True):
    """Ask how many entries the station's list, and a message about it, may have."""


class RawCommand(Struct, frozen=True, kw_only=True, tag=True):
    """Any action with any payload, in the station's own dialect.

    Checked against the schema unless ``force``: a person may have a reason.
    """

    action: str
    payload: Raw
    force: bool = False


Command = (
    StartTransaction
    | StopTransaction
    | Reset
    | Trigger
    | ChangeAvailability
    | UnlockConnector
    | ClearCache
    | SetKey
    | SetNetworkProfile
    | UseNetworkProfile
    | GetNetworkProfiles
    | SetOrganization
    | InstallCertificate
    | GetInstalledCertificates
    | DeleteCertificate
    | SendCertificate
    | GetLog
    | UpdateFirmware
    | ReserveNow
    | SendLocalList
    | GetLocalListVersion
    | GetLocalListLimits
    | CancelReservation
    | ReadVariables
    | WriteVariables
    | ReportVariables
    | TransferData
    | SetChargingProfile
    | ClearChargingProfiles
    | GetCompositeSchedule
    | GetChargingProfiles
    | RawCommand
)


class CertificatesTold(Struct, frozen=True, tag=True):
    """What a station says it has: each certificate, and its use; "" is the use asked for."""

    certificates: tuple[tuple[str, HashData], ...]


class LogTold(Struct, frozen=True, tag=True):
    """What a station will call the log that it uploads: hostile."""

    filename: str


class NetworkProfilesTold(Struct, frozen=True, tag=True):
    """The slot of the network profile in use, if it is said, and the slots in their order."""

    active: int | None
    priority: tuple[int, ...]


class VariablesTold(Struct, frozen=True, tag=True):
    """What a station says of variables that it was asked for, or told to set."""

    variables: tuple[VariableTold, ...]


class ProfileTold(Struct, frozen=True, tag=True):
    """A station has taken a profile; and another of that purpose, level and place is gone.

    ``whenever_valid``: also if both were never valid at the same time.
    """

    whenever_valid: bool


class CompositeTold(Struct, frozen=True, tag=True):
    """What all profiles come to, as the station has it; and what we have added to that."""

    schedule: CompositeSchedule | None
    computed: CompositeSchedule | None = None
    differences: tuple[Difference, ...] = ()
    not_computed: tuple[int, ...] = ()  # profiles told in words that we do not compute with


class LocalListVersionTold(Struct, frozen=True, tag=True):
    """The version of the list; None: the station keeps none."""

    version: int | None


class EntriesLeftOut(Struct, frozen=True, tag=True):
    """Entries of a list that the station's version cannot say, so that it was sent without them."""

    count: int
    why: str

    def and_more(self, told: "Told | None") -> "EntriesLeftOut":
        """These, and those of another message."""
        if not isinstance(told, EntriesLeftOut):
            return self
        return EntriesLeftOut(self.count + told.count, told.why)

    def __str__(self) -> str:
        words = "1 token was" if self.count == 1 else f"{self.count} tokens were"
        return f"{words} left out of the list: {self.why}"


class LocalListLimitsTold(Struct, frozen=True, kw_only=True, tag=True):
    """What is not told is None."""

    entries: int | None = None
    per_message: int | None = None
    is_enabled: bool | None = None


Told = (
    LocalListVersionTold
    | EntriesLeftOut
    | LocalListLimitsTold
    | CertificatesTold
    | LogTold
    | NetworkProfilesTold
    | VariablesTold
    | ProfileTold
    | CompositeTold
)


class Outcome(Struct, frozen=True, kw_only=True):
    """How a station answered: ``status`` is its own word, ``response`` the whole payload."""

    accepted: bool
    status: str = ""
    response: Raw = Raw(b"{}")
    told: Told | None = None  # what else the answer says, for commands that ask something
    warning: str = ""  # what a person who forced it should know
