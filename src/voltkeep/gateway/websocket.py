"""One WebSocket, between the event loop and the sans-I/O protocol of `websockets`.

The reader is no task but the transport's own callback: it cannot wait for anything, so the
deadlock of a reader that handles calls cannot be written here (ADR 0003).
"""

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Any, Protocol, cast

from websockets.exceptions import InvalidMessage
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import CONNECTING, OPEN
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from voltkeep.gateway.limits import Limits

TLS_ON_PLAIN = "TLS was spoken to a port without TLS"
_HELLO = b"\x16\x03"  # a TLS record of the handshake: no HTTP method begins like that
_BAD_REQUEST = (
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 25\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n\r\nThis is no HTTP request.\n"
)

_SLICE = 4096  # bytes given to the parser at once: a flood of tiny frames meets its budget early
_DATA = (Opcode.TEXT, Opcode.BINARY)

# `websockets` logs every connection; what matters of it is in our own log.
_silent = logging.getLogger("voltkeep.websockets")
_silent.setLevel(logging.CRITICAL)

# Bounded by max_size while inflating. Without context takeover an idle connection keeps no window.
_DEFLATE = ServerPerMessageDeflateFactory(
    server_no_context_takeover=True,
    client_no_context_takeover=True,
    server_max_window_bits=12,
    client_max_window_bits=12,
    compress_settings={"memLevel": 4},
)


def _head(size: int) -> bytes:
    """What goes before a text message of so many bytes."""
    if size < 126:
        return bytes((0x81, size))
    if size < 2**16:
        return b"\x81\x7e" + size.to_bytes(2, "big")
    return b"\x81\x7f" + size.to_bytes(8, "big")


class Listener(Protocol):
    """Who gets the messages of an accepted socket. Nothing here may wait."""

    def on_message(self, data: bytes, *, is_text: bool) -> None: ...
    def on_oversize(self, head: bytes, size: int) -> None: ...
    def on_lost(self, reason: str) -> None: ...


