"""What we ask of a station, and how it took it."""

import enum

from msgspec import Raw, Struct

from voltkeep.domain.identity import Evse, IdToken, TransactionRef


class StartTransaction(Struct, frozen=True, kw_only=True, tag=True):
    """Start charging for a token (functional block F)."""

    remote_start_id: int
    id_token: IdToken
    evse: Evse | None = None


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


class Trigger(Struct, frozen=True, kw_only=True, tag=True):
    """Ask a station to send a message now (F06)."""

    message: Triggered
    evse: Evse | None = None


class RawCommand(Struct, frozen=True, kw_only=True, tag=True):
    """Any action with any payload, in the station's own dialect.

    Checked against the schema unless ``force``: a person may have a reason.
    """

    action: str
    payload: Raw
    force: bool = False


Command = StartTransaction | StopTransaction | Reset | Trigger | RawCommand


class Outcome(Struct, frozen=True, kw_only=True):
    """How a station answered: ``status`` is its own word, ``response`` the whole payload."""

    accepted: bool
    status: str = ""
    response: Raw = Raw(b"{}")
