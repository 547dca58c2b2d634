"""What crossed the wire, told to the message log: one row for each exchange (ADR 0006)."""

import asyncio
from collections.abc import Callable
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import structlog
from msgspec import DecodeError, Raw, json

from voltkeep.dialects.masking import without_secrets_of
from voltkeep.domain.identity import StationId
from voltkeep.domain.orders import OrderMessage
from voltkeep.ocpp.session import CallAnswered, CallReceived, SendReceived
from voltkeep.services.ports import Clock, Exchange
from voltkeep.services.sending import Patience, note, patience_now

log = structlog.get_logger(__name__)

_ERROR_FIELDS = ("errorCode", "errorDescription", "errorDetails")

Mask = Callable[[str, bytes], bytes]


@dataclass(slots=True)
class Asked:
    """A command of ours, until its answer is here, with the frame it comes in."""

    action: str
    payload: bytes
    at: datetime
    answer: asyncio.Future[tuple[CallAnswered, bytes]]
    heard: list[OrderMessage] | None = None  # where whoever asked wants it noted
    has_left: bool = False  # sent, and not waiting in line any more
    patience: Patience | None = field(default_factory=patience_now)
    # Whose request it is, for logs and spans: it may be told from where nobody knows.
    context: Context = field(default_factory=copy_context)

    def within(self, timeout: float | None) -> float | None:
        """How many seconds the station has, from when it is asked."""
        return timeout if self.patience is None else self.patience.seconds

    def leaves(self, at: datetime) -> None:
        """It is sent now: nothing waits before it any more."""
        self.at, self.has_left = at, True
        if self.patience is not None:
            self.patience.begin()


class ExchangeLog:
    """The message log of one connection. ``mask`` hides secrets, by action."""

    __slots__ = ("_clock", "_mask", "_station", "_tell")

    def __init__(
        self, station: StationId, mask: Mask, tell: Callable[[Exchange], None], clock: Clock
    ) -> None:
        self._station = station
        self._mask = mask
        self._tell = tell
        self._clock = clock

    def call(
        self,
        event: CallReceived | SendReceived,
        frame: bytes,
        at: datetime,
        answer: bytes | None,
        verdict: str,
        note: str,
    ) -> None:
        """A call of the station, and what it was answered."""
        self._write("in", event.id, event.action, frame, at, answer, verdict, note)

    def command(
        self, id: str, asked: Asked, answer: bytes | None, verdict: str, note: str = ""
    ) -> None:
        """A call of ours, and what the station answered, which may repeat a secret of the call."""
        if answer is not None:
            answer = without_secrets_of(asked.action, asked.payload, answer)
            note = without_secrets_of(asked.action, asked.payload, note.encode()).decode()
        self.note(asked, answer, verdict)
        frame = b'[2,"%s","%s",%s]' % (id.encode(), asked.action.encode(), asked.payload)
        at = asked.at
        asked.context.run(self._write, "out", id, asked.action, frame, at, answer, verdict, note)

    def note(self, asked: Asked, answer: bytes | None, verdict: str) -> None:
        """Tell whoever asked, once, what was sent and answered, without its secrets."""
        heard, asked.heard = asked.heard, None
        if heard is None:
            return
        latency_ms, response = None, None
        if answer is not None:
            latency_ms = round((self._clock() - asked.at).total_seconds() * 1000, 1)
            response = _text(self._mask(asked.action, _payload(answer)))
        message = OrderMessage(
            action=asked.action,
            request=_text(self._mask(asked.action, asked.payload)),
            sent_at=asked.at,
            response=response,
            latency_ms=latency_ms,
            result=verdict,
        )
        note(heard, message)

    def frame(
        self,
        id: str,
        action: str,
        frame: bytes,
        *,
        verdict: str,
        answer: bytes | None = None,
        note: str = "",
    ) -> None:
        """A frame that belongs to no exchange: unreadable, repeated, too large."""
        self._write("in", id, action, frame, self._clock(), answer, verdict, note)

    def _write(  # a row has as many columns
        self,
        direction: Literal["in", "out"],
        id: str,
        action: str,
        call: bytes,
        called_at: datetime,
        answer: bytes | None,
        verdict: str,
        note: str,
    ) -> None:
        self._tell(
            Exchange(
                station=self._station,
                direction=direction,
                message_id=id,
                action=action,
                call=self._mask(action, call),
                called_at=called_at,
                answer=None if answer is None else self._mask(action, answer),
                answered_at=None if answer is None else self._clock(),
                verdict=verdict,
                note=note,
            )
        )


def logged(tell: Callable[[Exchange], None]) -> Callable[[Exchange], None]:
    """Whoever is told of exchanges; each is a line of the server's log, too, without payloads."""

    def told(exchange: Exchange) -> None:
        log.debug(
            "ocpp",
            station=str(exchange.station),
            direction=exchange.direction,
            action=exchange.action,
            message_id=exchange.message_id,
            result=exchange.verdict,
        )
        tell(exchange)

    return told


def _payload(answer: bytes) -> bytes:
    """What an answer says: its payload, or the error that it is; of half an answer, nothing."""
    try:
        kind, _, *rest = json.decode(answer, type=list[Raw])
    except (DecodeError, ValueError):
        return b"null"
    if bytes(kind) == b"3":
        return bytes(rest[0]) if rest else b"{}"
    return json.encode(dict(zip(_ERROR_FIELDS, rest, strict=False)))


def _text(payload: bytes) -> str:
    return payload.decode(errors="replace")
