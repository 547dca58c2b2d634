"""Messages about transactions: kept while offline, sent in order, repeated until answered."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from voltkeep.sim.clock import NEVER
from voltkeep.sim.transaction import Record, Transaction


@dataclass(slots=True, eq=False)
class Pending:
    """A message that must arrive.

    It is built when it is first sent: in 1.6 it may name a transaction whose number comes with the
    answer to the message before it.
    """

    action: str
    build: Callable[[], bytes]
    answered: Callable[[bytes], None]
    given_up: Callable[[], None]
    transaction: Transaction | None = None
    id: str = ""
    payload: bytes | None = None
    record: Record | None = None
    tries: int = 0


class TransactionQueue:
    """First in, first out, one at a time; sans-I/O. Times are simulated seconds.

    A CALLERROR or silence is tried again after the interval times the tries made, as often as
    `attempts` allows (1.6, sections 3.7.1 and 9.1.29; 2.x, E13.FR.02 and .03). A connection lost
    is no try: the message goes out again, with its id, when there is a connection.
    """

    __slots__ = ("_in_flight", "_messages", "_not_before")

    def __init__(self) -> None:
        self._messages: deque[Pending] = deque()
        self._in_flight: Pending | None = None
        self._not_before = 0.0

    def __len__(self) -> int:
        return len(self._messages)

    def add(self, message: Pending) -> None:
        """Keep a message until it is answered or given up."""
        self._messages.append(message)

    def concerns(self, transaction: str) -> bool:
        """Whether something about a transaction is still to be told."""
        return any(m.transaction and m.transaction.id == transaction for m in self._messages)

    def take(self, now: float) -> Pending | None:
        """The message to send now, if there is one and none is under way."""
        if self._in_flight is not None or not self._messages or now < self._not_before:
            return None
        self._in_flight = self._messages[0]
        return self._in_flight

    def due(self) -> float:
        """When there is something to send."""
        if self._in_flight is not None or not self._messages:
            return NEVER
        return self._not_before

    def done(self) -> None:
        """The message under way was answered."""
        self._messages.popleft()
        self._in_flight = None
        self._not_before = 0.0

    def failed(self, now: float, attempts: int, interval: float) -> bool:
        """The message under way was refused or not answered; True if it is given up."""
        message = self._in_flight
        assert message is not None
        self._in_flight = None
        message.tries += 1
        if message.tries >= max(attempts, 1):
            self._messages.popleft()
            self._not_before = 0.0
            return True
        self._not_before = now + interval * message.tries
        return False

    def interrupted(self) -> None:
        """The connection went: whatever was under way is to be sent again."""
        self._in_flight = None
        self._not_before = 0.0
