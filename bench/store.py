"""What the store costs: the CPU of a durable meter value with its message, and of a unit of work.

Run `python -m bench.store`. Callers in one process, no sockets: the table shows the store alone.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import uvloop
from tests.postgres import Cluster

from voltkeep.domain.authorization import Authorization, Token
from voltkeep.domain.events import StationAdded
from voltkeep.domain.identity import (
    DEFAULT_TENANT,
    Evse,
    IdToken,
    Sender,
    StationId,
    TransactionRef,
)
from voltkeep.domain.meter_values import MeterReport, MeterValue
from voltkeep.domain.stations import Station
from voltkeep.domain.transactions import Phase, Transaction, TransactionUpdate
from voltkeep.services.ports import Exchange
from voltkeep.store import Store, migrate, open_store
from voltkeep.store.journal import BatchJournal

_START = datetime(2026, 1, 1, tzinfo=UTC)
_SAMPLES = json.dumps(
    [
        {"value": "1234.5", "context": "Sample.Periodic", "measurand": measurand, "unit": unit}
        for measurand, unit in (
            ("Energy.Active.Import.Register", "Wh"),
            ("Power.Active.Import", "W"),
            ("Current.Import", "A"),
            ("Voltage", "V"),
            ("SoC", "Percent"),
            ("Temperature", "Celsius"),
        )
    ]
).encode()
_CALL = b'[2,"1","MeterValues",{"connectorId":1,"transactionId":1,"meterValue":[%b]}]' % _SAMPLES
_TOKEN = IdToken("BENCH")


class NoWriter:
    """Stores nothing: what is left is the cost of asking."""

    async def write(self, entries: object) -> None:
        await asyncio.sleep(0.003)

    async def close(self) -> None:
        """Nothing is open."""


async def journal(store: Store, of: BatchJournal, stations: int, seconds: float) -> str:
    """Each station sends, waits until it is stored, logs, and sends again."""
    is_over, count = False, 0

    async def send(number: int) -> None:
        nonlocal count
        station, turn = StationId(DEFAULT_TENANT, f"S{number:04}"), 0
        ref = TransactionRef(str(1_000_000_000 + 7919 * number))
        while not is_over:
            turn += 1
            at = _START + timedelta(seconds=turn, microseconds=number)
            value = MeterValue(
                at=at,
                energy_wh=1000.0 + turn,
                power_w=7000.0,
                current_a=16.0,
                voltage_v=230.0,
                soc_percent=55.0,
                temperature_c=21.0,
                raw=_SAMPLES,
            )
            report = MeterReport(evse=Evse(1, 1), ref=ref, values=(value,))
            await of.meter_values(Sender(station, 1, at), report)
            exchange = Exchange(
                station=station,
                direction="in",
                message_id=str(turn),
                action="MeterValues",
                call=_CALL,
                called_at=at,
                answer=b'[3,"1",{}]',
                answered_at=at,
            )
            of.exchange(exchange)
            count += 1

    tasks = [asyncio.create_task(send(number)) for number in range(stations)]
    await asyncio.sleep(0.5)
    counted, batches = count, of.counters.batches
    cpu, wall = time.process_time(), time.perf_counter()
    await asyncio.sleep(seconds)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    counted, batches = count - counted, of.counters.batches - batches
    is_over = True
    await asyncio.gather(*tasks)
    return f"{cpu / counted * 1e6:8.1f} {counted / wall:8.0f}/s {counted / batches:6.0f} a commit"


async def works(store: Store, count: int) -> dict[str, str]:
    """CPU and time of units of work, one after the other."""
    stations = [StationId(DEFAULT_TENANT, f"S{number}") for number in range(50)]
    async with store.begin() as work:
        for station in stations:
            await work.stations.add(Station(id=station, created_at=_START))
        token = Token(id_token=_TOKEN, max_active=0, created_at=_START)
        await work.tokens.save(DEFAULT_TENANT, token)

    async def read(number: int) -> None:
        async with store.read() as work:
            await work.stations.get(stations[number % 50])

    async def connect(number: int) -> None:
        async with store.begin() as work:
            await work.stations.connected(
                stations[number % 50], at=_START, subprotocol="x", address="x"
            )

    async def start(number: int) -> None:
        await _start(store, stations[number % 50], number)

    named: dict[str, Callable[[int], Awaitable[None]]] = {
        "read a station": read,
        "note a connection": connect,
        "start a transaction": start,
    }
    return {name: await _measure(do, count) for name, do in named.items()}


async def _start(store: Store, station: StationId, number: int) -> None:
    ref = TransactionRef(f"tx{number}")
    update = TransactionUpdate(phase=Phase.STARTED, at=_START, id_token=_TOKEN)
    async with store.begin() as work:
        await work.transactions.started_as(station, f"start {number}")
        await work.tokens.hold(DEFAULT_TENANT, _TOKEN)
        await work.transactions.active_with(DEFAULT_TENANT, _TOKEN)
        await work.remote_starts.claim(station, _TOKEN, Evse(1), _START)
        await work.transactions.next_number()
        transaction = Transaction(
            station=station,
            ref=ref,
            start_key=f"start {number}",
            evse=Evse(number),
            id_token=_TOKEN,
            authorization=Authorization.ACCEPTED,
            started_at=_START,
            ended_at=_START,
            first_heard_at=_START,
            last_heard_at=_START,
        )
        await work.transactions.add(transaction)
        await work.transactions.mark(station, ref, update, _START)
        work.emit(StationAdded(station=station, at=_START))


async def _measure(do: Callable[[int], Awaitable[None]], count: int) -> str:
    for number in range(20):
        await do(number)
    cpu, wall = time.process_time(), time.perf_counter()
    for number in range(20, 20 + count):
        await do(number)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return f"{cpu / count * 1e6:8.0f} {wall / count * 1e6:8.0f} µs each"


async def measure(name: str, url: str, options: argparse.Namespace) -> None:
    await migrate(url)
    store = await open_store(url, clock=lambda: datetime.now(UTC))
    nothing = BatchJournal(NoWriter(), patience=25)
    print(f"{name}: µs of CPU in this process, and in time")
    for what, of in (("asking a journal", nothing), ("asking, and storing", store.journal)):
        print(f"  {what:20}", await journal(store, of, options.stations, options.seconds))
    for what, cost in (await works(store, options.works)).items():
        print(f"  {what:20}", cost)
    await nothing.close()
    await store.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stations", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--works", type=int, default=300)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        uvloop.run(measure("SQLite", f"sqlite:///{directory}/bench.db", options))
    with Cluster() as cluster:
        uvloop.run(measure("PostgreSQL", cluster.url, options))


if __name__ == "__main__":
    main()
