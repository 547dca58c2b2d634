"""Server CPU for each message and memory for each connection, beside the plainest alternative.

Run by `make bench`. Prints a table and writes build/bench/side_by_side.json. The figures hold for
one run on one machine: compare the columns, not two runs.
"""

import argparse
import asyncio
import contextlib
import json
import resource
import sqlite3
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import asyncpg
import psutil
from tests.postgres import Cluster

from bench import storm
from bench.load import Tally, connect, heartbeat, meter_values
from bench.servers import NOTHING_ELSE, ROOT, free_port, process, register
from voltkeep.config import Settings

MESSAGES = {"Heartbeat": heartbeat, "MeterValues": meter_values}


@dataclass
class Row:
    """One line of the table; ``allowed`` is the most that Voltkeep may cost."""

    what: str
    baseline: float
    voltkeep: float
    allowed: float
    unit: str
    per_second: float = 0.0
    p99_ms: float = 0.0

    @property
    def is_reached(self) -> bool:
        return self.voltkeep <= self.allowed


@contextlib.contextmanager
def baseline() -> Iterator[tuple[psutil.Process, int]]:
    port = free_port()
    command = [sys.executable, "-m", "bench.baseline", str(port)]
    with process(command, port, {}) as running:
        yield running, port


@contextlib.asynccontextmanager
async def voltkeep(
    database: str, stations: int
) -> AsyncIterator[tuple[psutil.Process, int, dict[str, str | None]]]:
    """`voltkeep serve` as anybody would run it, but for the budget of frames."""
    with tempfile.TemporaryDirectory() as directory:
        settings = Settings(data=Path(directory), database=database)
        paths = await register(settings, stations)
        port = free_port()
        command = [sys.executable, "-m", "voltkeep.cli", "serve", "--data", directory]
        command += ["--ocpp", f"127.0.0.1:{port}", "--log-format", "json"]
        environ = NOTHING_ELSE | {
            "VOLTKEEP_DATABASE": database,
            "VOLTKEEP_FRAMES_PER_S": "100000",
            "VOLTKEEP_FRAMES_BURST": "100000",
        }
        with process(command, port, environ) as running:
            yield running, port, paths
        print(f"{await count(settings)}.")


async def count(settings: Settings) -> str:
    """What the database holds: the proof that the work which was measured was done."""
    url = settings.database_url
    query = "SELECT (SELECT count(*) FROM meter_values), (SELECT count(*) FROM message_log)"
    if url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database:
            metered, logged = database.execute(query).fetchone()
    else:
        connection = await asyncpg.connect(url.replace("+asyncpg", ""))
        metered, logged = await connection.fetchrow(query)
        await connection.close()
    return f"{metered:,} meter values and {logged:,} messages are in the database"


async def cpu(
    running: psutil.Process, port: int, paths: dict[str, str | None], action: str, seconds: float
) -> tuple[float, Tally]:
    """Microseconds of the server's CPU for each message, all its threads together."""
    tally = Tally()
    stations = await connect(port, paths, tally)
    for station in stations:
        station.start(MESSAGES[action])
    await asyncio.sleep(min(2.0, seconds / 2))
    tally.answered, tally.latencies = 0, []
    before = running.cpu_times()
    await asyncio.sleep(seconds)
    after, answered = running.cpu_times(), tally.answered
    for station in stations:
        station.asks = None
    await asyncio.sleep(0.5)
    for station in stations:
        station.close()
    await asyncio.sleep(0.5)
    spent = after.user - before.user + after.system - before.system
    print(f"{action}: {tally.total:,} were answered.")
    if tally.refused:
        raise RuntimeError(f"{tally.refused} messages were refused")
    return float(spent / answered * 1e6), tally


async def memory(running: psutil.Process, port: int, paths: dict[str, str | None]) -> float:
    """KiB for each idle connection, booted. The first hundred warm the server up."""
    warm, measured = dict(list(paths.items())[:100]), dict(list(paths.items())[100:])
    tally = Tally()
    stations = await connect(port, warm, tally)
    await asyncio.sleep(3)
    before = running.memory_info().rss
    stations += await connect(port, measured, tally)
    await asyncio.sleep(3)
    after = running.memory_info().rss
    for station in stations:
        station.close()
    await asyncio.sleep(1)
    return float((after - before) / len(measured) / 1024)


