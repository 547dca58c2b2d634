"""What messages mean: each row of a table of names, units and clocks."""

from datetime import UTC, datetime

import pytest

from tests.dialects.recorder import NOON, Recorder, answer, hears
from voltkeep.dialects import DIALECTS
from voltkeep.dialects.units import scale
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


# --- meter values --------------------------------------------------------------------------------


def in_16(*samples, **more):
    return {
        "connectorId": 1,
        "meterValue": [{"timestamp": AT, "sampledValue": list(samples)}],
        **more,
    }


def in_2x(*samples):
    return {"evseId": 1, "meterValue": [{"timestamp": AT, "sampledValue": list(samples)}]}


async def values_16(*samples):
    return (await hears(OCPP16, "MeterValues", in_16(*samples))).values[0]


async def values_2x(*samples):
    return (await hears(OCPP21, "MeterValues", in_2x(*samples))).values[0]


UNITS = [
    ("Energy.Active.Import.Register", "3100", None, "energy_wh", 3100.0),
    ("Energy.Active.Import.Register", "1.001", "kWh", "energy_wh", 1001.0),
    ("Energy.Active.Export.Register", "3.1", "kWh", "energy_export_wh", 3100.0),
    ("Power.Active.Import", "11.04", "kW", "power_w", 11040.0),
    ("Power.Active.Import", "7360", None, "power_w", 7360.0),
    ("Power.Offered", "22", "kW", "power_offered_w", 22000.0),
    ("Current.Import", "16", "A", "current_a", 16.0),
    ("Current.Offered", "32", "A", "current_offered_a", 32.0),
    ("Voltage", "229.8", "V", "voltage_v", 229.8),
    ("SoC", "81", "Percent", "soc_percent", 81.0),
    ("SoC", "81", None, "soc_percent", 81.0),
]
TEMPERATURES = [
    ("Temperature", "21.5", "Celsius", "temperature_c", 21.5),
    ("Temperature", "21.5", None, "temperature_c", 21.5),
    ("Temperature", "294.65", "K", "temperature_c", 21.5),
    ("Temperature", "70.7", "Fahrenheit", "temperature_c", 21.5),
]
MISTAKES = [
    ("Energy.Active.Import.Register", "3", "kW", "energy_wh", None),
    ("Power.Active.Import", "3", "A", "power_w", None),
    ("Voltage", "3", "Wh", "voltage_v", None),
]


@pytest.mark.parametrize(
    ("measurand", "value", "unit", "field", "expected"),
    [*UNITS, *TEMPERATURES, ("Temperature", "21.5", "Celcius", "temperature_c", 21.5), *MISTAKES],
)
async def test_units_of_1_6_become_si(measurand, value, unit, field, expected):
    sample = {"measurand": measurand, "value": value, **({"unit": unit} if unit else {})}

    assert getattr(await values_16(sample), field) == expected


@pytest.mark.parametrize(
    ("measurand", "value", "unit", "field", "expected"),
    [
        *UNITS,
        ("SoC", "81", "%", "soc_percent", 81.0),
        *MISTAKES,
        ("Power.Active.Import", "3", "hp", "power_w", None),
    ],
)
async def test_units_of_2x_become_si(measurand, value, unit, field, expected):
    sample = {"measurand": measurand, "value": float(value)}

    found = await values_2x({**sample, **({"unitOfMeasure": {"unit": unit}} if unit else {})})

    assert getattr(found, field) == expected


@pytest.mark.parametrize(
    ("unit", "multiplier", "expected"),
    [
        (None, 3, 3100.0),
        ("Wh", 3, 3100.0),
        ("kWh", -3, 3.1),
        ("kWh", 0, 3100.0),
        ("Wh", 31, None),
        ("Wh", -31, None),
        ("Wh", 2**62, None),
    ],
)
async def test_a_multiplier_is_a_power_of_ten(unit, multiplier, expected):
    measure = {"multiplier": multiplier, **({"unit": unit} if unit else {})}

    assert (await values_2x({"value": 3.1, "unitOfMeasure": measure})).energy_wh == expected


