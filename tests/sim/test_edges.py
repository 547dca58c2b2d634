"""What goes wrong between a station and its CSMS, and what is asked of it at a bad moment."""

import json

import pytest

from tests.sim.test_commands import reservation, status
from tests.sim.test_smart_charging import profile
from tests.sim.test_story import configure, ended, remote_start, started
from voltkeep.sim.behaviour import Manners
from voltkeep.sim.ocpp2 import Ocpp2
from voltkeep.sim.ocpp16 import Ocpp16

SILENT_S = 0.2  # real: how long a CALL waits for its answer in these tests


async def test_a_csms_that_does_not_answer_is_given_up_and_asked_again(csms, connect, version):
    """The station decides as if offline, and a message about a transaction is sent again."""
    action = "StartTransaction" if version == "1.6" else "TransactionEvent"
    station = await connect(call_timeout=SILENT_S)
    csms.mute |= {"Authorize", action}
    station.core.configuration.put("AuthCtrlr.OfflineTxForUnknownIdEnabled", "true")

    await station.plug(1)
    verdict = await station.authorize(1, "TOKEN")
    with pytest.raises(TimeoutError):
        await station.charging(1, timeout=SILENT_S)  # energy flows, and the CSMS does not know
    await csms.hear(action, 2)
    csms.mute.clear()
    await station.charging(1)

    assert verdict.accepted
    tries = [heard for heard in csms.heard if heard.action == action]
    assert tries[0].id == tries[1].id


async def test_an_unanswered_status_is_told_again(csms, connect, version):
    station = await connect(call_timeout=SILENT_S)
    csms.mute.add("StatusNotification")
    await station.plug(1)

    told = len(csms.of("StatusNotification"))
    await csms.hear("StatusNotification", told + 2)
    csms.mute.clear()
    await station.settled()

    assert csms.of("StatusNotification")[-1] | {"timestamp": ""} == csms.of("StatusNotification")[
        told
    ] | {"timestamp": ""}


async def test_a_refused_status_is_not_told_for_ever(csms, connect, version):
    def broken(_):
        raise RuntimeError

    csms.answers["StatusNotification"] = broken
    station = await connect()
    told = len(csms.of("StatusNotification"))

    name = "OCPPCommCtrlr.HeartbeatInterval"
    await configure(csms, version, "HeartbeatInterval", name, "60")
    await csms.hear("Heartbeat", 2)

    assert len(csms.of("StatusNotification")) == told
    assert station.online


async def test_an_unanswered_boot_is_sent_again(csms, connect):
    csms.mute.add("BootNotification")
    station = await connect(boot=False, call_timeout=SILENT_S, speed=600)

    await csms.hear("BootNotification", 2)
    csms.mute.clear()
    await station.booted()


async def test_a_refused_authorize_is_a_no(csms, connect):
    def broken(_):
        raise RuntimeError

    csms.answers["Authorize"] = broken
    station = await connect()

    verdict = await station.authorize(1, "TOKEN")

    assert verdict.status == "Invalid"


async def test_a_fault_ends_what_runs_and_is_told(csms, connect, version):
    station = await connect()
    await station.plug(1)
    await station.authorize(1, "TOKEN")
    await station.charging(1)

    await station.fault(1, "GroundFailure")
    await status(csms, version, "Faulted")
    refused = await station.authorize(1, "TOKEN")
    await station.fault(1, None)
    await station.unplug(1)
    await status(csms, version, "Available")

    assert len(ended(csms, version)) == len(started(csms, version)) == 1
    assert refused.accepted  # the token is good; the outlet is not
    faulted = [s for s in csms.of("StatusNotification") if "Faulted" in s.values()]
    if version == "1.6":
        assert faulted[0]["errorCode"] == "GroundFailure"


