"""Orders: what somebody asked of a station, and what became of it."""

import enum
from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct, structs

from voltkeep.domain.audit import Actor
from voltkeep.domain.identity import StationId


class OrderState(enum.StrEnum):
    """Where an order is."""

    PENDING = "pending"  # of a batch, and its turn has not come
    QUEUED = "queued"  # waits for its station
    RUNNING = "running"
    DONE = "done"  # `result` says how it went
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"  # the server ended meanwhile: nobody knows how it went


class OrderResult(enum.StrEnum):
    """How an order went, once it is over."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    OFFLINE = "offline"
    LEFT = "left"
    SILENT = "silent"
    BUSY = "busy"
    REFUSED = "refused"
    UNCLEAR = "unclear"
    UNFIT = "unfit"
    IMPOSSIBLE = "impossible"
    PASSIVE = "passive"
    UNSERVED = "unserved"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


WAITING = (OrderState.PENDING, OrderState.QUEUED)
OPEN = (*WAITING, OrderState.RUNNING)


class OrderMessage(Struct, frozen=True, kw_only=True):
    """One OCPP message that an order took, as JSON, without its secrets."""

    action: str
    request: str
    sent_at: datetime
    response: str | None = None  # the payload of the answer, or the error that it was
    latency_ms: float | None = None
    result: str = "ok"  # or an OCPP error code, or what else happened


class Order(Struct, frozen=True, kw_only=True):
    """Somebody asked this of this station.

    ``at`` is when it last changed; of one that waits, when it was given.
    """

    station: StationId
    id: str
    state: OrderState
    at: datetime
    command: str  # the kind of ask, or the action of a raw message
    ask: str  # JSON, without its secrets
    sealed: str | None = None  # with them, encrypted, until it is settled
    actor: Actor
    issued_by: str  # the actor's name
    batch: str = ""
    given_at: datetime
    queue_until: datetime | None = None  # how long it may wait for its station
    timeout_s: float | None = None
    runner: str = ""  # the kind of process that carries it out
    started_at: datetime | None = None
    done_at: datetime | None = None
    result: str = ""  # an `OrderResult`, once it is over
    status: str = ""  # the station's own word
    warning: str = ""
    error: str = ""
    told: str | None = None  # what else the answer says: JSON
    messages: tuple[OrderMessage, ...] = ()

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    def is_past(self, now: datetime) -> bool:
        """Whether it has waited for its station as long as it may."""
        return self.queue_until is not None and self.queue_until <= now

    def as_of(self, now: datetime) -> "Order":
        """As it is then: it has expired when its time is over, even if nobody has settled it."""
        if self.state not in WAITING or not self.is_past(now):
            return self
        state = OrderState.EXPIRED
        return structs.replace(
            self, state=state, result=state.value, error=TOO_LATE, done_at=self.queue_until
        )


TOO_LATE = "the station was not there in time"
INTERRUPTED = "the server ended meanwhile, and does not ask again"
UNSENT = "the server ended before anything was sent, and does not ask again"


def is_on_the_wire(messages: Iterable[OrderMessage]) -> bool:
    """Whether any of these has left for the station."""
    return any(message.result != "not sent" for message in messages)


def failed(order: Order, result: str, error: str) -> Order:
    """It is over, and the station has not answered."""
    return structs.replace(order, state=OrderState.DONE, result=result, error=error)


class BatchState(enum.StrEnum):
    """Where a batch of orders is."""

    FILLING = "filling"  # its orders are being made, a page of stations at a time
    RUNNING = "running"
    DONE = "done"  # each of its orders was sent, or waits for its station
    CANCELLED = "cancelled"


OPEN_BATCHES = (BatchState.FILLING, BatchState.RUNNING)


class Batch(Struct, frozen=True, kw_only=True):
    """The same, asked of many stations. ``station`` has the name "": it is the whole tenant's."""

    station: StationId
    id: str
    state: BatchState
    at: datetime
    command: str
    ask: str
    sealed: str | None = None
    actor: Actor
    issued_by: str
    which: str  # the filter that chose the stations: JSON
    at_once: int
    given_at: datetime
    queue_until: datetime | None = None
    timeout_s: float | None = None
    filled_to: str = ""  # the last station that has its order
    stations: int = 0


_ADVICE = {
    "offline": "The station is not connected, and nothing was sent. If the command "
    "may wait for the station, say until when (queue_until).",
    "left": "The station's connection ended before it answered: it may have done as it was asked. "
    "Look at its state before you ask again.",
    "silent": "The station did not answer in time: it may have done as it was asked. Look at its "
    "state before you ask again.",
    "busy": "Too many commands wait for this station already; nothing was sent. Try again later.",
    "refused": "The station answered with an error instead of a result: it may not support the "
    "message, or a field of it. The error says which.",
    "unclear": "The station's answer is not valid OCPP: it may have done as it was asked. Look at "
    "its state before you ask again.",
    "unfit": "Nothing was sent. The exact message can be sent with `action`, `payload` and "
    "`force`.",
    "impossible": "It cannot be done as it was asked for; the error says why. Nothing was sent.",
    "passive": "The station is marked as passive: nothing was sent.",
    "unserved": "No running server took the command: start `voltkeep serve` on this database.",
    "failed": "The server failed; its log says why. The station may have been asked.",
    "expired": "The station was not there in time; nothing was sent.",
    "cancelled": "It was cancelled before it was sent.",
    "interrupted": "The server ended while the station was asked, and did not ask again: it may "
    "have done as it was asked. Look at its state before you ask again.",
}
_WILL_NOT = "The station understood, and will not: its state or its settings forbid it."
_NO = (  # the first whose word is in the station's own
    (
        ("NotSupported", "Unsupported", "NotImplemented"),
        "The station does not support this, or not in this form.",
    ),
    (
        ("UnknownVendor", "UnknownMessageId"),
        "The station does not know messages of this vendor, or not this one.",
    ),
    (
        ("Unknown", "NotFound", "NoTransaction", "NoProfile"),
        "The station does not have what was asked about: look at what it has.",
    ),
    (("Occupied", "Faulted", "Unavailable"), "The connector is not free, or out of order."),
    (("VersionMismatch",), "The station has another version of the list: send all of it."),
    (("Failed",), "The station tried, and failed."),
)
_SEE_THE_LOG = "Its message log shows both messages."


def advice(order: Order) -> str:
    """What whoever asked should know or do next; empty when all is well."""
    if order.state is OrderState.INTERRUPTED and _never_left(order):
        return "The server ended before anything was sent. Give the command again."
    if order.state in {OrderState.EXPIRED, OrderState.CANCELLED, OrderState.INTERRUPTED}:
        return _ADVICE[order.state]
    if order.state is OrderState.QUEUED:
        return "It waits until the station is connected and accepted."
    if order.result == OrderResult.REJECTED:
        why = (words for marks, words in _NO if any(mark in order.status for mark in marks))
        return f"{next(why, _WILL_NOT)} {_SEE_THE_LOG}"
    if order.result == OrderResult.UNFIT and '"command":"RawMessage"' in order.ask:
        return "Nothing was sent. With `force` it is sent as it is."
    if order.result == OrderResult.IMPOSSIBLE and is_on_the_wire(order.messages):
        return "It went no further; the error says why. What was sent before is in `messages`."
    return _ADVICE.get(order.result, "")


def _never_left(order: Order) -> bool:
    sent = is_on_the_wire(order.messages)
    return not sent and (bool(order.messages) or order.error == UNSENT)
