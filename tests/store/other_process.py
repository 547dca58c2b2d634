"""A process beside the tests: it writes to a database until it has done, or is killed.

Usage: other_process.py URL FIRST COUNT. It says a number once what bears it is stored.
"""

import asyncio
import sys
from datetime import UTC, datetime, timedelta

from voltkeep.domain.events import StationAdded
from voltkeep.domain.identity import DEFAULT_TENANT, Sender, StationId, TransactionRef
from voltkeep.domain.meter_values import MeterReport, MeterValue
from voltkeep.domain.stations import Station
from voltkeep.services.ports import Exchange
from voltkeep.store import Store, open_store

START = datetime(2026, 1, 1, tzinfo=UTC)
REF = TransactionRef("tx")


def now() -> datetime:
    return datetime.now(UTC)


async def store_one(store: Store, number: int) -> None:
    """A work and a row of the journal under one number, and a message of the log."""
    at = START + timedelta(seconds=number)
    station = StationId(DEFAULT_TENANT, f"S{number}")
    async with store.begin() as work:
        assert await work.stations.get(station) is None  # reads before it writes
        await work.stations.add(Station(id=station, created_at=at))
        work.emit(StationAdded(station=station, at=at))
    value = MeterValue(at=at, energy_wh=number, raw=b"[]")
    await store.journal.meter_values(
        Sender(station, 1, at), MeterReport(evse=None, ref=REF, values=(value,))
    )
    store.journal.exchange(
        Exchange(
            station=station,
            direction="in",
            message_id=f"{number}",
            action="MeterValues",
            call=b"[]",
            called_at=at,
        )
    )
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


async def main(url: str, first: int, count: int) -> None:
    store = await open_store(url, clock=now)
    numbers = iter(range(first, first + count))

    async def one_by_one() -> None:
        for number in numbers:
            await store_one(store, number)

    await asyncio.gather(*(one_by_one() for _ in range(8)))
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
