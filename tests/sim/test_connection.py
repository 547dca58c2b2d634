"""Boots, reconnects, resets, power cuts: what a station does about its connection."""

import json
from datetime import datetime

import pytest

from tests.sim.csms import Csms
from tests.sim.test_story import configure, ended, remote_start, started
from voltkeep.sim import SimStation, StationSpec

QUICK = {
    "OCPPCommCtrlr.RetryBackOffWaitMinimum": "1",
    "OCPPCommCtrlr.RetryBackOffRandomRange": "0",
}


@pytest.fixture(autouse=True)
def _schemas_hold(csms):
    yield
    assert csms.refused == []
    assert csms.strays == []


async def test_until_accepted_a_station_only_boots_and_when_told_to_wait_waits(
    csms, connect, version
):
    """1.6, section 4.2; 2.x, B02.FR.02, B02.FR.08, B03.FR.06."""
    statuses = iter(["Pending", "Rejected", "Accepted"])
    csms.answers["BootNotification"] = lambda _: {"status": next(statuses), "interval": 40}
    station = await connect(speed=100, boot=False)
    times = []

    for count in (1, 2, 3):
        await csms.hear("BootNotification", count)
        times.append(station.core.clock.now())
    await station.booted()

    assert csms.actions()[:3] == ["BootNotification"] * 3
    assert 40 <= times[1] - times[0] < 60
    assert 40 <= times[2] - times[1] < 60
    assert "StatusNotification" in csms.actions()


async def test_a_pending_station_answers_and_does_what_is_triggered(csms, connect, version):
    csms.answers["BootNotification"] = {"status": "Pending", "interval": 1000}
    station = await connect(boot=False)
    await csms.hear("BootNotification")
    await station.until(lambda: station.core.registration is not None)

    triggered = await csms.call("TriggerMessage", requested_message="Heartbeat")
    await csms.hear("Heartbeat")
    refused = await remote_start(csms, version)
    csms.answers["BootNotification"] = {}
    await csms.call("TriggerMessage", requested_message="BootNotification")
    await station.booted()

    assert triggered["status"] == "Accepted"
    assert refused["status"] == "Rejected"  # B02.FR.05, 1.6 section 4.2
    assert csms.actions()[:3] == ["BootNotification", "Heartbeat", "BootNotification"]


async def test_a_pending_station_says_nothing_of_itself(csms, connect, version):
    """B02.FR.02, B02.FR.03: who is known may charge, and it is told once the CSMS accepts."""
    csms.answers["BootNotification"] = {"status": "Pending", "interval": 100_000}
    station = await connect(
        boot=False, configuration={"OCPPCommCtrlr.HeartbeatInterval": "10"}, meter_interval_s=20
    )
    station.core.configuration.put("AuthCtrlr.OfflineTxForUnknownIdEnabled", "true")
    await station.until(lambda: station.core.registration is not None)

    await station.plug(1)
    await station.authorize(1, "TOKEN")
    await station.until(lambda: len(station.core.queue) >= 3)
    silent = csms.actions()
    csms.answers["BootNotification"] = {}
    await csms.call("TriggerMessage", requested_message="BootNotification")
    await station.booted()
    await csms.until(lambda: started(csms, version))

    assert silent == ["BootNotification"]


async def test_a_rejected_station_refuses_to_talk(csms, connect, version):
    """B03.FR.08: SecurityError."""
    csms.answers["BootNotification"] = {"status": "Rejected", "interval": 1000}
    station = await connect(boot=False)
    await station.until(lambda: station.core.registration is not None)

    assert await csms.refusal("ClearCache") == "SecurityError"


async def test_heartbeats_come_at_the_interval_that_the_csms_gave(csms, connect):
    csms.answers["BootNotification"] = {"interval": 30}
    station = await connect(speed=300)

    await csms.hear("Heartbeat", 2)

    first, second = [at for at, way, frame in station.log if b'"Heartbeat"' in frame][:2]
    assert second - first == pytest.approx(30, abs=15)


async def test_a_transaction_goes_on_offline_and_is_told_later_in_order(csms, connect, version):
    """1.6, section 3.7; 2.x, E04, E08: with the timestamps of when it happened."""
    station = await connect(speed=600, meter_interval_s=60, configuration=QUICK)
    await station.plug(1)
    await station.authorize(1, "TOKEN")
    transaction = await station.charging(1)
    await station.settled()

    await station.drop(abrupt=True, stay_away=True)
    gone = station.core.clock.now()
    await station.until(lambda: len(station.core.queue) >= 3)
    await station.stop(1)
    back = station.core.clock.now()
    await station.reconnect()
    await station.settled()

    stamps = [_happened(json.loads(record.payload)) for record in transaction.messages]
    assert stamps == sorted(stamps)
    offline = [r for r, at in zip(transaction.messages, stamps, strict=True) if gone < at <= back]
    assert len(offline) >= 3
    assert all(record.sent_at >= back and record.answered_at is not None for record in offline)
    assert len(ended(csms, version)) == 1
    assert len(csms.of("BootNotification")) == 1  # a reconnect is no reboot
    if version != "1.6":
        payloads = [json.loads(record.payload) for record in transaction.messages]
        assert [payload["seqNo"] for payload in payloads] == list(range(len(payloads)))
        assert all(json.loads(record.payload)["offline"] for record in offline)


