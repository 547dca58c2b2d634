"""What one connection does with good frames, bad frames, silence and trouble."""

import asyncio
import json
from dataclasses import replace

import pytest
from websockets.exceptions import ConnectionClosed

from tests.gateway.csms import AT, BOOTS, QUICK, STATION, VERSIONS, Csms, until
from voltkeep.dialects import DIALECTS
from voltkeep.domain.commands import Reset
from voltkeep.domain.identity import IdToken, station_id
from voltkeep.domain.stations import Registration, SecurityProfile
from voltkeep.services.ports import (
    CommandUnfit,
)


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_station_boots_and_beats(csms, version):
    async with csms.connected(version=version) as station:
        answer = await station.ask("BootNotification", BOOTS[version])

        assert answer[:2] == [3, "m1"]
        assert answer[2]["status"] == "Accepted"
        assert answer[2]["interval"] == 300
        assert await station.is_alive()


# What each version prescribes: OCPP-J 1.6 table 7 with its spelling, 2.x part 4 section 4.3.
BAD = [
    ("[2,", None, [4, "-1", "RpcFrameworkError"]),
    ("", None, [4, "-1", "RpcFrameworkError"]),
    ("{}", None, [4, "-1", "RpcFrameworkError"]),
    ("[]", None, [4, "-1", "RpcFrameworkError"]),
    ('[2,"a"]', [4, "a", "FormationViolation"], [4, "a", "RpcFrameworkError"]),
    ('[9,"a","Heartbeat",{}]', None, [4, "a", "MessageTypeNotSupported"]),
    ('[2,"a","Heartbeat",[]]', [4, "a", "FormationViolation"], [4, "a", "FormatViolation"]),
    ('[2,"a","Nonsense",{}]', [4, "a", "NotImplemented"], [4, "a", "NotImplemented"]),
    (
        '[2,"a","Heartbeat",{"surprise":1}]',
        [4, "a", "FormationViolation"],
        [4, "a", "FormatViolation"],
    ),
    (
        '[2,"a","Authorize",{}]',
        [4, "a", "OccurenceConstraintViolation"],
        [4, "a", "OccurrenceConstraintViolation"],
    ),
    (
        '[2,"a","Heartbeat",' + '{"a":' * 5000 + "1" + "}" * 5000 + "]",
        [4, "a", "FormationViolation"],
        [4, "a", "FormatViolation"],
    ),
    (
        '[2,"a","Heartbeat",{"a":"' + "x" * 70_000 + '"}]',
        [4, "a", "FormationViolation"],
        [4, "a", "FormatViolation"],
    ),
]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad[0][:30])
async def test_a_bad_frame_costs_its_error_and_nothing_else(csms, version, bad):
    frame, in_16, in_2x = bad
    expected = in_16 if version == "ocpp1.6" else in_2x
    async with csms.booted(version=version) as station:
        await station.say(frame)

        if expected is not None:
            answer = await station.hear()
            assert answer[:3] == expected
            assert "Traceback" not in json.dumps(answer)
        assert await station.is_alive()
    verdicts = [exchange.verdict for exchange in await csms.logged()]
    assert verdicts[0] == verdicts[-1] == "ok"
    assert verdicts[1] != "ok"


async def test_octets_that_are_no_text_end_the_connection(csms):
    """RFC 6455, 8.1."""
    async with csms.booted() as station:
        station.socket.transport.write(b"\x81\x83" + bytes(4) + b"\xff\xfe\xfd")
        with pytest.raises(ConnectionClosed):
            await station.hear()

        assert station.socket.close_code == 1007


@pytest.mark.parametrize("version", VERSIONS)
async def test_before_it_is_accepted_a_station_may_only_boot(csms, version):
    await csms.add("NEW", registration=Registration.PENDING)
    async with csms.connected("NEW", version) as station:
        answer = await station.ask("Heartbeat", {})
        assert answer[:3] == [4, "m1", "SecurityError"]

        answer = await station.ask("BootNotification", BOOTS[version])
        assert (answer[2]["status"], answer[2]["interval"]) == ("Pending", 60)

        await csms.services.provisioning.set_registration(station_id("NEW"), Registration.ACCEPTED)
        answer = await station.ask("BootNotification", BOOTS[version])
        assert answer[2]["status"] == "Accepted"
        assert await station.is_alive()


async def test_an_accepted_station_that_reconnects_need_not_boot_again(csms):
    """OCPP-J 1.6, 5.4."""
    async with csms.connected() as station:
        assert await station.is_alive()


def raising(version):
    async def heartbeat(services, sender, request, notes):
        raise ZeroDivisionError("a secret detail")

    return {
        name: dialect.but(handlers={**dialect.handlers, "Heartbeat": heartbeat})
        for name, dialect in DIALECTS.items()
    }


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_handler_that_raises_costs_one_message(version, capsys):
    async with Csms(dialects=raising(version)) as csms:
        await csms.add()
        async with csms.booted(version=version) as station:
            answer = await station.ask("Heartbeat", {}, id="the-id")

            assert answer[:3] == [4, "the-id", "InternalError"]
            assert "secret" not in json.dumps(answer)
            assert (await station.ask("BootNotification", BOOTS[version]))[0] == 3
    assert "the-id" in capsys.readouterr().out


