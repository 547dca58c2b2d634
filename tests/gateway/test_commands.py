"""What we ask of a station, and what becomes of it."""

import asyncio
import json
from dataclasses import replace

import pytest
from msgspec import Raw

from tests.gateway.csms import AT, QUICK, STATION, VERSIONS, Csms
from voltkeep.dialects import DIALECTS
from voltkeep.domain.commands import RawCommand, Reset, ResetKind, Trigger, Triggered
from voltkeep.domain.identity import Evse, IdToken
from voltkeep.ocpp import v21
from voltkeep.services.ports import (
    CommandUnfit,
    StationBusy,
    StationOffline,
    StationRefused,
    StationSilent,
)


async def test_a_handler_may_call_the_station_back():
    """The deadlock of mobilityhouse/ocpp#130 and of evcc's charger/ocpp."""
    outcomes = []

    async def heartbeat(services, sender, request, notes):
        outcomes.append(await here.stations.send(sender.station, Reset()))
        return v21.HeartbeatResponse(current_time=sender.received_at)

    dialect = DIALECTS["ocpp2.1"].but(
        handlers={**DIALECTS["ocpp2.1"].handlers, "Heartbeat": heartbeat}
    )
    async with Csms(dialects={"ocpp2.1": dialect}) as here:
        await here.add()
        async with here.booted(version="ocpp2.1") as station:
            call = await station.ask("Heartbeat", {}, id="beat")
            assert call[2] == "Reset"
            await station.say([3, call[1], {"status": "Accepted"}])

            assert (await station.hear())[:2] == [3, "beat"]
    assert outcomes[0].accepted


async def test_commands_are_sent_one_after_the_other(csms):
    async with csms.booted() as station:
        waiting = [asyncio.create_task(csms.stations.send(STATION, Reset())) for _ in range(3)]
        for _ in range(3):
            call = await station.hear()
            with pytest.raises(TimeoutError):
                await station.hear(timeout=0.02)
            await station.say([3, call[1], {"status": "Accepted"}])

        assert all(outcome.accepted for outcome in await asyncio.gather(*waiting))


async def test_a_silent_station_does_not_block_the_next_command():
    async with Csms(QUICK) as csms:
        await csms.add()
        async with csms.booted() as station:
            with pytest.raises(StationSilent):
                await csms.stations.send(STATION, Reset())
            late = await station.hear()
            answered = asyncio.create_task(csms.stations.send(STATION, Reset(), 5))
            call = await station.hear()

            await station.say([3, late[1], {"status": "Accepted"}])  # too late, and ignored
            await station.say([3, call[1], {"status": "Rejected"}])

            assert (await answered).status == "Rejected"


async def test_more_commands_than_the_queue_holds_are_refused():
    async with Csms(replace(QUICK, commands_queued=2, call_timeout_s=5)) as csms:
        await csms.add()
        async with csms.booted():
            waiting = [asyncio.create_task(csms.stations.send(STATION, Reset())) for _ in range(3)]
            await asyncio.sleep(0)
            with pytest.raises(StationBusy):
                await csms.stations.send(STATION, Reset())
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ('[4,"%s","NotSupported","",{}]', "NotSupported"),
        ('[4,"%s","FormationViolation"]', "FormatViolation"),
        ('[4,"%s","OccurenceConstraintViolation",null,null]', "OccurrenceConstraintViolation"),
        ('[3,"%s",{"status":"Perhaps"}]', "PropertyConstraintViolation"),
        ('[3,"%s",{}]', "OccurrenceConstraintViolation"),
        ('[3,"%s"]', "FormatViolation"),
    ],
)
async def test_an_answer_that_is_none_is_a_refusal(csms, answer, code):
    async with csms.booted() as station:
        command = asyncio.create_task(csms.stations.send(STATION, Reset()))
        call = await station.hear()
        await station.say(answer % call[1])

        with pytest.raises(StationRefused) as caught:
            await command
        assert caught.value.code == code
        assert await station.is_alive()


async def test_in_21_the_station_learns_that_its_answer_was_no_use(csms):
    async with csms.booted(version="ocpp2.1") as station:
        command = asyncio.create_task(csms.stations.send(STATION, Reset()))
        call = await station.hear()
        await station.say([3, call[1], {"status": "Perhaps"}])

        assert (await station.hear())[:3] == [5, call[1], "PropertyConstraintViolation"]
        with pytest.raises(StationRefused):
            await command


