"""What a person or another system may ask for at a station, in words of the domain.

An ask is carried out by a service, with as many commands as it takes; a `Command` is one message.
Each is told apart by the field ``command``. Nothing here is checked against what the station has:
whoever asks for a connector or a transaction that there is not may have a reason.
"""

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Raw, Struct

from voltkeep.domain.certificates import RootUse
from voltkeep.domain.commands import ResetKind, Triggered
from voltkeep.domain.composite import Supply
from voltkeep.domain.device_model import Attribute, ReportBase
from voltkeep.domain.diagnostics import LogKind
from voltkeep.domain.identity import Evse, IdToken, TransactionRef
from voltkeep.domain.local_list import ListEntry
from voltkeep.domain.smart_charging import ChargingProfile, ProfileCriteria, RateUnit
from voltkeep.domain.stations import SecurityProfile

_Int32 = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]


class _Ask(
    Struct, frozen=True, kw_only=True, tag_field="command", tag=True, forbid_unknown_fields=True
):
    pass


class RemoteStart(_Ask, frozen=True, kw_only=True):
    """Start charging for a token (F01, F02), with a profile of that transaction (K05)."""

    id_token: IdToken
    evse: Evse | None = None
    profile: ChargingProfile | None = None
    force: bool = False  # also a profile that we find unfit


class RemoteStop(_Ask, frozen=True, kw_only=True):
    """Stop a transaction (F03)."""

    transaction: TransactionRef


class Reset(_Ask, frozen=True, kw_only=True):
    """Restart the station, or one EVSE of it (B11, B12)."""

    kind: ResetKind = ResetKind.ON_IDLE
    evse: Evse | None = None


class Trigger(_Ask, frozen=True, kw_only=True):
    """Have a message sent now (F06).

    ``newer``: by ExtendedTriggerMessage, in 1.6. ``custom``: what a 2.1 station calls its own.
    """

    message: Triggered
    evse: Evse | None = None
    newer: bool = False
    custom: Annotated[str, Meta(max_length=50)] = ""


class ChangeAvailability(_Ask, frozen=True, kw_only=True):
    """Let an EVSE, a connector of it, or the station as a whole serve drivers or not (G03, G04)."""

    operative: bool
    evse: Evse | None = None


class UnlockConnector(_Ask, frozen=True, kw_only=True):
    """Let go of the cable (F05)."""

    evse: Evse


class ClearCache(_Ask, frozen=True, kw_only=True):
    """Forget what was answered for tokens (C11)."""


class Reserve(_Ask, frozen=True, kw_only=True):
    """Keep an EVSE, or any of the station, for a token (H01); ``id``: in place of that one."""

    id_token: IdToken
    expires_at: Annotated[datetime, Meta(tz=True)]
    evse: Evse | None = None
    connector_type: Annotated[str, Meta(max_length=20)] = ""
    group: Annotated[str, Meta(min_length=1, max_length=255)] | None = None
    id: _Int32 | None = None


class CancelReservation(_Ask, frozen=True, kw_only=True):
    """Give a reservation up (H02)."""

    id: _Int32


class SetChargingProfile(_Ask, frozen=True, kw_only=True):
    """Limit an EVSE, a transaction, or the station as a whole; ``force``: also if unfit (K01)."""

    profile: ChargingProfile
    evse: Evse | None = None
    force: bool = False


class ClearChargingProfiles(_Ask, frozen=True, kw_only=True):
    """Take profiles from the station: all, if nothing says which (K10)."""

    criteria: ProfileCriteria = ProfileCriteria()


class GetCompositeSchedule(_Ask, frozen=True, kw_only=True):
    """Ask what all profiles come to, and compare it with what we compute (K08)."""

    duration_s: Annotated[int, Meta(ge=1, le=7 * 86_400)] = 86_400
    evse: Evse | None = None
    unit: RateUnit | None = None  # None: as the station likes
    supply: Supply = Supply()


class GetChargingProfiles(_Ask, frozen=True, kw_only=True):
    """Ask which profiles the station has; its reports correct what we believe (K09)."""

    criteria: ProfileCriteria = ProfileCriteria()


class ReadConfiguration(_Ask, frozen=True, kw_only=True):
    """Ask what variables are (B06); with none named, for a report of what there is (B07, B08).

    A variable is written ``Component.Variable``, or as a configuration key of old.
    """

    variables: tuple[str, ...] = ()
    attribute: Attribute = Attribute.ACTUAL
    report: ReportBase = ReportBase.FULL
    components: tuple[str, ...] = ()


