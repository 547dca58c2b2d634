"""Everything that can be asked of a station, over the API of a running server, and answered.

The table is held against the union of asks: one that is added there fails here until it has a row.
"""

import json
import re
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import httpx
import pytest

from tests.end_to_end.foreign import foreign
from tests.end_to_end.server import Server
from tests.store.databases import (
    database_url,
    migrated_database,
    migrated_file,
    migrated_postgres_url,
    sqlite_url,
)
from voltkeep.app import App
from voltkeep.domain.accounts import Permission, Principal
from voltkeep.domain.asks import Ask
from voltkeep.domain.audit import SYSTEM
from voltkeep.domain.configuration import Template
from voltkeep.domain.device_model import VariableValue, variable
from voltkeep.domain.identity import DEFAULT_TENANT, StationId
from voltkeep.sim import SimStation, StationSpec

__all__ = [
    "database_url",
    "migrated_database",
    "migrated_file",
    "migrated_postgres_url",
    "sqlite_url",
]

NAME = "CS-1"
TOKEN = {"value": "CARD", "kind": "ISO14443"}
LATER = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
PROFILE = {
    "id": 7,
    "stack_level": 1,
    "purpose": "TxDefaultProfile",
    "kind": "Relative",
    "schedules": [{"periods": [{"start_s": 0, "limit_a": 10.0}]}],
}
OLD, NEW = ("1.6",), ("2.0.1", "2.1")
EVERY = OLD + NEW

# The ask, and by the versions that have it the message that says it. A station may say no to what
# it has not got, and says so. What takes the station away comes last.
CASES: dict[str, tuple[dict[str, Any], dict[Any, str]]] = {
    "ReadConfiguration": (
        {"variables": ["SampledDataCtrlr.TxUpdatedInterval"]},
        {OLD: "GetConfiguration", NEW: "GetVariables"},
    ),
    "WriteConfiguration": (
        {"values": [{"variable": "SampledDataCtrlr.TxUpdatedInterval", "value": "30"}]},
        {OLD: "ChangeConfiguration", NEW: "SetVariables"},
    ),
    "ApplyTemplate": ({"template": "metering"}, {OLD: "GetConfiguration", NEW: "GetVariables"}),
    "ChangeAvailability": ({"operative": True}, {EVERY: "ChangeAvailability"}),
    "ClearCache": ({}, {EVERY: "ClearCache"}),
    "GetLocalListVersion": ({}, {EVERY: "GetLocalListVersion"}),
    "SendLocalList": ({"full": True}, {EVERY: "SendLocalList"}),
    "Trigger": ({"message": "Heartbeat"}, {EVERY: "TriggerMessage"}),
    "TransferData": (
        {"vendor": "Voltkeep", "message": "Echo", "data": "hello"},
        {EVERY: "DataTransfer"},
    ),
    "Reserve": (
        {"id_token": TOKEN, "expires_at": LATER, "evse": {"id": 1}, "id": 5},
        {EVERY: "ReserveNow"},
    ),
    "CancelReservation": ({"id": 5}, {EVERY: "CancelReservation"}),
    "SetChargingProfile": (
        {"profile": PROFILE, "evse": {"id": 1}, "force": True},
        {EVERY: "SetChargingProfile"},
    ),
    "GetCompositeSchedule": (
        {"duration_s": 600, "evse": {"id": 1}},
        {EVERY: "GetCompositeSchedule"},
    ),
    "GetChargingProfiles": ({}, {NEW: "GetChargingProfiles"}),
    "ClearChargingProfiles": ({"criteria": {"ids": [7]}}, {EVERY: "ClearChargingProfile"}),
    "RemoteStart": (
        {"id_token": TOKEN, "evse": {"id": 1}},
        {OLD: "RemoteStartTransaction", NEW: "RequestStartTransaction"},
    ),
    "RemoteStop": (
        {"transaction": "4711"},
        {OLD: "RemoteStopTransaction", NEW: "RequestStopTransaction"},
    ),
    "UnlockConnector": ({"evse": {"id": 1, "connector_id": 1}}, {EVERY: "UnlockConnector"}),
    "RequestLog": (
        {"kind": "SecurityLog", "location": "http://127.0.0.1:9/upload"},
        {EVERY: "GetLog"},
    ),
    "InstallCertificate": ({}, {EVERY: "InstallCertificate"}),
    "GetInstalledCertificates": ({}, {EVERY: "GetInstalledCertificateIds"}),
    "DeleteCertificate": ({"certificate": "0"}, {EVERY: "DeleteCertificate"}),
    "RenewCertificate": (
        {"prepare": True},
        {OLD: "ExtendedTriggerMessage", NEW: "TriggerMessage"},
    ),
    "UpdateFirmware": (
        {
            "image": "1.0",
            "location": "http://127.0.0.1:9/image",
            "signature": "bm9uc2Vuc2U=",
            "signing_certificate": "nonsense",
            "force": True,
        },
        {OLD: "SignedUpdateFirmware", NEW: "UpdateFirmware"},
    ),
    "RawMessage": ({"action": "ClearCache", "payload": {}}, {EVERY: "ClearCache"}),
    "Reset": ({"kind": "OnIdle"}, {EVERY: "Reset"}),
    "RotateKey": ({}, {OLD: "ChangeConfiguration", NEW: "SetVariables"}),
    # The station restarts meanwhile, so the first message of several is all that is sure.
    "RaiseProfile": ({}, {OLD: "ChangeConfiguration", NEW: "SetVariables"}),
}
# What a station of the simulator has nothing to say yes to.
MAY_SAY_NO = {
    "UpdateFirmware",
    "RemoteStop",
    "ClearChargingProfiles",
    "GetChargingProfiles",
    "CancelReservation",
}
# Without a security profile there is no key, and a station that says nothing of its certificates
# has none to delete: then it is answered with what is missing.
NEEDS_MORE = {"DeleteCertificate", "RotateKey"}


