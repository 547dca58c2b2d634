"""Keeps local lists in step by itself, where that is wanted: a few stations at a time."""

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta

import structlog

from voltkeep.domain.events import Event, StationBooted
from voltkeep.domain.identity import StationId, TenantId
from voltkeep.domain.local_list import LIST, ListState, LocalList
from voltkeep.services.background import now_and_then
from voltkeep.services.local_list import CHANGES_KEPT, LocalListService, try_in_step
from voltkeep.services.ports import Begin, Clock, Read, StoreUnavailable, Work
from voltkeep.services.provisioning import UnknownStation
from voltkeep.services.records import Look

log = structlog.get_logger(__name__)

_LOOK_EVERY_S = 2.0
_COLLECT = timedelta(seconds=10)  # changes that come together go out together
_AT_ONCE = 8  # stations
_PAGE = 200
_PRUNE_EVERY = timedelta(hours=1)
_MOST_BACK = 100_000
# Sent again at the next change or boot; at once would be for ever.
_TRIED = (ListState.NEW, ListState.DUE, ListState.IN_STEP, ListState.FAILED, ListState.BY_HAND)


class ListKeeper:
    """Sends changes of tokens to stations that are there, and to others when they come back."""

    def __init__(
        self,
        begin: Begin,
        read: Read,
        lists: LocalListService,
        clock: Clock,
        *,
        collect: timedelta = _COLLECT,
    ) -> None:
        self._begin = begin
        self._read = read
        self._lists = lists
        self._clock = clock
        self._collect = collect
        self._looked_until: datetime | None = None
        self._pruned_at: datetime | None = None
        self._back: dict[StationId, bool] = {}  # whether it booted, and may have lost its list
        self._at_once = asyncio.Semaphore(_AT_ONCE)

    def heed(self, event: Event) -> None:
        """A station has connected or booted."""
        if len(self._back) < _MOST_BACK:
            booted = isinstance(event, StationBooted)
            self._back[event.station] = booted or self._back.get(event.station, False)

    async def run(self) -> None:
        """Keep lists in step, until cancelled."""
        await now_and_then("local lists", self.keep, _LOOK_EVERY_S)

    async def keep(self) -> None:
        """Look once what has changed, and who has come back."""
        until = self._clock() - self._collect
        back, self._back = self._back, {}
        await self._all((station for station in back), until, back)
        if self._looked_until is None:
            await self._walk(None, until)
        else:
            for tenant in await self._changed(self._looked_until, until):
                await self._walk(tenant, until)
        self._looked_until = until
        await self._prune()

    async def _changed(self, since: datetime, until: datetime) -> list[TenantId]:
        """Whose tokens are others than they were."""
        tenants: dict[TenantId, None] = {}
        before = None
        async with self._read() as work:
            while page := await work.token_changes.all(since=since, before=before, limit=_PAGE):
                tenants |= {each.station.tenant: None for each in page if each.at < until}
                before = (page[-1].at, page[-1].station, page[-1].id)
        return list(tenants)

    async def _walk(self, tenant: TenantId | None, until: datetime) -> None:
        """Every list that is to be kept, a page at a time; those done on the way come later."""
        last: tuple[datetime, StationId, str] | None = None
        while True:
            async with self._read() as work:
                page = await work.local_lists.all(tenant, states=_TRIED, before=last, limit=_PAGE)
            await self._all((each.station for each in page if each.is_on), until, {})
            if len(page) < _PAGE:
                return
            last = (page[-1].at, page[-1].station, page[-1].id)

    async def _all(
        self, stations: Iterable[StationId], until: datetime, booted: dict[StationId, bool]
    ) -> None:
        await asyncio.gather(
            *(self._one(each, until, booted=booted.get(each, False)) for each in stations)
        )

    async def _one(self, station: StationId, until: datetime, *, booted: bool) -> None:
        async with self._at_once:
            async with self._read() as work:
                known = await work.local_lists.get(station, LIST)
                if known is None or not known.is_on:
                    return
                where = await work.stations.get(station)
                is_behind = booted or await _is_behind(work, known, until)
            if where is None or where.passive or not is_behind:
                return
            try:
                if where.is_connected:
                    await try_in_step(self._lists, station, until)
                else:
                    await self._lists.missed(station, "the station is not connected")
            except UnknownStation:
                pass  # removed meanwhile
            except StoreUnavailable:
                raise
            except Exception:
                log.exception("a local list was not kept", station=str(station))

    async def _prune(self) -> None:
        """Forget changes so old that a list from before is sent in full."""
        now = self._clock()
        if self._pruned_at is not None and now - self._pruned_at < _PRUNE_EVERY:
            return
        self._pruned_at = now
        async with self._read() as work:
            tenants = await work.audit.tenants()
        for tenant in tenants:
            while True:
                look = Look(until=now - CHANGES_KEPT, oldest_first=True, limit=_PAGE)
                async with self._begin() as work:
                    old = await work.token_changes.page(tenant, look)
                    for each in old:
                        await work.token_changes.remove(each.station, each.id)
                if len(old) < _PAGE:
                    break


async def _is_behind(work: Work, known: LocalList, until: datetime) -> bool:
    if known.synced_until is None:
        return known.state is not ListState.FAILED
    look = Look(station="", since=known.synced_until, until=until, limit=1)
    return bool(await work.token_changes.page(known.station.tenant, look))
