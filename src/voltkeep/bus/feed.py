"""The feed of events: every stream and webhook reads along, each at a place of its own.

The latest events are in one ring that all share, so a stream costs no memory that grows with what
it has not read. A stream that has fallen out of the ring, or that begins in the past, reads from
the outbox until it is back in it: positions are the same in both, so nothing is lost at the seam.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import Any, NamedTuple, Protocol

from voltkeep.domain.events import Event, StationRenamed
from voltkeep.domain.identity import StationId, TenantId
from voltkeep.domain.telling import Choice, encoded, name_of

_RING = 4096
_AT_ONCE = 250
_REPLAYED_AT_ONCE = 500
# Many streams wake together, and what comes in a burst is told to each in one piece: a piece costs
# more than what is in it. The more there are, the more each waits for.
_PACE_S = 0.02
_PACE_FOR_EACH_S = 0.00075
_SLOWEST_PACE_S = 0.25


class EventLog(Protocol):
    """What was told before, as far as it is kept."""

    async def after(
        self, tenant: TenantId, position: int, limit: int
    ) -> Sequence[tuple[int, Event]]: ...
    async def last(self) -> int: ...
    async def forgotten(self, tenant: TenantId) -> int: ...


SitesOf = Callable[[AbstractSet[StationId]], Awaitable[Mapping[StationId, str]]]
"""Where stations stand now; those that are not registered are left out. Raises StoreUnavailable."""


class Entry:
    """One event, encoded once for all who get it. ``position`` is None for what is live only."""

    def __init__(self, event: Event, position: int | None) -> None:
        self.event = event
        self.position = position
        self.name = name_of(type(event))

    def content(self, *, shows_tokens: bool) -> bytes:
        """As `domain.telling.encoded`."""
        return self._full if shows_tokens else self._masked

    @cached_property
    def _masked(self) -> bytes:
        return encoded(self.event, self.position, shows_tokens=False)

    @cached_property
    def _full(self) -> bytes:
        return encoded(self.event, self.position, shows_tokens=True)


class Batch(list[Entry]):
    """Entries that are told together; streams that choose alike share it.

    Nobody changes it. ``encoded`` is for whoever tells them: what was made of them, by how.
    """

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        super().__init__(entries)
        self.encoded: dict[Any, Any] = {}
        # Those of stations at the chosen sites, and where the stations stood when they were chosen.
        self.sites: Mapping[StationId, str] | None = None
        self.seen: Batch | None = None


class _Read(NamedTuple):
    """A part of the ring: what fits of it, how many entries it has, and the last position in it."""

    batch: Batch
    size: int
    last: int


class Gap(Exception):
    """Events after the place that was asked for are no longer kept, or it is a place to come.

    Raised at most once by a stream; it goes on after ``resumes_after``.
    """

    def __init__(self, resumes_after: int) -> None:
        super().__init__(resumes_after)
        self.resumes_after = resumes_after


class Feed:
    """Give it every event as it is published; take streams from it."""

    def __init__(self, events: EventLog, sites: SitesOf, *, ring: int = _RING) -> None:
        self._log = events
        self._sites = sites
        self._size = ring
        self._ring: list[Entry] = []
        self._first = 0  # the number of the ring's first entry; numbers count all entries
        self._floor: int | None = None  # the position that was published just before the ring
        self.latest = 0  # the position that was published last
        self._waiting: set[asyncio.Future[None]] = set()
        self._wake: asyncio.TimerHandle | None = None
        self._shared: dict[tuple[Choice, int], _Read] = {}  # until the next are told
        self._wanted: Counter[str] = Counter()
        self.is_closed = False
        self.on_wants: Callable[[], None] = lambda: None
        self.streams = 0

    async def open(self) -> None:
        """Before the relay tells anything. Raises StoreUnavailable."""
        self._floor = self.latest = await self._log.last()

    def put(self, event: Event, position: int | None) -> None:
        """An event was published. Positions grow."""
        entry = Entry(event, position)
        if position is None and not self._wanted[entry.name]:
            return
        self._ring.append(entry)
        self.latest = position or self.latest
        if len(self._ring) >= 2 * self._size:
            gone, self._ring = self._ring[: -self._size], self._ring[-self._size :]
            self._first += len(gone)
            places = [each.position for each in gone if each.position is not None]
            self._floor = max([self._floor or 0, *places])
        if self._wake is None:
            pace_s = min(max(_PACE_S, _PACE_FOR_EACH_S * self.streams), _SLOWEST_PACE_S)
            self._wake = asyncio.get_running_loop().call_later(pace_s, self._tell)

    def wants(self, kind: type[Event]) -> bool:
        """Whether a stream listens to that kind of event."""
        return self._wanted[name_of(kind)] > 0

    def close(self) -> None:
        """Every stream ends."""
        self.is_closed = True
        self._tell()

    async def wait(self, timeout_s: float) -> None:
        """Until there is news, but not longer."""
        loop = asyncio.get_running_loop()
        news = loop.create_future()
        self._waiting.add(news)
        late = loop.call_later(timeout_s, _wake, news)
        try:
            await news
        finally:
            late.cancel()
            self._waiting.discard(news)

    async def stream(
        self, choice: Choice, after: int | None = None, *, quiet_s: float = 15.0
    ) -> AsyncGenerator[Batch, None]:
        """The events that fit, in order: from now on, or what followed that position first.

        Yields nothing but an empty batch when it was quiet so long. Raises StoreUnavailable.
        """
        names = choice.names()
        self._wanted.update(names)
        self.on_wants()
        self.streams += 1
        place = _Place(self, choice, names, after)
        try:
            while not self.is_closed:
                batch = await place.next(quiet_s)
                yield batch
        finally:
            self.streams -= 1
            self._wanted.subtract(names)
            self.on_wants()

    async def check(self, tenant: TenantId, after: int) -> None:
        """Raises Gap if what followed that position is not all there; StoreUnavailable."""
        forgotten, last = await self._log.forgotten(tenant), await self._log.last()
        if after < forgotten:
            raise Gap(forgotten)
        if after > last:
            raise Gap(last)

    def _tell(self) -> None:
        self._wake = None
        self._shared.clear()
        for each in self._waiting:
            _wake(each)

    # For places.

    @property
    def end(self) -> int:
        """The number of the next entry."""
        return self._first + len(self._ring)

    def holds_from(self, number: int) -> bool:
        return number >= self._first

    def fitting(self, choice: Choice, names: frozenset[str], number: int) -> _Read | None:
        """What fits of the next entries; None if there are none yet.

        Streams that choose alike and have read as far get the very same.
        """
        key = (choice, number)
        if (shared := self._shared.get(key)) is not None:
            return shared
        start = number - self._first
        entries = self._ring[start : start + _AT_ONCE]
        if not entries:
            return None
        batch = Batch(each for each in entries if _fits(each, choice, names))
        positions = (each.position for each in reversed(entries) if each.position is not None)
        found = self._shared[key] = _Read(batch, len(entries), next(positions, 0))
        return found

    def number_after(self, position: int) -> int | None:
        """Of the first entry after that position; None if the ring may not hold all of them."""
        if self._floor is None or position < self._floor:
            return None
        number = self.end
        for entry in reversed(self._ring):
            if entry.position is not None and entry.position <= position:
                break
            number -= 1
        return number

    async def replayed(self, tenant: TenantId, position: int) -> tuple[Batch, int]:
        """What followed, from the outbox, and up to which position that is all."""
        floor = self._floor or 0  # before it is read: what was told by now is in it
        found = await self._log.after(tenant, position, _REPLAYED_AT_ONCE)
        entries = Batch(Entry(event, at) for at, event in found)
        if len(found) < _REPLAYED_AT_ONCE:
            return entries, max(floor, *(at for at, _ in found), position)
        return entries, found[-1][0]

    async def seen(self, batch: Batch, choice: Choice) -> Batch:
        """Those of stations that stand at the chosen sites."""
        if choice.sites is None or not batch:
            return batch
        sites = await self._sites({_subject(each.event) for each in batch})
        if batch.seen is None or sites != batch.sites:
            there = (each for each in batch if sites.get(_subject(each.event)) in choice.sites)
            batch.sites, batch.seen = sites, Batch(there)
        return batch.seen


class _Place:
    """How far one stream has read."""

    def __init__(
        self, feed: Feed, choice: Choice, names: frozenset[str], after: int | None
    ) -> None:
        self._feed = feed
        self._choice = choice
        self._names = names
        self._position = feed.latest if after is None else after
        self._number = feed.end if after is None else None
        self._replayed = 0  # up to which position; what was replayed may be published only now

    async def next(self, quiet_s: float) -> Batch:
        """What fits of the next events; an empty one if it was quiet."""
        loop = asyncio.get_running_loop()
        until = loop.time() + quiet_s
        while True:
            batch = await self._read()
            if batch is None:
                if (left := until - loop.time()) <= 0 or self._feed.is_closed:
                    return Batch()
                await self._feed.wait(left)
                continue
            if seen := await self._feed.seen(batch, self._choice):
                return seen

    async def _read(self) -> Batch | None:
        """What fits of the next entries; None if there are none yet."""
        if self._number is None or not self._feed.holds_from(self._number):
            return await self._replay()
        found = self._feed.fitting(self._choice, self._names, self._number)
        if found is None:
            return None
        self._number += found.size
        batch, known = found.batch, self._replayed
        if known:
            batch = Batch(each for each in batch if each.position is None or each.position > known)
            if found.last > known:
                self._replayed = 0
        self._position = max(self._position, found.last)
        return batch

    async def _replay(self) -> Batch:
        self._number = self._feed.number_after(self._position)
        if self._number is not None:
            return Batch()
        batch, self._position = await self._feed.replayed(self._choice.tenant, self._position)
        self._replayed = self._position
        return Batch(each for each in batch if _fits(each, self._choice, self._names))


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


def _fits(entry: Entry, choice: Choice, names: frozenset[str]) -> bool:
    station = entry.event.station
    return (
        station.tenant == choice.tenant
        and entry.name in names
        and (choice.stations is None or station.name in choice.stations)
    )


def _subject(event: Event) -> StationId:
    """The station that decides who sees an event: one that was renamed has its new name."""
    return event.new if isinstance(event, StationRenamed) else event.station
