"""The listener: lets stations in, keeps them alive, and lets them go slowly at shutdown."""

import asyncio
import contextlib
import random
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from websockets.http11 import Request

from voltkeep.config import Address
from voltkeep.dialects.dialect import Dialect, Services
from voltkeep.domain.barriers import Barrier
from voltkeep.domain.identity import StationId
from voltkeep.domain.security import TlsFault
from voltkeep.domain.stations import Station
from voltkeep.gateway.admission import Turnstile
from voltkeep.gateway.connection import Connection
from voltkeep.gateway.descriptors import Descriptors
from voltkeep.gateway.door import Door, Refused, unauthorized, unavailable
from voltkeep.gateway.duplicates import Contention, Duplicates
from voltkeep.gateway.handshake import Network
from voltkeep.gateway.limits import Limits
from voltkeep.gateway.stations import LocalStations
from voltkeep.gateway.surroundings import Surroundings, patience
from voltkeep.gateway.tls import TlsKind, TlsMaterial
from voltkeep.gateway.tls_listeners import TlsListeners
from voltkeep.gateway.websocket import TLS_ON_PLAIN, Socket
from voltkeep.services.intrusion import IntrusionService
from voltkeep.services.ports import Clock, Exchange, StoreUnavailable, Superseded
from voltkeep.services.refusals import NOBODY
from voltkeep.services.security import SecurityService
from voltkeep.services.settlement import Admission

log = structlog.get_logger(__name__)

_LATELY = timedelta(hours=24)
_TICK_S = 1.0
_SEEN_EVERY_S = 5.0


