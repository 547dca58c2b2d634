"""What messages mean: each row of a table of names, units and clocks."""

import time
from datetime import UTC, datetime

import pytest

from tests.dialects.recorder import NOON, Recorder, answer, hears
from voltkeep.dialects import DIALECTS
from voltkeep.domain.authorization import Authorization, Decision
from voltkeep.domain.availability import ChargingState as Charging
from voltkeep.domain.availability import ConnectorStatus as Status
from voltkeep.domain.availability import StatusUpdate
from voltkeep.domain.identity import Evse, IdToken
from voltkeep.domain.stations import Boot, Make
from voltkeep.domain.transactions import Phase, TransactionUpdate
from voltkeep.ocpp import v16, v21
from voltkeep.ocpp.errors import Refusal

OCPP16, OCPP201, OCPP21 = (DIALECTS[f"ocpp{v}"] for v in ("1.6", "2.0.1", "2.1"))
TWO = pytest.mark.parametrize("dialect", [OCPP201, OCPP21], ids=["2.0.1", "2.1"])
AT = "2026-01-01T10:15:00Z"


def event(**more):
    return {
        "eventType": "Updated",
        "timestamp": AT,
        "triggerReason": "Trigger",
        "seqNo": 1,
        "transactionInfo": {"transactionId": "tx"},
        **more,
    }


# --- status --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "status", "charging"),
    [
        ("Available", Status.AVAILABLE, None),
        ("Preparing", Status.OCCUPIED, Charging.EV_CONNECTED),
        ("Charging", Status.OCCUPIED, Charging.CHARGING),
        ("SuspendedEV", Status.OCCUPIED, Charging.SUSPENDED_EV),
        ("SuspendedEVSE", Status.OCCUPIED, Charging.SUSPENDED_EVSE),
        ("Finishing", Status.OCCUPIED, Charging.EV_CONNECTED),
        ("Reserved", Status.RESERVED, None),
        ("Unavailable", Status.UNAVAILABLE, None),
        ("Faulted", Status.FAULTED, None),
    ],
)
async def test_nine_words_of_1_6_for_five(word, status, charging):
    payload = {"connectorId": 2, "errorCode": "NoError", "status": word}

    assert await hears(OCPP16, "StatusNotification", payload) == StatusUpdate(
        evse=Evse(2, 1), status=status, raw_status=word, at=NOON, charging_state=charging
    )


def test_no_word_of_1_6_is_without_a_meaning():
    from voltkeep.dialects.ocpp16.names import CONNECTOR_STATUS, id_tag_info  # noqa: PLC0415  # the only use

    assert CONNECTOR_STATUS.keys() == set(v16.StatusNotificationRequestStatus)
    assert all(id_tag_info(Decision(status), []) for status in Authorization)


async def test_a_fault_is_told_with_all_that_is_known_of_it():
    payload = {
        "connectorId": 0,
        "errorCode": "OtherError",
        "status": "Faulted",
        "timestamp": AT,
        "info": "the lid is open",
        "vendorId": "V",
        "vendorErrorCode": "E7",
    }

    assert await hears(OCPP16, "StatusNotification", payload) == StatusUpdate(
        evse=None,
        status=Status.FAULTED,
        raw_status="Faulted",
        at=datetime(2026, 1, 1, 10, 15, tzinfo=UTC),
        error_code="OtherError",
        info="the lid is open",
        vendor_id="V",
        vendor_error_code="E7",
    )


@TWO
@pytest.mark.parametrize(
    ("evse", "connector", "expected"),
    [(1, 2, Evse(1, 2)), (1, 0, Evse(1)), (0, 0, None), (0, 1, None)],
)
async def test_where_a_status_of_2x_is_from(dialect, evse, connector, expected):
    payload = {
        "timestamp": AT,
        "connectorStatus": "Occupied",
        "evseId": evse,
        "connectorId": connector,
    }

    heard = await hears(dialect, "StatusNotification", payload)

    assert (heard.evse, heard.status, heard.raw_status) == (expected, Status.OCCUPIED, "Occupied")


