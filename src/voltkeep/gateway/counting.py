"""What crosses the wire, counted: cheap for each message, and of bounded size whoever sends."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from voltkeep.domain.events import Event, StationConnected, StationDisconnected
from voltkeep.domain.identity import StationId
from voltkeep.ocpp.errors import ErrorCode
from voltkeep.services.ports import Exchange

OTHER = "other"
BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_OUTCOMES = frozenset(
    {"ok", "no answer", "not sent", "superseded", "repeated", "unreadable", "oversize", "not UTF-8"}
)
_CODES = frozenset(map(str, ErrorCode)) | {"FormationViolation", "OccurenceConstraintViolation"}
# Words of ours that say why a connection ended, and what they count as.
_ENDS = (
    ("closed by the station", "closed by the station"),
    ("connection lost", "connection lost"),
    ("no sign of life", "no sign of life"),
    ("superseded", "superseded"),
    ("the server is", "server shutdown"),
    ("left during the handshake", "left during the handshake"),
    ("the station was", "changed by an operator"),
    ("the security profile", "changed by an operator"),
    ("its certificate was", "changed by an operator"),
)


class Durations:
    """How often something took how long: a count for each bucket, and the sum."""

    __slots__ = ("buckets", "total_s")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BUCKETS_S) + 1)
        self.total_s = 0.0

    def note(self, seconds: float) -> None:
        self.buckets[bisect_left(BUCKETS_S, seconds)] += 1
        self.total_s += seconds


@dataclass(slots=True)
class WireCounts:
    """Since the start."""

    messages: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    """By subprotocol, action, direction and result."""
    frames: Counter[str] = field(default_factory=Counter)  # by direction
    octets: Counter[str] = field(default_factory=Counter)
    handled: dict[str, Durations] = field(default_factory=dict)  # by action
    round_trips: dict[str, Durations] = field(default_factory=dict)
    connects: int = 0
    ends: Counter[str] = field(default_factory=Counter)


class CountedExchanges:
    """Counts each exchange on its way to the message log.

    ``actions`` are those that exist: what a peer makes up is counted as one.
    """

    def __init__(
        self,
        tell: Callable[[Exchange], None],
        subprotocol: Callable[[StationId], str],
        actions: Collection[str],
        counts: WireCounts,
    ) -> None:
        self._tell = tell
        self._subprotocol = subprotocol
        self._actions = frozenset(actions)
        self._counts = counts

    def __call__(self, exchange: Exchange) -> None:
        """As `Journal.exchange`."""
        self._tell(exchange)
        counts = self._counts
        action = exchange.action if exchange.action in self._actions else OTHER
        direction, verdict, answer = exchange.direction, exchange.verdict, exchange.answer
        if verdict not in _OUTCOMES and verdict not in _CODES:
            verdict = OTHER
        counts.messages[self._subprotocol(exchange.station), action, direction, verdict] += 1
        counts.frames[direction] += 1
        counts.octets[direction] += len(exchange.call)
        if answer is None or exchange.answered_at is None:
            return
        back = "out" if direction == "in" else "in"
        counts.frames[back] += 1
        counts.octets[back] += len(answer)
        took = (exchange.answered_at - exchange.called_at).total_seconds()
        kept = counts.handled if direction == "in" else counts.round_trips
        durations = kept.get(action)
        if durations is None:
            durations = kept[action] = Durations()
        durations.note(took)


def count_connection(counts: WireCounts, event: Event) -> None:
    """A connection has begun or ended. For a handler of the bus."""
    match event:
        case StationConnected():
            counts.connects += 1
        case StationDisconnected(reason=reason):
            found = (word for begin, word in _ENDS if reason.startswith(begin))
            counts.ends[next(found, OTHER)] += 1