def test_temperatures_convert_in_every_version():
    for measurand, value, unit, _, expected in TEMPERATURES:
        found = scale(measurand, None, unit, 0)
        assert found is not None
        assert round(float(value) * found[2] + found[3], 6) == expected
    assert scale("Temperature", None, "Reaumur", 0) is None


@pytest.mark.parametrize(
    "text", ["", "abc", "NaN", "inf", "-Infinity", "1e999", "1_0", "3,1", "\u0663"]
)
async def test_what_is_no_number_stays_in_raw_and_is_noted(text):
    services = Recorder()

    answered = await answer(
        OCPP16,
        "MeterValues",
        in_16({"value": text}, {"value": "230", "measurand": "Voltage"}),
        services,
    )

    value = services.heard[0].values[0]
    assert (value.energy_wh, value.voltage_v) == (None, 230.0)
    assert text.encode() in value.raw
    assert "is no number" in answered.leniencies[0]


async def test_a_hostile_value_does_not_reach_the_log_as_it_is():
    answered = await answer(OCPP16, "MeterValues", in_16({"value": "\x1b[31m\u202e\n" + "x" * 99}))

    assert answered.leniencies[0].isprintable()
    assert len(answered.leniencies[0]) < 80


async def test_signed_data_stays_in_raw():
    signed = {"value": "4f4d46", "format": "SignedData"}

    value = await values_16(signed, {"value": "5"})

    assert value.energy_wh == 5.0
    assert b"4f4d46" in value.raw
    block = {"signedMeterData": "AA", "encodingMethod": "OCMF"}
    value = await values_2x({"value": 5, "signedMeterValue": block})
    assert value.energy_wh == 5.0
    assert b'"signedMeterData":"AA"' in value.raw


@pytest.mark.parametrize(
    ("contexts", "expected"),
    [
        ([None], "Sample.Periodic"),
        (["Sample.Periodic", "Transaction.Begin", "Trigger"], "Transaction.Begin"),
        ([None, "Sample.Clock"], "Sample.Clock"),
    ],
)
async def test_the_first_unusual_context_is_that_of_the_instant(contexts, expected):
    old = [{"value": "1", **({"context": c} if c else {})} for c in contexts]
    new = [{"value": 1, **({"context": c} if c else {})} for c in contexts]

    assert (await values_16(*old)).context == expected
    assert (await values_2x(*new)).context == expected


async def test_what_left_the_outlet_counts_before_what_came_in():
    old = await values_16({"value": "9", "location": "Inlet"}, {"value": "5", "location": "Outlet"})
    new = await values_2x({"value": 9, "location": "Inlet"}, {"value": 5})

    assert (old.energy_wh, new.energy_wh) == (5.0, 5.0)


async def test_a_station_that_only_says_inlet_is_read_all_the_same():
    assert (await values_16({"value": "9", "location": "Inlet"})).energy_wh == 9.0
    assert (await values_2x({"value": 9, "location": "Upstream"})).energy_wh == 9.0


async def test_samples_are_kept_as_they_came():
    value = await values_16({"value": "3.10", "unit": "kWh", "phase": "L1-N"})

    assert value.raw == b'[{"value":"3.10","phase":"L1-N","unit":"kWh"}]'


@pytest.mark.parametrize(
    ("connector", "more", "evse", "ref"),
    [
        (1, {"transactionId": 7}, Evse(1, 1), "7"),
        (1, {"transactionId": 0}, Evse(1, 1), "0"),
        (1, {}, Evse(1, 1), None),
        (0, {}, None, None),
    ],
)
async def test_whose_meter_values_of_1_6_these_are(connector, more, evse, ref):
    heard = await hears(
        OCPP16, "MeterValues", in_16({"value": "1"}, **{**more, "connectorId": connector})
    )

    assert (heard.evse, heard.ref) == (evse, ref)


@TWO
@pytest.mark.parametrize(("id", "evse"), [(0, None), (2, Evse(2))])
async def test_whose_meter_values_of_2x_these_are(dialect, id, evse):
    heard = await hears(dialect, "MeterValues", {**in_2x({"value": 1}), "evseId": id})

    assert (heard.evse, heard.ref) == (evse, None)


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
