"""Rows to store: every field of each has a value of its own."""

from datetime import UTC, datetime, time, timedelta, timezone
from typing import Any

from tests.contract.availability import AVAILABILITY
from tests.contract.charging import CHARGING
from tests.contract.configuration import CONFIGURATION
from tests.contract.driver_samples import DRIVERS
from tests.contract.orders import ORDERS

from voltkeep.domain.accounts import (
    AccountState,
    ApiKey,
    IdempotencyKey,
    Installation,
    Permission,
    Role,
    Session,
    Tenant,
    User,
)
from voltkeep.domain.audit import Actor, Deed
from voltkeep.domain.authorization import Authorization, Token
from voltkeep.domain.availability import ChargingState, ConnectorStatus, StatusUpdate
from voltkeep.domain.campaigns import (
    Campaign,
    CampaignState,
    CampaignStep,
    ChangeKind,
    FirmwareGoal,
    StepState,
    Wave,
    Window,
)
from voltkeep.domain.certificates import (
    CertificateRequest,
    CertificateState,
    HashAlgorithm,
    HashData,
    InstalledCertificate,
    IssuedCertificate,
    RequestState,
    RevocationReason,
    RootUse,
    TrustAnchor,
)
from voltkeep.domain.commands import RawCommand
from voltkeep.domain.diagnostics import LogKind, LogState, LogUpload
from voltkeep.domain.firmware import FirmwareImage, FirmwareUpdate, StatusSaid, UpdateState
from voltkeep.domain.identity import Evse, IdToken, Sender, StationId, TenantId, TransactionRef
from voltkeep.domain.meter_values import MeterReport, MeterValue
from voltkeep.domain.security import Alert, Refusal, SecurityEvent
from voltkeep.domain.stations import Boot, Make, Registration, SecurityProfile, Station
from voltkeep.domain.transactions import Closing, Phase, Transaction, TransactionUpdate
from voltkeep.domain.webhooks import Attempt, Delivery, Webhook, WebhookState
from voltkeep.services.ports import ConnectorRow, Exchange, QueuedCommand

NOON = datetime(2026, 5, 1, 12, 0, 0, 123457, tzinfo=UTC)
IN_INDIA = datetime(2026, 5, 1, 17, 30, 0, 1, tzinfo=timezone(timedelta(hours=5, minutes=30)))
TENANT = TenantId("default")
OTHER_TENANT = TenantId("acme")
ALPHA = StationId(TENANT, "ALPHA")
BETA = StationId(TENANT, "BETA")
ELSEWHERE = StationId(OTHER_TENANT, "ALPHA")
REF = TransactionRef("tx-1")
TOKEN = IdToken("04AaBb", "ISO14443")
EVSE = Evse(1, 2)


def after(seconds: float, since: datetime = NOON) -> datetime:
    return since + timedelta(seconds=seconds)


def station(id: StationId = ALPHA, **changes: object) -> Station:
    values = {
        "security_profile": SecurityProfile.TLS_BASIC,
        "registration": Registration.PENDING,
        "key_hash": "argon2$…",
        "passive": True,
        "note": "by the door – Straße 5",
        "created_at": NOON,
    }
    return Station(id=id, **(values | changes))


MAKE = Make(
    vendor="Voltgut",
    model="V1",
    serial_number="S-1",
    firmware="1.2.3",
    iccid="8949",
    imsi="26201",
    meter_type="M",
    meter_serial_number="M-1",
)
BOOT = Boot(make=MAKE, reason="PowerUp")


def token(value: str = TOKEN.value, **changes: object) -> Token:
    values = {
        "group": "family",
        "blocked": True,
        "expires_at": after(60),
        "max_active": 3,
        "note": "Ada",
        "created_at": NOON,
    }
    return Token(id_token=IdToken(value, "eMAID"), **(values | changes))


