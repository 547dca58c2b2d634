"""One WebSocket connection of a scripted station: opened or refused, frames in and out, closed."""

import asyncio
import contextlib
import ssl
from typing import NamedTuple

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidMessage,
    InvalidStatus,
    WebSocketException,
)
from websockets.typing import Subprotocol

from voltkeep.lab.log import WireLog
from voltkeep.lab.verdicts import Kind

_LARGEST_MESSAGE = 1 << 20
_MOST_WAITING = 1_000  # frames that nobody has looked at yet


class Way(NamedTuple):
    """How to connect: `url` with the station's identity; `at` is where its host really is."""

    url: str
    subprotocols: tuple[str, ...] = ()
    authorization: str | None = None  # the header, whole
    tls: ssl.SSLContext | None = None
    at: str | None = None


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
        self._came: asyncio.Queue[str | bytes | None] = asyncio.Queue(_MOST_WAITING)
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
        log.add(Kind.CONNECTION, words + (", Authorization: Basic •••)" if headers else ")"))
        try:
            socket = await connect(
                way.url,
                host=way.at,
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
            )
        except (OSError, WebSocketException, EOFError) as error:
            refusal = _not_opened(error, deadline_s)
            log.add(Kind.CONNECTION, refusal.words)
            raise refusal from None
        log.add(Kind.CONNECTION, f"HTTP 101, Sec-WebSocket-Protocol: {socket.subprotocol}")
        return cls(socket, log)

    @property
    def subprotocol(self) -> str | None:
        """What the CSMS chose."""
        return self._socket.subprotocol

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
            raise Closed(str(end)) from None

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
            raise Closed(_close(self._socket))
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
        with contextlib.suppress(ConnectionClosed, asyncio.QueueFull):
            async for data in self._socket:
                self._log.frame(Kind.RECEIVED, data)
                # At the last place but one: the end has a place of its own.
                if self._came.qsize() >= _MOST_WAITING - 1:
                    break
                self._came.put_nowait(data)
        self._log.add(Kind.CONNECTION, f"closed: {_close(self._socket)}")
        self._came.put_nowait(None)


def _close(socket: ClientConnection) -> str:
    if socket.close_code is None:
        return "more frames came than anybody could look at"
    return f"{socket.close_code} {socket.close_reason or ''}".rstrip()


def _not_opened(error: Exception, deadline_s: float) -> NotOpened:
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
            words = f"the connection was ended before an answer: {cause}"
            return NotOpened(words, ended=True)
        case _:
            return NotOpened(f"no connection: {error}")
