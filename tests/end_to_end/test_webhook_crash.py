"""`kill -9` in the middle of deliveries: webhooks miss nothing, and know what comes twice."""

import asyncio
from collections import defaultdict

import pytest

from tests.bus.receiver import receiving
from tests.end_to_end.ledger import Ledger, hang_up, journalists, load, rows
from tests.end_to_end.server import Server

NAMES = [f"J{number:02}" for number in range(8)]
KILLS = 3
EVENTS = "SELECT position FROM outbox"


@pytest.fixture(params=["sqlite", "postgresql"])
async def server(request, tmp_path):
    database = "" if request.param == "sqlite" else request.getfixturevalue("postgres_database")
    server = Server(tmp_path / "data", database, outbound_allowed="127.0.0.0/8")
    await server.prepare(NAMES, ["CARD"])
    yield server
    server.stop()


async def told(server):
    """The ids of events that were published; None if some are not yet."""
    found = [position for (position,) in await rows(server.settings, EVENTS)]
    return None if None in found else set(map(str, found))


async def all_told(server, receiver, before):
    """Until the endpoint was told every event there is."""
    async with asyncio.timeout(60):
        while True:
            expected = await told(server)
            if expected is not None and expected - before <= {got.id for got in receiver.got}:
                return expected - before
            await asyncio.sleep(0.1)


def check(got):
    """What comes twice is the same, and what is new of a station comes in order."""
    bodies: dict[str, bytes] = {}
    last: defaultdict[str, int] = defaultdict(int)
    for each in got:
        if each.id in bodies:
            assert each.body == bodies[each.id], f"{each.id} came twice, with two contents"
            continue
        bodies[each.id] = each.body
        station = each.event["station"]
        assert int(each.id) > last[station], f"{each.id} of {station} came after {last[station]}"
        last[station] = int(each.id)
    return len(got) - len(bodies)


@pytest.mark.timeout(240)
async def test_a_server_that_is_killed_while_it_delivers_loses_no_event(server):
    people = journalists(NAMES, Ledger(), seed=2)
    async with receiving() as receiver:
        await server.start()
        server.stop()  # whatever there was before is told now
        before = await told(server)
        await server.say("webhook", "add", receiver.url)
        for _ in range(KILLS):
            await server.start()
            tasks = await load(server, people, 60)
            receiver.hold = asyncio.Event()
            await receiver.have(len(receiver.got) + 1)
            server.kill()  # somebody was told, and the server has not heard that it was
            await hang_up(tasks)
            receiver.hold.set()
            receiver.hold = None
        await server.start()
        expected = await all_told(server, receiver, before)
        assert server.stop() == 0

    twice = check(receiver.got)
    kinds = {each.event["type"] for each in receiver.got}
    assert {"transaction.started", "station.connected"} <= kinds
    assert len(expected) > KILLS * len(NAMES)
    assert twice >= KILLS
