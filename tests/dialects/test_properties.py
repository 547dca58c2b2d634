"""Whatever a station sends is answered or refused; nothing else comes out of a dialect."""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Raw, json

from tests.dialects.recorder import SENDER, Recorder
from voltkeep.dialects import DIALECTS
from voltkeep.domain.commands import RawCommand
from voltkeep.domain.stations import Make
from voltkeep.ocpp.errors import Refusal
from voltkeep.ocpp.messages import read

AT = "2026-01-01T10:15:00Z"
SAMPLE_16 = {"value": "3.1", "unit": "kWh", "context": "Sample.Clock", "phase": "L1"}
SAMPLE_2 = {"value": 3.1, "unitOfMeasure": {"unit": "kWh", "multiplier": 1}, "phase": "L1"}
SECURITY_EVENT = {"type": "InvalidMessages", "timestamp": AT, "techInfo": "i"}
HASH_DATA = {
    "hashAlgorithm": "SHA256",
    "issuerNameHash": "ab",
    "issuerKeyHash": "cd",
    "serialNumber": "1",
}
CHARGING_SCHEDULE = {
    "id": 1,
    "startSchedule": AT,
    "duration": 3600,
    "chargingRateUnit": "A",
    "minChargingRate": 6,
    "chargingSchedulePeriod": [
        {"startPeriod": 0, "limit": 16, "numberPhases": 1, "phaseToUse": 1},
        {"startPeriod": 60, "limit": 8.5},
    ],
}
VALID = {
    "ocpp1.6": {
        "Authorize": {"idTag": "T"},
        "BootNotification": {"chargePointVendor": "V", "chargePointModel": "M", "iccid": "I"},
        "DataTransfer": {"vendorId": "V", "data": "{}"},
        "Heartbeat": {},
        "MeterValues": {
            "connectorId": 1,
            "transactionId": 7,
            "meterValue": [{"timestamp": AT, "sampledValue": [SAMPLE_16, {"value": "1"}]}],
        },
        "DiagnosticsStatusNotification": {"status": "Uploaded"},
        "FirmwareStatusNotification": {"status": "Installed"},
        "LogStatusNotification": {"status": "Uploading", "requestId": 7},
        "SecurityEventNotification": SECURITY_EVENT,
        "SignCertificate": {"csr": "PEM"},
        "SignedFirmwareStatusNotification": {"status": "SignatureVerified", "requestId": 7},
        "StartTransaction": {
            "connectorId": 1,
            "idTag": "T",
            "meterStart": 1000,
            "timestamp": AT,
            "reservationId": 3,
        },
        "StatusNotification": {
            "connectorId": 1,
            "errorCode": "NoError",
            "status": "Available",
            "timestamp": AT,
            "info": "i",
        },
        "StopTransaction": {
            "transactionId": 7,
            "idTag": "T",
            "meterStop": 5200,
            "timestamp": AT,
            "reason": "Local",
            "transactionData": [{"timestamp": AT, "sampledValue": [SAMPLE_16]}],
        },
    },
    "ocpp2.0.1": {
        "Authorize": {"idToken": {"idToken": "T", "type": "ISO14443"}},
        "BootNotification": {
            "reason": "PowerUp",
            "chargingStation": {"vendorName": "V", "model": "M", "modem": {"iccid": "I"}},
        },
        "DataTransfer": {"vendorId": "V", "data": {"a": 1}},
        "Heartbeat": {"customData": {"vendorId": "V"}},
        "MeterValues": {
            "evseId": 1,
            "meterValue": [{"timestamp": AT, "sampledValue": [SAMPLE_2, {"value": 1}]}],
        },
        "FirmwareStatusNotification": {"status": "Installed", "requestId": 7},
        "Get15118EVCertificate": {
            "iso15118SchemaVersion": "urn:iso:15118:2:2013:MsgDef",
            "action": "Install",
            "exiRequest": "AA==",
        },
        "GetCertificateStatus": {
            "ocspRequestData": {**HASH_DATA, "responderURL": "http://127.0.0.1/"}
        },
        "LogStatusNotification": {"status": "Uploading", "requestId": 7},
        "NotifyReport": {
            "requestId": 7,
            "generatedAt": AT,
            "seqNo": 0,
            "tbc": True,
            "reportData": [
                {
                    "component": {"name": "C", "instance": "i", "evse": {"id": 1}},
                    "variable": {"name": "V", "instance": "i"},
                    "variableAttribute": [{"value": "1", "mutability": "ReadOnly"}],
                    "variableCharacteristics": {"dataType": "integer", "supportsMonitoring": True},
                }
            ],
        },
        "ClearedChargingLimit": {"chargingLimitSource": "EMS", "evseId": 1},
        "NotifyChargingLimit": {
            "chargingLimit": {"chargingLimitSource": "EMS", "isGridCritical": True},
            "evseId": 1,
            "chargingSchedule": [CHARGING_SCHEDULE],
        },
        "NotifyEVChargingNeeds": {
            "evseId": 1,
            "maxScheduleTuples": 3,
            "chargingNeeds": {
                "requestedEnergyTransfer": "DC",
                "departureTime": AT,
                "dcChargingParameters": {
                    "evMaxCurrent": 200,
                    "evMaxVoltage": 800,
                    "stateOfCharge": 10,
                    "fullSoC": 99,
                },
            },
        },
        "NotifyEVChargingSchedule": {
            "timeBase": AT,
            "evseId": 1,
            "chargingSchedule": CHARGING_SCHEDULE,
        },
        "ReportChargingProfiles": {
            "requestId": 7,
            "chargingLimitSource": "CSO",
            "evseId": 1,
            "tbc": True,
            "chargingProfile": [
                {
                    "id": 1,
                    "stackLevel": 0,
                    "chargingProfilePurpose": "TxProfile",
                    "chargingProfileKind": "Recurring",
                    "recurrencyKind": "Daily",
                    "transactionId": "tx",
                    "validFrom": AT,
                    "validTo": AT,
                    "chargingSchedule": [CHARGING_SCHEDULE],
                }
            ],
        },
        "ReservationStatusUpdate": {"reservationId": 7, "reservationUpdateStatus": "Expired"},
        "SecurityEventNotification": SECURITY_EVENT,
        "SignCertificate": {"csr": "PEM", "certificateType": "ChargingStationCertificate"},
        "StatusNotification": {
            "timestamp": AT,
            "connectorStatus": "Available",
            "evseId": 1,
            "connectorId": 1,
        },
        "TransactionEvent": {
            "eventType": "Ended",
            "timestamp": AT,
            "triggerReason": "EVCommunicationLost",
            "seqNo": 2,
            "transactionInfo": {"transactionId": "tx", "stoppedReason": "Local"},
            "evse": {"id": 1, "connectorId": 1},
            "idToken": {"idToken": "T", "type": "ISO14443"},
            "meterValue": [{"timestamp": AT, "sampledValue": [SAMPLE_2]}],
        },
    },
}
VALID["ocpp2.1"] = VALID["ocpp2.0.1"] | {
    "GetCertificateChainStatus": {
        "certificateStatusRequests": [
            {"certificateHashData": HASH_DATA, "source": "OCSP", "urls": ["http://127.0.0.1/"]}
        ]
    }
}
MAKES = [None, Make(vendor="Legrand", model="M"), Make(vendor="Acme", model="M", firmware="1")]

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=60)
    | st.sampled_from(["", "Error", "kWh", "2026-01-01T10:15:00+02", "9999-12-31T23:59:59-01:00"])
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@st.composite
def payloads(draw):
    """A message of a station with a few of its values, at any depth, exchanged for anything."""
    version = draw(st.sampled_from(sorted(VALID)))
    action = draw(st.sampled_from(sorted(VALID[version])))
    payload = json.decode(json.encode(VALID[version][action]))
    for _ in range(draw(st.integers(0, 3))):
        _exchange(draw, payload)
    return version, action, payload


