"""Sample arguments of every operation, to try a driver's file with before anything runs."""

import inspect
from datetime import UTC, datetime
from typing import Any

from voltkeep.lab.driver import OPERATIONS, Driver

STATION = "LAB-1"
_PROFILE = {
    "chargingProfileId": 1,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Absolute",
    "chargingSchedule": {
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6.0}],
    },
}
_FULL_PROFILE = _PROFILE | {
    "transactionId": 1,
    "chargingProfilePurpose": "TxProfile",
    "chargingProfileKind": "Recurring",
    "recurrencyKind": "Daily",
    "validFrom": "2030-01-01T00:00:00Z",
    "validTo": "2030-01-02T00:00:00Z",
    "chargingSchedule": {
        "duration": 86_400,
        "startSchedule": "2030-01-01T00:00:00Z",
        "chargingRateUnit": "W",
        "minChargingRate": 1380.0,
        "chargingSchedulePeriod": [
            {"startPeriod": 0, "limit": 11_000.0, "numberPhases": 3},
            {"startPeriod": 3600, "limit": 4140.5, "numberPhases": 1},
        ],
    },
}
_HASHES = {
    "hashAlgorithm": "SHA256",
    "issuerNameHash": "0f" * 32,
    "issuerKeyHash": "1e" * 32,
    "serialNumber": "2d",
}
_PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
_BY_NAME: dict[str, Any] = {
    "operative": True,
    "connector": 1,
    "token": "LAB-VALID",
    "profile": _FULL_PROFILE,
    "transaction": 1,
    "kind": "Hard",
    "keys": ("HeartbeatInterval", "NumberOfConnectors"),
    "key": "HeartbeatInterval",
    "value": "300",
    "message": "StatusNotification",
    "full": True,
    "tokens": ("LAB-VALID", "LAB-SIBLING"),
    "version": 1,
    "expires_at": datetime(2030, 1, 1, tzinfo=UTC),
    "parent": "LAB-PARENT",
    "reservation": 1,
    "profile_id": 1,
    "purpose": "TxDefaultProfile",
    "stack_level": 0,
    "duration_s": 300,
    "unit": "A",
    "location": "https://files.lab.example/file",
    "signature": "c2lnbmF0dXJl",
    "signing_certificate": _PEM,
    "use": "CentralSystemRootCertificate",
    "certificate": _PEM,
    "to": 2,
}
_OF_OPERATION: dict[str, dict[str, Any]] = {
    "get_log": {"kind": "DiagnosticsLog"},
    "delete_certificate": {"certificate": _HASHES},
    "trigger_extended": {"message": "SignChargePointCertificate"},
}
# What stands for "none of it": the least that may be asked for.
_LEAST: dict[str, Any] = {"profile": _PROFILE, "keys": (), "tokens": ()}


def samples(operation: str) -> list[tuple[str, dict[str, Any]]]:
    """Arguments in full, and with all left away that may be; each with words for it."""
    known = _BY_NAME | _OF_OPERATION.get(operation, {})
    full = {name: known[name] for name in OPERATIONS[operation]}
    least = full | {name: each for name, each in _LEAST.items() if name in full}
    least |= {name: None for name in optional(operation) if name not in {"keys", "tokens"}}
    found = [("with all arguments", full)]
    return found if full == least else [*found, ("without what may be left away", least)]


def optional(operation: str) -> tuple[str, ...]:
    """The arguments that may be left away."""
    parameters = inspect.signature(getattr(Driver, operation)).parameters.values()
    return tuple(each.name for each in parameters if each.default is not inspect.Parameter.empty)