def message_of(kind, version):
    """The message by which a version says it; None: it has none."""
    return next((action for has, action in CASES[kind][1].items() if version in has), None)


@pytest.fixture
async def server(tmp_path, database_url):
    server = Server(tmp_path / "data", database_url, listen=("http",))
    await server.prepare([NAME], tokens=["CARD"])
    image = tmp_path / "image.bin"
    image.write_bytes(b"firmware")
    await server.voltkeep("firmware", "add", "1.0", str(image))
    await server.start()
    yield server
    assert server.stop() == 0
    assert "Traceback" not in server.output()


@asynccontextmanager
async def api(server):
    """A client of the API, with a key that may do anything; there is a template."""
    everything = Principal(
        actor=SYSTEM, tenant=DEFAULT_TENANT, permissions=frozenset(Permission), is_everywhere=True
    )
    async with App(server.settings).running(serve=False) as app:
        wanted = VariableValue(variable=variable("SampledDataCtrlr.TxUpdatedInterval"), value="20")
        everywhere = StationId(DEFAULT_TENANT, "")
        now = datetime.now(UTC)
        template = Template(station=everywhere, id="metering", at=now, values=(wanted,))
        await app.services.templates.add(template)
        _, token = await app.services.accounts.create_key(
            everything, "test", tuple(Permission), tenant=DEFAULT_TENANT
        )
    url = f"http://127.0.0.1:{server.ports['http']}/api/v1"
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as client:
        yield client


async def ask(client, body, result=None):
    """Ask it over the API; what became of it."""
    params = {"wait": 40, "queue_until": LATER}  # it may be restarting
    answer = await client.post(f"/stations/{NAME}/commands", params=params, json=body)
    assert answer.status_code == 202, (body, answer.text)
    done = answer.json()
    assert done["state"] == "done", done
    if result is not None:
        assert done["result"] in result, done
    return done


def first_serial(done):
    """Of the certificates that a station says it has; a station of others may have none."""
    found = re.search(r'"serialNumber": *"([^"]+)"', json.dumps(done["messages"]))
    return "" if found is None else found[1]


async def ask_everything(client, version):
    serial = ""
    for kind, (fields, _) in CASES.items():
        action = message_of(kind, version)
        if kind == "DeleteCertificate" and serial:
            done = await ask(client, {"command": kind, "certificate": serial, "force": True})
        else:
            done = await ask(client, {"command": kind, **fields})
        if kind == "GetInstalledCertificates":
            serial = first_serial(done)
        if action is None:
            assert (done["result"], done["messages"]) == ("unfit", []), done
            continue
        if kind in NEEDS_MORE - {"DeleteCertificate" if serial else ""} and not done["messages"]:
            assert done["result"] in {"unfit", "impossible"}, done
            assert done["error"]
            continue
        expected = {"accepted", "rejected"} if kind in MAY_SAY_NO else {"accepted"}
        if kind == "RaiseProfile":
            expected |= {"offline", "left"}
        assert done["result"] in expected, done
        assert action in [each["action"] for each in done["messages"]], done
        for each in done["messages"]:
            assert each["result"] == "ok", done
            assert each["response"] is not None
            assert each["latency_ms"] is not None


def test_every_ask_has_a_row():
    assert {each.__name__ for each in get_args(Ask)} == set(CASES)


@pytest.mark.parametrize("version", EVERY)
async def test_every_ask_is_answered_by_a_station(server, version):
    spec = StationSpec(id=NAME, version=version, url=server.urls[1])
    async with SimStation(spec, 10.0) as station, api(server) as client:
        await station.booted()
        await ask_everything(client, version)


