"""Each misbehaviour does what its line in the list says."""

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ocpp.exceptions import OCPPError
from websockets.asyncio.server import serve
from websockets.typing import Subprotocol

from tests.sim.test_files import TESTED as OF_FILES
from tests.sim.test_security import TESTED as OF_SECURITY
from voltkeep.sim import SimStation, StationSpec
from voltkeep.sim.behaviour import MISBEHAVIOURS, Manners

TESTED: set[str] = set()


def misbehaves(name):
    """A test of one misbehaviour; the last test of this file looks for those without one."""
    TESTED.add(name)
    return pytest.mark.parametrize("name", [name])


@pytest.fixture
async def unruly(csms, connect, name):
    """A station that does it, a hundred times faster than real, accepted by a patient CSMS."""
    station = await connect(speed=100, boot=False, misbehave=(name,))
    await csms.until(lambda: csms.frames)
    return station


async def frame(csms, holds):
    """Wait for a frame of which something holds."""
    await csms.until(lambda: any(holds(data) for data in csms.frames))
    return next(data for data in csms.frames if holds(data))


async def charge(station):
    await station.booted()
    await station.plug(1)
    await station.authorize(1, "TOKEN")
    await station.charging(1)


@misbehaves("silent")
async def test_silence(csms, unruly):
    await unruly.booted()

    await csms.connections[0].send('[2,"q1","ClearCache",{}]')
    await csms.hear("Heartbeat")  # minutes later

    assert csms.answered == []


@misbehaves("late")
async def test_late_answers(csms, unruly):
    await unruly.booted()
    asked = unruly.core.clock.now()

    answer = await csms.call("ClearCache")

    assert answer["status"] == "Accepted"
    assert unruly.core.clock.now() - asked >= 45


@misbehaves("bad-answers")
async def test_bad_answers(csms, unruly):
    await unruly.booted()

    with pytest.raises(OCPPError):
        await csms.call("ClearCache")

    assert csms.answered[0][2] == {"status": "Perhaps"}


@misbehaves("malformed-json")
async def test_malformed_json(csms, unruly):
    await unruly.booted()

    await frame(csms, lambda data: data.endswith("{[}]"))


@misbehaves("no-frame")
async def test_no_frame(csms, unruly):
    await unruly.booted()

    await frame(csms, lambda data: data == '{"hello":"world"}')


@misbehaves("unknown-action")
async def test_unknown_action(csms, unruly):
    await unruly.booted()
    await csms.hear("CustomOperation")

    assert unruly.online


@misbehaves("invalid-field")
async def test_invalid_field(csms, unruly):
    await unruly.booted()

    await csms.until(lambda: csms.refused)
    refused = csms.refused[0][1]

    payload = next(heard.payload for heard in csms.heard if heard.id == refused)
    assert payload == {"connectorId": "one", "status": 7}


@misbehaves("oversized-frame")
async def test_oversized_frame(csms, unruly):
    await unruly.booted()

    await csms.until(lambda: any(len(data) > 1_000_000 for data in csms.frames))


@misbehaves("extra-field")
async def test_extra_field(csms, unruly):
    await csms.hear("BootNotification")

    assert csms.of("BootNotification")[0]["colour"] == "green"
    await csms.until(lambda: csms.refused)


@misbehaves("null-payload")
async def test_null_payload(csms, unruly):
    await unruly.booted()

    heartbeat = await frame(csms, lambda data: "Heartbeat" in data)

    assert json.loads(heartbeat)[3] is None
    # None of this station's answers is empty; one that is would be null too.
    assert unruly.core.manners.answer(b"{}") == b"null"
    assert unruly.core.manners.answer(b'{"status":"Accepted"}') == b'{"status":"Accepted"}'


@misbehaves("numeric-values")
async def test_numeric_values(csms, unruly, version):
    await charge(unruly)

    sample = await frame(csms, lambda data: "Sample.Periodic" in data)

    value = json.loads(sample)[3]["meterValue"][0]["sampledValue"][0]["value"]
    assert isinstance(value, float if version == "1.6" else str)


@misbehaves("no-samples")
async def test_no_samples(csms, unruly):
    await charge(unruly)

    await frame(csms, lambda data: '"sampledValue":[]' in data)


@misbehaves("stop-minus-one")
async def test_transactions_called_minus_one(csms, unruly, version):
    await charge(unruly)
    await unruly.stop(1)
    await unruly.settled()

    if version == "1.6":
        assert csms.of("StopTransaction")[0]["transactionId"] == -1
        assert unruly.transactions[0].ref != -1
    else:
        assert csms.refused == []  # 2.x names its transactions itself


@misbehaves("repeats")
async def test_repetitions(csms, unruly):
    await unruly.booted()
    await csms.until(lambda: len(csms.of("StatusNotification")) >= 2)

    ids = [heard.id for heard in csms.heard]
    assert all(ids.count(id) == 2 for id in ids[:-2])
    assert len({str(csms.frames[0]), str(csms.frames[1])}) == 1


