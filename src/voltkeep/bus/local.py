"""Events inside one process: who listens gets them in order, and slow listeners lose some."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

import structlog

from voltkeep.domain.events import Event

log = structlog.get_logger(__name__)

Follower = Callable[[Event, int | None], None]
"""Gets an event, and the position it was published at, if it is kept."""


class Subscription:
    """The events since it was made. Behind by more than its size it drops the oldest."""

    def __init__(
        self,
        size: int,
        without: tuple[type[Event], ...],
        close: "Callable[[Subscription], None]",
    ) -> None:
        self._events: deque[Event] = deque(maxlen=size)
        self.without = without
        self._close = close
        self._has_news = asyncio.Event()
        self.dropped = 0

    def put(self, event: Event) -> None:
        """Add an event, unless it is of a kind not wanted. Never waits."""
        if isinstance(event, self.without):
            return
        if len(self._events) == self._events.maxlen:
            self.dropped += 1
        self._events.append(event)
        self._has_news.set()

    def close(self) -> None:
        """Listen no longer."""
        self._close(self)

    async def __aiter__(self) -> AsyncIterator[Event]:
        while True:
            while self._events:
                yield self._events.popleft()
            self._has_news.clear()
            await self._has_news.wait()


class LocalBus:
    """Publishes to subscriptions, and to handlers that are called at once."""

    def __init__(self) -> None:
        self._subscriptions: set[Subscription] = set()
        self._heard: dict[type[Event], bool] = {}
        self._handlers: list[tuple[tuple[type[Event], ...], Callable[[Event], None]]] = []
        self._followers: list[tuple[Follower, Callable[[type[Event]], bool]]] = []

    def subscribe(
        self, size: int = 10_000, *, without: tuple[type[Event], ...] = ()
    ) -> Subscription:
        """Listen from now on, to all kinds of events but some."""
        subscription = Subscription(size, without, self._close)
        self._subscriptions.add(subscription)
        self._heard.clear()
        return subscription

    def handle(self, handler: Callable[[Event], None], *kinds: type[Event]) -> None:
        """Call this for each event of these kinds.

        It may not wait; if it raises, the others are still called.
        """
        self._handlers.append((kinds, handler))
        self._heard.clear()

    def follow(self, follower: Follower, wants: Callable[[type[Event]], bool]) -> None:
        """Call this for each event, with its position; ``wants`` says of what is live only.

        It may neither wait nor raise. Call `heed` when its wants have changed.
        """
        self._followers.append((follower, wants))
        self._heard.clear()

    def heed(self) -> None:
        """What somebody wants to hear has changed."""
        self._heard.clear()

    def hears(self, kind: type[Event]) -> bool:
        """Whether anybody listens to events of this kind: what nobody hears need not be made."""
        heard = self._heard.get(kind)
        if heard is None:
            heard = self._heard[kind] = any(
                not issubclass(kind, subscription.without) for subscription in self._subscriptions
            ) or (
                any(issubclass(kind, kinds) for kinds, _ in self._handlers)
                or any(wants(kind) for _, wants in self._followers)
            )
        return heard

    def _close(self, subscription: Subscription) -> None:
        self._subscriptions.discard(subscription)
        self._heard.clear()

    def publish(self, event: Event, position: int | None = None) -> None:
        """Tell everybody who listens now; ``position`` of what was committed."""
        for follow, _ in self._followers:
            follow(event, position)
        for subscription in self._subscriptions:
            subscription.put(event)
        for kinds, handler in self._handlers:
            if not isinstance(event, kinds):
                continue
            try:
                handler(event)
            except Exception:
                log.exception("an event handler failed", event_type=type(event).__name__)