def transaction(ref: str = REF, station: StationId = ALPHA, **changes: object) -> Transaction:
    values = {
        "evse": EVSE,
        "id_token": TOKEN,
        "group": "family",
        "authorization": Authorization.ACCEPTED,
        "started_at": after(-5),
        "first_heard_at": NOON,
        "last_heard_at": NOON,
    }
    return Transaction(station=station, ref=TransactionRef(ref), **(values | changes))


FULL_TRANSACTION = transaction(
    "tx-full",
    start_key="a start",
    ended_at=after(3600),
    meter_start_wh=1000.5,
    meter_stop_wh=5200.25,
    stop_reason="EVDisconnected",
    stop_token=IdToken("OTHER", "Central"),
    charging_state=ChargingState.SUSPENDED_EV,
    remote_start_id=7,
    reservation_id=8,
    closing=Closing(
        at=after(1800), by="alice", reason="replaced", as_of=after(900), meter_wh=5100.75
    ),
    last_heard_at=after(3601),
)


def update(seq_no: int | None = 1, **changes: object) -> TransactionUpdate:
    values = {
        "phase": Phase.UPDATED,
        "at": NOON,
        "ref": REF,
        "seq_no": seq_no,
        "trigger": "MeterValuePeriodic",
        "evse": EVSE,
    }
    return TransactionUpdate(**(values | changes))


def sender(station: StationId = ALPHA, epoch: int = 1, at: datetime = NOON) -> Sender:
    return Sender(station, epoch, at)


FULL_METER_VALUE = MeterValue(
    at=IN_INDIA,
    context="Transaction.Begin",
    energy_wh=1.5,
    energy_export_wh=2.5,
    power_w=3.5,
    power_offered_w=4.5,
    current_a=5.5,
    current_l1_a=6.5,
    current_l2_a=7.5,
    current_l3_a=8.5,
    current_offered_a=9.5,
    voltage_v=10.5,
    voltage_l1_v=11.5,
    voltage_l2_v=12.5,
    voltage_l3_v=13.5,
    soc_percent=14.5,
    temperature_c=-15.5,
    raw=b'[{"value":"1.5"}]',
)


def meter_value(seconds: float = 0, energy_wh: float = 1.0) -> MeterValue:
    return MeterValue(at=after(seconds), energy_wh=energy_wh, raw=b"[%d]" % int(energy_wh))


def report(*values: MeterValue, ref: str | None = REF, evse: Evse | None = EVSE) -> MeterReport:
    return MeterReport(evse=evse, ref=None if ref is None else TransactionRef(ref), values=values)


def status_update(evse: Evse | None = EVSE, **changes: object) -> StatusUpdate:
    values = {
        "status": ConnectorStatus.FAULTED,
        "raw_status": "SuspendedEV",
        "at": after(-1),
        "charging_state": ChargingState.SUSPENDED_EV,
        "error_code": "GroundFailure",
        "info": "wet",
        "vendor_id": "com.example",
        "vendor_error_code": "E12",
    }
    return StatusUpdate(evse=evse, **(values | changes))


def connector(
    evse: Evse | None = EVSE, station: StationId = ALPHA, **changes: object
) -> ConnectorRow:
    return ConnectorRow(
        station=station, update=status_update(evse, **changes), received_at=after(1)
    )


def command(id: str = "c-1", station: StationId = ALPHA, **changes: object) -> QueuedCommand:
    values = {
        "command": RawCommand(action="Reset", payload=b'{"type":"Hard"}', force=True),
        "issued_by": "ada",
        "created_at": NOON,
        "expires_at": after(30),
    }
    return QueuedCommand(id=id, station=station, **(values | changes))


def exchange(message_id: str = "m-1", station: StationId = ALPHA, **changes: object) -> Exchange:
    values = {
        "direction": "in",
        "action": "Heartbeat",
        "call": b'[2,"m-1","Heartbeat",{}]',
        "called_at": NOON,
        "answer": b'[3,"m-1",{}]',
        "answered_at": after(0.25),
        "verdict": "ok",
        "note": "lenient",
    }
    return Exchange(station=station, message_id=message_id, **(values | changes))


