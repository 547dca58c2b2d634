"""Stations as cheap as they come: 1.6 over a bare socket, one message after the other.

A benchmark on one machine measures the server only if the load costs little beside it, so this
writes WebSocket frames by hand (mask zero) and looks at no more of an answer than its first byte.
"""

import asyncio
import base64
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar, cast

_MASK = bytes(4)
BOOT = b'[2,"boot","BootNotification",{"chargePointVendor":"Bench","chargePointModel":"Load"}]'


def frame(payload: bytes) -> bytes:
    """A masked text frame, as a client must send it."""
    size = len(payload)
    head = bytes((0x81, 0x80 | size)) if size < 126 else b"\x81\xfe" + size.to_bytes(2, "big")
    return head + _MASK + payload


def heartbeat(number: int) -> bytes:
    """Always another message id: a repeated one would be answered from a cache."""
    return b'[2,"%d","Heartbeat",{}]' % number


_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_SAMPLES = (
    b'{"value":"%d","context":"Sample.Periodic","measurand":"Energy.Active.Import.Register",'
    b'"unit":"Wh"},'
    b'{"value":"7360.0","context":"Sample.Periodic","measurand":"Power.Active.Import","unit":"W"},'
    b'{"value":"16.0","context":"Sample.Periodic","measurand":"Current.Import","phase":"L1",'
    b'"unit":"A"},'
    b'{"value":"16.1","context":"Sample.Periodic","measurand":"Current.Import","phase":"L2",'
    b'"unit":"A"},'
    b'{"value":"230.4","context":"Sample.Periodic","measurand":"Voltage","phase":"L1-N",'
    b'"unit":"V"},'
    b'{"value":"54","context":"Sample.Periodic","measurand":"SoC","unit":"Percent"}'
)


def meter_values(number: int) -> bytes:
    """Six samples of a new instant: nothing that could be taken for a repetition."""
    at = (_EPOCH + timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    return (
        b'[2,"%d","MeterValues",{"connectorId":1,"transactionId":7,"meterValue":[{"timestamp":"%s",'
        b'"sampledValue":[%s]}]}]' % (number, at, _SAMPLES % (1000 + number))
    )


class Refused(Exception):
    """The upgrade was refused: the status line, and in how many seconds to come back."""

    def __init__(self, status: str, retry_after_s: float | None) -> None:
        super().__init__(status)
        self.retry_after_s = retry_after_s


@dataclass
class Tally:
    """What all stations of a run have seen."""

    answered: int = 0  # since it was last set to none
    total: int = 0
    refused: int = 0
    booted: int = 0
    latencies: list[float] = field(default_factory=list)


class Station(asyncio.Protocol):
    """Connects, boots, and then asks again as soon as it is answered, while `asks` is set."""

    def __init__(self, path: str, key: str | None, tally: Tally) -> None:
        self._path = path
        self._key = key
        self._tally = tally
        self._buffer = b""
        self._is_upgraded = False
        self._asked_at = 0.0
        self._is_waiting = False
        self.is_gone = False
        self._numbers = itertools.count(1)
        self._transport: asyncio.Transport | None = None
        self.asks: Callable[[int], bytes] | None = None
        self.booted = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport = cast("asyncio.Transport", transport)
        user = self._path.rpartition("/")[2]
        basic = base64.b64encode(f"{user}:{self._key}".encode()).decode()
        authorization = f"Authorization: Basic {basic}\r\n" if self._key else ""
        transport.write(
            f"GET {self._path} HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: ocpp1.6\r\n"
            f"{authorization}\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._is_upgraded:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            if b" 101 " not in head.partition(b"\r\n")[0]:
                self._refused(head)
                return
            self._is_upgraded, self._buffer = True, rest
            self._send(BOOT)
        while (payload := self._next()) is not None:
            self._answered(payload)

    def _refused(self, head: bytes) -> None:
        lines = head.decode(errors="replace").split("\r\n")
        waits = [
            line.partition(":")[2] for line in lines if line.lower().startswith("retry-after:")
        ]
        self.close()
        if not self.booted.done():
            self.booted.set_exception(Refused(lines[0], float(waits[0]) if waits else None))

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_gone = True
        if not self.booted.done():
            self.booted.set_exception(ConnectionError("closed before it was booted"))

    def start(self, asks: Callable[[int], bytes]) -> None:
        """Ask this, again and again."""
        self.asks = asks
        self._ask()

    def ask(self, payload: bytes) -> None:
        """Ask this once, unless it is gone or still waits for an answer."""
        if not self.is_gone and not self._is_waiting:
            self._send(payload)

    def close(self) -> None:
        """Leave without a word."""
        if self._transport is not None:
            self._transport.abort()

    def _answered(self, payload: bytes) -> None:
        self._is_waiting = False
        if not self.booted.done():
            assert payload.startswith(b"[3,"), payload
            self._tally.booted += 1
            self.booted.set_result(None)
            return
        if payload.startswith(b"[3,"):
            self._tally.answered += 1
            self._tally.total += 1
            self._tally.latencies.append(time.perf_counter() - self._asked_at)
        else:
            self._tally.refused += 1
        self._ask()

    def _ask(self) -> None:
        if self.asks is not None:
            self._send(self.asks(next(self._numbers)))

    def _send(self, payload: bytes) -> None:
        assert self._transport is not None
        self._asked_at = time.perf_counter()
        self._is_waiting = True
        self._transport.write(frame(payload))

    def _next(self) -> bytes | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        size, start = buffer[1], 2
        if size == 126:
            size, start = int.from_bytes(buffer[2:4], "big"), 4
        if len(buffer) < start + size:
            return None
        self._buffer = buffer[start + size :]
        if buffer[0] & 0x0F != 1:
            return self._next()
        return buffer[start : start + size]


_Kind = TypeVar("_Kind", bound=Station)


def _given(station: _Kind) -> _Kind:
    return station


async def connect(port: int, paths: dict[str, str | None], tally: Tally) -> list[Station]:
    """Connect and boot a station for each path, fifty at a time."""
    return await connect_as(Station, port, paths, tally)


async def connect_as(
    kind: type[_Kind], port: int, paths: dict[str, str | None], tally: Tally
) -> list[_Kind]:
    """`connect`, for stations of a kind of their own."""
    loop = asyncio.get_running_loop()
    stations: list[_Kind] = []
    waiting = list(paths.items())
    while waiting:
        batch, waiting = waiting[:50], waiting[50:]
        new = [kind(path, key, tally) for path, key in batch]
        for station in new:
            await loop.create_connection(partial(_given, station), "127.0.0.1", port)
        await asyncio.wait_for(asyncio.gather(*(station.booted for station in new)), 60)
        stations += new
    return stations