async def test_a_negative_connector_is_the_whole_station():
    payload = {"connectorId": -3, "errorCode": "NoError", "status": "Available"}

    assert (await hears(OCPP16, "StatusNotification", payload)).evse is None


# --- boots ---------------------------------------------------------------------------------------


async def test_a_boot_of_1_6_in_full():
    payload = {
        "chargePointVendor": "V",
        "chargePointModel": "M",
        "chargePointSerialNumber": "S",
        "chargeBoxSerialNumber": "B",
        "firmwareVersion": "1.0",
        "iccid": "I",
        "imsi": "J",
        "meterType": "T",
        "meterSerialNumber": "N",
    }

    assert await hears(OCPP16, "BootNotification", payload) == Boot(
        make=Make(
            vendor="V",
            model="M",
            serial_number="S",
            firmware="1.0",
            iccid="I",
            imsi="J",
            meter_type="T",
            meter_serial_number="N",
        )
    )


async def test_the_older_serial_number_of_1_6_is_better_than_none():
    payload = {"chargePointVendor": "V", "chargePointModel": "M", "chargeBoxSerialNumber": "B"}

    assert (await hears(OCPP16, "BootNotification", payload)).make.serial_number == "B"


@TWO
async def test_a_boot_of_2x_in_full(dialect):
    payload = {
        "reason": "RemoteReset",
        "chargingStation": {
            "vendorName": "V",
            "model": "M",
            "serialNumber": "S",
            "firmwareVersion": "1.0",
            "modem": {"iccid": "I", "imsi": "J"},
        },
        "customData": {"vendorId": "x", "more": [1]},
    }

    assert await hears(dialect, "BootNotification", payload) == Boot(
        make=Make(vendor="V", model="M", serial_number="S", firmware="1.0", iccid="I", imsi="J"),
        reason="RemoteReset",
    )


# --- tokens --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "in_16"),
    [
        (Authorization.ACCEPTED, "Accepted"),
        (Authorization.BLOCKED, "Blocked"),
        (Authorization.CONCURRENT_TX, "ConcurrentTx"),
        (Authorization.EXPIRED, "Expired"),
        (Authorization.INVALID, "Invalid"),
        (Authorization.NO_CREDIT, "Blocked"),
        (Authorization.NOT_ALLOWED_TYPE_EVSE, "Invalid"),
        (Authorization.NOT_AT_THIS_LOCATION, "Invalid"),
        (Authorization.NOT_AT_THIS_TIME, "Invalid"),
        (Authorization.UNKNOWN, "Invalid"),
    ],
)
async def test_what_each_version_can_say_of_a_token(status, in_16):
    services = Recorder(decision=Decision(status))
    two = {"idToken": {"idToken": "T", "type": "ISO14443"}}

    old = await answer(OCPP16, "Authorize", {"idTag": "T"}, services)
    new = await answer(OCPP201, "Authorize", two, services)

    assert old.payload == b'{"idTagInfo":{"status":"%s"}}' % in_16.encode()
    assert new.payload == b'{"idTokenInfo":{"status":"%s"}}' % status.value.encode()
    assert services.heard == [IdToken("T"), IdToken("T")]


@pytest.mark.parametrize(
    ("dialect", "payload", "longest", "told"),
    [
        (OCPP16, {"idTag": "T"}, 20, b'"parentIdTag":"%s"'),
        (
            OCPP201,
            {"idToken": {"idToken": "T", "type": "ISO14443"}},
            36,
            b'"groupIdToken":{"idToken":"%s","type":"Central"}',
        ),
    ],
    ids=["1.6", "2.0.1"],
)
async def test_a_group_is_told_if_the_version_can_carry_it(dialect, payload, longest, told):
    fits = Recorder(decision=Decision(Authorization.ACCEPTED, "G" * longest))
    not_so = Recorder(decision=Decision(Authorization.ACCEPTED, "G" * (longest + 1)))

    with_group = await answer(dialect, "Authorize", payload, fits)
    without = await answer(dialect, "Authorize", payload, not_so)

    assert told % (b"G" * longest) in with_group.payload
    assert with_group.leniencies == ()
    assert b"G" not in without.payload
    assert "left out" in without.leniencies[0]