class ConfigurationValue(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A value that a variable shall have."""

    variable: str
    value: str
    attribute: Attribute = Attribute.ACTUAL


class WriteConfiguration(_Ask, frozen=True, kw_only=True):
    """Set variables (B05); the answer tells what became of each."""

    values: tuple[ConfigurationValue, ...]


class ApplyTemplate(_Ask, frozen=True, kw_only=True):
    """Write what differs from a template; without its name, from all that are for the station."""

    template: str = ""


class TransferData(_Ask, frozen=True, kw_only=True):
    """A vendor's own message (P01); ``data`` is any JSON."""

    vendor: str
    message: str = ""
    data: Any = None


class SendLocalList(_Ask, frozen=True, kw_only=True):
    """Send the list of tokens that the station keeps, or what changed in it (D01).

    Without ``entries`` it is what is registered. ``exactly``: without asking the station for its
    version and its limits first; so it is with ``entries`` or a ``version``, and if it is passive.
    """

    full: bool = False
    exactly: bool = False
    entries: Annotated[tuple[ListEntry, ...], Meta(max_length=10_000)] | None = None
    version: _Int32 | None = None


class GetLocalListVersion(_Ask, frozen=True, kw_only=True):
    """Which version of the list the station has (D02)."""


class RequestLog(_Ask, frozen=True, kw_only=True):
    """Have a log uploaded to us, or to an address of one's own (N01).

    ``older``: by GetDiagnostics, in 1.6, also if the station may know GetLog.
    """

    kind: LogKind = LogKind.DIAGNOSTICS
    older: bool = False
    oldest: datetime | None = None
    latest: datetime | None = None
    retries: Annotated[int, Meta(ge=0, le=100)] | None = None
    retry_interval_s: Annotated[int, Meta(ge=0, le=86_400)] | None = None
    location: Annotated[str, Meta(max_length=512)] | None = None


class UpdateFirmware(_Ask, frozen=True, kw_only=True):
    """Update the firmware with an image (L01); ``force`` sends a signature that may be wrong."""

    image: str
    retrieve_at: datetime | None = None  # None: now
    install_at: datetime | None = None  # None: as soon as it can
    retries: Annotated[int, Meta(ge=0, le=100)] | None = None
    retry_interval_s: Annotated[int, Meta(ge=0, le=86_400)] | None = None
    location: Annotated[str, Meta(max_length=512)] | None = None
    unsigned: bool = False
    signature: str | None = None
    signing_certificate: str | None = None
    force: bool = False


class InstallCertificate(_Ask, frozen=True, kw_only=True):
    """Give the station a root certificate (M05); without ``certificate`` our own root."""

    use: RootUse = RootUse.CSMS_ROOT
    certificate: str | None = None  # PEM
    force: bool = False  # as it is, right or wrong


class GetInstalledCertificates(_Ask, frozen=True, kw_only=True):
    """Ask which root certificates the station has (M03)."""

    use: RootUse | None = None


class DeleteCertificate(_Ask, frozen=True, kw_only=True):
    """Take a root certificate from the station (M04): by its id, or a part of its serial."""

    certificate: str
    force: bool = False  # even the last one by which it trusts our server


class RenewCertificate(_Ask, frozen=True, kw_only=True):
    """Have the station ask for a new certificate of its own (A02).

    ``prepare``: for one that has none yet, and is to connect with security profile 3.
    """

    prepare: bool = False


class RotateKey(_Ask, frozen=True, kw_only=True):
    """Give the station a new key (A01). Until it has answered, both count; nobody is shown it."""


class RaiseProfile(_Ask, frozen=True, kw_only=True):
    """Have the station use the next higher security profile (A05)."""

    to: SecurityProfile | None = None
    reset: ResetKind | None = None
    force: bool = False  # pass over prerequisites


class RawMessage(_Ask, frozen=True, kw_only=True):
    """Exactly this message, in the version that the station speaks; ``force``: also if unfit."""

    action: str
    payload: Raw = Raw(b"{}")
    force: bool = False


Ask = (
    RemoteStart
    | RemoteStop
    | Reset
    | Trigger
    | ChangeAvailability
    | UnlockConnector
    | ClearCache
    | ReadConfiguration
    | WriteConfiguration
    | ApplyTemplate
    | TransferData
    | RequestLog
    | UpdateFirmware
    | InstallCertificate
    | GetInstalledCertificates
    | DeleteCertificate
    | RenewCertificate
    | RotateKey
    | RaiseProfile
    | RawMessage
    | Reserve
    | CancelReservation
    | SendLocalList
    | GetLocalListVersion
    | SetChargingProfile
    | ClearChargingProfiles
    | GetCompositeSchedule
    | GetChargingProfiles
)
