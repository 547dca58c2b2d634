"""A fleet that is busy, and the consoles that look at it, for benchmarks."""

import argparse
import asyncio
import contextlib
import itertools
import sys
import tempfile
import time
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import httpx
import psutil
from msgspec import json

from bench.load import Station, Tally, connect_as, heartbeat, meter_values
from bench.servers import NOTHING_ELSE, free_port, process, register
from voltkeep.app import App
from voltkeep.config import Settings
from voltkeep.domain.accounts import AccountState, Role, User, home
from voltkeep.services.sessions import Visit
from voltkeep.services.users import add_user
from voltkeep.wiring import now

CONNECTORS = 5  # of each station
STREAM = "/api/v1/events?types=connector.*,station.*,transaction.*,energy.*"  # of fleet.html
_SESSIONS_OF_ONE = 10
_TICK_S = 0.02
_METERED_S, _CHANGED_S, _BEAT_S = 10, 30, 60


def status(number: int, connector: int, said: str) -> bytes:
    """A StatusNotification."""
    code = "OtherError" if said == "Faulted" else "NoError"
    return b'[2,"s%d","StatusNotification",{"connectorId":%d,"errorCode":"%s","status":"%s"}]' % (
        number,
        connector,
        code.encode(),
        said.encode(),
    )


class Busy(Station):
    """A station of the fleet: what it asks, it may wait for the answer of."""

    def __init__(self, path: str, key: str | None, tally: Tally) -> None:
        super().__init__(path, key, tally)
        self.name = path.rpartition("/")[2]
        self.transaction = 0
        self.is_charging = True
        self._reply: asyncio.Future[bytes] | None = None

    def _answered(self, payload: bytes) -> None:
        if self._reply is not None:
            self._reply.set_result(payload)
            self._reply = None
        super()._answered(payload)

    async def call(self, payload: bytes) -> bytes:
        """Ask once, when nothing else waits, and return the answer."""
        while self._is_waiting:  # noqa: ASYNC110  # as seldom as that
            await asyncio.sleep(0.005)
        self._reply = asyncio.get_running_loop().create_future()
        self.ask(payload)
        async with asyncio.timeout(60):
            return await self._reply


