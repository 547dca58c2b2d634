"""The listener: lets stations in, keeps them alive, and lets them go slowly at shutdown."""

import asyncio
import contextlib
import random
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from msgspec import Struct
from websockets.http11 import Request

from voltkeep.dialects.dialect import Dialect, Services
from voltkeep.domain.identity import StationId
from voltkeep.domain.stations import Station
from voltkeep.gateway import handshake
from voltkeep.gateway.connection import Connection, Surroundings, patience
from voltkeep.gateway.limits import Limits
from voltkeep.gateway.stations import LocalStations
from voltkeep.gateway.websocket import Socket
from voltkeep.services.ports import Clock, Exchange, StoreUnavailable
from voltkeep.services.security import Knock, SecurityService, TooBusy

log = structlog.get_logger(__name__)

_UNAUTHORIZED = {"WWW-Authenticate": 'Basic realm="Voltkeep", charset="UTF-8"'}
_TICK_S = 1.0
_SEEN_EVERY = 5  # ticks


class _Refused(Exception):
    """An upgrade request is answered with an HTTP status."""

    def __init__(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = headers or {}


class Address(Struct, frozen=True):
    """Where a listener listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Gateway:
    """Owns the sockets of stations, and the one ticker that watches them."""

    def __init__(
        self,
        *,
        dialects: Mapping[str, Dialect],
        services: Services,
        security: SecurityService,
        stations: LocalStations,
        log_exchange: Callable[[Exchange], None],
        clock: Clock,
        limits: Limits,
        compression: bool,
    ) -> None:
        self._dialects = dialects
        self._services = services
        self._provisioning = services.provisioning
        self._security = security
        self._stations = stations
        self._clock = clock
        self._limits = limits
        self._compression = compression
        self._surroundings = Surroundings(
            services=services,
            log_exchange=log_exchange,
            clock=clock,
            limits=limits,
            on_gone=self._gone,
        )
        self._sockets: dict[Socket, Connection | None] = {}
        self._seen: dict[StationId, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(limits.handshakes_at_once)
        self._servers: list[asyncio.Server] = []
        self._is_draining = False
        self._empty = asyncio.Event()

    async def listen(self, host: str, port: int) -> Address:
        """Open a plain listener. Raises OSError when the address cannot be had."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(self._socket, host, port, backlog=4096)
        self._servers.append(server)
        name = server.sockets[0].getsockname()
        if not self._tasks:
            self._spawn(self._tick())
        return Address(name[0], name[1])

    async def close(self) -> None:
        """Stop listening, let calls in progress finish, and send everybody away (1012)."""
        self._is_draining = True
        for server in self._servers:
            server.close()
        connections = list(self._stations)
        random.shuffle(connections)
        pace = self._limits.drain_s / 2 / max(len(connections), 1)
        for connection in connections:
            self._spawn(self._see_off(connection))
            await asyncio.sleep(min(pace, 0.01))
        if self._sockets:
            self._empty.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), self._limits.drain_s)
        for socket in list(self._sockets):
            socket.abort("the server is shutting down")
        await asyncio.sleep(0)
        for task in list(self._tasks):
            if task.get_name() != "disconnect":
                task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._limits.drain_s)
        await self._store_seen()

    async def _see_off(self, connection: Connection) -> None:
        await connection.settled()
        connection.close(1012, "the server is restarting; come back soon")

    def drop(self, station: StationId, reason: str) -> None:
        """Close the connection of a station that may no longer be connected as it is."""
        connection = self._stations.get(station)
        if connection is not None:
            connection.close(1008, reason)

    # The handshake.

    def _socket(self) -> Socket:
        socket = Socket(self._limits, self._requested, self._closed)
        self._sockets[socket] = None
        return socket

    def _closed(self, socket: Socket) -> None:
        self._sockets.pop(socket, None)
        if not self._sockets:
            self._empty.set()

    def _requested(self, socket: Socket, request: Request) -> None:
        self._spawn(self._shake_hands(socket, request))

    async def _shake_hands(self, socket: Socket, request: Request) -> None:
        started = asyncio.get_running_loop().time()
        try:
            async with self._slots:
                await self._let_in(socket, request)
        except _Refused as refused:
            if refused.status == 401:
                # Unknown, wrong and missing look alike, and take equally long.
                taken = asyncio.get_running_loop().time() - started
                await asyncio.sleep(max(0.0, self._limits.refusal_takes_s - taken))
            socket.reject(refused.status, refused.text, refused.headers)
        except Exception:
            log.exception("handshake failed", remote=socket.remote_address)
            socket.reject(500, "The server failed; see its log.")

    async def _let_in(self, socket: Socket, request: Request) -> None:
        station_id = self._address(socket, request)
        station = await self._admit(socket, request, station_id)
        dialect = self._dialect(socket, request, station_id)
        try:
            epoch = await self._provisioning.connect(
                station, subprotocol=dialect.subprotocol, remote_address=socket.remote_address
            )
        except StoreUnavailable:
            raise _unavailable("The database is away.") from None
        connection = Connection(socket, station, epoch, dialect, self._surroundings)
        accepted = socket.accept(
            request,
            connection,
            dialect.subprotocol,
            deflate=self._compression and dialect.requires_compression_offer,
        )
        if not accepted:
            await self._disconnect(station_id, epoch, "the upgrade failed")
            return
        self._sockets[socket] = connection
        if not self._stations.admit(connection):
            connection.fence()
            return
        self._provisioning.remember(station)
        log.info(
            "station connected",
            station=str(station_id),
            subprotocol=dialect.subprotocol,
            remote=socket.remote_address,
            epoch=epoch,
        )

    def _address(self, socket: Socket, request: Request) -> StationId:
        if self._is_draining:
            raise _unavailable("The server is restarting.")
        if len(self._sockets) > self._limits.max_connections:
            log.warning("too many connections", limit=self._limits.max_connections)
            raise _unavailable("Too many connections.")
        if handshake.is_browser(request):
            raise _Refused(403, "This address is for charging stations, not for browsers.")
        try:
            return handshake.address(request.path)
        except handshake.Unaddressed as error:
            log.warning("refused: no such address", remote=socket.remote_address, why=str(error))
            raise _Refused(404, f"Connect to /{handshake.PREFIX}/STATION.") from None

    async def _admit(self, socket: Socket, request: Request, station_id: StationId) -> Station:
        basic = handshake.basic(request.headers, station_id)
        knock = Knock(
            station=station_id,
            tls=socket.is_tls,
            user=basic.user if basic else None,
            password=basic.password if basic else b"",
            remote_address=socket.remote_address,
        )
        try:
            admission = await self._security.admit(knock)
        except StoreUnavailable:
            raise _unavailable("The database is away.") from None
        except TooBusy:
            raise _unavailable("Too many stations at once.") from None
        if admission.station is None:
            log.warning(
                "refused",
                station=str(station_id),
                remote=socket.remote_address,
                why=admission.verdict.value,
            )
            raise _Refused(401, "Unauthorized.", _UNAUTHORIZED)
        return admission.station

    def _dialect(self, socket: Socket, request: Request, station_id: StationId) -> Dialect:
        offers = handshake.offered(request.headers)
        chosen = handshake.choose(offers, self._dialects)
        if chosen is None:
            # OCPP-J 1.6 would complete the handshake and close; its test tool, and sense, refuse.
            spoken = ", ".join(self._dialects)
            why = f"no common subprotocol: offered {', '.join(offers)[:100] or 'none'}"
            self._security.refused(station_id, socket.remote_address, why)
            log.warning("refused", station=str(station_id), remote=socket.remote_address, why=why)
            raise _Refused(400, f"Sec-WebSocket-Protocol must name one of: {spoken}.")
        return self._dialects[chosen]

    # The end of a connection.

    def _gone(self, connection: Connection, reason: str) -> None:
        was_live = self._stations.discard(connection)
        if was_live:
            self._provisioning.forget(connection.station)
            self._services.availability.disconnected(connection.station)
        log.info(
            "station disconnected",
            station=str(connection.station),
            reason=reason,
            epoch=connection.epoch,
        )
        self._spawn(
            self._disconnect(connection.station, connection.epoch, reason), name="disconnect"
        )

    async def _disconnect(self, station: StationId, epoch: int, reason: str) -> None:
        """Note the end of a connection, however long the database is away."""
        attempt = 0
        while True:
            try:
                await self._provisioning.disconnect(station, epoch, reason)
            except StoreUnavailable:
                if self._is_draining:
                    return  # the next start finds it connected, and corrects that
                await asyncio.sleep(patience(attempt))
                attempt += 1
            else:
                return

    # The ticker.

    async def _tick(self) -> None:
        """One walk a second over all sockets: who is silent is pinged, and then let go."""
        tick = 0
        while True:
            await asyncio.sleep(_TICK_S)
            tick += 1
            self._watch()
            if tick % _SEEN_EVERY == 0:
                await self._store_seen()

    def _watch(self) -> None:
        interval = self._limits.ping_interval_s
        if not interval:
            return
        now = asyncio.get_running_loop().time()
        for socket, connection in list(self._sockets.items()):
            if connection is None:
                continue
            if not connection.can_be_pinged:
                continue  # TCP keep-alive and the station's own heartbeats must do
            # Stations that came back together need not be pinged together.
            due = interval * (0.8 + hash(connection.station) % 41 / 100)
            silent = now - socket.heard_at
            if silent > due * (self._limits.ping_misses + 1):
                socket.abort("no sign of life")
            elif silent > due and silent % due < _TICK_S:
                socket.ping()

    async def _store_seen(self) -> None:
        """Store when stations were last heard of, if that has changed."""
        loop_now, now = asyncio.get_running_loop().time(), self._clock()
        fresh: dict[StationId, datetime] = {}
        for socket, connection in self._sockets.items():
            if connection is None or self._seen.get(connection.station) == socket.heard_at:
                continue
            self._seen[connection.station] = socket.heard_at
            fresh[connection.station] = now - timedelta(seconds=loop_now - socket.heard_at)
        try:
            await self._provisioning.seen(fresh)
        except StoreUnavailable:
            for station in fresh:
                self._seen.pop(station, None)
        if len(self._seen) > 2 * len(self._sockets) + 1000:
            self._seen.clear()

    def _spawn(self, work: Coroutine[Any, Any, None], name: str | None = None) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a background task failed", exc_info=error)


def _unavailable(text: str) -> _Refused:
    """Come back in a while, and not all at once."""
    wait = random.randint(5, 30)  # noqa: S311  # spreads load, guards nothing
    return _Refused(503, text, {"Retry-After": str(wait)})