async def test_who_waits_for_an_answer_learns_that_the_station_left(csms):
    async with csms.booted() as station:
        command = asyncio.create_task(csms.stations.send(STATION, Reset()))
        await station.hear()
        station.socket.transport.abort()

        with pytest.raises(StationOffline):
            await asyncio.wait_for(command, 5)
    with pytest.raises(StationOffline):
        await csms.stations.send(STATION, Reset())


async def test_a_remote_start_is_claimed_by_the_transaction_that_follows(csms):
    start = {"connectorId": 1, "idTag": "CARD", "meterStart": 0}
    async with csms.booted() as station:
        command = asyncio.create_task(csms.remote_control.start(STATION, IdToken("CARD"), None))
        call = await station.hear()
        await station.say([3, call[1], {"status": "Accepted"}])
        assert (await command).accepted
        answer = await station.ask(
            "StartTransaction", {**start, "timestamp": "2026-01-01T00:00:00Z"}
        )

    ref = str(answer[2]["transactionId"])
    transaction = await csms.services.transactions.get(STATION, ref)
    assert transaction.remote_start_id == 1


async def test_an_answer_that_is_too_large_fails_its_command_at_once(csms):
    async with csms.booted() as station:
        command = asyncio.create_task(csms.stations.send(STATION, Reset()))
        call = await station.hear()
        await station.say(f'[3,"{call[1]}",{{"status":"{"x" * 70_000}"}}]')

        with pytest.raises(StationRefused):
            await asyncio.wait_for(command, 5)
        assert await station.is_alive()


async def test_a_deadline_that_is_met_a_moment_early_is_met_again(csms):
    """Uvloop counts milliseconds: its timer may come before the deadline."""
    async with csms.booted() as station:
        command = asyncio.create_task(csms.stations.send(STATION, Reset(), 0.1))
        await station.hear()
        csms.stations.get(STATION)._expire()

        with pytest.raises(StationSilent):
            await asyncio.wait_for(command, 5)


async def test_a_command_may_not_wait_in_line_longer_than_it_is_given(csms):
    async with csms.booted() as station:
        first = asyncio.create_task(csms.stations.send(STATION, Reset()))
        call = await station.hear()
        with pytest.raises(StationBusy):  # which says that nothing was sent
            await csms.stations.send(STATION, Reset(), 0.05)
        await station.say([3, call[1], {"status": "Accepted"}])

        assert (await first).accepted
        with pytest.raises(TimeoutError):
            await station.hear(timeout=0.05)  # who gave up must not see it happen later


async def test_a_remote_start_that_failed_claims_nobody_elses_car(csms):
    with pytest.raises(StationOffline):
        await csms.remote_control.start(STATION, IdToken("CARD"), None)
    start = {"connectorId": 1, "idTag": "CARD", "meterStart": 0, "timestamp": AT}
    async with csms.booted() as station:
        ref = (await station.ask("StartTransaction", start))[2]["transactionId"]

    transaction = await csms.services.transactions.get(STATION, str(ref))
    assert transaction.remote_start_id is None


COMMANDS = [
    (Reset(), "Reset"),
    (Reset(kind=ResetKind.IMMEDIATE), "Reset"),
    (Trigger(message=Triggered.HEARTBEAT), "TriggerMessage"),
    (Trigger(message=Triggered.STATUS_NOTIFICATION, evse=Evse(1, 1)), "TriggerMessage"),
    (RawCommand(action="ClearCache", payload=Raw(b"{}")), "ClearCache"),
    (RawCommand(action="Dance", payload=Raw(b'{"with":"me"}'), force=True), "Dance"),
]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("command", "action"), COMMANDS)
async def test_a_command_reaches_the_station_in_its_own_words(csms, version, command, action):
    async with csms.booted(version=version) as station:
        sent = asyncio.create_task(csms.stations.send(STATION, command))
        call = await station.hear()
        assert call[2] == action
        await station.say([3, call[1], {"status": "Accepted"}])

        assert (await sent).accepted
    exchange = (await csms.logged())[-1]
    assert (exchange.direction, exchange.action, exchange.verdict) == ("out", action, "ok")
    assert json.loads(exchange.call) == call
    assert json.loads(exchange.answer) == [3, call[1], {"status": "Accepted"}]


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_raw_command_that_its_schema_forbids_is_not_sent(csms, version):
    async with csms.booted(version=version) as station:
        with pytest.raises(CommandUnfit):
            await csms.stations.send(
                STATION, RawCommand(action="ClearCache", payload=Raw(b'{"x":1}'))
            )
        assert await station.is_alive()