async def test_other_kinds_of_token_keep_their_kind():
    payload = {"idToken": {"idToken": "DEABC", "type": "eMAID"}}

    assert await hears(OCPP201, "Authorize", payload) == IdToken("DEABC", "eMAID")
    payload = {"idToken": {"idToken": "V1", "type": "VIN"}}
    assert await hears(OCPP21, "Authorize", payload) == IdToken("V1", "VIN")


# --- transactions --------------------------------------------------------------------------------


async def test_a_start_of_1_6():
    payload = {
        "connectorId": 2,
        "idTag": "T",
        "meterStart": 1000,
        "timestamp": AT,
        "reservationId": 0,
    }

    assert await hears(OCPP16, "StartTransaction", payload) == TransactionUpdate(
        phase=Phase.STARTED,
        at=datetime(2026, 1, 1, 10, 15, tzinfo=UTC),
        evse=Evse(2, 1),
        id_token=IdToken("T"),
        meter_wh=1000.0,
        reservation_id=0,
    )


async def test_a_start_at_no_connector_is_noted_and_answered():
    payload = {"connectorId": 0, "idTag": "T", "meterStart": 1000, "timestamp": AT}
    services = Recorder()

    answered = await answer(OCPP16, "StartTransaction", payload, services)

    assert services.heard[0].evse is None
    assert b'"transactionId":7' in answered.payload
    assert answered.leniencies[0].startswith("connectorId:")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        (None, "Local"),
        ("HardReset", "ImmediateReset"),
        ("SoftReset", "ImmediateReset"),
        ("UnlockCommand", "Other"),
        ("DeAuthorized", "DeAuthorized"),
        ("EVDisconnected", "EVDisconnected"),
    ],
)
async def test_why_a_transaction_of_1_6_ended(word, meant):
    payload = {"transactionId": -1, "meterStop": 5200, "timestamp": AT}

    heard = await hears(
        OCPP16, "StopTransaction", payload if word is None else {**payload, "reason": word}
    )

    assert (heard.phase, heard.ref, heard.meter_wh) == (Phase.ENDED, "-1", 5200.0)
    assert heard.stop_reason == meant
    assert meant in set(v21.ReasonEnum)


@pytest.mark.parametrize(
    ("tag", "answered"),
    [(None, b"{}"), ("", b"{}"), ("T", b'{"idTagInfo":{"status":"Accepted"}}')],
)
async def test_a_stop_is_answered_of_its_token_if_it_has_one(tag, answered):
    payload = {"transactionId": 7, "meterStop": 5200, "timestamp": AT}

    said = await answer(
        OCPP16, "StopTransaction", payload if tag is None else {**payload, "idTag": tag}
    )

    assert said.payload == answered


@TWO
async def test_an_event_of_2x_in_full(dialect):
    payload = event(
        offline=True,
        reservationId=4,
        evse={"id": 1, "connectorId": 2},
        idToken={"idToken": "T", "type": "ISO14443"},
        transactionInfo={
            "transactionId": "tx",
            "chargingState": "SuspendedEV",
            "stoppedReason": "Local",
            "remoteStartId": 5,
        },
        numberOfPhasesUsed=3,
    )

    assert await hears(dialect, "TransactionEvent", payload) == TransactionUpdate(
        phase=Phase.UPDATED,
        at=datetime(2026, 1, 1, 10, 15, tzinfo=UTC),
        ref="tx",
        seq_no=1,
        trigger="Trigger",
        offline=True,
        evse=Evse(1, 2),
        id_token=IdToken("T"),
        charging_state=Charging.SUSPENDED_EV,
        stop_reason="Local",
        remote_start_id=5,
        reservation_id=4,
    )


