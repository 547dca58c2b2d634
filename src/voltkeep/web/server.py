"""HTTP listeners in our own event loop: uvicorn's protocol, without its signals and its logs."""

import asyncio
import contextlib
import ssl
from typing import Any

import h11
import structlog
from litestar.types import ASGIApp
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from voltkeep.config import Address

log = structlog.get_logger(__name__)

_CONNECTIONS = 512
_HEAD_BYTES = 16 * 1024
_HEAD_TIMEOUT_S = 10.0
_KEEP_ALIVE_S = 5
_TLS_HANDSHAKE_S = 10.0
_BACKLOG = 512


class _Protocol(H11Protocol):
    """uvicorn's, which waits for ever for the head of a request: this one does not."""

    most_connections = _CONNECTIONS
    unread_s: float | None = None
    _deadline: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if len(self.connections) > self.most_connections:
            transport.abort()
            return
        self._expect_head()

    def handle_events(self) -> None:
        super().handle_events()
        if self.conn.their_state is not h11.IDLE:
            self._stop_waiting()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        # What has begun to arrive of the next request must go on arriving.
        if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            self._expect_head()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self.unread_s is not None:
            self._unread = self.loop.call_later(self.unread_s, self.transport.abort)

    def resume_writing(self) -> None:
        self._stop_minding()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self._stop_minding()
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        self._stop_waiting()
        self._deadline = self.loop.call_later(_HEAD_TIMEOUT_S, self.transport.abort)

    def _stop_minding(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class HttpServer:
    """Serves one application on any number of listeners."""

    def __init__(
        self, app: ASGIApp, *, connections: int = _CONNECTIONS, unread_s: float | None = None
    ) -> None:
        """At ``connections`` of them, another one is closed at once.

        Who does not read what we send for ``unread_s`` is cut off.
        """
        self._connections = connections
        self._unread_s = unread_s
        self._config = Config(
            app,
            http=_Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
            h11_max_incomplete_event_size=_HEAD_BYTES,
        )
        self._config.load()
        self._state = ServerState()
        self._servers: list[asyncio.Server] = []
        self._tls: ssl.SSLContext | None = None

    def use_tls(self, tls: ssl.SSLContext) -> None:
        """What new handshakes present."""
        self._tls = tls

    async def listen(self, address: Address, *, secured: bool = False) -> Address:
        """Open a listener, for HTTPS if secured. Raises OSError when the address cannot be had."""
        tls = self._switch() if secured else None
        server = await asyncio.get_running_loop().create_server(
            self._protocol,
            address.host,
            address.port,
            ssl=tls,
            ssl_handshake_timeout=_TLS_HANDSHAKE_S if tls else None,
            backlog=_BACKLOG,
        )
        self._servers.append(server)
        host, port, *_ = server.sockets[0].getsockname()
        return Address(host, port)

    def _protocol(self) -> _Protocol:
        protocol = _Protocol(config=self._config, server_state=self._state, app_state={})
        protocol.most_connections = self._connections
        protocol.unread_s = self._unread_s
        return protocol

    def _switch(self) -> ssl.SSLContext:
        """A listener's context cannot be changed, but each handshake can be given another.

        It brings its certificates and suites; versions and options are of the first.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= (
            ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
        )

        def present(connection: ssl.SSLObject | ssl.SSLSocket, *_: object) -> None:
            if self._tls is not None:
                connection.context = self._tls

        context.sni_callback = present
        return context

    async def close(self, *, patience_s: float = 2.0) -> None:
        """Stop listening; transfers under way have a moment to end."""
        for server in self._servers:
            server.close()
        for connection in list(self._state.connections):
            connection.shutdown()
        tasks = list(self._state.tasks)
        if tasks:
            await asyncio.wait(tasks, timeout=patience_s)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in list(self._state.connections):
            with contextlib.suppress(AttributeError):
                connection.transport.abort()