async def test_a_transaction_begun_offline_gets_its_number_later(csms, connect, version):
    """TC_037_1, TC_039: a token that was accepted before may start offline."""
    station = await connect()
    await station.plug(1)
    await station.authorize(1, "TOKEN")
    await station.charging(1)
    await station.stop(1)
    await station.settled()

    await station.drop(abrupt=True, stay_away=True)
    known = await station.authorize(1, "TOKEN")
    await station.until(lambda: len(station.core.queue) > 0)
    second = await station.charging(1)
    await station.stop(1)
    unknown = await station.authorize(1, "SOMEONE-ELSE")
    await station.reconnect()
    await station.settled()

    assert known.accepted
    assert not unknown.accepted
    assert len(started(csms, version)) == len(ended(csms, version)) == 2
    assert second.ref is not None
    if version == "1.6":
        assert ended(csms, version)[1]["transactionId"] == second.ref


async def test_what_was_not_answered_is_sent_again_with_its_id(csms, connect, version):
    """OCPP-J errata 3.1: a repetition carries the same message id."""
    action = "StartTransaction" if version == "1.6" else "TransactionEvent"
    station = await connect(configuration=QUICK)
    csms.mute.add(action)
    await station.plug(1)
    await station.authorize(1, "TOKEN")
    await csms.hear(action)

    await station.drop(abrupt=True, stay_away=True)
    csms.mute.clear()
    await station.reconnect()
    await station.charging(1)
    await station.settled()

    first, second = [heard for heard in csms.heard if heard.action == action][:2]
    assert first.id == second.id
    assert first.payload == second.payload
    assert station.transactions[0].messages[0].answered_at is not None


async def test_a_lost_connection_is_no_attempt(csms, connect, version):
    """However often it is lost, the message stays, and arrives."""
    action = "StartTransaction" if version == "1.6" else "TransactionEvent"
    station = await connect(meter_interval_s=0)
    csms.mute.add(action)
    await station.plug(1)
    await station.authorize(1, "TOKEN")

    for count in range(1, 6):
        await csms.hear(action, count)
        await station.drop(stay_away=True)
        if count == 5:
            csms.mute.clear()
        await station.reconnect()
    await station.settled()

    assert station.transactions[0].messages[0].answered_at is not None
    assert {heard.id for heard in csms.heard if heard.action == action and _starts(heard)} == {
        station.transactions[0].messages[0].id
    }


def _starts(heard):
    return heard.action == "StartTransaction" or heard.payload["eventType"] == "Started"


async def test_a_lost_station_waits_before_it_comes_back(csms, connect):
    """OCPP-J 2.0.1, section 5.3: RetryBackOffWaitMinimum."""
    wait = {"OCPPCommCtrlr.RetryBackOffWaitMinimum": "30"}
    station = await connect(configuration=QUICK | wait)

    await station.drop()
    gone = station.core.clock.now()
    await csms.until(lambda: len(csms.connections) == 2)

    assert station.core.clock.now() - gone >= 30


async def test_a_refused_message_is_tried_as_often_as_the_settings_say(csms, connect, version):
    """TransactionMessageAttempts, MessageAttempts[TransactionEvent]; and then -1 (errata 3.18)."""
    action = "StartTransaction" if version == "1.6" else "TransactionEvent"
    station = await connect(speed=600, meter_interval_s=0)
    interval = "OCPPCommCtrlr.MessageAttemptInterval[TransactionEvent]"
    await configure(csms, version, "TransactionMessageRetryInterval", interval, "20")

    def broken(_):
        raise RuntimeError

    csms.answers[action] = broken
    await station.plug(1)
    await station.authorize(1, "TOKEN")
    await csms.hear(action, 3)
    if version == "1.6":
        await station.stop(1)
        await csms.hear("StopTransaction")

    tries = [heard for heard in csms.heard if heard.action == action][:3]
    sent = [at for at, way, frame in station.log if tries[0].id.encode() in frame and way == ">"]
    assert len({heard.id for heard in tries}) == 1
    assert sent[1] - sent[0] >= 20
    assert sent[2] - sent[1] >= 40
    if version == "1.6":
        assert len(csms.of(action)) == 3
        assert csms.of("StopTransaction")[0]["transactionId"] == -1
    csms.answers.clear()
    await station.settled()
    csms.refused.clear()  # the library's own


async def test_a_station_comes_back_by_itself_with_growing_patience(csms, connect):
    station = await connect(
        speed=10, configuration=QUICK | {"OCPPCommCtrlr.RetryBackOffRepeatTimes": "1"}
    )
    csms.open = False

    await station.drop(abrupt=True)
    await station.until(lambda: station.core.link.refusals >= 3)
    csms.open = True
    await station.booted()

    assert len(csms.connections) == 2


