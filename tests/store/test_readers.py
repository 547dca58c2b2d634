"""Reading connections of SQLite are few: whoever is cut off in the middle gives his back."""

import asyncio
import contextlib

import pytest
from tests.store.databases import clock

from voltkeep.domain.identity import station_id
from voltkeep.store import open_store
from voltkeep.store.sqlite_workers import Worker


@pytest.fixture
async def store(sqlite_url):
    opened = await open_store(sqlite_url, clock=clock, patience=5.0, busy_seconds=0.2)
    yield opened
    await opened.close()


async def test_whoever_is_cancelled_while_a_failed_reading_ends_gives_it_back(store, monkeypatch):
    """A server that is stopped while it reads would otherwise wait for ever, or run dry."""
    ending, may_end = asyncio.Event(), asyncio.Event()
    end = Worker.end

    async def slow(worker):
        ending.set()
        await may_end.wait()
        await end(worker)

    monkeypatch.setattr(Worker, "end", slow)

    async def read(failure=None):
        async with store.read() as work:
            found = await work.stations.get(station_id("CS-1"))
            if failure is not None:
                raise failure
            return found

    async with asyncio.timeout(10):
        for _ in range(8):  # more often than there are connections
            ending.clear()
            may_end.clear()
            reading = asyncio.create_task(read(KeyError()))
            await ending.wait()
            reading.cancel()
            await asyncio.sleep(0)  # it is cancelled while it ends
            may_end.set()
            with contextlib.suppress(asyncio.CancelledError, KeyError):
                await reading

        assert await read() is None
