"""Messages that must arrive though they are of no transaction: kept offline, sent in order."""

from collections import deque
from collections.abc import Callable
from functools import partial

from voltkeep.sim.link import Answer, Link

_MOST = 1000  # a station's memory is finite (A04.FR.02): the oldest go first


class Notices:
    """First in, first out. What is refused or not answered is not said again."""

    __slots__ = ("_link", "_may_speak", "_under_way", "_waiting")

    def __init__(self, link: Link, may_speak: Callable[[], bool]) -> None:
        self._link = link
        self._may_speak = may_speak
        self._waiting: deque[tuple[str, str, bytes]] = deque(maxlen=_MOST)
        self._under_way = False

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, action: str, payload: bytes) -> None:
        """Say something as soon as one may."""
        self._waiting.append((self._link.new_id(), action, payload))
        self.pump()

    def pump(self) -> None:
        """Send the next."""
        if self._under_way or not self._waiting or not self._may_speak():
            return
        notice = self._waiting[0]
        id, action, payload = notice
        sent = self._link.call(action, payload, partial(self._answered, notice), id)
        self._under_way = sent is not None

    def _answered(self, notice: tuple[str, str, bytes], answer: Answer) -> None:
        self._under_way = False
        if answer.lost:
            return  # again, under its id, on the next connection
        if self._waiting and self._waiting[0] is notice:
            self._waiting.popleft()
        self.pump()