async def test_after_a_long_absence_all_statuses_are_told_again(csms, connect, version):
    """B04.FR.01: longer than the OfflineThreshold; after a short one nothing unless it changed."""
    station = await connect(configuration={"OCPPCommCtrlr.OfflineThreshold": "3600"})
    told = len(csms.of("StatusNotification"))

    await station.drop(stay_away=True)
    await station.reconnect()
    await station.settled()
    short = len(csms.of("StatusNotification"))
    station.core.configuration.put("OCPPCommCtrlr.OfflineThreshold", "0")
    await station.drop(stay_away=True)
    await station.reconnect()
    await station.settled()

    assert short == told
    assert len(csms.of("StatusNotification")) == 2 * told


@pytest.mark.parametrize("soft", [True, False])
async def test_a_reset_ends_transactions_and_really_reboots(csms, connect, version, soft):
    """1.6 Soft and Hard; 2.x OnIdle (waits) and Immediate."""
    station = await connect()
    await station.plug(1)
    await station.authorize(1, "TOKEN")
    await station.charging(1)

    kind = {"1.6": ("Hard", "Soft")}.get(version, ("Immediate", "OnIdle"))[soft]
    answer = await csms.call("Reset", type=kind)
    if version != "1.6" and soft:
        assert answer["status"] == "Scheduled"
        assert len(csms.connections) == 1
        await station.stop(1)
    await csms.hear("BootNotification", 2)
    await station.settled()

    assert len(csms.connections) == 2
    assert len(ended(csms, version)) == 1
    stop = ended(csms, version)[0]
    if version == "1.6":
        assert stop["reason"] == ("SoftReset" if soft else "HardReset")
        # A soft reset says goodbye before, a hard one delivers what is left afterwards.
        assert ("StopTransaction" in csms.actions(1)) is soft
    else:
        assert csms.of("BootNotification")[1]["reason"] == "RemoteReset"
        reason = "Local" if soft else "ImmediateReset"
        assert stop["transactionInfo"]["stoppedReason"] == reason
    assert csms.actions(2)[:2] == ["BootNotification", "StatusNotification"]


async def test_an_idle_station_resets_at_once(csms, connect, version):
    await connect()

    answer = await csms.call("Reset", type="Soft" if version == "1.6" else "OnIdle")
    await csms.hear("BootNotification", 2)

    assert answer["status"] == "Accepted"


async def test_a_power_cut_is_told_when_the_power_is_back(csms, connect, version):
    """TC_032_1; E.. PowerLoss: ended when the lights went out, told after the boot."""
    station = await connect()
    await station.plug(1)
    await station.authorize(1, "TOKEN")
    transaction = await station.charging(1)
    await station.settled()

    await station.power_cut()
    lost = station.core.clock.now()
    await station.until(lambda: not station.online)
    await station.power_back()
    await csms.hear("BootNotification", 2)
    await station.settled()

    stop = ended(csms, version)[0]
    info = stop if version == "1.6" else stop["transactionInfo"]
    assert info["reason" if version == "1.6" else "stoppedReason"] == "PowerLoss"
    assert transaction.ended_at == pytest.approx(lost, abs=30)
    assert csms.actions(2)[0] == "BootNotification"


async def test_a_new_password_is_used_at_once(version):
    """A01: the key of 1.6 is hexadecimal on the wire and bytes in HTTP Basic."""
    async with Csms(password="first-password-16") as csms:
        spec = StationSpec(id="CS1", version=version, url=csms.url, password="first-password-16")
        async with SimStation(spec, 60.0) as station:
            await station.booted()
            key = "00112233445566778899aabbccddeeff"
            csms.password = bytes.fromhex(key) if version == "1.6" else key
            status = await configure(
                csms, version, "AuthorizationKey", "SecurityCtrlr.BasicAuthPassword", key
            )
            await csms.until(lambda: len(csms.connections) == 2)
            await station.booted()

    assert status == "Accepted"
    assert len(csms.headers) == 2  # no attempt with the old one


async def test_a_wrong_password_is_refused_and_tried_again_later(version):
    async with Csms(password="right") as strict:
        spec = StationSpec(id="CS1", version=version, url=strict.url, password="wrong")
        async with SimStation(spec, 600.0) as station:
            await station.until(lambda: station.core.link.refusals >= 2)

            assert "401" in str(station.core.link.failure)
            assert not station.online


async def test_the_offered_subprotocols_are_negotiated(csms, connect, version):
    station = await connect(version=f"0.9,{version}")

    assert csms.connections[0].subprotocol == f"ocpp{version}"
    assert station.online


def _happened(payload):
    """When it did, in seconds, by whichever timestamp the message has."""
    stamp = payload.get("timestamp") or payload["meterValue"][0]["timestamp"]
    return datetime.fromisoformat(stamp).timestamp()
