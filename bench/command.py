"""What a command costs: over the API, to a connected station, while others send meter values.

Run `python -m bench.command`. The station answers at once; our own time is what the client waits
beyond that: its request, the order, the message, the answer, the order's end, the response.
"""

import argparse
import asyncio
import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import httpx
import uvloop
from tests.postgres import Cluster

from bench.load import Station, Tally, frame, meter_values
from bench.servers import NOTHING_ELSE, free_port, process, register
from voltkeep.app import App
from voltkeep.config import Settings
from voltkeep.domain.accounts import Permission, Principal
from voltkeep.domain.audit import SYSTEM
from voltkeep.domain.identity import DEFAULT_TENANT

ALLOWED_MS = 5.0  # at the 95th percentile
_WARM_UP = 20
_BODIES = {
    "Trigger": {"command": "Trigger", "message": "Heartbeat"},
    "Reset": {"command": "Reset", "kind": "OnIdle"},
}


class Answering(Station):
    """A station that says Accepted to whatever it is asked; how long it took over it."""

    took_s = 0.0

    def _answered(self, payload: bytes) -> None:
        if not payload.startswith(b"[2,"):
            super()._answered(payload)
            return
        began = time.perf_counter()
        assert self._transport is not None
        id = payload[4 : payload.index(b'"', 4)]
        self._transport.write(frame(b'[3,"%s",{"status":"Accepted"}]' % id))
        self.took_s = time.perf_counter() - began


class Paced(Station):
    """A station that rests between two messages."""

    pause_s = 0.0

    def _ask(self) -> None:
        if self.pause_s:
            asyncio.get_running_loop().call_later(self.pause_s, super()._ask)
        else:
            super()._ask()


async def _connected(
    port: int, kind: type[Station], paths: dict[str, str | None], tally: Tally
) -> list[Station]:
    loop = asyncio.get_running_loop()
    stations = [kind(path, key, tally) for path, key in paths.items()]
    for station in stations:
        await loop.create_connection(partial(_given, station), "127.0.0.1", port)
        await station.booted
    return stations


def _given(station: Station) -> Station:
    return station


@contextlib.asynccontextmanager
async def server(
    database: str, stations: int
) -> AsyncIterator[tuple[int, int, str, dict[str, str | None]]]:
    """`voltkeep serve` with its API: the ports of stations and of the API, a key, the stations."""
    with tempfile.TemporaryDirectory() as directory:
        settings = Settings(data=Path(directory), database=database)
        paths = await register(settings, stations)
        everything = Principal(
            actor=SYSTEM,
            tenant=DEFAULT_TENANT,
            permissions=frozenset(Permission),
            is_everywhere=True,
        )
        async with App(settings).running(serve=False) as app:
            _, token = await app.services.accounts.create_key(
                everything, "bench", tuple(Permission), tenant=DEFAULT_TENANT
            )
        ocpp, http = free_port(), free_port()
        command = [sys.executable, "-m", "voltkeep.cli", "serve", "--data", directory]
        command += ["--ocpp", f"127.0.0.1:{ocpp}", "--log-format", "json"]
        environ = NOTHING_ELSE | {
            "VOLTKEEP_DATABASE": database,
            "VOLTKEEP_HTTP": f"127.0.0.1:{http}",
            "VOLTKEEP_FRAMES_PER_S": "100000",
            "VOLTKEEP_FRAMES_BURST": "100000",
        }
        with process(command, ocpp, environ):
            yield ocpp, http, token, paths


async def measure(database: str, others: int, count: int, pause_s: float) -> dict[str, list[float]]:
    """Milliseconds of our own for each command, by its kind."""
    async with server(database, others + 1) as (ocpp, http, token, paths):
        names, tally = list(paths.items()), Tally()
        [answering] = await _connected(ocpp, Answering, dict(names[:1]), tally)
        assert isinstance(answering, Answering)
        stations = await _connected(ocpp, Paced, dict(names[1:]), tally)
        for station in stations:
            assert isinstance(station, Paced)
            station.pause_s = pause_s
            station.start(meter_values)
        headers = {"authorization": f"Bearer {token}"}
        url = f"http://127.0.0.1:{http}/api/v1"
        path = f"/stations/{names[0][0].rpartition('/')[2]}/commands?wait=10"
        own: dict[str, list[float]] = {}
        async with httpx.AsyncClient(base_url=url, headers=headers) as client:
            for kind, body in _BODIES.items():
                took = []
                for _ in range(count + _WARM_UP):
                    began = time.perf_counter()
                    answer = await client.post(path, json=body)
                    took.append((time.perf_counter() - began - answering.took_s) * 1000)
                    assert answer.json()["result"] == "accepted", answer.text
                own[kind] = took[_WARM_UP:]
        print(f"meanwhile {tally.total} meter values were answered")
        for station in [answering, *stations]:
            station.close()
        return own


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--others", type=int, default=200, help="stations that send meter values")
    parser.add_argument("--count", type=int, default=300, help="commands of each kind")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between two of a station")
    options = parser.parse_args()
    run = partial(measure, others=options.others, count=options.count, pause_s=options.pause)
    reached = True
    with Cluster() as cluster:
        for name, database in (("SQLite", ""), ("PostgreSQL", cluster.url.replace("+asyncpg", ""))):
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                own = runner.run(run(database))
            for kind, took in own.items():
                p95 = statistics.quantiles(took, n=20)[18]
                reached = reached and p95 <= ALLOWED_MS
                print(
                    f"{name:>10} {kind:>8}: median {statistics.median(took):.2f} ms, "
                    f"p95 {p95:.2f} ms (allowed {ALLOWED_MS:g})"
                )
    sys.exit(0 if reached else 1)


if __name__ == "__main__":
    main()
