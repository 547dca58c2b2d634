"""The database is away for a while: stations stay, and nothing that was answered is lost."""

import asyncio
import itertools
import json

import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from tests.end_to_end.ledger import Ledger, check, hang_up, journalists, load
from tests.end_to_end.server import Server
from tests.postgres import Cluster

NAMES = [f"J{number:02}" for number in range(12)]


@pytest.fixture(params=[20, 1])
async def away(request, tmp_path):
    """A server on a PostgreSQL of its own, which the test may stop.

    Its patience outlasts the outage, or does not: then stations are told to try again.
    """
    with Cluster() as cluster:
        server = Server(tmp_path / "data", cluster.url, store_patience_s=request.param)
        await server.prepare([*NAMES, "WITNESS"], ["CARD"])
        await server.start()
        yield server, cluster
        server.stop()


@pytest.mark.timeout(180)
@pytest.mark.parametrize("how", ["fast", "immediate"])
async def test_stations_stay_and_nothing_answered_is_lost(away, how):
    """An "immediate" stop is a crash of PostgreSQL: it recovers from its own log."""
    server, cluster = away
    ledger = Ledger()
    ids = itertools.count(1)
    url = server.url("WITNESS")
    async with connect(url, subprotocols=[Subprotocol("ocpp1.6")]) as witness:
        talk = asyncio.gather(
            *(one.run(server.url(one.name)) for one in journalists(NAMES, ledger, seed=2))
        )
        await until_answered(ledger, 100)

        await asyncio.to_thread(cluster.stop, how)
        before = ledger.answered
        for _ in range(60):  # what needs no database is answered all the while
            await witness.send(json.dumps([2, f"w{next(ids)}", "Heartbeat", {}]))
            assert json.loads(await asyncio.wait_for(witness.recv(), 2))[0] == 3
            await asyncio.sleep(0.05)
        assert ledger.answered <= before + len(NAMES)  # at most what was on its way
        await asyncio.to_thread(cluster.start)

        await until_answered(ledger, ledger.answered + 200)
        assert not talk.done()
        talk.cancel()
        await asyncio.gather(talk, return_exceptions=True)
        assert witness.close_code is None
    assert server.is_running
    await check(server.settings, ledger)


@pytest.mark.timeout(120)
async def test_a_server_that_starts_again_finds_everything(away):
    """Both are killed: the database and the server."""
    server, cluster = away
    ledger = Ledger()
    people = journalists(NAMES, ledger, seed=3)
    tasks = await load(server, people, 200)
    await asyncio.to_thread(cluster.stop, "immediate")
    server.kill()
    await hang_up(tasks)

    await asyncio.to_thread(cluster.start)
    await check(server.settings, ledger)
    await server.start()
    await hang_up(await load(server, people, 200))

    starts, _, _ = await check(server.settings, ledger)
    assert starts > 10


async def until_answered(ledger, count):
    """Wait until so many messages have been answered."""
    async with asyncio.timeout(40):
        while ledger.answered < count:  # noqa: ASYNC110  # a counter is no event
            await asyncio.sleep(0.02)