class Socket(asyncio.Protocol):
    """A server-side WebSocket that knows its limits.

    ``on_request`` is called once, with the upgrade request; it answers, now or later, with
    `accept` or `reject`. ``on_closed`` is called once, whatever happened.
    """

    __slots__ = (
        "_at",
        "_bytes",
        "_closing",
        "_fragments",
        "_head",
        "_limits",
        "_listener",
        "_loop",
        "_may_stay",
        "_on_closed",
        "_on_request",
        "_paused",
        "_peer",
        "_protocol",
        "_rest",
        "_size",
        "_timer",
        "_tokens",
        "_transport",
        "demands_certificate",
        "forwarded_for",
        "heard_at",
        "pings",
        "reason",
    )

    def __init__(
        self,
        limits: Limits,
        on_request: "Callable[[Socket, Request], None]",
        on_closed: "Callable[[Socket], None]",
        *,
        may_stay: "Callable[[Socket], bool]" = lambda _: True,
        demands_certificate: bool = False,
    ) -> None:
        self._limits = limits
        self._may_stay = may_stay
        self._on_request = on_request
        self._on_closed = on_closed
        self._listener: Listener | None = None
        self._loop = asyncio.get_running_loop()
        self._protocol = ServerProtocol(max_size=limits.discard_bytes, logger=_silent)
        self._transport: asyncio.Transport | None = None
        self._peer: tuple[Any, ...] | None = None  # kept: it is told of when it has left, too
        self._fragments: list[bytes] | None = None
        self._head: Opcode | None = None
        self._size = 0
        self._rest: bytes = b""
        self._paused: set[str] | frozenset[str] = frozenset()
        self._tokens = limits.frames_burst
        self._bytes = limits.bytes_burst
        self._at = self.heard_at = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self._closing: asyncio.TimerHandle | None = None
        self.pings = 0  # since it was last heard
        self.reason = ""
        self.forwarded_for = ""
        self.demands_certificate = demands_certificate

    # The transport's callbacks.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self._peer = peer if isinstance(peer, tuple) else None
        if not self._may_stay(self):
            self.abort("too many connections from there")
            return
        raw = transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._timer = self._loop.call_later(
            self._limits.handshake_timeout_s, self._too_late, "handshake took too long"
        )

    def data_received(self, data: bytes) -> None:
        self.heard_at = self._loop.time()
        self.pings = 0
        if self._protocol.state is CONNECTING:
            if not self._size and data.startswith(_HELLO):
                self.abort(TLS_ON_PLAIN)
                return
            self._size += len(data)
            if self._size > self._limits.request_bytes:
                self.reject(431, "The request is too large.")
                return
        self._feed(data)

    def eof_received(self) -> None:
        self._protocol.receive_eof()
        self._flush()

    def pause_writing(self) -> None:
        """The peer does not read: read nothing of it either, and do not wait for ever."""
        self.pause("writing")
        self._arm(self._limits.write_timeout_s, "the station does not read")

    def resume_writing(self) -> None:
        self._disarm()
        self.resume("writing")

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        if self._closing is not None:
            self._closing.cancel()
        self._transport = self._fragments = None
        self._rest = b""
        if not self.reason:
            code = self._protocol.close_rcvd
            self.reason = f"closed by the station ({code.code})" if code else "connection lost"
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.on_lost(self.reason)
        self._on_closed(self)

    # The opening handshake.

    @property
    def is_tls(self) -> bool:
        return self._info("ssl_object") is not None

    @property
    def certificate(self) -> bytes | None:
        """The certificate (DER) that the client has proven to hold."""
        return cast("bytes | None", self._info("certificate"))

    @property
    def remote_address(self) -> str:
        """Host and port of the peer, or the client's host where a trusted proxy says it."""
        if self.forwarded_for:
            return self.forwarded_for
        if self._peer is None:
            return "unknown"
        host, port = self._peer[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    @property
    def remote_host(self) -> str:
        """The address of the peer itself, be it a proxy; "" if it left at once."""
        return str(self._peer[0]) if self._peer is not None else ""

    def prepare(self, request: Request, subprotocol: str, *, deflate: bool) -> Response | None:
        """The answer that `upgrade` sends; None, and a refusal sent, if it is no upgrade."""
        self._protocol.available_subprotocols = [Subprotocol(subprotocol)]
        self._protocol.available_extensions = [_DEFLATE] if deflate else None
        response = self._protocol.accept(request)
        if response.status_code == 101:
            return response
        self._respond(response)
        return None

    def upgrade(self, response: Response, listener: Listener) -> bool:
        """Let the peer in. False if it has left."""
        if not self.is_connected:
            return False
        self._respond(response)
        self._listener = listener
        self.resume("handshake")
        return True

    def reject(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        """Answer the upgrade request with an HTTP status and close."""
        response = self._protocol.reject(status, text + "\n")
        for name, value in (headers or {}).items():
            response.headers[name] = value
        self._respond(response)

    def _respond(self, response: Response) -> None:
        self._disarm()
        if self._transport is None or self._transport.is_closing():
            return
        self._protocol.send_response(response)
        self._flush()

    # Messages out.

    @property
    def is_connected(self) -> bool:
        """Whether the peer is still there, upgraded or not."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def is_open(self) -> bool:
        return self._transport is not None and self._protocol.state is OPEN

    def send(self, message: bytes) -> bool:
        """Send a text message. False if the socket is no longer open."""
        if not self.is_open or self._transport is None:
            return False
        if self._protocol.extensions or self._protocol.writes:
            self._protocol.send_text(message)
            self._flush()
        else:
            # RFC 6455, 5.2: a whole text message of a server is a head of a few bytes before it.
            # Half of what we send is "{}", and the library takes longer over it than all else.
            self._transport.write(_head(len(message)) + message)
        return True

    def ping(self) -> None:
        """Ask the peer for a sign of life."""
        self.pings += 1
        if self.is_open:
            self._protocol.send_ping(b"")
            self._flush()

    def close(self, code: int, reason: str) -> None:
        """Start the closing handshake; the peer has a few seconds for its part."""
        self.reason = self.reason or reason
        if self.is_open:
            self._protocol.send_close(code, reason[:120])
            self._flush()
            timeout = self._limits.close_timeout_s
            self._closing = self._loop.call_later(timeout, self.abort, reason)
        elif self._transport is not None and self._protocol.state is CONNECTING:
            self.abort(reason)

    def abort(self, reason: str) -> None:
        """Drop the connection now."""
        self.reason = self.reason or reason
        if self._transport is not None:
            self._transport.abort()

    # Reading, and not reading.

    def pause(self, why: str) -> None:
        """Stop reading, for this reason among others: TCP pushes back."""
        if not self._paused and self._transport is not None:
            self._transport.pause_reading()
        self._paused = self._paused | {why}

    def resume(self, why: str) -> None:
        """Read on, once no reason is left."""
        if why not in self._paused:
            return
        self._paused = self._paused - {why}
        if not self._paused and self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
            if self._rest:
                rest, self._rest = self._rest, b""
                self._feed(rest)

    def _feed(self, data: bytes) -> None:
        for start in range(0, len(data), _SLICE):
            if self._paused:
                self._rest += data[start:]
                return
            if self._protocol.reader.eof or self._transport is None:
                return
            self._protocol.receive_data(
                data[start : start + _SLICE] if start or len(data) > _SLICE else data
            )
            events = self._protocol.events_received()
            for event in events:
                if isinstance(event, Frame):
                    self._frame(event)
                else:
                    self.pause("handshake")
                    self._on_request(self, cast("Request", event))
            if self._protocol.writes:  # a pong, or the closing handshake
                if isinstance(self._protocol.handshake_exc, InvalidMessage):
                    self._transport.write(_BAD_REQUEST)  # the library just closes
                self._let_go()
                self._flush()
            self._spend(len(events), min(_SLICE, len(data) - start))

    def _let_go(self) -> None:
        """Keep of what broke the parser its words alone.

        Its traceback holds what was inflated so far, a megabyte of a bomb, in a cycle that only
        the garbage collector ends, which seldom looks.
        """
        error = self._protocol.parser_exc
        if error is not None:
            error.__traceback__ = error.__cause__ = error.__context__ = None

    def _spend(self, frames: int, size: int) -> None:
        """Take frames and bytes off the budgets; over one, read nothing until it is filled up."""
        limits, now = self._limits, self._loop.time()
        passed, self._at = now - self._at, now
        tokens = min(limits.frames_burst, self._tokens + passed * limits.frames_per_s)
        allowed = min(limits.bytes_burst, self._bytes + passed * limits.bytes_per_s)
        self._tokens, self._bytes = tokens - frames, allowed - size
        if (self._tokens < 0 or self._bytes < 0) and "budget" not in self._paused:
            wait = max(-self._tokens / limits.frames_per_s, -self._bytes / limits.bytes_per_s)
            self.pause("budget")
            self._loop.call_later(wait, self.resume, "budget")

    def _frame(self, frame: Frame) -> None:
        if frame.opcode in _DATA:
            if frame.fin:
                self._message(bytes(frame.data), frame.opcode)
            else:
                self._head, self._fragments = frame.opcode, [bytes(frame.data)]
        elif frame.opcode is Opcode.CONT and self._fragments is not None:
            self._fragments.append(bytes(frame.data))
            if len(self._fragments) > self._limits.fragments_per_message:
                self._fragments = None
                self._fail(1009, "too many fragments")
            elif frame.fin:
                data, self._fragments = b"".join(self._fragments), None
                self._message(data, self._head or Opcode.TEXT)

    def _message(self, data: bytes, opcode: Opcode) -> None:
        listener = self._listener
        # After our close frame nothing is read any more; what came before the peer's is, though the
        # library has answered that already when both come at once.
        is_over = self._protocol.state is not OPEN and not self._protocol.close_rcvd_then_sent
        if listener is None or is_over:
            return
        if len(data) > self._limits.message_bytes:
            listener.on_oversize(data[:256], len(data))
            return
        listener.on_message(data, is_text=opcode is Opcode.TEXT)

    def fail_encoding(self) -> None:
        """RFC 6455, 8.1: a text message that is no UTF-8 fails the connection."""
        self._fail(1007, "a text message must be UTF-8")

    def _fail(self, code: int, reason: str) -> None:
        self.reason = self.reason or reason
        self._protocol.fail(code, reason)
        self._flush()

    def _flush(self) -> None:
        transport, writes = self._transport, self._protocol.data_to_send()
        if transport is None:
            return
        if len(writes) == 1 and writes[0]:
            transport.write(writes[0])
            return
        for data in writes:
            if data:
                transport.write(data)
            else:
                self.reason = self.reason or self._why()
                transport.close()

    def _why(self) -> str:
        error = self._protocol.parser_exc
        if error is None or isinstance(error, EOFError):
            return ""
        return str(error)[:120]

    def _arm(self, seconds: float, reason: str) -> None:
        self._disarm()
        self._timer = self._loop.call_later(seconds, self._too_late, reason)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_late(self, reason: str) -> None:
        self._timer = None
        self.abort(reason)

    def _info(self, name: str) -> object:
        return self._transport.get_extra_info(name) if self._transport is not None else None
