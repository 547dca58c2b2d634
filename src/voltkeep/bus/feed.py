"""The feed of events: every stream and webhook reads along, each at a place of its own.

The latest events are in one ring that all share, so a stream costs no memory that grows with what
it has not read. A stream that has fallen out of the ring, or that begins in the past, reads from
the outbox until it is back in it: positions are the same in both, so nothing is lost at the seam.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property
from itertools import islice
from typing import Protocol

from voltkeep.domain.events import Event, StationRenamed
from voltkeep.domain.identity import StationId, TenantId
from voltkeep.domain.telling import Choice, encoded, name_of

_RING = 4096
_AT_ONCE = 100
_REPLAYED_AT_ONCE = 500
# Many streams wake together, and what comes in a burst is told to each in one piece.
_PACE_S = 0.02


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
        self._news = asyncio.Event()
        self._wake: asyncio.TimerHandle | None = None
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
            self._wake = asyncio.get_running_loop().call_later(_PACE_S, self._tell)

    def wants(self, kind: type[Event]) -> bool:
        """Whether a stream listens to that kind of event."""
        return self._wanted[name_of(kind)] > 0

    def close(self) -> None:
        """Every stream ends."""
        self.is_closed = True
        self._tell()

    async def wait(self, timeout_s: float) -> None:
        """Until there is news, but not longer."""
        news = self._news
        try:
            async with asyncio.timeout(timeout_s):
                await news.wait()
        except TimeoutError:
            pass

    async def stream(
        self, choice: Choice, after: int | None = None, *, quiet_s: float = 15.0
    ) -> AsyncGenerator[Sequence[Entry], None]:
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
        news, self._news = self._news, asyncio.Event()
        news.set()

    # For places.

    @property
    def end(self) -> int:
        """The number of the next entry."""
        return self._first + len(self._ring)

    def holds_from(self, number: int) -> bool:
        return number >= self._first

    def entries(self, number: int, limit: int) -> list[Entry]:
        return list(islice(self._ring, number - self._first, number - self._first + limit))

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

    async def replayed(self, tenant: TenantId, position: int) -> tuple[list[Entry], int]:
        """What followed, from the outbox, and up to which position that is all."""
        floor = self._floor or 0  # before it is read: what was told by now is in it
        found = await self._log.after(tenant, position, _REPLAYED_AT_ONCE)
        entries = [Entry(event, at) for at, event in found]
        if len(found) < _REPLAYED_AT_ONCE:
            return entries, max(floor, *(at for at, _ in found), position)
        return entries, found[-1][0]

    async def seen(self, entries: Sequence[Entry], choice: Choice) -> list[Entry]:
        """Those of stations that stand at the chosen sites."""
        if choice.sites is None or not entries:
            return list(entries)
        sites = await self._sites({_subject(each.event) for each in entries})
        return [each for each in entries if sites.get(_subject(each.event)) in choice.sites]


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

    async def next(self, quiet_s: float) -> list[Entry]:
        """What fits of the next events; an empty list if it was quiet."""
        loop = asyncio.get_running_loop()
        until = loop.time() + quiet_s
        while True:
            entries = await self._read()
            if entries is None:
                if (left := until - loop.time()) <= 0 or self._feed.is_closed:
                    return []
                await self._feed.wait(left)
                continue
            fit = [each for each in entries if self._fits(each)]
            if seen := await self._feed.seen(fit, self._choice):
                return seen

    async def _read(self) -> list[Entry] | None:
        """The next entries of anybody; None if there are none yet."""
        if self._number is None or not self._feed.holds_from(self._number):
            return await self._replay()
        entries = self._feed.entries(self._number, _AT_ONCE)
        if not entries:
            return None
        self._number += len(entries)
        known = self._position
        # What was read from the outbox may be published only now.
        entries = [each for each in entries if each.position is None or each.position > known]
        places = [each.position for each in entries if each.position is not None]
        self._position = max([known, *places])
        return entries

    async def _replay(self) -> list[Entry]:
        self._number = self._feed.number_after(self._position)
        if self._number is not None:
            return []
        replayed = await self._feed.replayed(self._choice.tenant, self._position)
        entries, self._position = replayed
        return entries

    def _fits(self, entry: Entry) -> bool:
        station = entry.event.station
        return (
            station.tenant == self._choice.tenant
            and entry.name in self._names
            and (self._choice.stations is None or station.name in self._choice.stations)
        )


def _subject(event: Event) -> StationId:
    """The station that decides who sees an event: one that was renamed has its new name."""
    return event.new if isinstance(event, StationRenamed) else event.station
