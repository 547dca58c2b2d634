"""Orders that wait for their stations: carried out once a station is there, or given up."""

import asyncio
from datetime import datetime, timedelta

import structlog

from voltkeep.domain.events import (
    CommandQueued,
    Event,
    StationBooted,
    StationChanged,
    StationConnected,
    StationRemoved,
)
from voltkeep.domain.identity import StationId, TenantId
from voltkeep.domain.orders import INTERRUPTED, Order, OrderState
from voltkeep.domain.stations import Registration, Station
from voltkeep.services.order_keys import KEYS_KEPT
from voltkeep.services.orders import OrderService
from voltkeep.services.ports import Begin, Clock, Read, StoreUnavailable
from voltkeep.services.records import Look

log = structlog.get_logger(__name__)

HEARD: tuple[type[Event], ...] = (
    CommandQueued,
    StationBooted,
    StationChanged,
    StationConnected,
    StationRemoved,
)
"""The events after which the queue of a station is looked at."""

_SETTLED = timedelta(seconds=2)  # after a boot, a station has enough to say of itself
_UNBOOTED = timedelta(seconds=10)  # a station that only lost its connection does not boot anew
_SWEEP_EVERY_S = 10.0
_SHARE = 20  # of the time that passes, sweeping may take this part
_LOOK_EVERYWHERE = 30  # sweeps: events tell who is there, unless they are lost
_PAGE = 500
_PAUSE_S = 0.02
_ABANDONED = timedelta(minutes=15)  # longer than anything asked of a station may take
_RETRY_S = 1.0


class OrderQueue:
    """One task for each station that has orders and is there; they go out one by one."""

    def __init__(
        self,
        begin: Begin,
        read: Read,
        orders: OrderService,
        clock: Clock,
        *,
        settled: timedelta = _SETTLED,
        unbooted: timedelta = _UNBOOTED,
    ) -> None:
        self._begin = begin
        self._read = read
        self._orders = orders
        self._clock = clock
        self._settled = settled
        self._unbooted = unbooted
        self._draining: dict[StationId, asyncio.Task[None]] = {}
        self._again: set[StationId] = set()
        self._sweeps = 0

    def heed(self, event: Event) -> None:
        """Something happened to a station that may have orders. Never waits."""
        self.wake(event.station)

    def wake(self, station: StationId) -> None:
        """Look at the orders of a station."""
        if station in self._draining:
            self._again.add(station)
            return
        task = asyncio.create_task(self._drain(station), name=f"orders of {station}")
        self._draining[station] = task
        task.add_done_callback(lambda _: self._drained(station))

    def _drained(self, station: StationId) -> None:
        task = self._draining.pop(station)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a queue failed", station=str(station), exc_info=error)
        elif station in self._again and not task.cancelled():
            self._again.discard(station)
            self.wake(station)

    async def run(self, *, sweep_every_s: float = _SWEEP_EVERY_S) -> None:
        """Give up what nobody waits for any more, and miss no station, until cancelled."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                began = loop.time()
                try:
                    await self.sweep()
                except StoreUnavailable as error:
                    log.warning("the queue waits for the database", error=str(error))
                await asyncio.sleep(max(sweep_every_s, _SHARE * (loop.time() - began)))
        finally:
            tasks = list(self._draining.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def sweep(self) -> None:
        """Look at every order that waits for its station, a page at a time."""
        everywhere = self._sweeps % _LOOK_EVERYWHERE == 0
        self._sweeps += 1
        async with self._read() as work:
            tenants = await work.audit.tenants()
        for tenant in tenants:
            after: tuple[datetime, str, str] | None = None
            while page := await self._orders.page(
                tenant,
                Look(states=(OrderState.QUEUED,), oldest_first=True, after=after, limit=_PAGE),
            ):
                await self._expire([order for order in page if order.is_past(self._clock())])
                if everywhere:
                    for station in {order.station for order in page}:
                        self.wake(station)
                after = (page[-1].at, page[-1].station.name, page[-1].id)
                await asyncio.sleep(_PAUSE_S)
            await self._abandon(tenant)
        await self._forget_keys()

    async def _expire(self, orders: list[Order]) -> None:
        if not orders:
            return
        async with self._begin() as work:
            for order in orders:
                current = await work.orders.lock(order.station, order.id)
                if current is not None and current.state is OrderState.QUEUED:
                    await self._orders.retired(
                        work, current, await work.stations.get(current.station)
                    )

    async def _abandon(self, tenant: TenantId) -> None:
        """What a process left running that is gone, or could not keep its result."""
        before = self._clock() - _ABANDONED
        look = Look(states=(OrderState.RUNNING,), until=before, oldest_first=True, limit=_PAGE)
        for order in await self._orders.page(tenant, look):
            async with self._begin() as work:
                current = await work.orders.lock(order.station, order.id)
                if current is not None and current.state is OrderState.RUNNING:
                    await self._orders.finish(work, current, OrderState.INTERRUPTED, INTERRUPTED)

    async def _forget_keys(self) -> None:
        oldest = (self._clock() - KEYS_KEPT, StationId(TenantId(""), ""), "")
        async with self._read() as work:
            old = await work.idempotency_keys.all(before=oldest, limit=_PAGE)
        if old:
            async with self._begin() as work:
                for key in old:
                    await work.idempotency_keys.remove(key.station, key.id)

    # One station.

    async def _drain(self, station: StationId) -> None:
        """Carry out what waits for a station, in order, while it is there."""
        while True:
            try:
                if not await self._next(station):
                    return
            except StoreUnavailable as error:
                log.warning("the queue waits for the database", error=str(error))
                await asyncio.sleep(_RETRY_S)

    async def _next(self, station: StationId) -> bool:
        """Carry one out, or wait until it may be; False if there is nothing to do now."""
        look = Look(station=station.name, states=(OrderState.QUEUED,), oldest_first=True, limit=1)
        async with self._read() as work:
            waiting = await work.orders.page(station.tenant, look)
            known = await work.stations.get(station) if waiting else None
        if not waiting:
            return False
        order, now = waiting[0], self._clock()
        if known is not None and not order.is_past(now):
            due = self._due(known)
            if due is None:
                return False
            if due > now:
                await asyncio.sleep((due - now).total_seconds())
                return True  # it may have left meanwhile
        claimed = await self._orders.claim(order)
        if claimed is None:
            return True
        done = await self._orders.carry_out(claimed)
        return done.state is not OrderState.QUEUED

    def _due(self, station: Station) -> datetime | None:
        """When a station may be asked: a while after its boot. None: it is not there."""
        connected_at, booted_at = station.connected_at, station.booted_at
        if (
            not station.is_connected
            or connected_at is None
            or station.registration is not Registration.ACCEPTED
        ):
            return None
        if booted_at is not None and booted_at >= connected_at:
            return booted_at + self._settled
        return connected_at + self._unbooted
