"""TLS between a connection and its socket, over `ssl.SSLObject` and two buffers.

The loop's own `start_tls` allocates before a single byte has come, takes its turns whenever it
likes, and hides why a handshake failed (ADR 0008).
"""

import asyncio
import contextlib
import ssl
from collections import deque
from collections.abc import Callable
from typing import Protocol, cast

_RECORD = 16 * 1024  # bytes: what one TLS record carries at most
_TURN_S = 0.005  # of handshakes, before everybody else has a turn
_HANDSHAKE_BYTES = 128 * 1024  # of a client that is not in yet: a chain of certificates is less
_HANDSHAKE_RECORD = 0x16


class HandshakeFailed(Exception):
    """No TLS came about. ``reason`` is OpenSSL's word for it, or one of ours."""

    def __init__(self, reason: str, detail: str = "", *, begin: bytes = b"") -> None:
        super().__init__(detail or reason)
        self.reason = reason
        self.detail = detail
        self.begin = begin  # the first bytes, when they were no TLS


class Turns:
    """Handshakes take turns with everything else: connected stations are served in between."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[TlsLink] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def queue(self, link: "TlsLink") -> None:
        """Let the link take its step when its turn comes."""
        if not self._waiting:
            self._loop.call_soon(self._run)
        self._waiting.append(link)

    def _run(self) -> None:
        until = self._loop.time() + _TURN_S
        while self._waiting:
            self._waiting.popleft().step()
            if self._loop.time() >= until:
                break
        if self._waiting:
            self._loop.call_soon(self._run)


class Upper(Protocol):
    """The socket above: what `asyncio.Protocol` has, and a word why it ended."""

    reason: str

    def connection_made(self, transport: asyncio.BaseTransport) -> None: ...
    def data_received(self, data: bytes) -> None: ...
    def eof_received(self) -> bool | None: ...
    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...
    def connection_lost(self, exc: Exception | None) -> None: ...


class TlsLink(asyncio.Protocol, asyncio.Transport):
    """The protocol of a TCP connection, and the transport of the socket above it.

    The socket is there from the beginning, with its deadline; it hears nothing before the
    handshake is done. ``on_failed`` is told once why none came about.
    """

    __slots__ = (
        "_context",
        "_has_failed",
        "_incoming",
        "_is_done",
        "_is_queued",
        "_object",
        "_on_failed",
        "_outgoing",
        "_raw",
        "_received",
        "_turns",
        "_upper",
    )

    def __init__(
        self,
        context: Callable[[], ssl.SSLContext],
        upper: Upper,
        turns: Turns,
        on_failed: "Callable[[TlsLink, HandshakeFailed], None]",
    ) -> None:
        super().__init__()
        self._context = context
        self._upper = upper
        self._turns = turns
        self._on_failed = on_failed
        self._raw: asyncio.Transport | None = None
        self._object: ssl.SSLObject | None = None  # made when the first byte has come
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._received = 0
        self._is_queued = False
        self._is_done = False
        self._has_failed = False

    # The protocol of the TCP connection.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._raw = cast("asyncio.Transport", transport)
        self._upper.connection_made(self)

    def data_received(self, data: bytes) -> None:
        if self._is_done:
            self._incoming.write(data)
            self._read()
            return
        if self._object is None:
            if data[0] != _HANDSHAKE_RECORD:
                self._failed(HandshakeFailed("NO_TLS", "no TLS was spoken", begin=data[:16]))
                return
            self._object = self._context().wrap_bio(
                self._incoming, self._outgoing, server_side=True
            )
        self._received += len(data)
        if self._received > _HANDSHAKE_BYTES:
            self._failed(HandshakeFailed("TOO_LONG", "the handshake was too long"))
            return
        self._incoming.write(data)
        if not self._is_queued:
            self._is_queued = True
            self._turns.queue(self)

    def eof_received(self) -> bool | None:
        if self._is_done:
            return self._upper.eof_received()
        return None

    def pause_writing(self) -> None:
        self._upper.pause_writing()

    def resume_writing(self) -> None:
        self._upper.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._is_done and self._received and not self._has_failed:
            # Who said nothing at all was a port scan, or a health check: nobody need hear of it.
            is_slow = bool(self._upper.reason)
            self._failed(HandshakeFailed("TOO_SLOW" if is_slow else "LEFT"))
        self._raw = None
        self._upper.connection_lost(exc)

    # The handshake.

    def step(self) -> None:
        """Go on with the handshake, with what has come of it."""
        self._is_queued = False
        if self._raw is None or self._raw.is_closing() or self._object is None:
            return
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
        except ssl.SSLError as error:
            self._flush()  # the alert
            detail = getattr(error, "verify_message", "") or str(error)
            self._failed(HandshakeFailed(error.reason or "SSL_ERROR", detail))
        else:
            self._is_done = True
            self._flush()
            self._read()

    def _failed(self, failure: HandshakeFailed) -> None:
        self._has_failed = True
        self._upper.reason = self._upper.reason or f"TLS: {failure}"
        self._on_failed(self, failure)
        if self._raw is not None:
            self._raw.close()

    def _read(self) -> None:
        assert self._object is not None
        while self._raw is not None and not self._raw.is_closing():
            try:
                data = self._object.read(_RECORD)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLError as error:
                # An alert, or no TLS any more. A bad client certificate shows only here in 1.3.
                self._upper.reason = self._upper.reason or f"TLS: {error.reason or error}"
                self._flush()
                self.abort()
                return
            if not data:  # close_notify
                self._upper.eof_received()
                self.close()
                return
            self._upper.data_received(data)
        self._flush()

    def _flush(self) -> None:
        if self._outgoing.pending and self._raw is not None and not self._raw.is_closing():
            self._raw.write(self._outgoing.read())

    def write_plain(self, data: bytes) -> None:
        """To a peer that spoke no TLS."""
        if self._raw is not None and self._object is None:
            self._raw.write(data)

    # The transport of the socket.

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._raw is None or self._raw.is_closing() or not self._is_done:
            return
        assert self._object is not None
        try:
            self._object.write(data)
        except ssl.SSLError as error:
            self._upper.reason = self._upper.reason or f"TLS: {error.reason or error}"
            self.abort()
            return
        self._flush()

    def close(self) -> None:
        if self._raw is None or self._raw.is_closing():
            return
        if self._is_done and self._object is not None:
            # Says close_notify, and does not wait for theirs.
            with contextlib.suppress(ssl.SSLError):
                self._object.unwrap()
            self._flush()
        self._raw.close()

    def abort(self) -> None:
        if self._raw is not None:
            self._raw.abort()

    def is_closing(self) -> bool:
        return self._raw is None or self._raw.is_closing()

    def pause_reading(self) -> None:
        if self._raw is not None:
            self._raw.pause_reading()

    def resume_reading(self) -> None:
        if self._raw is not None:
            self._raw.resume_reading()

    @property
    def certificate(self) -> bytes | None:
        """The certificate that the client has proven to hold, as DER."""
        if not self._is_done or self._object is None:
            return None
        return self._object.getpeercert(binary_form=True)

    def get_extra_info(self, name: str, default: object = None) -> object:
        if name == "ssl_object":
            return self._object
        if name == "certificate":
            return self.certificate
        return self._raw.get_extra_info(name, default) if self._raw is not None else default