async def test_nothing_can_be_reserved_that_cannot_be_used(csms, connect, version):
    """H01.FR: Faulted, Unavailable, Occupied, and Rejected for what is not there."""
    station = await connect(speed=1.0)
    where = "connector_id" if version == "1.6" else "evse_id"
    outlet = station.core.outlets[1]
    answers = []

    async def reserve(**changes):
        answer = await csms.call("ReserveNow", **(reservation(version, hours=1) | changes))
        answers.append(answer["status"])

    await reserve(**{where: 7})
    await station.fault(1)
    await reserve()
    await station.fault(1, None)
    station.core.change_availability(outlet, operative=False)
    await reserve()
    station.core.change_availability(outlet, operative=True)
    await station.plug(1)
    await reserve()
    await station.unplug(1)
    await reserve()

    assert answers == ["Rejected", "Faulted", "Unavailable", "Occupied", "Accepted"]


async def test_a_remote_start_finds_the_outlet_where_a_car_waits(csms, connect, version):
    station = await connect(connectors=3)
    await station.plug(2)
    anywhere = {"connector_id": None} if version == "1.6" else {"evse_id": None}

    await remote_start(csms, version, **anywhere)
    await station.charging(2)
    await remote_start(csms, version, **anywhere)
    await station.until(lambda: station.core.outlets[1].admission is not None)


async def test_a_remote_start_is_rejected_where_someone_charges(csms, connect, version):
    station = await connect()
    await station.plug(1)
    await station.authorize(1, "TOKEN")
    await station.charging(1)
    where = {"connector_id": 7} if version == "1.6" else {"evse_id": 7}

    busy = await remote_start(csms, version)
    nowhere = await remote_start(csms, version, **where)

    assert (busy["status"], nowhere["status"]) == ("Rejected", "Rejected")


async def test_a_remote_start_of_who_may_not_charge_starts_nothing(csms, connect, version):
    info = {"status": "Blocked"}
    csms.answers["Authorize"] = {"id_tag_info" if version == "1.6" else "id_token_info": info}
    station = await connect()
    await station.plug(1)

    accepted = await remote_start(csms, version)
    await csms.hear("Authorize")
    await station.settled()

    assert accepted["status"] == "Accepted"
    assert started(csms, version) == []


async def test_only_a_transactions_profile_comes_with_a_remote_start(csms, connect, version):
    """F01.FR.09, F01.FR.10."""
    await connect()
    default = profile(version, 1, "TxDefaultProfile", (0, 10.0))

    answer = await remote_start(csms, version, charging_profile=default)

    assert answer["status"] == "Rejected"


async def test_the_state_of_a_transaction_can_be_asked(csms, connect, version):
    """E14."""
    if version == "1.6":
        return
    station = await connect()
    await station.plug(1)
    await station.authorize(1, "TOKEN")
    transaction = await station.charging(1)
    await station.settled()

    running = await csms.call("GetTransactionStatus", transaction_id=transaction.ref)
    await station.stop(1)
    await station.settled()
    over = await csms.call("GetTransactionStatus", transaction_id=transaction.ref)
    all_of_them = await csms.call("GetTransactionStatus")

    assert running == {"messages_in_queue": False, "ongoing_indicator": True}
    assert over == {"messages_in_queue": False, "ongoing_indicator": False}
    assert all_of_them == {"messages_in_queue": False}


async def test_what_is_switched_off_says_so(csms, connect, version):
    """AuthCacheCtrlr.Enabled (C11.FR.04), LocalAuthListCtrlr.Enabled."""
    await connect()
    name = "LocalAuthListCtrlr.Enabled"
    await configure(csms, version, "LocalAuthListEnabled", name, "false")
    await configure(csms, version, "AuthorizationCacheEnabled", "AuthCacheCtrlr.Enabled", "false")

    number = {"list_version": 1} if version == "1.6" else {"version_number": 1}
    sent = await csms.call("SendLocalList", update_type="Full", **number)
    cleared = await csms.call("ClearCache")

    assert sent["status"] == ("NotSupported" if version == "1.6" else "Failed")
    assert cleared["status"] == "Rejected"  # 1.6 errata 3.23