async def test_five_hundred_calls_at_once_are_answered_in_order():
    """Behind a bounded queue: what does not fit waits in TCP."""
    async with Csms(replace(QUICK, frames_burst=1000)) as csms:
        await csms.add()
        async with csms.booted() as station:
            status = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
            for number in range(500):
                await station.say([2, f"n{number}", "StatusNotification", status])

            answers = [await station.hear() for _ in range(500)]
    assert [answer[1] for answer in answers] == [f"n{number}" for number in range(500)]
    assert {answer[0] for answer in answers} == {3}


async def test_a_repeated_message_gets_the_same_answer_and_is_handled_once(csms):
    start = {
        "connectorId": 1,
        "idTag": "CARD",
        "meterStart": 0,
        "timestamp": "2026-01-01T00:00:00Z",
    }
    async with csms.booted() as station:
        first = await station.ask("StartTransaction", start, id="same")
        again = await station.ask("StartTransaction", start, id="same")

    assert first == again
    assert [exchange.verdict for exchange in await csms.logged()] == ["ok", "ok", "repeated"]


async def test_a_new_connection_takes_over_and_the_old_one_is_told(csms):
    await csms.services.provisioning.set_profile(STATION, SecurityProfile.BASIC)
    key = await csms.security.rotate_key(STATION)
    async with csms.booted(password=key) as old, csms.booted(password=key) as new:
        with pytest.raises(ConnectionClosed):
            await old.hear()
        assert old.socket.close_code == 1008

        await until(lambda: len(csms.gateway._sockets) == 1)
        assert len(csms.stations) == 1  # the clean-up of the old one removed nothing
        assert await new.is_alive()
        command = asyncio.create_task(csms.stations.send(STATION, Reset()))
        await new.say([3, (await new.hear())[1], {"status": "Accepted"}])
        assert (await command).accepted


async def test_what_an_old_connection_says_is_discarded(csms):
    """The fencing epoch decides, in the same work that would have stored it."""
    start = {
        "connectorId": 1,
        "idTag": "CARD",
        "meterStart": 0,
        "timestamp": "2026-01-01T00:00:00Z",
    }
    async with csms.booted() as old:
        async with csms.store.begin() as work:  # another process lets the station in
            known = await work.stations.get(STATION)
            await work.stations.connected(
                STATION, at=known.created_at, subprotocol="ocpp1.6", address="elsewhere"
            )
        await old.say([2, "late", "StartTransaction", start])
        with pytest.raises(ConnectionClosed):
            await old.hear()

        assert old.socket.close_code == 1008
    async with csms.store.read() as work:
        assert await work.transactions.all() == []


async def test_five_hundred_stations_drop_and_all_come_back_twice():
    """Measured elsewhere: the clean-up of the old connections removes the new ones."""
    async with Csms(replace(QUICK, call_timeout_s=5)) as csms:
        for number in range(500):
            await csms.add(f"S{number}")
        for _ in range(3):
            async with asyncio.timeout(30):
                stations = await asyncio.gather(*(enter(csms, f"S{n}") for n in range(500)))
            assert len(csms.stations) == 500
            assert all(await asyncio.gather(*(s.is_alive() for _, s in stations)))
            for _, station in stations:
                station.socket.transport.abort()
            await asyncio.sleep(0.2)
        await until(lambda: not csms.stations)


async def enter(csms, name):
    context = csms.booted(name)
    return context, await context.__aenter__()


async def test_a_silent_connection_is_pinged_and_then_let_go():
    """Any frame counts as life; the client below answers pings, the second cannot."""
    async with Csms(replace(QUICK, ping_interval_s=1.0, ping_misses=1)) as csms:
        await csms.add("LIVES")
        await csms.add("GONE")
        async with csms.booted("LIVES") as lives, csms.booted("GONE") as gone:
            gone.socket.transport.pause_reading()
            await until(lambda: len(csms.stations) == 1)

            assert await lives.is_alive()


async def test_while_the_database_is_away_the_answer_is_late(csms):
    async with csms.booted() as station:
        csms.store.is_away = True
        await station.say([2, "a", "Authorize", {"idTag": "CARD"}])
        with pytest.raises(TimeoutError):
            await station.hear(timeout=0.15)
        csms.store.is_away = False

        assert (await station.hear())[2]["idTagInfo"]["status"] == "Accepted"


async def test_a_database_that_stays_away_is_a_retryable_error():
    """And what needs no database is answered all the while."""
    async with Csms(replace(QUICK, store_patience_s=0.2)) as csms:
        await csms.add()
        async with csms.booted() as station:
            csms.store.is_away = True
            answer = await station.ask("Authorize", {"idTag": "CARD"})
            assert answer[2] == "InternalError"
            assert "again" in answer[3]
            assert await station.is_alive()
            csms.store.is_away = False
            assert (await station.ask("Authorize", {"idTag": "CARD"}))[0] == 3


