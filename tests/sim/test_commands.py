"""What a CSMS asks of a simulated station, in each version, and how the station takes it."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.sim.test_story import (
    configure,
    ended,
    remote_start,
    sampled,
    started,
)


@pytest.fixture(autouse=True)
def _schemas_hold(csms):
    yield
    assert csms.refused == []
    assert csms.strays == []


def soon(**later):
    return (datetime.now(UTC) + timedelta(**later)).isoformat()


async def status(csms, version, wanted):
    """Wait for a status of the first connector."""
    field = "status" if version == "1.6" else "connectorStatus"
    await csms.until(lambda: csms.of("StatusNotification")[-1][field] == wanted)


# Settings


async def test_settings_are_read_and_set(csms, connect, version):
    await connect(meter_interval_s=45)

    if version == "1.6":
        everything = await csms.call("GetConfiguration")
        one = await csms.call("GetConfiguration", key=["metervaluesampleinterval", "NoSuchKey"])
        keys = {key["key"]: key for key in everything["configuration_key"]}
        assert keys["MeterValueSampleInterval"] == {
            "key": "MeterValueSampleInterval",
            "readonly": False,
            "value": "45",
        }
        assert keys["NumberOfConnectors"]["readonly"] is True
        assert "AuthorizationKey" not in keys  # write-only
        assert one["unknown_key"] == ["NoSuchKey"]
        assert one["configuration_key"][0]["value"] == "45"
    else:
        answer = await csms.call(
            "GetVariables",
            get_variable_data=[
                variable("SampledDataCtrlr", "TxUpdatedInterval"),
                variable("NoSuchCtrlr", "Interval"),
                variable("SampledDataCtrlr", "NoSuchVariable"),
                variable("SecurityCtrlr", "BasicAuthPassword"),
                variable("SampledDataCtrlr", "TxUpdatedInterval") | {"attribute_type": "Target"},
            ],
        )
        results = answer["get_variable_result"]
        assert [r["attribute_status"] for r in results] == [
            "Accepted",
            "UnknownComponent",
            "UnknownVariable",
            "Rejected",
            "NotSupportedAttributeType",
        ]
        assert results[0]["attribute_value"] == "45"


def variable(component, name):
    return {"component": {"name": component}, "variable": {"name": name}}


@pytest.mark.parametrize(
    ("key", "name", "value", "expected"),
    [
        ("MeterValueSampleInterval", "SampledDataCtrlr.TxUpdatedInterval", "10", "Accepted"),
        ("MeterValueSampleInterval", "SampledDataCtrlr.TxUpdatedInterval", "-1", "Rejected"),
        ("NumberOfConnectors", "ChargingStation.EvseCount", "7", "Rejected"),
        ("LocalPreAuthorize", "AuthCtrlr.LocalPreAuthorize", "perhaps", "Rejected"),
        ("MeterValuesSampledData", "SampledDataCtrlr.TxUpdatedMeasurands", "Mass", "Rejected"),
        ("NoSuchKey", "NoSuchCtrlr.Key", "1", ("NotSupported", "UnknownComponent")),
    ],
)
async def test_only_what_fits_is_set(csms, connect, version, key, name, value, expected):
    await connect()

    answer = await configure(csms, version, key, name, value)

    assert answer == (expected if isinstance(expected, str) else expected[version != "1.6"])


async def test_a_new_sample_interval_counts_at_once(csms, connect, version):
    station = await connect(speed=600, meter_interval_s=0)
    await station.plug(1)
    await station.authorize(1, "TOKEN")
    await station.charging(1)

    name = "SampledDataCtrlr.TxUpdatedInterval"
    await configure(csms, version, "MeterValueSampleInterval", name, "20")
    await csms.until(lambda: len(sampled(csms, version)) >= 2)

    assert station.core.outlets[1].transaction is not None


async def test_the_measurands_are_those_that_were_asked_for(csms, connect, version):
    station = await connect(speed=600)
    name = "SampledDataCtrlr.TxUpdatedMeasurands"
    await configure(csms, version, "MeterValuesSampledData", name, "Voltage,SoC")

    await station.plug(1)
    await station.authorize(1, "TOKEN")
    await csms.until(lambda: sampled(csms, version))

    assert [m for m, _ in sampled(csms, version)[0]] == ["Voltage", "Voltage", "Voltage", "SoC"]


async def test_meters_are_read_by_the_clock(csms, connect, version):
    """ClockAlignedDataInterval, AlignedDataCtrlr.Interval: at round instants, charging or not."""
    station = await connect(speed=600, connectors=2)
    await station.plug(1)
    await station.authorize(1, "TOKEN")
    await station.charging(1)

    await configure(csms, version, "ClockAlignedDataInterval", "AlignedDataCtrlr.Interval", "900")

    def aligned():
        messages = csms.of("MeterValues") + csms.of("TransactionEvent")
        values = [value for m in messages for value in m.get("meterValue", ())]
        return [v for v in values if v["sampledValue"][0]["context"] == "Sample.Clock"]

    await csms.until(lambda: len(aligned()) >= 2)
    minutes = {datetime.fromisoformat(value["timestamp"]).minute for value in aligned()}
    assert minutes <= {0, 15, 30, 45}


async def test_a_base_report_lists_every_variable(csms, connect, version):
    """B07; 1.6 has none, and says so."""
    station = await connect()
    if version == "1.6":
        return
    answer = await csms.call("GetBaseReport", request_id=5, report_base="FullInventory")
    await csms.until(lambda: csms.of("NotifyReport") and not csms.of("NotifyReport")[-1]["tbc"])

    assert answer["status"] == "Accepted"
    reports = csms.of("NotifyReport")
    assert [r["seqNo"] for r in reports] == list(range(len(reports)))
    rows = {
        (row["component"]["name"], row["variable"]["name"], row["variable"].get("instance"))
        for report in reports
        for row in report["reportData"]
    }
    assert ("OCPPCommCtrlr", "MessageAttempts", "TransactionEvent") in rows
    assert len(rows) == sum(1 for setting, _ in station.core.configuration if setting.variable)


# Triggers


async def test_each_message_can_be_triggered(csms, connect, version):
    await connect(connectors=2)
    messages = ["Heartbeat", "StatusNotification", "MeterValues", "FirmwareStatusNotification"]
    messages.append(
        "DiagnosticsStatusNotification" if version == "1.6" else "LogStatusNotification"
    )

    for message in messages:
        before = len(csms.of(message))
        answer = await csms.call("TriggerMessage", requested_message=message)
        assert answer["status"] == "Accepted", message
        await csms.hear(message, before + 1)

    readings = csms.of("MeterValues")[0]["meterValue"][0]["sampledValue"]
    assert {reading["context"] for reading in readings} == {"Trigger"}


async def test_extended_triggers_of_the_whitepaper(csms, connect, version):
    if version != "1.6":
        return
    await connect()

    signed = await csms.call(
        "ExtendedTriggerMessage", requested_message="FirmwareStatusNotification"
    )
    await csms.hear("SignedFirmwareStatusNotification")
    certificate = await csms.call(
        "ExtendedTriggerMessage", requested_message="SignChargePointCertificate"
    )
    await csms.hear("SignCertificate")

    assert signed["status"] == "Accepted"
    assert certificate["status"] == "Accepted"


async def test_a_trigger_for_no_connector_of_ours_is_rejected(csms, connect, version):
    """TC_055."""
    await connect()
    where = {"connector_id": 9} if version == "1.6" else {"evse": {"id": 9}}

    answer = await csms.call("TriggerMessage", requested_message="MeterValues", **where)

    assert answer["status"] == "Rejected"


async def test_a_transaction_event_can_be_triggered(csms, connect, version):
    """F06; and there is none to tell while nobody charges."""
    if version == "1.6":
        return
    station = await connect(meter_interval_s=0)
    idle = await csms.call("TriggerMessage", requested_message="TransactionEvent")
    await station.plug(1)
    await station.authorize(1, "TOKEN")
    await station.charging(1)

    answer = await csms.call("TriggerMessage", requested_message="TransactionEvent")
    await csms.until(lambda: csms.of("TransactionEvent")[-1]["triggerReason"] == "Trigger")
    boot = await csms.call("TriggerMessage", requested_message="BootNotification")

    assert (idle["status"], answer["status"], boot["status"]) == (
        "Rejected",
        "Accepted",
        "Rejected",
    )


# Availability, unlocking, reservations


async def test_an_inoperative_connector_is_unavailable(csms, connect, version):
    station = await connect()
    where = {"connector_id": 1} if version == "1.6" else {"evse": {"id": 1}}
    word = {"1.6": "type"}.get(version, "operational_status")

    off = await csms.call("ChangeAvailability", **where, **{word: "Inoperative"})
    await status(csms, version, "Unavailable")
    refused = await remote_start(csms, version)
    on = await csms.call("ChangeAvailability", **where, **{word: "Operative"})
    await status(csms, version, "Available")

    assert (off["status"], on["status"], refused["status"]) == ("Accepted", "Accepted", "Rejected")
    assert station.core.outlets[1].operative


async def test_switching_off_waits_for_the_transaction(csms, connect, version):
    station = await connect()
    await station.plug(1)
    await station.authorize(1, "TOKEN")
    await station.charging(1)
    word = {"1.6": ("type", {"connector_id": 0})}.get(version, ("operational_status", {}))

    answer = await csms.call("ChangeAvailability", **{word[0]: "Inoperative"}, **word[1])
    await station.settled()
    before = [s.get("status") for s in csms.of("StatusNotification")]
    await station.stop(1)
    await station.unplug(1)
    await status(csms, version, "Unavailable")
    await station.settled()

    assert answer["status"] == "Scheduled"
    assert "Unavailable" not in before
    assert len(ended(csms, version)) == 1


async def test_one_connector_is_switched_off_when_its_transaction_ends(csms, connect, version):
    station = await connect(connectors=2)
    await station.plug(1)
    await station.authorize(1, "TOKEN")
    await station.charging(1)
    where = {"connector_id": 1} if version == "1.6" else {"evse": {"id": 1}}
    word = {"1.6": "type"}.get(version, "operational_status")

    answer = await csms.call("ChangeAvailability", **where, **{word: "Inoperative"})
    await station.stop(1)
    await station.unplug(1)
    await status(csms, version, "Unavailable")

    assert answer["status"] == "Scheduled"
    assert [outlet.operative for outlet in station.core.outlets.values()] == [False, True]


async def test_unlocking(csms, connect, version):
    """TC_018_1: in 1.6 it stops the transaction; 2.x, F05.FR.02: it does not."""
    station = await connect()
    where = {"connector_id": 1} | ({} if version == "1.6" else {"evse_id": 1})
    idle = await csms.call("UnlockConnector", **where)
    await station.plug(1)
    await station.authorize(1, "TOKEN")
    await station.charging(1)

    busy = await csms.call("UnlockConnector", **where)
    nowhere = await csms.call("UnlockConnector", **(where | {"connector_id": 5}))

    assert idle["status"] == "Unlocked"
    if version == "1.6":
        await csms.until(lambda: ended(csms, version))
        assert ended(csms, version)[0]["reason"] == "UnlockCommand"
        assert (busy["status"], nowhere["status"]) == ("Unlocked", "NotSupported")
    else:
        assert busy["status"] == "OngoingAuthorizedTransaction"
        assert nowhere["status"] == "UnknownConnector"


def reservation(version, id=3, **later):
    if version == "1.6":
        return {
            "connector_id": 1,
            "expiry_date": soon(**later),
            "id_tag": "MINE",
            "reservation_id": id,
        }
    return {
        "id": id,
        "expiry_date_time": soon(**later),
        "id_token": {"id_token": "MINE", "type": "Central"},
        "evse_id": 1,
    }


async def test_a_reserved_connector_serves_only_whom_it_is_reserved_for(csms, connect, version):
    station = await connect(speed=1.0)

    reserved = await csms.call("ReserveNow", **reservation(version, hours=1))
    await status(csms, version, "Reserved")
    occupied = await csms.call("ReserveNow", **reservation(version, id=4, hours=1))
    other = await station.authorize(1, "OTHER")
    mine = await station.authorize(1, "MINE")
    await station.plug(1)
    await csms.until(lambda: started(csms, version))

    assert (reserved["status"], occupied["status"]) == ("Accepted", "Occupied")
    assert (other.accepted, mine.accepted) == (False, True)
    assert started(csms, version)[0]["reservationId"] == 3


async def test_a_reservation_ends_in_time_or_when_cancelled(csms, connect, version):
    await connect(speed=60)

    await csms.call("ReserveNow", **reservation(version, minutes=2))
    await status(csms, version, "Reserved")
    await status(csms, version, "Available")
    await csms.call("ReserveNow", **reservation(version, hours=8))
    await status(csms, version, "Reserved")
    cancelled = await csms.call("CancelReservation", reservation_id=3)
    await status(csms, version, "Available")
    again = await csms.call("CancelReservation", reservation_id=3)

    assert (cancelled["status"], again["status"]) == ("Accepted", "Rejected")
    over = csms.of("ReservationStatusUpdate")  # H04.FR.01; 1.6 has no such message
    expected = {"reservationId": 3, "reservationUpdateStatus": "Expired"}
    assert over == ([] if version == "1.6" else [expected])


# Authorization


def local_list(version, number, kind, *entries):
    """Entries are (token, status); None for a status removes it."""
    if version == "1.6":
        return {
            "list_version": number,
            "update_type": kind,
            "local_authorization_list": [
                {"id_tag": token} | ({"id_tag_info": {"status": status}} if status else {})
                for token, status in entries
            ],
        }
    return {
        "version_number": number,
        "update_type": kind,
        "local_authorization_list": [
            {"id_token": {"id_token": token, "type": "Central"}}
            | ({"id_token_info": {"status": status}} if status else {})
            for token, status in entries
        ],
    }


async def test_the_local_list_decides_offline(csms, connect, version):
    station = await connect()
    field = "list_version" if version == "1.6" else "version_number"
    full = local_list(version, 4, "Full", ("ONE", "Accepted"), ("TWO", "Accepted"))
    change = local_list(version, 5, "Differential", ("TWO", None), ("BAD", "Blocked"))

    statuses = [(await csms.call("SendLocalList", **full))["status"]]
    statuses.append((await csms.call("SendLocalList", **change))["status"])
    statuses.append((await csms.call("SendLocalList", **change))["status"])
    number = (await csms.call("GetLocalListVersion"))[field]
    await station.drop(stay_away=True)
    verdicts = [(await station.authorize(1, token)).status for token in ("TWO", "BAD", "one")]

    assert statuses == ["Accepted", "Accepted", "VersionMismatch"]
    assert number == 5
    assert verdicts == ["Unknown", "Blocked", "Accepted"]


async def test_a_cleared_cache_knows_nobody(csms, connect, version):
    station = await connect()
    await station.authorize(1, "TOKEN")
    await station.stop(1)

    answer = await csms.call("ClearCache")
    await station.drop(stay_away=True)
    verdict = await station.authorize(1, "TOKEN")

    assert answer["status"] == "Accepted"
    assert not verdict.accepted


# What it does not do


async def test_data_transfer_knows_no_vendor(csms, connect):
    await connect()

    answer = await csms.call("DataTransfer", vendor_id="org.example")

    assert answer["status"] == "UnknownVendorId"


async def test_data_transfer_is_answered_as_its_script_has_it(csms, connect):
    await connect(vendors={"org.example": {"Greet": "hello", "Echo": "="}})

    greeting = await csms.call("DataTransfer", vendor_id="org.example", message_id="Greet")
    echo = await csms.call("DataTransfer", vendor_id="org.example", message_id="Echo", data="[1]")
    unknown = await csms.call("DataTransfer", vendor_id="org.example")

    assert (greeting["status"], greeting["data"]) == ("Accepted", "hello")
    assert (echo["status"], echo["data"]) == ("Accepted", "[1]")
    assert unknown["status"] == "UnknownMessageId"


async def test_a_known_action_it_does_not_do_is_not_supported(csms, connect, version):
    await connect()

    if version == "1.6":
        code = await csms.refusal(  # since it knows the signed way (L01.FR.20)
            "UpdateFirmware", location="ftp://example.org/", retrieve_date="2026-01-01T00:00:00Z"
        )
    else:
        code = await csms.refusal("GetMonitoringReport", request_id=1)

    assert code == "NotSupported"


async def test_an_action_its_version_does_not_have_is_not_implemented(csms, connect, version):
    await connect()
    action = "SetDefaultTariff" if version != "2.1" else "RemoteStartTransaction"

    await csms.connections[-1].send(f'[2,"x1","{action}",{{}}]')
    await csms.until(lambda: csms.answered and csms.answered[-1][1] == "x1")

    assert csms.answered[-1][:3] == [4, "x1", "NotImplemented"]


async def test_an_invalid_request_is_refused_in_the_versions_own_spelling(csms, connect, version):
    await connect()

    await csms.connections[-1].send('[2,"x2","Reset",{"type":"Hard","colour":"green"}]')
    await csms.connections[-1].send('[2,"x3","Reset",{}]')
    await csms.until(lambda: len(csms.answered) >= 2)

    spelled = (
        ["FormationViolation", "OccurenceConstraintViolation"]
        if version == "1.6"
        else ["FormatViolation", "OccurrenceConstraintViolation"]
    )
    # 2.x has no "Hard": whichever of the two errors comes first is right.
    assert csms.answered[0][2] in {spelled[0], "PropertyConstraintViolation"}
    assert csms.answered[1][2] == spelled[1]
