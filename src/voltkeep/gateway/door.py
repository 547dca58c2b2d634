"""Before the upgrade: who asks, may they, and in which version. Refusals tell them nothing."""

import random
from collections.abc import Mapping, Sequence

import structlog
from websockets.http11 import Request

from voltkeep.dialects.dialect import Dialect
from voltkeep.domain.identity import StationId
from voltkeep.gateway import handshake
from voltkeep.gateway.websocket import Socket
from voltkeep.services.ports import StoreUnavailable
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
    wait = random.randint(5, 30)  # noqa: S311  # spreads load, guards nothing
    return Refused(503, text, {"Retry-After": str(wait)})


class Door:
    """Decides over an upgrade request, and changes nothing."""

    def __init__(
        self,
        dialects: Mapping[str, Dialect],
        security: SecurityService,
        trusted_proxies: Sequence[handshake.Network] = (),
    ) -> None:
        self._dialects = dialects
        self._security = security
        self._trusted_proxies = trusted_proxies

    async def admit(self, socket: Socket, request: Request) -> tuple[Admission, Dialect]:
        """Who it is, and what they speak. Raises Refused."""
        peer = handshake.behind_proxy(
            request.headers, socket.remote_host, self._trusted_proxies, is_tls=socket.is_tls
        )
        if peer is not None:
            socket.forwarded_for = peer.host
        if handshake.is_browser(request):
            raise Refused(403, "This address is for charging stations, not for browsers.")
        try:
            station_id = handshake.address(request.path)
        except handshake.Unaddressed as error:
            log.warning("refused: no such address", remote=socket.remote_address, why=str(error))
            raise Refused(404, f"Connect to /{handshake.PREFIX}/STATION.") from None
        admission = await self._admission(socket, request, station_id, peer)
        return admission, self._dialect(socket, request, station_id)

    async def _admission(
        self,
        socket: Socket,
        request: Request,
        station_id: StationId,
        peer: handshake.Peer | None,
    ) -> Admission:
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
        try:
            admission = await self._security.admit(knock)
        except StoreUnavailable:
            raise unavailable("The database is away.") from None
        except TooBusy:
            raise unavailable("Too many stations at once.") from None
        if admission.station is None:
            raise unauthorized()
        return admission

    def _dialect(self, socket: Socket, request: Request, station_id: StationId) -> Dialect:
        offers = handshake.offered(request.headers)
        chosen = handshake.choose(offers, self._dialects)
        if chosen is None:
            # OCPP-J 1.6 would complete the handshake and close; its test tool, and sense, refuse.
            why = f"no common subprotocol: offered {', '.join(offers)[:100] or 'none'}"
            self._security.refused(station_id, socket.remote_address, why)
            spoken = ", ".join(self._dialects)
            raise Refused(400, f"Sec-WebSocket-Protocol must name one of: {spoken}.")
        return self._dialects[chosen]