@misbehaves("same-id")
async def test_one_id_for_all(csms, unruly):
    await charge(unruly)
    await unruly.settled()

    assert len({heard.id for heard in csms.heard}) == 1
    assert len(csms.heard) > 4
    assert unruly.transactions[0].known


@misbehaves("binary-frames")
async def test_binary_frames(csms, unruly):
    await unruly.booted()

    assert {type(data) for data in csms.frames} == {bytes}


@misbehaves("drops")
async def test_drops(csms, unruly):
    await csms.until(lambda: len(csms.connections) >= 3)

    assert csms.connections[0].close_code == 1006  # no close frame


@misbehaves("boots-on-connect")
async def test_boots_on_connect(csms, unruly):
    await unruly.booted()

    await unruly.drop(stay_away=True)
    await unruly.reconnect()
    await csms.hear("BootNotification", 2)


@misbehaves("boot-storm")
async def test_boot_storm(csms, unruly):
    await csms.hear("BootNotification", 10)

    assert len(csms.connections) == 1


@misbehaves("local-time")
async def test_local_time(csms, unruly):
    await unruly.booted()

    stamp = datetime.fromisoformat(csms.of("StatusNotification")[0]["timestamp"])
    ahead = stamp.timestamp() - time.time()
    assert 7_200 - 5 < ahead < 7_200 + 1_000  # its time runs a hundred times faster


@misbehaves("clock-1970")
async def test_a_clock_before_its_time(csms, unruly, version):
    await charge(unruly)

    began = await frame(csms, lambda data: "meterStart" in data or '"Started"' in data)

    assert json.loads(began)[3]["timestamp"] < "1980"


@misbehaves("naive-time")
async def test_timestamps_without_offset(csms, unruly):
    await charge(unruly)

    began = await frame(csms, lambda data: "meterStart" in data or '"Started"' in data)

    assert json.loads(began)[3]["timestamp"][-1].isdigit()


@misbehaves("short-offset")
async def test_timestamps_with_a_short_offset(csms, unruly):
    await charge(unruly)

    await frame(csms, lambda data: '+00"' in data and ("meterStart" in data or "Started" in data))


@misbehaves("key-as-written")
async def test_a_key_as_written(csms, unruly, version):
    await unruly.booted()
    if version != "1.6":
        return  # 2.x has no other way
    key = "00112233445566778899aabbccddeeff"

    await csms.call("ChangeConfiguration", key="AuthorizationKey", value=key)
    await csms.until(lambda: len(csms.connections) == 2)

    assert unruly.core.link.password == key


def test_every_misbehaviour_has_its_test():
    assert set(MISBEHAVIOURS) == TESTED | OF_SECURITY | OF_FILES


def test_an_unknown_misbehaviour_is_an_error_that_lists_the_known():
    with pytest.raises(KeyError, match=r"rude.*silent"):
        Manners(["rude"])


async def test_a_station_can_be_made_to_say_anything(csms, connect, version):
    station = await connect()

    answer = await station.call("DataTransfer", {"vendorId": "org.example"})
    refused = await station.call("Heartbeat", {"colour": "green"})
    station.send_raw("]")
    await csms.until(lambda: csms.strays)
    await station.drop(stay_away=True)
    lost = await station.call("Heartbeat", {})

    assert json.loads(answer.payload) == {"status": "UnknownVendorId"}
    assert refused.code is not None
    assert lost.lost
    assert station.send_raw("]") is False
    assert csms.strays == ["]"]


async def test_a_csms_that_answers_nonsense_is_told_so_where_it_can_be(version):
    """OCPP-J 2.1, CALLRESULTERROR; and every version boots again later."""
    heard: list[Any] = []
    twice = asyncio.Event()

    async def nonsense(socket):
        async for data in socket:
            heard.append(json.loads(data))
            if heard[-1][0] == 2:
                await socket.send(json.dumps([3, heard[-1][1], {"status": "Perhaps"}]))
            if sum(frame[0] == 2 for frame in heard) == 2:
                twice.set()

    offered = [Subprotocol(f"ocpp{version}")]
    async with serve(nonsense, "127.0.0.1", 0, subprotocols=offered) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        spec = StationSpec(id="CS1", version=version, url=f"ws://127.0.0.1:{port}")
        async with SimStation(spec, 600.0):
            await twice.wait()

    assert {frame[2] for frame in heard if frame[0] == 2} == {"BootNotification"}
    rejected = [frame for frame in heard if frame[0] == 5]
    assert bool(rejected) is (version == "2.1")
    assert all(frame[1] == heard[0][1] for frame in rejected[:1])


async def test_a_station_learns_the_time_from_its_csms(csms, connect, version):
    later = datetime.now(UTC) + timedelta(hours=3)
    csms.answers["BootNotification"] = {"current_time": later.isoformat()}

    station = await connect(speed=1.0)
    fast = await connect(speed=10.0, id="FAST")  # simulated time runs on its own

    assert station.core.offset == pytest.approx(3 * 3600, abs=5)
    assert fast.core.offset == 0.0
