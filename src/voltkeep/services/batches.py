"""Batches: the same, asked of many stations, so many at once, with a result for each."""

import asyncio
import secrets
from collections.abc import Hashable, Sequence
from datetime import datetime

import structlog
from msgspec import Struct, json, structs

from voltkeep.domain.asks import Ask
from voltkeep.domain.audit import Deed
from voltkeep.domain.identity import StationId, TenantId
from voltkeep.domain.orders import OPEN_BATCHES, Batch, BatchState, Order, OrderState
from voltkeep.domain.stations import Station
from voltkeep.services.audit import acting, acting_as, audit
from voltkeep.services.background import Carried
from voltkeep.services.lists import Place, StationFilter
from voltkeep.services.orders import OrderConflict, OrderService
from voltkeep.services.ports import (
    Begin,
    Clock,
    Read,
    StationBusy,
    StationOffline,
    StationUnreachable,
    StoreUnavailable,
    Work,
)
from voltkeep.services.records import Look

log = structlog.get_logger(__name__)

_PAGE = 200
_LOOK_EVERY_S = 5.0
_RETRY_S = 1.0
MOST_AT_ONCE = 100


class UnknownBatch(LookupError):
    """There is no batch of that id."""


class Progress(Struct, frozen=True, kw_only=True):
    """A batch, and how many of its orders are in each state, or have ended with each result."""

    batch: Batch
    states: dict[str, int]
    results: dict[str, int]


