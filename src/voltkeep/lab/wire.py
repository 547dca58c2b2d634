"""One WebSocket connection of a scripted station: opened or refused, frames in and out, closed."""

import asyncio
import contextlib
import ssl
from typing import Any, NamedTuple

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidMessage,
    InvalidStatus,
    WebSocketException,
)
from websockets.protocol import State
from websockets.typing import Subprotocol

from voltkeep.lab import pem
from voltkeep.lab.log import WireLog
from voltkeep.lab.verdicts import Kind

_LARGEST_MESSAGE = 1 << 20
_MOST_WAITING = 1_000  # frames that nobody has looked at yet
_MOST_OCTETS = 8 << 20  # of them all


class Way(NamedTuple):
    """How to connect: `url` with the station's identity; `at` and `port` are where it really leads.

    ``shows`` is the client certificate that `tls` has, as PEM, for the log: empty if there could be
    one and is none.
    """

    url: str
    subprotocols: tuple[str, ...] = ()
    authorization: str | None = None  # the header, whole
    tls: ssl.SSLContext | None = None
    at: str | None = None
    port: int | None = None
    shows: str | None = None


class NotOpened(Exception):
    """There is no WebSocket connection. `status` is that of the HTTP answer, if one came.

    `ended`: the CSMS ended what had begun, in the TLS handshake or before an answer.
    """

    def __init__(self, words: str, status: int | None = None, *, ended: bool = False) -> None:
        super().__init__(words)
        self.words = words
        self.status = status
        self.ended = ended

    @property
    def is_refusal(self) -> bool:
        """Whether the CSMS said no: nobody listening, silence and 5xx are something else."""
        return self.ended or (self.status is not None and 400 <= self.status < 500)


class Closed(Exception):
    """The CSMS has closed the connection, or it broke; says how."""


class Wire:
    """An open connection. What comes is kept in order until `receive` takes it."""

    def __init__(self, socket: ClientConnection, log: WireLog) -> None:
        self._socket = socket
        self._log = log
        self._came: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self._octets = 0  # that wait in it
        self._end = ""  # how it ended
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, way: Way, log: WireLog, deadline_s: float) -> "Wire":
        """Connect.

        Raises:
            NotOpened: nobody listens, TLS or the upgrade was refused, or nothing came in time.
        """
        headers = {"Authorization": way.authorization} if way.authorization else {}
        offered = [Subprotocol(name) for name in way.subprotocols]
        words = f"GET {way.url} (Sec-WebSocket-Protocol: {', '.join(offered) or 'none'}"
        elsewhere: dict[str, Any] = {"host": way.at} if way.at else {}
        if way.port:
            elsewhere["port"] = way.port
        if way.shows is not None:
            shows = pem.first(way.shows) or "no certificate"
            log.add(Kind.CONNECTION, f"the station shows {shows}")
        log.add(Kind.CONNECTION, words + (", Authorization: Basic •••)" if headers else ")"))
        try:
            socket = await _Connect(
                way.url,
                subprotocols=offered or None,
                additional_headers=headers,
                user_agent_header=None,
                compression=None,
                ping_interval=None,
                open_timeout=deadline_s,
                close_timeout=2.0,
                max_size=_LARGEST_MESSAGE,
                proxy=None,
                ssl=way.tls,
                **elsewhere,
            )
        except (OSError, WebSocketException, EOFError, UnicodeError) as error:
            refusal = not_opened(error, deadline_s)
            log.add(Kind.CONNECTION, refusal.words)
            raise refusal from None
        wire = cls(socket, log)
        if tls := wire.tls:
            suite = (tls.cipher() or ("no suite",))[0]
            shown = ssl.DER_cert_to_PEM_cert(tls.getpeercert(binary_form=True) or b"")
            log.add(Kind.CONNECTION, f"{tls.version()}, {suite}, the CSMS shows {shown.rstrip()}")
        log.add(Kind.CONNECTION, f"HTTP 101, Sec-WebSocket-Protocol: {socket.subprotocol}")
        return wire

    @property
    def subprotocol(self) -> str | None:
        """What the CSMS chose."""
        return self._socket.subprotocol

    @property
    def is_open(self) -> bool:
        """Whether neither side has closed it."""
        return self._socket.state is State.OPEN

    @property
    def tls(self) -> ssl.SSLObject | None:
        """The TLS connection below, if there is one."""
        tls: ssl.SSLObject | None = self._socket.transport.get_extra_info("ssl_object")
        return tls

    async def send(self, frame: bytes | str) -> None:
        """Send a frame. Raises Closed."""
        self._log.frame(Kind.SENT, frame)
        try:
            await self._socket.send(frame, text=True)
        except ConnectionClosed as end:
            raise Closed(self._end or str(end)) from None

    async def receive(self, deadline_s: float) -> str | bytes:
        """The next frame that came.

        Raises:
            TimeoutError: none came in time.
            Closed: none will come.
        """
        async with asyncio.timeout(deadline_s):
            data = await self._came.get()
        if data is None:
            self._came.put_nowait(None)
            raise Closed(self._end)
        self._octets -= len(data)
        return data

    async def wait_closed(self, deadline_s: float) -> None:
        """Wait until the CSMS closes. Raises TimeoutError."""
        async with asyncio.timeout(deadline_s):
            await self._socket.wait_closed()

    async def close(self) -> None:
        """Close it, in the order that the standard has."""
        await self._socket.close()
        self._reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reader

    def abort(self) -> None:
        """Break it, as a power failure does."""
        self._log.add(Kind.CONNECTION, "the station breaks the connection")
        self._socket.transport.abort()

    async def _read(self) -> None:
        try:
            async for data in self._socket:
                self._log.frame(Kind.RECEIVED, data)
                self._octets += len(data)
                if self._came.qsize() >= _MOST_WAITING or self._octets > _MOST_OCTETS:
                    self._end = "more came than anybody could look at"
                    break
                self._came.put_nowait(data)
        except ConnectionClosed:
            pass  # `_close` says how
        finally:
            self._end = self._end or _close(self._socket)
            self._log.add(Kind.CONNECTION, f"closed: {self._end}")
            self._came.put_nowait(None)


class _Connect(connect):
    """Goes where it was sent, and nowhere else: a station does not take its password on."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


def _close(socket: ClientConnection) -> str:
    """How a connection ended."""
    if socket.state is not State.CLOSED:
        return "by the station"
    end = socket.protocol.close_exc
    if end.rcvd is not None:
        side = "CSMS" if end.rcvd_then_sent or end.sent is None else "station"
        return f"by the {side}, {end.rcvd}"
    if end.sent is not None:
        return f"by the station, {end.sent}; no Close frame came"
    return "it broke, without a Close frame"


def not_opened(error: Exception, deadline_s: float) -> NotOpened:
    """What an error in opening a connection says of the CSMS."""
    match error:
        case InvalidStatus():
            status = error.response.status_code
            return NotOpened(f"HTTP {status}, no upgrade", status)
        case TimeoutError():
            return NotOpened(f"no connection in {deadline_s:g} s")
        case ssl.SSLCertVerificationError():
            words = f"the certificate of the CSMS is not believed: {error.verify_message}"
            return NotOpened(words)
        case ssl.SSLError():
            return NotOpened(f"TLS was ended: {error.reason or error}", ended=True)
        case ConnectionResetError() | BrokenPipeError() | InvalidMessage() | EOFError():
            cause = error.__cause__ or error
            words = f"the connection was ended before an answer: {cause}".removesuffix(": ")
            return NotOpened(words, ended=True)
        case _:
            return NotOpened(f"no connection: {error}")