async def test_shutting_down_answers_what_was_asked_and_says_goodbye():
    async with Csms() as csms:
        await csms.add()
        async with csms.booted() as station:
            csms.store.is_away = True
            await station.say([2, "last", "Authorize", {"idTag": "CARD"}])
            await asyncio.sleep(0.05)
            closing = asyncio.create_task(csms.gateway.close())
            csms.store.is_away = False

            assert (await station.hear())[1] == "last"
            with pytest.raises(ConnectionClosed):
                await station.hear()
            assert station.socket.close_code == 1012
            await closing


async def test_what_was_read_before_a_station_left_is_still_handled(csms):
    """A stop that waits behind another message is not lost with the connection."""
    start = {"connectorId": 1, "idTag": "CARD", "meterStart": 0, "timestamp": AT}
    async with csms.booted() as station:
        ref = (await station.ask("StartTransaction", start))[2]["transactionId"]
        csms.store.is_away = True
        await station.say([2, "a", "Authorize", {"idTag": "CARD"}])
        stop = {"transactionId": ref, "meterStop": 9, "timestamp": AT}
        await station.say([2, "b", "StopTransaction", stop])
        connection = csms.stations.get(STATION)
        await until(lambda: connection._calls)
        station.socket.transport.abort()
    await until(lambda: not csms.stations)
    csms.store.is_away = False
    await connection.settled()

    transaction = await csms.services.transactions.get(STATION, str(ref))
    assert transaction.meter_stop_wh == 9


async def test_a_station_put_on_hold_while_a_car_charges_may_still_end_that(csms):
    """It learns of it at its next boot."""
    start = {"connectorId": 1, "idTag": "CARD", "meterStart": 0, "timestamp": AT}
    async with csms.booted() as station:
        ref = (await station.ask("StartTransaction", start))[2]["transactionId"]
        await csms.services.provisioning.set_registration(STATION, Registration.PENDING)
        await csms.services.provisioning.refresh(STATION)
        stop = {"transactionId": ref, "meterStop": 9, "timestamp": AT}
        assert (await station.ask("StopTransaction", stop))[0] == 3

        assert (await station.ask("BootNotification", BOOTS["ocpp1.6"]))[2]["status"] == "Pending"
        with pytest.raises(CommandUnfit):
            await csms.remote_control.start(STATION, IdToken("CARD"), None)


async def test_a_secret_in_a_stray_answer_is_not_logged(csms):
    key = "00112233445566778899aabbccddeeff"
    known = {"key": "AuthorizationKey", "readonly": False, "value": key}
    async with csms.booted() as station:
        await station.say([3, "nobody asked", {"configurationKey": [known]}])
        await station.say('[3,"broken",{"key":"AuthorizationKey","value":"' + key)
        assert await station.is_alive()

    for exchange in await csms.logged():
        assert key.encode() not in exchange.call


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_large_message_whose_id_is_out_of_sight_is_told_apart(csms, version):
    """2.x has "-1" for it; 1.6 has no way to say it."""
    async with csms.booted(version=version) as station:
        await station.say("[" + " " * 70_000 + '2,"a","Heartbeat",{}]')
        if version != "ocpp1.6":
            assert (await station.hear())[:3] == [4, "-1", "RpcFrameworkError"]
        assert await station.is_alive()
    assert "oversize" in [exchange.verdict for exchange in await csms.logged()]


async def test_frames_that_come_too_late_are_logged_as_such(csms):
    """Every frame is in the message log, also one that is discarded."""
    async with csms.booted() as station:
        connection = csms.stations.get(STATION)
        connection.fence()
        connection.on_message(b'[2,"late","Heartbeat",{}]', is_text=True)
        with pytest.raises(ConnectionClosed):
            await station.hear()

    assert [exchange.verdict for exchange in await csms.logged()] == ["ok", "superseded"]


async def test_a_binary_message_is_read_and_noted(csms):
    async with csms.booted() as station:
        await station.socket.send(b'[2,"b","Heartbeat",{}]')
        assert (await station.hear())[0] == 3

    assert "binary" in (await csms.logged())[-1].note


async def test_calls_that_cannot_be_handled_yet_wait_in_tcp():
    """A full queue stops the reading: a station cannot fill our memory."""
    async with Csms(replace(QUICK, calls_queued=4, frames_burst=1000)) as csms:
        await csms.add()
        async with csms.booted() as station:
            csms.store.is_away = True
            for number in range(60):
                frame = f'[2,"n{number}","Authorize",{" " * 4000}{{"idTag":"CARD"}}]'
                await station.say(frame)
            connection = csms.stations.get(STATION)
            await until(lambda: len(connection._calls) >= 4)
            await asyncio.sleep(0.05)
            assert len(connection._calls) <= 6

            csms.store.is_away = False
            assert [(await station.hear())[1] for _ in range(60)] == [f"n{n}" for n in range(60)]
