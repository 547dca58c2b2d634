"""Counts what was charged on each day, from the events that tell of it (ADR 18).

Each step is one work: it holds how far counting is, and moves that with what it counts. Whenever
it is killed, an event is counted once; and a transaction that changed is taken out of the totals
as it was counted, and counted anew.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import structlog
from msgspec import structs

from voltkeep.domain.days import (
    BUSY_S,
    CONNECTOR_S,
    ENERGY_WH,
    EVERYWHERE,
    RUNNING,
    SECURITY,
    SESSIONS,
    STILL_RUNS,
    Counted,
    Key,
    Progress,
    counted,
    day_of,
    kind_of,
    same,
    seconds_of,
    totals,
)
from voltkeep.domain.events import (
    Event,
    SecurityEventReported,
    StationRenamed,
    TransactionClosed,
    TransactionEnded,
    TransactionStarted,
)
from voltkeep.domain.identity import StationId, TenantId, TransactionRef
from voltkeep.domain.transactions import Transaction
from voltkeep.services.background import now_and_then
from voltkeep.services.lists import EventFilter, StationFilter, TransactionFilter
from voltkeep.services.ports import Begin, Clock, Read, StoreUnavailable, Work
from voltkeep.services.records import Look

log = structlog.get_logger(__name__)

EVERY_S = 60.0
_AT_ONCE = 250  # events, transactions: of one step
_PAUSE_S = 0.02  # between steps, for everybody else
_WALK_S = 20.0  # then events have their turn
_SETTLED = timedelta(minutes=1)
_NEXT = timedelta(microseconds=1)
_PAGE = 1000  # of transactions that run
_REPLACE_EVERY = timedelta(hours=1)
_COUNT_CONNECTORS_EVERY = timedelta(hours=1)
_HEEDED = (TransactionStarted, TransactionEnded, TransactionClosed)
_TYPES = tuple(kind.__name__ for kind in (*_HEEDED, StationRenamed, SecurityEventReported))
_RUNNING = tuple(f"{RUNNING}{each}" for each in (SESSIONS, ENERGY_WH, BUSY_S))

Name = tuple[str, TransactionRef]


class DayCounter:
    """The job, of which one runs. ``same_events``: other names of kinds of security events."""

    def __init__(
        self,
        begin: Begin,
        read: Read,
        clock: Clock,
        same_events: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._same_events = same_events
        self._begin = begin
        self._read = read
        self._clock = clock
        # How those that run are in the totals; until a tenant is here nobody knows.
        self._running: dict[TenantId, dict[Name, Counted]] = {}
        self._replaced_at: dict[TenantId, datetime] = {}
        self._connectors_at: dict[TenantId, datetime] = {}

    async def run(self) -> None:
        """Until cancelled."""
        await now_and_then("days", self.count, EVERY_S)

    async def count(self) -> None:
        """What is new of each tenant, what runs now, and some of what was there before.

        One that fails stops no other: what it failed with is raised at the end.
        """
        async with self._read() as work:
            tenants = await work.days.tenants()
        failed: Exception | None = None
        for tenant in tenants:
            try:
                await self._count(tenant)
            except BaseException as error:
                self._running.pop(tenant, None)  # whether the totals have them is not known
                if isinstance(error, StoreUnavailable) or not isinstance(error, Exception):
                    raise
                log.exception("days of a tenant are not counted", tenant=tenant)
                failed = failed or error
        if failed is not None:
            raise failed

    async def _count(self, tenant: TenantId) -> None:
        zones = await self._zones(tenant)
        if tenant not in self._running:
            await self._replace_running(tenant, {})
        is_more = True
        while is_more:
            is_more = await self._heed(tenant, zones)
            await asyncio.sleep(_PAUSE_S if is_more else 0)
        await self._count_running(tenant, zones)
        await self._count_connectors(tenant, zones)
        await self._walk(tenant, zones)

    async def _zones(self, tenant: TenantId) -> dict[str, str]:
        """The time zones of sites that have one."""
        zones: dict[str, str] = {}
        look = Look(station="", limit=_PAGE)
        while True:
            async with self._read() as work:
                found = await work.sites.page(tenant, look)
            zones |= {each.id: each.time_zone for each in found if each.time_zone}
            if len(found) < _PAGE:
                return zones
            look = structs.replace(look, after=(found[-1].at, "", found[-1].id))

    # What happened.

    async def _heed(self, tenant: TenantId, zones: Mapping[str, str]) -> bool:
        """Count what some events tell of. Whether there may be more."""
        async with self._begin() as work:
            progress = await work.days.hold(tenant)
            last = await _last_position(work, tenant)
            if progress.since is None:
                # Of a tenant of that name that was removed nothing is known any more.
                self._running.pop(tenant, None)
                self._connectors_at.pop(tenant, None)
                await work.days.save(tenant, Progress(position=last, since=self._clock()))
                return False
            if await work.days.forgotten(tenant) > progress.position:
                # Nobody knows what they told of: look at every transaction again.
                anew = structs.replace(progress, position=last, walked=None, is_walked=False)
                await work.days.save(tenant, self._hear_again(anew))
                return False
            found = await work.lists.events(
                tenant,
                EventFilter(types=_TYPES),
                "at",
                after=(progress.position,),
                limit=_AT_ONCE,
            )
            events = [each.event for each in found.rows]
            after = progress
            if not await self._count_events(work, tenant, events, progress.since, zones):
                after = structs.replace(progress, walked=None, is_walked=False)
            # Other works may have told of more since the last was read: those are counted too.
            seen = [each.position for each in found.rows[-1:]]
            told = max(last, progress.position, *seen)
            position = int(found.next[0] or 0) if found.next else told
            heard = [each.at for each in events if isinstance(each, SecurityEventReported)]
            heard_at = max(heard + ([after.heard_at] if after.heard_at else []), default=None)
            after = structs.replace(after, position=position, heard_at=heard_at)
            if after != progress:
                await work.days.save(tenant, after)
        return found.next is not None

    def _hear_again(self, progress: Progress) -> Progress:
        """Walk through the security events from the last one that was counted until now."""
        if progress.since is None or not progress.is_security_walked:
            return progress
        begin = progress.since
        if progress.heard_at is not None and progress.heard_at >= begin:
            begin = progress.heard_at + _NEXT
        return structs.replace(
            progress,
            since=self._clock(),
            walked_security=(begin, "", ""),
            is_security_walked=False,
        )

    async def _count_events(
        self,
        work: Work,
        tenant: TenantId,
        events: Sequence[Event],
        since: datetime,
        zones: Mapping[str, str],
    ) -> bool:
        """Whether that was all they told of; else every transaction is to be looked at again."""
        is_all = True
        names = {(event.station.name, event.ref) for event in events if isinstance(event, _HEEDED)}
        found = await work.days.transactions(tenant, names)
        for event in events:
            if isinstance(event, StationRenamed) and event.new.tenant == tenant:
                # What was told under its old name before that is not found by it any more.
                its = await work.transactions.all(station=event.new, limit=_AT_ONCE)
                is_all = is_all and len(its) < _AT_ONCE
                found += its
        await self._recount(work, tenant, found, zones)
        reported = [
            (event.station, event.event, event.at)
            for event in events
            if isinstance(event, SecurityEventReported) and event.at >= since
        ]
        await self._count_reported(work, tenant, reported, zones)
        return is_all

    async def _recount(
        self,
        work: Work,
        tenant: TenantId,
        found: Iterable[Transaction],
        zones: Mapping[str, str],
    ) -> None:
        """Take them out of the totals as they were counted, and put them in as they are."""
        over = {(each.station.name, each.ref): each for each in found if each.over_at is not None}
        before = {
            (each.station.name, each.ref): each for each in await work.days.counted(tenant, over)
        }
        new = {name[0] for name in over if name not in before}
        sites = await _sites(work, tenant, new)
        sums: Counter[Key] = Counter()
        changed = []
        running = self._running.get(tenant, {})
        for name, transaction in over.items():
            old = before.get(name)
            site = old.site if old else sites.get(name[0], "")
            zone = old.zone if old else zones.get(site, "")
            now = counted(transaction, site, zone)
            if now is None or (old is not None and same(old, now)):
                continue
            changed.append(now)
            totals([now], into=sums)
            if old is not None:
                totals([old], sign=-1, into=sums)
            elif name in running:
                totals([running[name]], RUNNING, -1, sums)
        await work.days.count(changed)
        await work.days.add(tenant, {key: number for key, number in sums.items() if number})
        for each in changed:
            running.pop((each.station.name, each.ref), None)

    async def _count_reported(
        self,
        work: Work,
        tenant: TenantId,
        reported: Sequence[tuple[StationId, str, datetime]],
        zones: Mapping[str, str],
    ) -> None:
        sites = await _sites(work, tenant, {station.name for station, _, _ in reported})
        sums: Counter[Key] = Counter()
        for station, event, at in reported:
            site = sites.get(station.name, "")
            day = day_of(at, zones.get(site, ""))
            kind = kind_of(self._same_events.get(event, event))
            for where in (site, EVERYWHERE):
                sums[where, f"{SECURITY}{kind}", day] += 1
        await work.days.add(tenant, sums)

    # What runs, and where.

    async def _count_running(self, tenant: TenantId, zones: Mapping[str, str]) -> None:
        now = self._clock()
        which = TransactionFilter(active=True, started_since=now - STILL_RUNS)
        running: dict[Name, Counted] = {}
        after = None
        while True:
            async with self._read() as work:
                found = await work.lists.transactions(
                    tenant, which, "started_at", after=after, limit=_PAGE
                )
                sites = await _sites(work, tenant, {each.station.name for each in found.rows})
            for each in found.rows:
                site = sites.get(each.station.name, "")
                so_far = counted(each, site, zones.get(site, ""), until=now)
                if so_far is not None:
                    running[each.station.name, each.ref] = so_far
            after = found.next
            if after is None:
                break
            await asyncio.sleep(0)
        await self._replace_running(tenant, running)

    async def _replace_running(self, tenant: TenantId, running: dict[Name, Counted]) -> None:
        """As a whole now and then, which removes what is 0 by now; else what has changed."""
        now = self._clock()
        before = self._running.get(tenant)
        replaced_at = self._replaced_at.get(tenant)
        if replaced_at is None or now - replaced_at >= _REPLACE_EVERY:
            before = None
        sums: Counter[Key] = Counter()
        for number, each in enumerate(running.values()):
            totals([each], RUNNING, into=sums)
            if not number % _PAGE:
                await asyncio.sleep(0)
        for number, each in enumerate(before.values() if before else ()):
            totals([each], RUNNING, -1, sums)
            if not number % _PAGE:
                await asyncio.sleep(0)
        async with self._begin() as work:
            await work.days.hold(tenant)
            if before is None:
                await work.days.replace(tenant, _RUNNING, sums)
            else:
                changed = {key: number for key, number in sums.items() if number}
                await work.days.add(tenant, changed)
        if before is None:
            self._replaced_at[tenant] = now
        self._running[tenant] = running

    async def _count_connectors(self, tenant: TenantId, zones: Mapping[str, str]) -> None:
        """How long all connectors of a site could be used today."""
        now = self._clock()
        counted_at = self._connectors_at.get(tenant)
        if counted_at is not None and now - counted_at < _COUNT_CONNECTORS_EVERY:
            return
        async with self._read() as work:
            found = await work.days.connectors(tenant)
        numbers: dict[Key, int] = {}
        for site, number in found.items():
            zone = zones.get(site, "")
            day = day_of(now, zone)
            numbers[site, CONNECTOR_S, day] = number * seconds_of(day, zone)
        today = now.astimezone(UTC).date()
        numbers[EVERYWHERE, CONNECTOR_S, today] = sum(found.values()) * seconds_of(today, "")
        async with self._begin() as work:
            progress = await work.days.hold(tenant)
            await work.days.put(tenant, numbers)
            is_utc = not any(zones.get(site) for site in found)
            await work.days.save(tenant, structs.replace(progress, is_utc=is_utc))
        self._connectors_at[tenant] = now

    # What was there before.

    async def _walk(self, tenant: TenantId, zones: Mapping[str, str]) -> None:
        """For a while, or to the end."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _WALK_S
        while loop.time() < until:
            if not await self._step(tenant, zones):
                return
            await asyncio.sleep(_PAUSE_S)

    async def _step(self, tenant: TenantId, zones: Mapping[str, str]) -> bool:
        """Whether there may be more."""
        async with self._begin() as work:
            progress = await work.days.hold(tenant)
            if progress.since is None:
                return False
            if not progress.is_walked:
                after = await self._walked(work, tenant, progress, zones)
            elif self._clock() - progress.since < _SETTLED:
                return False  # what was heard of before may not be committed yet
            elif not progress.is_security_walked:
                after = await self._walked_security(work, tenant, progress, zones)
            else:
                return False
            await work.days.save(tenant, after)
        return True

    async def _walked(
        self, work: Work, tenant: TenantId, progress: Progress, zones: Mapping[str, str]
    ) -> Progress:
        found = await work.days.walk(tenant, progress.walked, _AT_ONCE)
        await self._recount(work, tenant, found, zones)
        if len(found) < _AT_ONCE:
            return structs.replace(progress, walked=None, is_walked=True)
        last = found[-1]
        return structs.replace(progress, walked=(last.station.name, str(last.ref)))

    async def _walked_security(
        self, work: Work, tenant: TenantId, progress: Progress, zones: Mapping[str, str]
    ) -> Progress:
        """Those heard of before counting began: later ones are told by events."""
        look = Look(
            until=progress.since,
            oldest_first=True,
            after=progress.walked_security,
            limit=_AT_ONCE,
        )
        found = await work.security_events.page(tenant, look)
        reported = [(each.station, each.type, each.at) for each in found]
        await self._count_reported(work, tenant, reported, zones)
        if len(found) < _AT_ONCE:
            return structs.replace(progress, walked_security=None, is_security_walked=True)
        last = found[-1]
        return structs.replace(progress, walked_security=(last.at, last.station.name, last.id))