@dataclass
class Run:
    """One measurement of one system: CPU of each message, and what the stations saw."""

    cost: float
    per_second: float
    p99_ms: float


async def run(system: str, action: str, stations: int, seconds: float) -> Run:
    """Start the system afresh and let all stations talk to it."""
    async with contextlib.AsyncExitStack() as stack:
        if system == "baseline":
            paths: dict[str, str | None] = {f"/B{number:05}": None for number in range(stations)}
            running, port = stack.enter_context(baseline())
        else:
            database = stack.enter_context(Cluster()).url if system == "postgresql" else ""
            running, port, paths = await stack.enter_async_context(voltkeep(database, stations))
        cost, tally = await cpu(running, port, paths, action, seconds)
    p99 = statistics.quantiles(tally.latencies, n=100)[98] * 1000
    return Run(cost, len(tally.latencies) / seconds, p99)


# What is measured, against which part of the baseline's cost of the same message.
SCENARIOS = (
    ("MeterValues, six samples, durable on SQLite, in the message log", "sqlite", "MeterValues", 7),
    ("the same on PostgreSQL (our process)", "postgresql", "MeterValues", 6),
    ("Heartbeat", "sqlite", "Heartbeat", 3),
)


async def measure(rounds: int, stations: int, seconds: float, idle: int) -> list[Row]:
    """In turns, round by round, since a machine is not equally fast all the time; the medians."""
    wanted = [("baseline", action) for action in MESSAGES]
    wanted += [(system, action) for _, system, action, _ in SCENARIOS]
    runs: dict[tuple[str, str], list[Run]] = {each: [] for each in wanted}
    for number in range(rounds):
        for system, action in wanted:
            print(f"Round {number + 1} of {rounds}: {action} on {system}.")
            runs[system, action].append(await run(system, action, stations, seconds))
    rows = []
    for what, system, action, part in SCENARIOS:
        theirs = statistics.median(each.cost for each in runs["baseline", action])
        ours = sorted(runs[system, action], key=lambda each: each.cost)[rounds // 2]
        rows.append(
            Row(
                f"{what} (1/{part})",
                theirs,
                ours.cost,
                theirs / part,
                "µs",
                ours.per_second,
                ours.p99_ms,
            )
        )
    with baseline() as (running, port):
        idlers: dict[str, str | None] = {f"/B{number:05}": None for number in range(idle + 100)}
        theirs = await memory(running, port, idlers)
    async with voltkeep("", idle + 100) as (running, port, paths):
        kept = await memory(running, port, paths)
    rows.append(Row("memory of an idle connection, booted", theirs, kept, 30, "KiB"))
    return rows


def show(rows: list[Row]) -> None:
    print(f"{'':66}{'baseline':>10}{'Voltkeep':>10}{'allowed':>10}   {'a second':>8}{'p99':>9}")
    for row in rows:
        figures = "".join(f"{value:>10.1f}" for value in (row.baseline, row.voltkeep, row.allowed))
        load = f"{row.per_second:>8.0f}{row.p99_ms:>6.1f} ms" if row.per_second else ""
        print(f"{row.what:<66}{figures} {row.unit:<3}{load}")
    missed = [row.what for row in rows if not row.is_reached]
    print("\nNot reached: " + "; ".join(missed) if missed else "\nAll reached.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--stations", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--idle", type=int, default=1000)
    parser.add_argument("--storm", type=int, default=5000, help="stations; 0 leaves it out")
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    gale = asyncio.run(storm.storm(options.storm, 200, 5.0)) if options.storm else None
    rows = asyncio.run(measure(options.rounds, options.stations, options.seconds, options.idle))
    show(rows)
    if gale is not None:
        storm.show(gale, storm.key_check_us())
    target = ROOT / "build" / "bench" / "side_by_side.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    figures: list[Row | storm.Storm] = [*rows, *([gale] if gale else [])]
    target.write_text(json.dumps([asdict(row) for row in figures], indent=2) + "\n")


if __name__ == "__main__":
    main()
