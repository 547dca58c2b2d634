"""A storm: thousands of stations return over TLS at once, while others are connected.

Each shows a password (security profile 2), boots, and stays. Who is told to come back does so, as
late as it was told. Run by `make bench`, or alone: python -m bench.storm
"""

import argparse
import asyncio
import contextlib
import json
import random
import resource
import ssl
import statistics
import sys
import tempfile
import time
import timeit
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil

from bench.load import Refused, Station, Tally, heartbeat
from bench.servers import NOTHING_ELSE, free_port, process, register
from voltkeep.config import Settings
from voltkeep.domain.stations import SecurityProfile
from voltkeep.services.security import Keys

CPU_MS, MEMORY_KIB, KEY_US = 1.6, 60.0, 10.0  # budgets


@dataclass
class Storm:
    """What became of one."""

    stations: int
    admitted: int
    seconds: float
    told_to_come_back: int
    failed: int  # attempts that ended otherwise: each was tried again
    cpu_ms: float
    memory_kib: float
    steady: int
    dropped: int  # of the steady ones
    steady_p99_ms: float
    loop_lag_p99_ms: float
    loop_lag_worst_ms: float


class Client:
    """Connects stations over TLS, and counts."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._context = ssl.create_default_context()
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_NONE  # what is measured is the server
        self._context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
        self.come_back = self.failed = 0
        self.tally = Tally()

    async def connect(self, path: str, key: str | None) -> Station:
        """Until it is admitted and its boot is answered."""
        loop = asyncio.get_running_loop()
        while True:
            station = Station(path, key, self.tally)
            try:
                async with asyncio.timeout(60):
                    await loop.create_connection(
                        partial(_given, station), "127.0.0.1", self._port, ssl=self._context
                    )
                    await station.booted
            except Refused as refused:
                if refused.retry_after_s is None:
                    raise
                self.come_back += 1
                await asyncio.sleep(refused.retry_after_s)
            except (OSError, TimeoutError):
                self.failed += 1
                station.close()
                await asyncio.sleep(random.uniform(1, 3))
            else:
                return station


def _given(station: Station) -> Station:
    return station


@contextlib.asynccontextmanager
async def server(
    stations: int,
) -> AsyncIterator[tuple[psutil.Process, int, dict[str, str | None], Path]]:
    """With its settings as they come, but for where it listens; its last word is in the file."""
    with tempfile.TemporaryDirectory() as directory:
        profile = SecurityProfile.TLS_BASIC
        paths = await register(Settings(data=Path(directory)), stations, profile)
        port = free_port()
        environ = NOTHING_ELSE | {
            "VOLTKEEP_DATA": directory,
            "VOLTKEEP_OCPP": "off",
            "VOLTKEEP_OCPP_TLS": f"127.0.0.1:{port}",
        }
        lag = Path(directory) / "lag.json"
        command = [sys.executable, "-m", "bench.monitored", str(lag)]
        with process(command, port, environ) as running:
            yield running, port, paths, lag


async def storm(stations: int, steady: int, over_s: float) -> Storm:
    async with server(stations + steady) as (running, port, paths, lag):
        client = Client(port)
        calm = dict(list(paths.items())[:steady])
        lively = [await client.connect(path, key) for path, key in calm.items()]
        pace = asyncio.create_task(_beat(lively))
        await asyncio.sleep(3)
        calm_before = await _load(running)
        client.tally.latencies, client.come_back, client.failed = [], 0, 0
        rss, before, began = running.memory_info().rss, running.cpu_times(), time.perf_counter()
        arrivals = [
            asyncio.create_task(_late(random.uniform(0, over_s), client, path, key))
            for path, key in list(paths.items())[steady:]
        ]
        admitted = await asyncio.gather(*arrivals)
        seconds, after = time.perf_counter() - began, running.cpu_times()
        await asyncio.sleep(3)
        calm_after = await _load(running)
        kept = running.memory_info().rss
        pace.cancel()
        dropped = sum(station.is_gone for station in lively + admitted)
        for station in lively + admitted:
            station.close()
        running.terminate()
        running.wait(30)
        late = json.loads(lag.read_text())
    spent = after.user - before.user + after.system - before.system
    # What the steady ones cost meanwhile, and in the end those that were let in, is no admission.
    spent -= (calm_before + calm_after) / 2 * seconds
    return Storm(
        stations=stations,
        admitted=len(admitted),
        seconds=seconds,
        told_to_come_back=client.come_back,
        failed=client.failed,
        cpu_ms=spent / len(admitted) * 1000,
        memory_kib=(kept - rss) / len(admitted) / 1024,
        steady=steady,
        dropped=dropped,
        steady_p99_ms=statistics.quantiles(client.tally.latencies, n=100)[98] * 1000,
        loop_lag_p99_ms=late["p99_ms"],
        loop_lag_worst_ms=late["worst_ms"],
    )


async def _load(running: psutil.Process) -> float:
    """Seconds of CPU that the server takes in a second, as it is now."""
    before, began = running.cpu_times(), time.perf_counter()
    await asyncio.sleep(4)
    after, seconds = running.cpu_times(), time.perf_counter() - began
    return float(after.user - before.user + after.system - before.system) / seconds


async def _late(wait_s: float, client: Client, path: str, key: str | None) -> Station:
    await asyncio.sleep(wait_s)
    return await client.connect(path, key)


async def _beat(stations: list[Station]) -> None:
    """A Heartbeat of each, once a second."""
    numbers = iter(range(1, 10**9))
    while True:
        for station in stations:
            station.ask(heartbeat(next(numbers)))
        await asyncio.sleep(1)


def key_check_us() -> float:
    """Checking a generated key, as `SecurityService.admit` does; the best of five."""
    keys = Keys(b"pepper" * 6)
    key, key_hash = keys.generate()
    secret = key.encode()

    async def check() -> float:
        began = timeit.default_timer()
        for _ in range(20_000):
            assert await keys.matches(key_hash, secret)
        return (timeit.default_timer() - began) / 20_000 * 1e6

    return min(asyncio.run(check()) for _ in range(5))


def show(result: Storm, key_us: float) -> None:
    rate = result.admitted / result.seconds
    print(f"\nA storm of {result.stations:,} stations: TLS, password, BootNotification answered")
    rows = (
        ("admitted", f"{result.admitted:,}", f"{result.stations:,}"),
        ("admissions a second", f"{rate:.0f}", ""),
        ("until the last was admitted", f"{result.seconds:.1f} s", ""),
        ("told to come back (503, 429)", f"{result.told_to_come_back:,}", ""),
        ("attempts that failed otherwise", f"{result.failed:,}", ""),
        ("server CPU for each admission", f"{result.cpu_ms:.2f} ms", f"{CPU_MS} ms"),
        ("memory for each TLS connection", f"{result.memory_kib:.1f} KiB", f"{MEMORY_KIB:g} KiB"),
        ("event loop late, p99", f"{result.loop_lag_p99_ms:.1f} ms", ""),
        ("event loop late, worst", f"{result.loop_lag_worst_ms:.1f} ms", ""),
        (f"dropped, of all and {result.steady} steady ones", f"{result.dropped}", "0"),
        ("Heartbeat of a steady one, p99", f"{result.steady_p99_ms:.1f} ms", ""),
        ("checking a generated key", f"{key_us:.2f} µs", f"{KEY_US:g} µs"),
    )
    for what, value, budget in rows:
        print(f"{what:<42}{value:>14}{budget:>12}")
    missed = [
        name
        for name, is_reached in (
            ("admitted", result.admitted == result.stations),
            ("dropped", result.dropped == 0),
            ("CPU", result.cpu_ms <= CPU_MS),
            ("memory", result.memory_kib <= MEMORY_KIB),
            ("key check", key_us <= KEY_US),
        )
        if not is_reached
    ]
    print("\nNot reached: " + ", ".join(missed) if missed else "\nAll reached.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stations", type=int, default=5000)
    parser.add_argument("--steady", type=int, default=200)
    parser.add_argument("--over", type=float, default=5.0, help="seconds in which they come")
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    show(asyncio.run(storm(options.stations, options.steady, options.over)), key_check_us())


if __name__ == "__main__":
    main()