ADA = Actor(kind="cli", name="ada", address="::1", authenticated_by="shell")
DEED = Deed(action="key.rotated", object="ALPHA", before="old", after="new", result="refused")

_ISSUED = {
    "state": CertificateState.REVOKED,
    "profile": "station",
    "issuer": "ec",
    "subject": "CN=ALPHA,O=Ünïon",
    "fingerprint": "ab" * 32,
    "key_fingerprint": "cd" * 32,
    "not_before": after(-1),
    "not_after": after(1),
    "pem": "-----BEGIN…",
    "problem": "too long",
    "sends": 2,
    "renewal_at": after(0.5),
    "revoked_at": IN_INDIA,
    "revocation_reason": RevocationReason.KEY_COMPROMISE,
}
_REQUEST = {
    "state": RequestState.REPLACED,
    "pem": "-----BEGIN CERTIFICATE REQUEST…",
    "common_name": "ALPHA",
    "organization": "Ünïon",
    "subject": "CN=ALPHA,O=Ünïon",
    "use": "ChargingStationCertificate",
    "request_id": 7,
}
_ANCHOR = {
    "use": RootUse.V2G_ROOT,
    "pem": "-----BEGIN…",
    "subject": "CN=Root",
    "not_after": after(1),
    "for_clients": True,
    "crl": "-----BEGIN X509 CRL…",
    "crl_url": "http://127.0.0.1/crl",
    "ocsp_url": "http://127.0.0.1/ocsp",
}
_LOG = {
    "state": LogState.UPLOADED,
    "kind": LogKind.SECURITY,
    "location": "https://127.0.0.1/logs",
    "requested_at": after(-1),
    "token_hash": "ef" * 32,
    "expires_at": after(60),
    "status": "Uploaded",
    "filename": "../../etc/passwd\0\ud800",
    "stored_as": "12" * 16,
    "size": 2**40,
    "sha256": "34" * 32,
}
_IMAGE = {
    "filename": "v2.bin",
    "stored_as": "56" * 16,
    "url": "https://127.0.0.1/v2.bin",
    "size": 7,
    "sha256": "78" * 32,
    "signature": "c2ln",
    "signing_certificate": "-----BEGIN…",
}
_UPDATE = {
    "state": UpdateState.RUNNING,
    "image": "v2",
    "location": "https://127.0.0.1/v2.bin",
    "is_signed": True,
    "requested_at": after(-1),
    "token_hash": "9a" * 32,
    "expires_at": after(60),
    "status": "Downloading",
    "said": (StatusSaid("Downloading", IN_INDIA), StatusSaid("Downloaded", NOON)),
}
_EVENT = {
    "state": "critical",
    "happened_at": IN_INDIA,
    "type": "TamperDetectionActivated",
    "tech_info": "door\u202e",
}
_REFUSAL = {
    "first_at": after(-9),
    "count": 3,
    "host": "::1",
    "reason": "wrong password",
    "detail": "as said",
}
_ALERT = {
    "state": "acknowledged",
    "first_at": after(-9),
    "count": 4,
    "kind": "tamper",
    "text": "somebody opened the door",
    "acknowledged_by": "ada",
}
_CAMPAIGN = {
    "state": CampaignState.HALTED,
    "target": 2,
    "at_once": 5,
    "come_back_s": 0.5,
    "halt_after": 3,
    "started_at": after(-9),
    "started_by": "ada",
    "reason": "three failed",
    "kind": ChangeKind.FIRMWARE,
    "firmware": FirmwareGoal(image="v2.1", version="2.1.0", install_at=after(9)),
    "window": Window(time(22), time(4, 30)),
    "phase": Wave.CANARY,
    "until": after(99),
    "sites": ("north",),
}
_HASH_DATA = HashData(HashAlgorithm.SHA384, "aa", "bb", "0c")
_INSTALLED = {"use": "V2GRootCertificate", "hash_data": _HASH_DATA, "fingerprint": "ab"}
_STEP = {"state": StepState.ASKED, "profile": 2, "reason": "waiting", "wave": Wave.CANARY}
_USER = {
    "state": AccountState.DISABLED,
    "name": "Ada Ünïon",
    "role": Role.ENGINEER,
    "sites": ("north", "south"),
    "created_at": IN_INDIA,
    "password_hash": "$argon2id$…",
    "must_change_password": True,
    "totp_secret": "gAAA",
    "totp_pending": "gAAB",
    "totp_step": 57_000_000,
    "recovery_hashes": ("aa", "bb"),
    "issuer": "https://id.example",
    "subject": "42",
    "last_sign_in_at": after(-1),
}
_API_KEY = {
    "state": AccountState.REVOKED,
    "name": "billing",
    "secret_hash": "ab" * 32,
    "scopes": (Permission.READ_STATIONS, Permission.SEND_COMMANDS),
    "sites": ("north",),
    "created_at": IN_INDIA,
    "created_by": "ada",
    "expires_at": after(9),
    "last_used_at": after(5),
    "last_used_from": "::1",
}
_SESSION = {
    "state": AccountState.ACTIVE,
    "created_at": IN_INDIA,
    "expires_at": after(9),
    "signed_in_by": "password",
    "address": "::1",
    "agent": "Mozilla",
}
_INSTALLATION = {
    "state": AccountState.ACTIVE,
    "setup_hash": "cd" * 32,
    "setup_expires_at": after(9),
}
_IDEMPOTENCY_KEY = {
    "state": "done",
    "request_hash": "ef" * 32,
    "status": 201,
    "headers": (("location", "/here"),),
    "body": b"{}\xff",
}