class Fleet:
    """Stations that are busy at a pace that does not hang on how fast they are answered."""

    def __init__(self, stations: list[Busy], tally: Tally) -> None:
        self.stations = stations
        self.tally = tally
        self.spared: set[Busy] = set()  # somebody else asks for them
        self.changes_per_s = len(stations) / _CHANGED_S
        self._numbers = itertools.count(1)

    async def begin(self) -> None:
        """Say of each connector how it is, and begin to charge at the first."""
        gate = asyncio.Semaphore(50)

        async def one(station: Busy) -> None:
            async with gate:
                for connector in range(2, CONNECTORS + 1):
                    await station.call(status(next(self._numbers), connector, "Available"))
                told = await station.call(
                    b'[2,"start","StartTransaction",{"connectorId":1,"idTag":"BENCH",'
                    b'"meterStart":0,"timestamp":"2026-01-01T00:00:00Z"}]'
                )
                station.transaction = json.decode(told)[2]["transactionId"]
                await station.call(status(next(self._numbers), 1, "Charging"))

        await asyncio.gather(*(one(each) for each in self.stations))

    async def keep_busy(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        count = len(self.stations)
        turns = [itertools.cycle(self.stations) for _ in range(3)]
        due = [0.0, 0.0, 0.0]
        last = loop.time()
        while True:
            await asyncio.sleep(_TICK_S)
            gone, last = loop.time() - last, loop.time()
            paces = (count / _METERED_S, self.changes_per_s, count / _BEAT_S)
            for kind, (turn, pace) in enumerate(zip(turns, paces, strict=True)):
                due[kind] = min(due[kind] + pace * gone, pace)  # of a standstill no more than 1 s
                while due[kind] >= 1:
                    due[kind] -= 1
                    station = next(turn)
                    if station not in self.spared:
                        station.ask(self._said(kind, station))

    def _said(self, kind: int, station: Busy) -> bytes:
        number = next(self._numbers)
        if kind == 0:
            there = b'"transactionId":%d,' % station.transaction
            return meter_values(number).replace(b'"transactionId":7,', there)
        if kind == 1:
            station.is_charging = not station.is_charging
            return status(number, 1, "Charging" if station.is_charging else "SuspendedEV")
        return heartbeat(number)


class Console(asyncio.Protocol):
    """The stream of an open page: counts what it is told."""

    def __init__(self, cookie: str, tally: "Heard") -> None:
        self._cookie = cookie
        self._heard = tally
        self._raw = b""
        self._gzip = zlib.decompressobj(16 + zlib.MAX_WBITS)
        self._transport: asyncio.Transport | None = None
        self.is_open = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(
            f"GET {STREAM} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n"
            f"Accept-Encoding: gzip\r\nCookie: voltkeep={self._cookie}\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        self._heard.octets += len(data)
        self._raw += data
        if not self.is_open.done():
            head, end, rest = self._raw.partition(b"\r\n\r\n")
            if not end:
                return
            assert head.startswith(b"HTTP/1.1 200 "), head
            assert b"content-encoding: gzip" in head.lower(), head
            self._raw = rest
            self.is_open.set_result(None)
        while True:  # chunks (RFC 9112, 7.1)
            size, end, rest = self._raw.partition(b"\r\n")
            if not end or len(rest) < int(size, 16) + 2:
                return
            self._raw = rest[int(size, 16) + 2 :]
            self._told(self._gzip.decompress(rest[: int(size, 16)]))

    def _told(self, content: bytes) -> None:
        self._heard.pieces += 1
        self._heard.events += content.count(b"\nevent: ") + content.startswith(b"event: ")

    def close(self) -> None:
        """As a window that is closed."""
        if self._transport is not None:
            self._transport.close()


@dataclass
class Heard:
    """What all consoles were told."""

    events: int = 0
    pieces: int = 0
    octets: int = 0


@dataclass
class Period:
    """What the server spent meanwhile."""

    cpu_s: float
    seconds: float
    messages: int
    heard: Heard

    @property
    def of_message_us(self) -> float:
        return self.cpu_s / self.messages * 1e6

    @property
    def share(self) -> float:
        """Of one processor."""
        return self.cpu_s / self.seconds


class Bench:
    """A server with its busy fleet, and the sessions of whoever looks at it."""

    def __init__(self, server: psutil.Process, http: int, fleet: Fleet, cookies: list[str]) -> None:
        self.server = server
        self.home = f"http://127.0.0.1:{http}"
        self.fleet = fleet
        self.cookies = cookies
        self._port = http

    def spent(self) -> float:
        """Seconds of CPU until now, of all threads."""
        times = self.server.cpu_times()
        return float(times.user + times.system)

    @contextlib.asynccontextmanager
    async def consoles(self, count: int) -> AsyncIterator[Heard]:
        """So many streams."""
        loop = asyncio.get_running_loop()
        heard, opened = Heard(), []
        for cookie in self.cookies[:count]:
            _, console = await loop.create_connection(
                partial(Console, cookie, heard), "127.0.0.1", self._port
            )
            opened.append(console)
        async with asyncio.timeout(60):
            await asyncio.gather(*(each.is_open for each in opened))
        try:
            yield heard
        finally:
            for each in opened:
                each.close()

    async def period(self, seconds: float, heard: Heard) -> Period:
        """Let time go by."""
        tally = self.fleet.tally
        before, answered, began = self.spent(), tally.total, time.perf_counter()
        told = Heard(heard.events, heard.pieces, heard.octets)
        await asyncio.sleep(seconds)
        return Period(
            self.spent() - before,
            time.perf_counter() - began,
            tally.total - answered,
            Heard(
                heard.events - told.events, heard.pieces - told.pieces, heard.octets - told.octets
            ),
        )

    async def load(self, count: int) -> tuple[float, float]:
        """Seconds, and those of CPU, until so many pages have loaded the whole fleet."""
        began, before = time.perf_counter(), self.spent()
        async with httpx.AsyncClient(base_url=self.home, timeout=120, trust_env=False) as client:
            await asyncio.gather(*(self._open(client, each) for each in self.cookies[:count]))
        return time.perf_counter() - began, self.spent() - before

    async def _open(self, client: httpx.AsyncClient, cookie: str) -> None:
        headers = {"cookie": f"voltkeep={cookie}"}
        (await client.get("/fleet", headers=headers)).raise_for_status()
        for address in ("/fleet/grid.json", "/fleet/charges.json"):
            query: dict[str, str] = {}
            while True:
                answer = await client.get(address, params=query, headers=headers)
                if answer.status_code == 429:
                    await asyncio.sleep(1)
                    continue
                after = answer.raise_for_status().json()["next"]
                if after is None:
                    break
                query = {"cursor": after}


async def sessions(app: App, count: int) -> list[str]:
    """Cookies of so many open sessions, of several people."""
    cookies: list[str] = []
    for number in range(-(-count // _SESSIONS_OF_ONE)):
        user = User(
            station=home(None),
            id=f"bench{number}",
            state=AccountState.ACTIVE,
            at=now(),
            name=f"bench{number}",
            role=Role.ADMINISTRATOR,
            created_at=now(),
        )
        async with app.store.begin() as work:
            await add_user(work, user)
            for _ in range(_SESSIONS_OF_ONE):
                visit = Visit("127.0.0.1")
                cookies.append(await app.services.people.sessions.open(work, user, "bench", visit))
    return cookies


@contextlib.asynccontextmanager
async def running(options: argparse.Namespace) -> AsyncIterator[Bench]:
    """All of it, running."""
    with tempfile.TemporaryDirectory() as directory:
        ocpp, http = free_port(), free_port()
        settings = Settings(data=Path(directory))
        paths = await register(settings, options.stations)
        async with App(settings).running(serve=False) as app:
            cookies = await sessions(app, options.consoles + 1)
        environ = NOTHING_ELSE | {
            "VOLTKEEP_DATA": directory,
            "VOLTKEEP_OCPP": f"127.0.0.1:{ocpp}",
            "VOLTKEEP_HTTP": f"127.0.0.1:{http}",
        }
        command = [sys.executable, "-m", "voltkeep.cli", "serve", "--log-format", "json"]
        with process(command, ocpp, environ) as server:
            tally = Tally()
            made = await connect_as(Busy, ocpp, paths, tally)
            fleet = Fleet(made, tally)
            await fleet.begin()
            busy = asyncio.create_task(fleet.keep_busy())
            try:
                yield Bench(server, http, fleet, cookies)
                gone = sum(station.is_gone for station in made)
                if tally.refused or gone:
                    raise RuntimeError(f"{tally.refused} were refused, and {gone} are gone")
            finally:
                busy.cancel()
                for station in made:
                    station.close()


def row(name: str, *values: str) -> None:
    """Print a line of a table."""
    print(f"| {name:44} | " + " | ".join(f"{each:>14}" for each in values) + " |", flush=True)
