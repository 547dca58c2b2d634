"""Spans of what crosses the wire. Imported only where spans are sent somewhere."""

from collections.abc import Callable, Collection
from datetime import datetime

from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer

from voltkeep.domain.identity import StationId
from voltkeep.gateway.counting import OTHER
from voltkeep.services.ports import Exchange

_KINDS = {"in": SpanKind.SERVER, "out": SpanKind.CLIENT}


class TracedExchanges:
    """Makes a span of each exchange on its way to the message log.

    What we ask of a station is a child of the request that asked for it: `ExchangeLog` tells it
    in the context in which it was asked. Payloads are not told.
    """

    def __init__(
        self,
        tell: Callable[[Exchange], None],
        subprotocol: Callable[[StationId], str],
        actions: Collection[str],
        tracer: Tracer,
    ) -> None:
        self._tell = tell
        self._subprotocol = subprotocol
        self._actions = frozenset(actions)
        self._tracer = tracer

    def __call__(self, exchange: Exchange) -> None:
        """As `Journal.exchange`."""
        self._tell(exchange)
        if not exchange.action:
            return  # a frame that belongs to no call
        # A name has few values, whatever a peer makes up.
        action = exchange.action if exchange.action in self._actions else OTHER
        span = self._tracer.start_span(
            f"OCPP {action}",
            kind=_KINDS[exchange.direction],
            start_time=_ns(exchange.called_at),
            attributes={
                "ocpp.action": exchange.action,
                "ocpp.version": self._subprotocol(exchange.station),
                "ocpp.station.id": exchange.station.name,
                "ocpp.tenant": exchange.station.tenant,
                "ocpp.message.id": exchange.message_id,
                "ocpp.result": exchange.verdict,
            },
        )
        if exchange.verdict != "ok":
            span.set_status(Status(StatusCode.ERROR, exchange.verdict))
        span.end(None if exchange.answered_at is None else _ns(exchange.answered_at))


def _ns(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000) * 1000
