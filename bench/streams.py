"""What event streams cost: hundreds that follow along, and one that never reads.

Run `python -m bench.streams`. Events are written by another process, as `voltkeep` at a shell does;
told is how long after their commit every stream has them. Memory is the server's.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import cast

import psutil
import uvloop

from bench.servers import NOTHING_ELSE, free_port, process
from voltkeep.app import App
from voltkeep.config import Settings
from voltkeep.domain.accounts import Permission, Principal
from voltkeep.domain.audit import SYSTEM
from voltkeep.domain.events import StationChanged
from voltkeep.domain.identity import DEFAULT_TENANT, station_id
from voltkeep.store import migrate
from voltkeep.wiring import now

ALLOWED_GROWTH = 1.25  # of the server's memory, from the first events to the last
_BURST = 50
_MIB = 1024 * 1024
_EVERYTHING = Principal(
    actor=SYSTEM, tenant=DEFAULT_TENANT, permissions=frozenset(Permission), is_everywhere=True
)


class Reader(asyncio.Protocol):
    """One stream: counts the events in it. One that never reads pauses at once."""

    def __init__(self, request: bytes, *, reads: bool) -> None:
        self._request = request
        self._reads = reads
        self._tail = b""
        self.events = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        made = cast("asyncio.Transport", transport)
        made.write(self._request)
        if not self._reads:
            made.pause_reading()

    def data_received(self, data: bytes) -> None:
        text = self._tail + data
        self.events += text.count(b"\nevent: ")
        self._tail = text[-7:]  # one byte less than what is looked for


async def measure(streams: int, bursts: int) -> dict[str, float]:
    """Milliseconds until all have a burst, and mebibytes of the server at the begin and the end."""
    with tempfile.TemporaryDirectory() as directory:
        ocpp, http = free_port(), free_port()
        settings = Settings(
            data=Path(directory), ocpp=f"127.0.0.1:{ocpp}", http=f"127.0.0.1:{http}"
        )
        await migrate(settings.database_url)
        async with App(settings).running(serve=False) as app:
            accounts = app.services.people.accounts
            _, token = await accounts.create_key(
                _EVERYTHING, "bench", tuple(Permission), tenant=None
            )
            environ = NOTHING_ELSE | {
                "VOLTKEEP_DATA": directory,
                "VOLTKEEP_OCPP": settings.ocpp,
                "VOLTKEEP_HTTP": settings.http,
            }
            command = [sys.executable, "-m", "voltkeep.cli", "serve", "--log-format", "json"]
            with process(command, ocpp, environ) as server:
                return await _follow(app, server, http, token, streams, bursts)


async def _follow(  # each is said once, above
    app: App, server: psutil.Process, port: int, token: str, streams: int, bursts: int
) -> dict[str, float]:
    request = (
        f"GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
    ).encode()
    loop = asyncio.get_running_loop()
    readers = []
    for number in range(streams + 1):
        _, reader = await loop.create_connection(
            partial(Reader, request, reads=number > 0), "127.0.0.1", port
        )
        readers.append(reader)
    await asyncio.sleep(2)
    told, memory = [], []
    for burst in range(1, bursts + 1):
        async with app.store.begin() as work:
            for number in range(_BURST):
                station = station_id(f"B{number}")
                work.emit(StationChanged(station=station, at=now(), what="x" * 200))
        began = time.perf_counter()
        while min(reader.events for reader in readers[1:]) < burst * _BURST:
            await asyncio.sleep(0.005)
            if time.perf_counter() - began > 30:
                counts = sorted(reader.events for reader in readers[1:])
                raise RuntimeError(f"of {burst * _BURST} events streams told {counts}")
        told.append((time.perf_counter() - began) * 1000)
        memory.append(server.memory_info().rss / _MIB)
    settled = max(1, bursts // 5)
    return {
        "told_p50_ms": statistics.median(told),
        "told_p95_ms": statistics.quantiles(told, n=20)[18],
        "begin_mib": memory[settled],
        "end_mib": memory[-1],
        "growth": memory[-1] / memory[settled],
    }


def main() -> int:
    """1 if memory grew by more than is allowed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--bursts", type=int, default=100, help=f"of {_BURST} events")
    given = parser.parse_args()
    found = uvloop.run(measure(given.streams, given.bursts))
    print(f"| {given.streams} streams and one that never reads | |\n|---|---|")
    for name, value in found.items():
        print(f"| {name} | {value:.2f} |")
    return int(found["growth"] > ALLOWED_GROWTH)


if __name__ == "__main__":
    sys.exit(main())
