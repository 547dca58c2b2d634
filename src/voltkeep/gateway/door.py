"""Before the upgrade: who asks, may they, and in which version. Refusals tell them nothing."""

import asyncio
import contextlib
import math
import random
from collections.abc import Mapping, Sequence

import structlog
from websockets.http11 import Request

from voltkeep.dialects.dialect import Dialect
from voltkeep.domain.barriers import Barrier
from voltkeep.domain.identity import StationId
from voltkeep.gateway import handshake
from voltkeep.gateway.admission import Attempt, Turnstile
from voltkeep.gateway.limits import Limits
from voltkeep.gateway.websocket import Socket
from voltkeep.services.intrusion import IntrusionService, Look
from voltkeep.services.ports import StoreUnavailable
from voltkeep.services.refusals import NOBODY, host_of
from voltkeep.services.security import Knock, SecurityService, TooBusy
from voltkeep.services.settlement import Admission

log = structlog.get_logger(__name__)


class Refused(Exception):
    """An upgrade request is answered with an HTTP status."""

    def __init__(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = headers or {}


def unauthorized() -> Refused:
    """The one answer to unknown, wrong and missing."""
    challenge = 'Basic realm="Voltkeep", charset="UTF-8"'
    return Refused(401, "Unauthorized.", {"WWW-Authenticate": challenge})


def unavailable(text: str) -> Refused:
    """Come back in a while, and not all at once."""
    wait = random.randint(10, 120)  # noqa: S311  # spreads load, guards nothing
    return Refused(503, text, {"Retry-After": str(wait)})


def limited(seconds: float) -> Refused:
    """Credentials that are not looked at, or were looked at all the same and are wrong."""
    wait = str(math.ceil(seconds))
    return Refused(429, "Too many failed attempts.", {"Retry-After": wait})


class Door:
    """Decides over an upgrade request, and changes nothing."""

    def __init__(
        self,
        dialects: Mapping[str, Dialect],
        security: SecurityService,
        intrusion: IntrusionService,
        turnstile: Turnstile,
        limits: Limits,
        trusted_proxies: Sequence[handshake.Network] = (),
    ) -> None:
        self._dialects = dialects
        self._security = security
        self._intrusion = intrusion
        self._turnstile = turnstile
        self._slots = asyncio.Semaphore(limits.handshakes_at_once)
        self._refusal_takes_s = limits.refusal_takes_s
        self._trusted_proxies = trusted_proxies

    async def admit(self, socket: Socket, request: Request) -> tuple[Admission, Dialect] | None:
        """Who it is, and what they speak. None: it left while it stood in line. Raises Refused."""
        peer = handshake.behind_proxy(
            request.headers, socket.remote_host, self._trusted_proxies, is_tls=socket.is_tls
        )
        if peer is not None:
            socket.forwarded_for = peer.host
        if handshake.is_browser(request):
            self._security.refused(NOBODY, socket.remote_address, Barrier.BROWSER)
            raise Refused(403, "This address is for charging stations, not for browsers.")
        try:
            station_id = handshake.address(request.path)
        except handshake.Unaddressed as error:
            self._security.refused(NOBODY, socket.remote_address, Barrier.NO_ADDRESS, str(error))
            raise Refused(404, f"Connect to /{handshake.PREFIX}/STATION.") from None
        admission = await self._admission(socket, request, station_id, peer)
        if admission is None:
            return None
        return admission, self._dialect(socket, request, station_id)

    async def _admission(
        self,
        socket: Socket,
        request: Request,
        station_id: StationId,
        peer: handshake.Peer | None,
    ) -> Admission | None:
        basic = handshake.basic(request.headers, station_id)
        knock = Knock(
            station=station_id,
            tls=peer.is_tls if peer is not None else socket.is_tls,
            user=basic.user if basic else None,
            password=basic.password if basic else b"",
            remote_address=socket.remote_address,
            certificate=peer.certificate if peer is not None else socket.certificate,
            demands_certificate=peer is None and socket.demands_certificate,
        )
        now = asyncio.get_running_loop().time()
        attempt = self._turnstile.begin(host_of(knock.remote_address), station_id, now)
        takes = max(self._refusal_takes_s, self._security.refusal_takes_s())
        try:
            return await self._judge(socket, knock, attempt)
        except StoreUnavailable:
            raise unavailable("The database is away.") from None
        except TooBusy:
            raise unavailable("Too many stations at once.") from None
        except Refused:
            # It is under way until it is told, so that how many are says nothing either.
            await self._bide(now, takes)
            raise
        finally:
            self._turnstile.end(attempt, asyncio.get_running_loop().time())

    async def _judge(self, socket: Socket, knock: Knock, attempt: Attempt) -> Admission | None:
        """Unknown, wrong and missing are told alike, and so they are once they are limited."""
        host, id, wait = host_of(knock.remote_address), knock.station, attempt.wait
        with contextlib.ExitStack() as place:  # among so many at once; nobody waits in it for long
            await self._slots.acquire()
            place.callback(self._slots.release)
            if not socket.is_connected:
                return None
            look = Look.UNGUESSABLE
            if wait is not None:
                look = await self._intrusion.may_try(id, host, has_failed_here=wait.is_own)
                if look is Look.NO:
                    self._security.refused(
                        id, knock.remote_address, Barrier.FAILED_TOO_OFTEN, wait_s=wait.seconds
                    )
                    raise limited(wait.seconds)
            admission = await self._security.admit(knock, before_check=place.close)
        if admission.station is not None:
            self._turnstile.succeeded(attempt)
            return admission
        now = asyncio.get_running_loop().time()
        if wait is not None:
            if look is Look.AT_HOME:
                self._turnstile.failed(attempt, now)
            raise limited(wait.seconds)
        failed = self._turnstile.failed(attempt, now)
        if failed.is_enumeration:
            await self._intrusion.enumerated(id, host)
        if failed.is_guessing:
            await self._intrusion.guessed(id, host)
        raise unauthorized()

    async def _bide(self, since: float, takes: float) -> None:
        """Unknown, wrong and missing take equally long: a whole number of steps."""
        step, now = self._refusal_takes_s, asyncio.get_running_loop().time()
        if step <= 0:
            return
        steps = math.ceil(max(takes, now - since) / step)
        await asyncio.sleep(since + steps * step - now)

    def _dialect(self, socket: Socket, request: Request, station_id: StationId) -> Dialect:
        offers = handshake.offered(request.headers)
        chosen = handshake.choose(offers, self._dialects)
        if chosen is None:
            # OCPP-J 1.6 would complete the handshake and close; its test tool, and sense, refuse.
            offered = f"offered: {', '.join(offers)[:100] or 'none'}"
            self._security.refused(
                station_id, socket.remote_address, Barrier.NO_SUBPROTOCOL, offered
            )
            spoken = ", ".join(self._dialects)
            raise Refused(400, f"Sec-WebSocket-Protocol must name one of: {spoken}.")
        return self._dialects[chosen]