class Gateway:
    """Owns the sockets of stations, and the one ticker that watches them."""

    def __init__(  # noqa: PLR0913  # each is a part of its own
        self,
        *,
        dialects: Mapping[str, Dialect],
        services: Services,
        security: SecurityService,
        intrusion: IntrusionService,
        stations: LocalStations,
        log_exchange: Callable[[Exchange], None],
        clock: Clock,
        limits: Limits,
        compression: bool,
        trusted_proxies: Sequence[Network] = (),
    ) -> None:
        self._turnstile = Turnstile(limits)
        self._door = Door(dialects, security, intrusion, self._turnstile, limits, trusted_proxies)
        self._duplicates = Duplicates(stations, intrusion, clock, limits, self._spawn)
        self._security = security
        self._services = services
        self._provisioning = services.provisioning
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
        self._servers: list[asyncio.Server] = []
        self._tls: TlsListeners | None = None
        self._handshakes = 0
        self._draining = asyncio.Event()
        self._empty = asyncio.Event()

    async def listen(self, host: str, port: int, tls: TlsKind | None = None) -> Address:
        """Open a listener; for TLS, `use_tls` comes first.

        Raises OSError when the address cannot be had.
        """
        loop = asyncio.get_running_loop()
        accept = self._socket if tls is None else partial(self._link, tls)
        server = await loop.create_server(accept, host, port, backlog=4096)
        self._servers.append(server)
        name = server.sockets[0].getsockname()
        if not self._tasks:
            self._spawn(self._tick(), name="ticker")
            self._spawn(self._remember_seen(), name="seen")
        return Address(name[0], name[1])

    def use_tls(self, material: TlsMaterial) -> None:
        """Present these certificates from now on; live connections stay. Raises BadTlsFiles."""
        if self._tls is None:
            self._tls = TlsListeners(material, self._clock, self._tls_failed)
        else:
            self._tls.use(material)

    async def close(self) -> None:
        """Stop listening, let calls in progress finish, and send everybody away (1012)."""
        self._draining.set()
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
                async with asyncio.timeout(self._limits.drain_s):
                    await self._empty.wait()
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

    def reconsider(self, station: StationId) -> None:
        """An operator changed what decides over a station: what failed before counts no more."""
        self._turnstile.forgive(station, asyncio.get_running_loop().time())
        self._security.refusals.forgive(station)
        self._duplicates.release(station)

    # The handshake.

    def _socket(self, tls: TlsKind | None = None) -> Socket:
        demands = tls is TlsKind.MUTUAL
        socket = Socket(
            self._limits,
            self._requested,
            self._closed,
            may_stay=self._may_stay,
            demands_certificate=demands,
        )
        self._sockets[socket] = None
        return socket

    def _link(self, tls: TlsKind) -> asyncio.Protocol:
        assert self._tls is not None, "use_tls comes before a TLS listener"
        return self._tls.link(tls, self._socket(tls))

    def _may_stay(self, socket: Socket) -> bool:
        """Before TLS, and before anything is read: a stranger costs nothing more than this."""
        now = asyncio.get_running_loop().time()
        is_full = len(self._sockets) - len(self._stations) > self._limits.not_in_yet
        if not is_full and self._turnstile.accepts(socket.remote_host, now):
            return True
        self._security.refused(NOBODY, socket.remote_address, Barrier.TOO_MANY)
        return False

    def _tls_failed(self, socket: Socket, fault: TlsFault, detail: str) -> None:
        self._security.refused(NOBODY, socket.remote_address, fault, detail)

    def _closed(self, socket: Socket) -> None:
        self._sockets.pop(socket, None)
        if socket.reason == TLS_ON_PLAIN:
            self._tls_failed(socket, TlsFault.TLS_ON_PLAIN, "")
        if not self._sockets:
            self._empty.set()

    def _requested(self, socket: Socket, request: Request) -> None:
        self._spawn(self._shake_hands(socket, request))

    async def _shake_hands(self, socket: Socket, request: Request) -> None:
        if self._handshakes >= self._limits.handshakes_waiting:
            _answer(socket, unavailable("Too many stations at once."))
            return
        self._handshakes += 1
        try:
            await self._let_in(socket, request)
        except Refused as refused:
            _answer(socket, refused)
        except Exception:
            log.exception("handshake failed", remote=socket.remote_address)
            socket.reject(500, "The server failed; see its log.")
        finally:
            self._handshakes -= 1

    async def _let_in(self, socket: Socket, request: Request) -> None:
        if self._draining.is_set():
            raise unavailable("The server is restarting.")
        judged = await self._door.admit(socket, request)
        if judged is None:
            return
        admission, dialect = judged
        station = admission.station
        assert station is not None
        # Nothing may be said of a connection that is none: only then the older one is over.
        deflate = self._compression and dialect.requires_compression_offer
        response = socket.prepare(request, dialect.subprotocol, deflate=deflate)
        if response is None:
            return
        await self._in_turn(socket, station, admission)
        if not socket.is_connected:
            return
        try:
            epoch = await self._provisioning.connect(
                station,
                subprotocol=dialect.subprotocol,
                remote_address=socket.remote_address,
                profile=admission.profile,
                settle=partial(self._security.settle, admission=admission),
            )
        except StoreUnavailable:
            raise unavailable("The database is away.") from None
        except Superseded:
            raise unauthorized() from None  # what let it in was taken away a moment ago
        connection = Connection(
            socket, station, epoch, dialect, self._surroundings, admission.profile
        )
        if self._draining.is_set() or not socket.upgrade(response, connection):
            await self._never_came(connection)
            return
        self._sockets[socket] = connection
        older = self._stations.get(station.id)
        if not self._stations.admit(connection):
            connection.fence()
            return
        if older is not None:
            self._duplicates.took_over(older, connection)
        self._provisioning.remember(station)
        log.info(
            "station connected",
            station=str(station.id),
            subprotocol=dialect.subprotocol,
            remote=socket.remote_address,
            epoch=epoch,
        )

    async def _in_turn(self, socket: Socket, station: Station, admission: Admission) -> None:
        """Not everybody at once, and nobody in the place of somebody else. Raises Refused."""
        is_here = self._stations.get(station.id) is not None
        if not is_here and len(self._stations) >= self._limits.max_connections:
            log.warning("too many connections", limit=self._limits.max_connections)
            raise unavailable("Too many connections.")
        seen = station.last_seen_at
        is_known = seen is not None and self._clock() - seen < _LATELY
        now = asyncio.get_running_loop().time()
        wait = self._turnstile.turn(now, is_known=is_known)
        if wait is None:
            self._security.refused(station.id, socket.remote_address, Barrier.LINE)
            raise unavailable("Too many stations at once.")
        if wait:
            await asyncio.sleep(wait)
        try:
            profile = admission.profile or station.security_profile
            await self._duplicates.may_come(station, profile, socket.remote_address)
        except Contention as contention:
            self._security.refused(station.id, socket.remote_address, contention.barrier)
            raise unavailable("This station is connected already.") from None

    async def _never_came(self, connection: Connection) -> None:
        """The station left while its epoch was counted up: an older connection is over as well."""
        older = self._stations.get(connection.station)
        if older is not None and older.epoch < connection.epoch:
            older.fence()
        await self._disconnect(connection.station, connection.epoch, "left during the handshake")

    # The end of a connection.

    def _gone(self, connection: Connection, reason: str) -> None:
        self._stations.discard(connection)
        log.info(
            "station disconnected",
            station=str(connection.station),
            reason=reason,
            epoch=connection.epoch,
        )
        self._spawn(self._part(connection, reason), name="disconnect")

    async def _part(self, connection: Connection, reason: str) -> None:
        """What a station said before it left is handled first, as that of a station that may."""
        await connection.settled()
        if self._stations.get(connection.station) is None:
            self._provisioning.forget(connection.station)
            self._services.availability.disconnected(connection.station)
        await self._disconnect(connection.station, connection.epoch, reason)

    async def _disconnect(self, station: StationId, epoch: int, reason: str) -> None:
        """Note the end of a connection, however long the database is away."""
        attempt = 0
        while True:
            try:
                await self._provisioning.disconnect(station, epoch, reason)
            except StoreUnavailable:
                if self._draining.is_set():
                    return  # the next start finds it connected, and corrects that
                await asyncio.sleep(patience(attempt))
                attempt += 1
            else:
                return

    # The ticker.

    async def _tick(self) -> None:
        """One walk a second over all sockets: who is silent is pinged, and then let go."""
        descriptors = Descriptors()
        while True:
            await asyncio.sleep(_TICK_S)
            now = asyncio.get_running_loop().time()
            descriptors.look(now, len(self._sockets))
            for socket, connection in list(self._sockets.items()):
                if connection is not None:
                    self._watch(socket, connection, now - socket.heard_at)

    def _watch(self, socket: Socket, connection: Connection, silent: float) -> None:
        limits = self._limits
        if not connection.can_be_pinged:
            if silent > limits.unpinged_silence_s:
                socket.abort("no sign of life")
            return
        if not limits.ping_interval_s:
            return
        # Stations that came back together need not be pinged together.
        due = limits.ping_interval_s * (0.8 + hash(connection.station) % 41 / 100)
        if silent <= due * (socket.pings + 1):
            return
        if socket.pings > limits.ping_misses:
            socket.abort("no sign of life")
        else:
            socket.ping()

    async def _remember_seen(self) -> None:
        """Store every few seconds when stations were last heard of."""
        while True:
            await asyncio.sleep(_SEEN_EVERY_S)
            try:
                await self._store_seen()
            except Exception:
                log.exception("when stations were seen is not stored")

    async def _store_seen(self) -> None:
        loop_now, now = asyncio.get_running_loop().time(), self._clock()
        fresh: dict[StationId, datetime] = {}
        for socket, connection in self._sockets.items():
            if connection is None or self._seen.get(connection.station) == socket.heard_at:
                continue
            self._seen[connection.station] = socket.heard_at
            fresh[connection.station] = now - timedelta(seconds=loop_now - socket.heard_at)
        try:
            await self._provisioning.seen(fresh)
        except StoreUnavailable as error:
            log.warning("when stations were seen waits for the database", error=str(error))
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


def _answer(socket: Socket, refused: Refused) -> None:
    socket.reject(refused.status, refused.text, refused.headers)