def _exchange(draw, node):
    keys = list(node) if isinstance(node, dict) else list(range(len(node)))
    if not keys:
        return
    key = draw(st.sampled_from(keys))
    if isinstance(node[key], dict | list) and draw(st.booleans()):
        _exchange(draw, node[key])
    elif draw(st.booleans()):
        node[key] = draw(anything)
    elif draw(st.booleans()) and isinstance(node, dict):
        node[draw(st.sampled_from(["extra", "unit", "value", "multiplier"]))] = draw(anything)
    else:
        del node[key]


@pytest.mark.parametrize("version", VALID)
def test_there_is_a_message_for_every_handler(version):
    assert VALID[version].keys() == DIALECTS[version].handlers.keys()


@given(payloads(), st.sampled_from(MAKES))
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_message_is_answered_validly_or_refused(message, make):
    version, action, payload = message
    dialect = DIALECTS[version]
    raw = Raw(json.encode(payload))

    try:
        answer = asyncio.run(dialect.answer(Recorder(), SENDER, action, raw, make))
    except Refusal:
        return
    response_type = dialect.actions[action][1]
    assert response_type is not None
    read(response_type, answer.payload)
    assert all(note.isprintable() and len(note) < 120 for note in answer.leniencies)


@given(
    st.sampled_from(sorted(VALID)), st.sampled_from(["Reset", "GetLog", "SetVariables"]), anything
)
@settings(max_examples=150, deadline=None)
def test_an_answer_is_read_or_refused(version, action, content):
    command = RawCommand(action=action, payload=Raw(b"{}"))
    try:
        DIALECTS[version].outcome(command, action, Raw(json.encode(content)))
    except Refusal:
        return


@given(st.sampled_from(["", "ChangeConfiguration", "SetVariables", "MeterValues"]), st.binary())
@settings(max_examples=150, deadline=None)
def test_any_frame_can_be_masked(action, frame):
    assert isinstance(DIALECTS["ocpp2.1"].mask(action, frame), bytes)


@given(st.sampled_from(["", "ChangeConfiguration", "SetVariables"]), anything)
@settings(max_examples=150, deadline=None)
def test_any_json_can_be_masked(action, content):
    frame = json.encode([2, "id", action, content])

    assert isinstance(DIALECTS["ocpp2.1"].mask(action, frame), bytes)
