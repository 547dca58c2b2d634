"""What happens, told outside this process: the relay, the feed of streams, and the webhooks."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Protocol

from voltkeep.bus.feed import EventLog, Feed
from voltkeep.bus.local import LocalBus
from voltkeep.bus.outbox import Outbox, Relay
from voltkeep.bus.webhooks import WebhookWorker
from voltkeep.domain.events import WebhookChanged
from voltkeep.domain.identity import StationId
from voltkeep.services.ports import Begin, Clock, Read
from voltkeep.services.webhooks import Courier

_KNOWN_S = 1.0
_MOST_KNOWN = 10_000


class _Box(Outbox, EventLog, Protocol):
    pass


class _Storage(Protocol):
    @property
    def begin(self) -> Begin: ...
    @property
    def read(self) -> Read: ...
    @property
    def outbox(self) -> _Box: ...


class Outward:
    """Tells the bus of this process, the streams and the webhooks what was committed."""

    def __init__(
        self, store: _Storage, bus: LocalBus, courier: Courier, clock: Clock, *, look_every_s: float
    ) -> None:
        self.feed = Feed(store.outbox, StationSites(store.read))
        self.feed.on_wants = bus.heed
        self.relay = Relay(store.outbox, bus.publish, look_every_s=look_every_s)
        self.webhooks = WebhookWorker(
            store.begin, store.read, store.outbox, self.feed, courier, clock
        )
        bus.follow(self.feed.put, self.feed.wants)
        bus.handle(self._webhook_changed, WebhookChanged)

    async def open(self) -> None:
        """Before the relay runs. Raises StoreUnavailable."""
        await self.feed.open()

    def jobs(self) -> list[tuple[str, Callable[[], Awaitable[None]]]]:
        """What runs until it is cancelled, by name."""
        return [("relay", self.relay.run), ("webhooks", self.webhooks.run)]

    def _webhook_changed(self, event: object) -> None:
        assert isinstance(event, WebhookChanged)
        self.webhooks.heed(event)


class StationSites:
    """Where stations stand, as it was at most a second ago."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._known: dict[StationId, tuple[float, str | None]] = {}
        self._looking = asyncio.Lock()  # many streams ask for the same at once: one looks

    async def __call__(self, stations: AbstractSet[StationId]) -> Mapping[StationId, str]:
        """See `bus.feed.SitesOf`."""
        now = asyncio.get_running_loop().time()
        if self._old(stations, now):
            async with self._looking:
                if len(self._known) > _MOST_KNOWN:
                    self._known.clear()
                await self._look(self._old(stations, now), now)
        found = {each: self._known[each][1] for each in stations}
        return {each: site for each, site in found.items() if site is not None}

    def _old(self, stations: AbstractSet[StationId], now: float) -> list[StationId]:
        return [each for each in stations if self._known.get(each, (0.0, ""))[0] < now - _KNOWN_S]

    async def _look(self, stations: list[StationId], now: float) -> None:
        if not stations:
            return
        found = {}
        async with self._read() as work:
            for each in stations:
                station = await work.stations.get(each)
                found[each] = (now, None if station is None else station.site)
        self._known |= found