async def test_a_composite_of_the_whole_station_and_of_nothing(csms, connect, version):
    await connect(connectors=2)
    field = "connector_id" if version == "1.6" else "evse_id"

    whole = await csms.call("GetCompositeSchedule", duration=600, **{field: 0})
    nothing = await csms.call("GetCompositeSchedule", duration=600, **{field: 5})

    schedule = whole["charging_schedule" if version == "1.6" else "schedule"]
    assert float(schedule["charging_schedule_period"][0]["limit"]) == 22_000
    assert nothing["status"] == "Rejected"


async def test_one_evse_alone_is_not_reset(csms, connect, version):
    if version == "1.6":
        return
    await connect(connectors=2)

    answer = await csms.call("Reset", type="Immediate", evse_id=1)

    assert answer["status"] == "Rejected"


async def test_an_error_of_ours_is_an_internal_error(csms, connect, monkeypatch, caplog):
    station = await connect()

    def broken(*_):
        raise ZeroDivisionError

    for dialect in (Ocpp16, Ocpp2):
        monkeypatch.setattr(dialect, "handle", broken)

    assert await csms.refusal("ClearCache") == "InternalError"
    assert station.online
    assert "ClearCache" in caplog.text


async def test_a_new_heartbeat_interval_counts_at_once(csms, connect, version):
    await connect(speed=600)

    name = "OCPPCommCtrlr.HeartbeatInterval"
    await configure(csms, version, "HeartbeatInterval", name, "20")
    await csms.hear("Heartbeat", 3)


async def test_a_dropped_station_returns_when_it_said(csms, connect):
    station = await connect(speed=1.0)
    asked = station.core.clock.now()

    await station.drop(back_after_s=0.2)
    await csms.until(lambda: len(csms.connections) == 2)

    assert 0.2 <= station.core.clock.now() - asked < 2.0


async def test_an_unlocked_connector_of_2x_is_free_when_only_plugged(csms, connect, version):
    if version == "1.6":
        return
    points = {"TxCtrlr.TxStartPoint": "EVConnected", "TxCtrlr.TxStopPoint": "EVConnected"}
    station = await connect(configuration=points)
    await station.plug(1)
    await csms.until(lambda: started(csms, version))

    answer = await csms.call("UnlockConnector", evse_id=1, connector_id=1)
    joined = await remote_start(csms, version)

    assert answer["status"] == "Unlocked"
    # F01.FR.13: the transaction that began with the cable is named.
    assert joined["transaction_id"] == station.transactions[0].id


def test_manners_of_several_are_those_of_all():
    manners = Manners(["extra-field", "short-offset"])

    payload = manners.payload("Heartbeat", b'{"timestamp":"2026-01-01T10:00:00.500Z"}')

    assert json.loads(payload) == {"timestamp": "2026-01-01T10:00:00.500+00", "colour": "green"}
    assert manners.frames("x") == []


@pytest.mark.parametrize("key", ["short", "00112233445566778899aabbccddeeff00112233", "0011"])
def test_a_key_is_hexadecimal_only_where_it_can_be(key):
    """A01: 16 to 20 bytes; anything else is a password as it stands."""
    expected = bytes.fromhex(key) if len(key) == 40 else key

    assert Ocpp16().password(key) == expected


async def test_a_pulled_cable_need_not_stop_a_transaction(csms, connect, version):
    """StopTransactionOnEVSideDisconnect, TxCtrlr.StopTxOnEVSideDisconnect."""
    station = await connect()
    name = "TxCtrlr.StopTxOnEVSideDisconnect"
    await configure(csms, version, "StopTransactionOnEVSideDisconnect", name, "false")
    await station.plug(1)
    await station.authorize(1, "TOKEN")
    transaction = await station.charging(1)

    await station.unplug(1)
    if version == "1.6":
        await status(csms, version, "SuspendedEV")
    else:
        await status(csms, version, "Available")
    await station.plug(1)
    assert await station.charging(1) is transaction
    await station.stop(1)
    await station.settled()

    assert len(started(csms, version)) == len(ended(csms, version)) == 1


async def test_without_power_nobody_is_let_in(csms, connect):
    station = await connect()
    await station.power_cut()

    await station.plug(1)
    await station.authorize(1, "TOKEN")

    assert station.transactions == []
