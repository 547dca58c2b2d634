"""A connection of a scripted station: how it opens, how it does not, and how it ends."""

import asyncio
import contextlib
import ssl

import pytest

from tests.lab import bad
from tests.lab.csms.running import running
from voltkeep.lab.bench import Bench, Credentials
from voltkeep.lab.log import WireLog
from voltkeep.lab.ocpp16.station import ChargePoint
from voltkeep.lab.plan import Shown
from voltkeep.lab.verdicts import Kind
from voltkeep.lab.wire import Closed, NotOpened, Way, Wire


async def opened(url, log=None, **way):
    return await Wire.open(Way(f"{url}/CP-1", ("ocpp1.6",), **way), log or WireLog(), 20)


async def refused(url, **way):
    with pytest.raises(NotOpened) as caught:
        await opened(url, **way)
    return caught.value


async def test_frames_are_taken_in_the_order_they_came():
    async def talk(socket):
        for number in range(3):
            await socket.send(f"{number}")

    async with bad.speaking(talk) as url:
        wire = await opened(url)
        came = [await wire.receive(20) for _ in range(3)]
        with pytest.raises(Closed):
            await wire.receive(20)
        with pytest.raises(Closed):
            await wire.receive(20)
        await wire.close()

    assert came == ["0", "1", "2"]


async def test_nothing_in_time_is_a_timeout():
    async with bad.speaking(bad.is_mute) as url:
        wire = await opened(url)
        with pytest.raises(TimeoutError):
            await wire.receive(0.01)
        await wire.close()


async def test_the_header_of_a_station_is_not_in_the_log():
    log = WireLog()
    async with bad.speaking(bad.is_mute) as url:
        wire = await opened(url, log, authorization="Basic c2VjcmV0")
        await wire.close()

    assert "c2VjcmV0" not in repr(log.entries)
    assert "Authorization: Basic •••" in log.entries[0].text


@pytest.mark.parametrize(
    ("raw", "is_refusal"),
    [
        (bad.refuses(401), True),
        (bad.refuses(404), True),
        (bad.refuses(500), False),
        (bad.refuses(302, "Location: ws://127.0.0.1:9/x"), False),
        (bad.refuses(200), False),
        (bad.hangs_up, True),
    ],
)
async def test_only_a_csms_that_says_no_has_refused(raw, is_refusal):
    async with bad.answering(raw) as url:
        assert (await refused(url)).is_refusal is is_refusal


async def test_what_answers_a_handshake_of_tls_with_anything_else_has_ended_it():
    tls = ssl.create_default_context()
    async with bad.answering(bad.is_no_http) as url:
        refusal = await refused(url.replace("ws://", "wss://"), tls=tls)

    assert "TLS" in refusal.words or "ended" in refusal.words


async def test_a_name_that_cannot_be_one_is_no_connection():
    refusal = await refused("ws://" + "x" * 70 + ".example")

    assert "no connection" in refusal.words


async def test_a_name_is_looked_for_where_the_plan_says():
    async with bad.speaking(bad.is_mute) as url:
        wire = await opened(url.replace("127.0.0.1", "csms.lab.example"), at="127.0.0.1")
        await wire.close()


async def test_without_an_address_the_host_of_the_url_is_connected_to():
    async with bad.speaking(bad.is_mute) as url:
        port = url.rpartition(":")[2]
        refusal = await refused(f"ws://127.0.0.9:{port}")

    assert "127.0.0.9" in refusal.words


async def test_a_csms_that_closes_is_told_with_its_code_and_reason():
    async def talk(socket):
        await socket.close(4000, "because")

    log = WireLog()
    async with bad.speaking(talk) as url:
        wire = await opened(url, log)
        with pytest.raises(Closed, match=r"4000.*because"):
            await wire.receive(20)
        with pytest.raises(Closed):
            await wire.send("late")
        await wire.close()

    closed = [each.text for each in log.entries if each.kind is Kind.CONNECTION][2:]
    assert len(closed) == 1
    assert closed[0].startswith("closed: by the CSMS, 4000")


async def test_a_station_that_closes_is_told_to_have_done_so():
    log = WireLog()
    async with bad.speaking(bad.is_mute) as url:
        wire = await opened(url, log)
        await wire.close()

    assert log.entries[-1].text.startswith("closed: by the station, 1000")


async def test_the_port_may_be_another_than_that_of_the_url():
    log = WireLog()
    async with bad.speaking(bad.is_mute) as url:
        port = int(url.rpartition(":")[2])
        wire = await opened("ws://csms.lab.example", log, at="127.0.0.1", port=port)
        await wire.close()

    assert log.entries[0].text.startswith("GET ws://csms.lab.example/CP-1 (")


async def test_the_log_says_who_showed_what_over_tls():
    log = WireLog()
    async with running() as tested:
        bench = Bench(tested.plan, tested.driver, 3, {})
        station = ChargePoint(bench, Credentials.of(tested.plan.stations["3"]))
        way = station.way()
        for each in (way, way, station.way(shown=tested.plan.shown["revoked"])):
            with contextlib.suppress(NotOpened):
                await (await Wire.open(each, log, 20)).close()
        with pytest.raises(NotOpened):
            await Wire.open(station.way(shown=Shown()), log, 20)

    said = [each.text for each in log.entries if "closed" not in each.text]
    shown = [text for text in said if text.startswith("the station shows")]
    assert "[certificate of CN=SMALL-3" in shown[0]
    assert ["serial number n1]" in text for text in shown] == [True, True, False, False]
    assert shown[3] == "the station shows no certificate"
    assert said[2].startswith("TLSv1.")
    assert "the CSMS shows [certificate of CN=csms.small.example" in said[2]
    assert "serial number n2]" in said[2]


async def test_more_than_anybody_looks_at_ends_what_is_read():
    taken = []

    async def take(wire):
        while True:
            await asyncio.sleep(0.05)
            taken.append(await wire.receive(20))

    async with bad.speaking(bad.floods(lambda _: "x" * 500_000)) as url, asyncio.timeout(60):
        wire = await opened(url)
        with pytest.raises(Closed, match="more came than anybody could look at"):
            await take(wire)
        await wire.close()

    assert len(taken) < 40


async def test_closing_ends_though_the_other_side_never_does():
    closed = asyncio.Event()

    async def talk(socket):
        socket.transport.pause_reading()
        await closed.wait()
        socket.transport.abort()

    async with bad.speaking(talk) as url, asyncio.timeout(20):
        wire = await opened(url)
        await wire.close()
        closed.set()