# Every message of 1.6 that a CSMS sends, as it stands there.
RAW = {
    "CancelReservation": {"reservationId": 1},
    "CertificateSigned": {"certificateChain": "nonsense"},
    "ChangeAvailability": {"connectorId": 0, "type": "Operative"},
    "ChangeConfiguration": {"key": "MeterValueSampleInterval", "value": "60"},
    "ClearCache": {},
    "ClearChargingProfile": {},
    "DataTransfer": {"vendorId": "Voltkeep", "messageId": "Echo", "data": "x"},
    "DeleteCertificate": {
        "certificateHashData": {
            "hashAlgorithm": "SHA256",
            "issuerNameHash": "aa",
            "issuerKeyHash": "bb",
            "serialNumber": "1",
        }
    },
    "ExtendedTriggerMessage": {"requestedMessage": "Heartbeat"},
    "GetCompositeSchedule": {"connectorId": 1, "duration": 60},
    "GetConfiguration": {},
    "GetDiagnostics": {"location": "http://127.0.0.1:9/x"},
    "GetInstalledCertificateIds": {"certificateType": "CentralSystemRootCertificate"},
    "GetLocalListVersion": {},
    "GetLog": {
        "logType": "SecurityLog",
        "requestId": 1,
        "log": {"remoteLocation": "http://127.0.0.1:9/x"},
    },
    "InstallCertificate": {
        "certificateType": "ManufacturerRootCertificate",
        "certificate": "nonsense",
    },
    "RemoteStartTransaction": {"idTag": "CARD", "connectorId": 1},
    "RemoteStopTransaction": {"transactionId": -1},
    "ReserveNow": {
        "connectorId": 1,
        "expiryDate": LATER,
        "idTag": "CARD",
        "reservationId": 1,
    },
    "SendLocalList": {"listVersion": 9, "updateType": "Full"},
    "SetChargingProfile": {
        "connectorId": 1,
        "csChargingProfiles": {
            "chargingProfileId": 1,
            "stackLevel": 0,
            "chargingProfilePurpose": "TxDefaultProfile",
            "chargingProfileKind": "Relative",
            "chargingSchedule": {
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 8.0}],
            },
        },
    },
    "SignedUpdateFirmware": {
        "requestId": 1,
        "firmware": {
            "location": "http://127.0.0.1:9/x",
            "retrieveDateTime": LATER,
            "signingCertificate": "nonsense",
            "signature": "nonsense",
        },
    },
    "TriggerMessage": {"requestedMessage": "Heartbeat"},
    "UnlockConnector": {"connectorId": 1},
    "UpdateFirmware": {"location": "http://127.0.0.1:9/x", "retrieveDate": LATER},
    "Reset": {"type": "Soft"},
}


async def test_every_message_of_16_is_sent_as_it_was_written_and_answered(server):
    """A station that has the security extension does not know what it replaces."""
    spec = {"id": NAME, "version": "1.6", "url": server.urls[1]}
    older = {"UpdateFirmware"}
    async with api(server) as client:
        async with SimStation(StationSpec(**spec), 10.0) as station:
            await station.booted()
            for action in sorted(set(RAW) - older - {"Reset"}):
                await send_raw(client, action)
        spec["misbehave"] = ("no-security-extensions",)
        async with SimStation(StationSpec(**spec), 10.0) as station:
            await station.booted()
            for action in (*older, "Reset"):
                await send_raw(client, action)


async def send_raw(client, action):
    done = await ask(client, {"action": action, "payload": RAW[action], "force": True})
    [message] = done["messages"]
    assert (message["action"], message["result"]) == (action, "ok"), done
    assert message["response"] is not None
    assert message["request"] == RAW[action]


# The same, with somebody else's idea of a station.
WORDS = {
    "GetConfiguration": {
        "configuration_key": [{"key": "MeterValueSampleInterval", "readonly": False, "value": "60"}]
    },
    "GetLocalListVersion": {"list_version": 0},
    "UnlockConnector": {"status": "Unlocked"},
    "GetDiagnostics": {},
    "UpdateFirmware": {},
    "GetCompositeSchedule": {
        "status": "Accepted",
        "connector_id": 1,
        "schedule_start": "2026-01-01T00:00:00Z",
        "charging_schedule": {
            "charging_rate_unit": "A",
            "charging_schedule_period": [{"start_period": 0, "limit": 10.0}],
        },
    },
}


async def test_a_foreign_station_answers_every_ask(server):
    async with foreign("1.6", server.urls[1], NAME) as station, api(server) as client:
        station.answers = {action: {"status": "Accepted"} for action in RAW} | WORDS
        assert await station.boot() == "Accepted"
        await ask_everything(client, "1.6")
        for action in RAW:
            await send_raw(client, action)

    assert {action for action, _ in station.heard} == set(RAW)