async def look_again(work: Work, tenant: TenantId) -> None:
    """Have every transaction looked at again: some are there of which no event tells."""
    progress = await work.days.hold(tenant)
    await work.days.save(tenant, structs.replace(progress, walked=None, is_walked=False))


async def leave(work: Work, station: StationId, new: TenantId) -> None:
    """Take a station's transactions out of its tenant's totals; they are counted in the new one.

    Before it is renamed: until this work is over, nobody counts in either.
    """
    for tenant in sorted({station.tenant, new}):
        await work.days.hold(tenant)
    sums: Counter[Key] = Counter()
    while found := await work.days.uncount(station, _AT_ONCE):
        totals(found, sign=-1, into=sums)
    await work.days.add(station.tenant, {key: number for key, number in sums.items() if number})
    await look_again(work, new)


async def _last_position(work: Work, tenant: TenantId) -> int:
    """Of the events told so far; read before others, so that none is passed over."""
    found = await work.lists.events(tenant, EventFilter(), "-at", limit=1)
    return found.rows[0].position if found.rows else 0


async def _sites(work: Work, tenant: TenantId, stations: Iterable[str]) -> dict[str, str]:
    """Where these stations stand; one that is gone stands nowhere."""
    names = tuple(sorted(stations))
    if not names:
        return {}
    found = await work.lists.stations(tenant, StationFilter(names=names), limit=len(names))
    return {each.id.name: each.site for each in found.rows}
