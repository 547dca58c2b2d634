"""Several processes on one database, and one that is killed."""

import asyncio
import os
import sys
from pathlib import Path

import pytest
from tests.store import other_process
from tests.store.databases import clock

from voltkeep.domain.identity import DEFAULT_TENANT, StationId
from voltkeep.store import open_store

ROOT = Path(__file__).parents[2]


async def start(url, first, count):
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, other_process.__file__, url, str(first), str(count)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
    )


async def stored(store):
    """The numbers of everything there, by where it is."""
    async with store.read() as work:
        stations = [int(row.id.name[1:]) for row in await work.stations.all(limit=10_000)]
        metered = [
            row.value.energy_wh
            for number in stations
            for row in await work.meter_values.of_transaction(
                StationId(DEFAULT_TENANT, f"S{number}"), other_process.REF
            )
        ]
        messages = [
            int(row.exchange.message_id) for row in await work.messages.since(0, limit=10_000)
        ]
    events = [int(event.station.name[1:]) for _, event in await store.outbox.unpublished(10_000)]
    return sorted(stations), sorted(metered), sorted(messages), sorted(events)


async def test_two_processes_write_to_one_database(database_url):
    processes = [await start(database_url, first, 60) for first in (1000, 2000)]
    ended = await asyncio.gather(*(process.communicate() for process in processes))
    assert [process.returncode for process in processes] == [0, 0], ended

    store = await open_store(database_url, clock=clock)
    everything = sorted([*range(1000, 1060), *range(2000, 2060)])
    assert await stored(store) == (everything,) * 4
    await store.close()


async def test_a_command_line_can_write_beside_a_busy_server(database_url):
    """Its work waits for its turn between those of the other process, not for its end."""
    server = await start(database_url, 0, 1_000_000)
    assert server.stdout
    await server.stdout.readline()

    store = await open_store(database_url, clock=clock)
    for number in range(10):
        async with asyncio.timeout(8):
            await other_process.store_one(store, 2_000_000 + number)
    assert server.returncode is None

    server.kill()
    await server.communicate()
    await store.close()


@pytest.mark.parametrize("after", [1, 150])
async def test_what_was_said_to_be_stored_survives_a_kill(database_url, after):
    """Each thing once, and a work whole or not at all."""
    process = await start(database_url, 0, 1_000_000)
    assert process.stdout
    said = [int(await process.stdout.readline()) for _ in range(after)]
    process.kill()
    rest, _ = await process.communicate()
    said += [int(line) for line in rest.splitlines(keepends=True) if line.endswith(b"\n")]

    store = await open_store(database_url, clock=clock)
    stations, metered, _, events = await stored(store)
    assert len(said) >= after
    assert set(said) <= set(stations)
    assert set(said) <= set(metered)
    assert stations == events
    assert len(set(metered)) == len(metered)
    async with store.begin() as work:
        assert await work.transactions.next_number() == 1
    await store.close()
