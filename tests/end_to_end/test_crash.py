"""`kill -9` at any instant under load: whatever was answered is in the database exactly once."""

import asyncio
import random

import pytest

from tests.end_to_end.ledger import Ledger, check, hang_up, journalists, load
from tests.end_to_end.server import Server

NAMES = [f"J{number:02}" for number in range(24)]
KILLS = 6


@pytest.fixture(params=["sqlite", "postgresql"])
async def server(request, tmp_path):
    database = "" if request.param == "sqlite" else request.getfixturevalue("postgres_database")
    server = Server(tmp_path / "data", database)
    await server.prepare(NAMES, ["CARD"])
    yield server
    server.stop()


@pytest.mark.timeout(180)
async def test_what_was_answered_is_stored_exactly_once_whenever_the_server_is_killed(server):
    ledger, when = Ledger(), random.Random(20261122)
    people = journalists(NAMES, ledger, seed=1)

    for _ in range(KILLS):
        await server.start()
        tasks = await load(server, people, when.randrange(100, 400))
        server.kill()
        await hang_up(tasks)
        await check(server.settings, ledger)

    await server.start()
    await hang_up(await load(server, people, 200))
    starts, stops, meters = await check(server.settings, ledger)
    print(  # noqa: T201  # the closing figures, for who runs it with -s
        f"\n{KILLS} kills: {starts} starts, {stops} stops, {meters} meter values: all there, once"
    )
    assert starts > 50
    assert stops > 50
    assert meters > 150
    assert server.stop() == 0


async def test_the_checker_sees_what_is_missing(server):
    """The checker itself: an answer that was never stored is found out."""
    ledger = Ledger()
    await server.start()
    await hang_up(await load(server, journalists(NAMES[:2], ledger, seed=1), 20))
    await asyncio.sleep(0)

    ledger.starts["J00", "never"] = 1.0
    with pytest.raises(AssertionError, match="not stored"):
        await check(server.settings, ledger)