@TWO
async def test_an_event_of_2x_that_says_little(dialect):
    assert await hears(dialect, "TransactionEvent", event()) == TransactionUpdate(
        phase=Phase.UPDATED,
        at=datetime(2026, 1, 1, 10, 15, tzinfo=UTC),
        ref="tx",
        seq_no=1,
        trigger="Trigger",
    )


def test_2x_has_no_phase_or_state_that_we_have_not():
    assert {phase.value for phase in Phase} == set(v21.TransactionEventEnum)
    assert {state.value for state in Charging} == set(v21.ChargingStateEnum)
    assert {status.value for status in Status} == set(v21.ConnectorStatusEnum)


# --- clocks --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "expected", "is_noted"),
    [
        ("2026-01-01T10:15:00Z", "2026-01-01T10:15:00+00:00", False),
        ("2026-01-01T10:15:00", "2026-01-01T10:15:00+00:00", False),
        ("2026-01-01T12:15:00+02:00", "2026-01-01T10:15:00+00:00", False),
        ("2026-01-01T10:15:00.123456Z", "2026-01-01T10:15:00.123456+00:00", False),
        ("1970-01-01T00:00:07Z", "1970-01-01T00:00:07+00:00", True),
        ("2009-12-31T23:59:59Z", "2009-12-31T23:59:59+00:00", True),
        ("2026-12-31T00:00:00Z", "2026-12-31T00:00:00+00:00", False),
        ("2099-01-01T00:00:00Z", "2099-01-01T00:00:00+00:00", True),
    ],
)
@pytest.mark.parametrize("action", ["StartTransaction", "StatusNotification", "MeterValues"])
async def test_a_station_is_believed_its_clock(told, expected, is_noted, action):
    payload = {
        "StartTransaction": {"connectorId": 1, "idTag": "T", "meterStart": 1, "timestamp": told},
        "StatusNotification": {
            "connectorId": 1,
            "errorCode": "NoError",
            "status": "Available",
            "timestamp": told,
        },
        "MeterValues": {
            "connectorId": 1,
            "meterValue": [{"timestamp": told, "sampledValue": [{"value": "1"}]}],
        },
    }[action]
    services = Recorder()

    answered = await answer(OCPP16, action, payload, services)

    heard = services.heard[0]
    at = heard.values[0].at if action == "MeterValues" else heard.at
    assert at.isoformat() == expected
    assert at.tzinfo is UTC
    assert bool(answered.leniencies) is is_noted


async def test_a_time_without_an_offset_is_utc_wherever_the_server_stands(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        payload = {"transactionId": 7, "meterStop": 5200, "timestamp": "2026-01-01T10:15:00"}

        assert (await hears(OCPP16, "StopTransaction", payload)).at.isoformat() == (
            "2026-01-01T10:15:00+00:00"
        )
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("told", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00"])
async def test_a_time_that_no_calendar_has_is_refused(told):
    payload = {"transactionId": 7, "meterStop": 5200, "timestamp": told}

    with pytest.raises(Refusal) as refusal:
        await answer(OCPP16, "StopTransaction", payload)

    assert refusal.value.code == "PropertyConstraintViolation"


@pytest.mark.parametrize("told", ["", "today", "2026-13-01T00:00:00Z", "2026-01-01", "1767225600"])
async def test_a_time_that_is_none_is_refused(told):
    payload = {"transactionId": 7, "meterStop": 5200, "timestamp": told}

    with pytest.raises(Refusal) as refusal:
        await answer(OCPP16, "StopTransaction", payload)

    assert refusal.value.code == "FormatViolation"
