"""What crosses the wire, counted: cheap for each message, and of bounded size whoever sends."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection

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

    def add(self, other: "Durations") -> None:
        self.buckets = [mine + more for mine, more in zip(self.buckets, other.buckets, strict=True)]
        self.total_s += other.total_s


class _Line:
    """Exchanges that are alike: all that is counted of them is in one place, found once."""

    __slots__ = ("answer_octets", "answers", "call_octets", "calls", "took")

    def __init__(self) -> None:
        self.calls = self.call_octets = self.answers = self.answer_octets = 0
        self.took = Durations()


_Key = tuple[str, str, str, str]  # subprotocol, action, direction and result


class WireCounts:
    """Since the start. What is read is added up then: counting is done far more often."""

    def __init__(self) -> None:
        self.lines: dict[_Key, _Line] = {}
        self.connects = 0
        self.ends: Counter[str] = Counter()

    @property
    def messages(self) -> dict[_Key, int]:
        return {key: line.calls for key, line in self.lines.items()}

    @property
    def frames(self) -> Counter[str]:
        """By direction."""
        return self._by_direction("calls", "answers")

    @property
    def octets(self) -> Counter[str]:
        """By direction."""
        return self._by_direction("call_octets", "answer_octets")

    @property
    def handled(self) -> dict[str, Durations]:
        """Calls of stations, by action."""
        return self._durations("in")

    @property
    def round_trips(self) -> dict[str, Durations]:
        """Calls of ours, by action."""
        return self._durations("out")

    def _by_direction(self, there: str, back: str) -> Counter[str]:
        counted: Counter[str] = Counter()
        for (_, _, direction, _), line in self.lines.items():
            counted[direction] += getattr(line, there)
            counted["out" if direction == "in" else "in"] += getattr(line, back)
        return counted

    def _durations(self, wanted: str) -> dict[str, Durations]:
        found: dict[str, Durations] = {}
        for (_, action, direction, _), line in self.lines.items():
            if direction == wanted and line.answers:
                found.setdefault(action, Durations()).add(line.took)
        return found


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
        self._lines = counts.lines

    def __call__(self, exchange: Exchange) -> None:
        """As `Journal.exchange`."""
        self._tell(exchange)
        key = (
            self._subprotocol(exchange.station),
            exchange.action,
            exchange.direction,
            exchange.verdict,
        )
        line = self._lines.get(key) or self._new(key)
        line.calls += 1
        line.call_octets += len(exchange.call)
        answer, answered_at = exchange.answer, exchange.answered_at
        if answer is None or answered_at is None:
            return
        line.answers += 1
        line.answer_octets += len(answer)
        took_s = (answered_at - exchange.called_at).total_seconds()
        line.took.total_s += took_s
        line.took.buckets[bisect_left(BUCKETS_S, took_s)] += 1

    def _new(self, key: _Key) -> _Line:
        subprotocol, action, direction, verdict = key
        action = action if action in self._actions else OTHER
        verdict = verdict if verdict in _OUTCOMES or verdict in _CODES else OTHER
        return self._lines.setdefault((subprotocol, action, direction, verdict), _Line())


def count_connection(counts: WireCounts, event: Event) -> None:
    """A connection has begun or ended. For a handler of the bus."""
    match event:
        case StationConnected():
            counts.connects += 1
        case StationDisconnected(reason=reason):
            found = (word for begin, word in _ENDS if reason.startswith(begin))
            counts.ends[next(found, OTHER)] += 1