class BatchService:
    """Gives batches, and carries them out. Everything about them is in the database."""

    def __init__(self, begin: Begin, read: Read, orders: OrderService, clock: Clock) -> None:
        self._begin = begin
        self._read = read
        self._orders = orders
        self._clock = clock
        self._carried = Carried("batches", self._open, self._carry_out, _LOOK_EVERY_S)

    # What people do.

    async def give(
        self,
        tenant: TenantId,
        which: StationFilter,
        ask: Ask,
        *,
        at_once: int = 10,
        queue_until: datetime | None = None,
        timeout_s: float | None = None,
    ) -> Batch:
        """Ask this of every station that fits now. Raises BadExpiry."""
        self._orders.check_expiry(queue_until)
        at, actor = self._clock(), acting()
        command, kept, sealed = self._orders.closed(ask)
        batch = Batch(
            station=StationId(tenant, ""),
            id=secrets.token_hex(8),
            state=BatchState.FILLING,
            at=at,
            command=command,
            ask=kept,
            sealed=sealed,
            actor=actor,
            issued_by=actor.name,
            which=json.encode(which).decode(),
            at_once=max(1, min(at_once, MOST_AT_ONCE)),
            given_at=at,
            queue_until=queue_until,
            timeout_s=timeout_s,
        )
        async with self._begin() as work:
            await work.batches.put(batch)
            deed = Deed(action="batch.given", object=batch.id, after=f"{command}: {batch.which}")
            await audit(work, tenant, at, deed)
        self._carried.look_now()
        return batch

    async def progress(self, tenant: TenantId, id: str) -> Progress:
        """Raises UnknownBatch."""
        async with self._read() as work:
            batch = await work.batches.get(StationId(tenant, ""), id)
            if batch is None:
                raise UnknownBatch(f"there is no batch {id}")
            counts = await work.orders.tally(tenant, ("state", "result"), (("batch", id),))
        states: dict[str, int] = {}
        results: dict[str, int] = {}
        for (state, result), count in sorted(counts.items()):
            states[state] = states.get(state, 0) + count
            if result:
                results[result] = results.get(result, 0) + count
        return Progress(batch=batch, states=states, results=results)

    async def page(self, tenant: TenantId, look: Look) -> "Sequence[Batch]":
        """The latest changed first."""
        async with self._read() as work:
            return await work.batches.page(tenant, look)

    async def cancel(self, tenant: TenantId, id: str) -> Batch:
        """Ask no further station. Raises UnknownBatch, OrderConflict."""
        async with self._begin() as work:
            batch = await work.batches.lock(StationId(tenant, ""), id)
            if batch is None:
                raise UnknownBatch(f"there is no batch {id}")
            waiting = await self._waiting(work, batch, limit=1)
            if batch.state not in OPEN_BATCHES and not waiting:
                raise OrderConflict(f"the batch is {batch.state}: nothing of it waits any more")
            batch = await self._put(work, batch, BatchState.CANCELLED)
            deed = Deed(action="batch.cancelled", object=id, after=batch.command)
            await audit(work, tenant, batch.at, deed)
        error = f"cancelled by {acting().name}"
        while True:  # a page at a time: others wait for the database as well
            async with self._begin() as work:
                page = await self._waiting(work, batch)
                for order in page:
                    await self._orders.finish(work, order, OrderState.CANCELLED, error)
            if not page:
                return batch

    # What goes on by itself.

    async def run(self) -> None:
        """Carry out batches that are open, until cancelled: also those of before a restart."""
        await self._carried.go_on()

    async def _open(self) -> dict[Hashable, Batch]:
        async with self._read() as work:
            return {
                (tenant, batch.id): batch
                for tenant in await work.audit.tenants()
                for batch in await work.batches.page(tenant, Look(states=OPEN_BATCHES))
            }

    async def _carry_out(self, batch: Batch) -> None:
        while True:
            try:
                with acting_as(batch.actor):
                    await self._fill(batch)
                    await self._send(batch)
            except StoreUnavailable as error:
                log.warning("a batch waits for the database", batch=batch.id, error=str(error))
                await asyncio.sleep(_RETRY_S)
            except StationUnreachable as error:
                await self._end(batch, BatchState.CANCELLED)
                log.error("a batch cannot be read", batch=batch.id, error=str(error))  # noqa: TRY400  # it says all
                return
            else:
                return

    async def _fill(self, batch: Batch) -> None:
        """Make an order for each station, a page at a time: where it is, is kept with each."""
        ask = self._orders.opened(batch.ask, batch.sealed)
        which = json.decode(batch.which, type=StationFilter)
        tenant = batch.station.tenant
        while True:
            async with self._begin() as work:
                current = await work.batches.lock(batch.station, batch.id)
                if current is None or current.state is not BatchState.FILLING:
                    return
                after: Place | None = (
                    json.decode(current.filled_to, type=Place) if current.filled_to else None
                )
                page = await work.lists.stations(tenant, which, after=after, limit=_PAGE)
                for station in page.rows:
                    order = self._orders.made(
                        station.id,
                        ask,
                        at=current.given_at,
                        queue_until=current.queue_until,
                        timeout_s=current.timeout_s,
                        batch=current.id,
                    )
                    await work.orders.put(order)
                filled = structs.replace(
                    current,
                    stations=current.stations + len(page.rows),
                    filled_to="" if page.next is None else json.encode(page.next).decode(),
                )
                is_full = page.next is None
                await self._put(work, filled, BatchState.RUNNING if is_full else BatchState.FILLING)
            if is_full:
                return

    async def _send(self, batch: Batch) -> None:
        """Carry its orders out, so many at once. One that waits for its station is let go."""
        room = asyncio.Semaphore(batch.at_once)
        tasks: set[asyncio.Task[None]] = set()
        try:
            while True:
                async with self._read() as work:
                    current = await work.batches.get(batch.station, batch.id)
                    if current is None or current.state is not BatchState.RUNNING:
                        return
                    look = Look(
                        states=(OrderState.PENDING,),
                        fields=(("batch", batch.id),),
                        oldest_first=True,
                        limit=_PAGE,
                    )
                    page = await work.orders.page(batch.station.tenant, look)
                if not page:
                    break
                for order in await self._without_the_absent(page):
                    await room.acquire()
                    task = asyncio.create_task(self._send_one(order, room))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
                if tasks:
                    await asyncio.wait(tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await self._end(batch, BatchState.DONE)

    async def _send_one(self, order: Order, room: asyncio.Semaphore) -> None:
        try:
            with acting_as(order.actor):
                claimed = await self._orders.claim(order)
                if claimed is not None:
                    await self._orders.carry_out(claimed)
        except StoreUnavailable as error:
            log.warning("an order waits for the database", id=order.id, error=str(error))
        finally:
            room.release()

    async def _without_the_absent(self, page: list[Order]) -> list[Order]:
        """Those whose stations are there; the others fail or wait, all in one work."""
        async with self._read() as work:
            known = {order.id: await work.stations.get(order.station) for order in page}
        absent = [order for order in page if not _is_there(known[order.id])]
        if absent:
            async with self._begin() as work:
                for order in absent:
                    await self._set_aside(work, order, known[order.id])
        return [order for order in page if _is_there(known[order.id])]

    async def _set_aside(self, work: Work, order: Order, station: Station | None) -> None:
        current = await work.orders.lock(order.station, order.id)
        if current is None or current.state is not OrderState.PENDING:
            return
        if await self._orders.retired(work, current, station):
            return
        if current.queue_until is not None and await self._orders.line.is_full(work, order.station):
            full = structs.replace(current, result=StationBusy.result)
            error = f"too many commands wait for {order.station} already"
            await self._orders.finish(work, full, OrderState.DONE, error)
            return
        if current.queue_until is not None:
            await work.orders.put(structs.replace(current, state=OrderState.QUEUED))
            return
        failed = structs.replace(current, result=StationOffline.result)
        error = f"{order.station} is not connected"
        await self._orders.finish(work, failed, OrderState.DONE, error)

    async def _waiting(self, work: Work, batch: Batch, limit: int = _PAGE) -> list[Order]:
        look = Look(
            states=(OrderState.PENDING, OrderState.QUEUED),
            fields=(("batch", batch.id),),
            limit=limit,
        )
        return await work.orders.page(batch.station.tenant, look)

    async def _end(self, batch: Batch, state: BatchState) -> None:
        async with self._begin() as work:
            current = await work.batches.lock(batch.station, batch.id)
            if current is not None and current.state in OPEN_BATCHES:
                await self._put(work, current, state)

    async def _put(self, work: Work, batch: Batch, state: BatchState) -> Batch:
        changed = structs.replace(batch, state=state, at=self._clock())
        if state not in OPEN_BATCHES:
            changed = structs.replace(changed, sealed=None)
        await work.batches.put(changed)
        return changed


def _is_there(station: Station | None) -> bool:
    return station is not None and station.is_connected