_WEBHOOK = {
    "state": WebhookState.ENABLED,
    "url": "https://example.com/events",
    "types": ("transaction.*",),
    "sites": ("north",),
    "permissions": (Permission.READ_TRANSACTIONS,),
    "secret": "sealed",
    "position": 2**60,
    "created_at": NOON,
    "failing_since": NOON,
}
_DELIVERY = {
    "state": "wh_1/failed",
    "event_id": "7",
    "type": "transaction.ended",
    "payload": '{"id":"7"}',
    "attempts": 3,
    "next_at": NOON,
    "last": Attempt(at=NOON, latency_s=0.25, status=500, response="\ufffdno"),
}

# By the name that a work has for them.
RECORDS: dict[str, tuple[Any, dict[str, Any]]] = (
    {
        **AVAILABILITY,
        "certificates": (IssuedCertificate, _ISSUED),
        "certificate_requests": (CertificateRequest, _REQUEST),
        "installed": (InstalledCertificate, _INSTALLED),
        "anchors": (TrustAnchor, _ANCHOR),
        "logs": (LogUpload, _LOG),
        "images": (FirmwareImage, _IMAGE),
        "updates": (FirmwareUpdate, _UPDATE),
        "security_events": (SecurityEvent, _EVENT),
        "refusals": (Refusal, _REFUSAL),
        "alerts": (Alert, _ALERT),
        "campaigns": (Campaign, _CAMPAIGN),
        "steps": (CampaignStep, _STEP),
        **CONFIGURATION,
        "users": (User, _USER),
        "api_keys": (ApiKey, _API_KEY),
        "sessions": (Session, _SESSION),
        "tenants": (Tenant, {"state": AccountState.ACTIVE, "title": "Acme"}),
        "installation": (Installation, _INSTALLATION),
        "idempotency_keys": (IdempotencyKey, _IDEMPOTENCY_KEY),
        "webhooks": (Webhook, _WEBHOOK),
        "deliveries": (Delivery, _DELIVERY),
    }
    | CHARGING
    | ORDERS
    | DRIVERS
)


def record(name: str, id: str = "1", station: StationId = ALPHA, **changes: object):
    kind, values = RECORDS[name]
    return kind(station=station, id=id, **({"at": NOON} | values | changes))


def alert(id: str = "1", station: StationId = ALPHA, **changes: object) -> Alert:
    values = {"at": NOON} | _ALERT | changes
    return Alert(station=station, id=id, **values)
