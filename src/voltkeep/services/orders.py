"""Orders: whatever people ask of stations, kept before it is sent and settled once it is over."""

import asyncio
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from msgspec import Struct, json, structs
from structlog.contextvars import bound_contextvars

from voltkeep.domain.asks import Ask, RawMessage
from voltkeep.domain.audit import Deed
from voltkeep.domain.commands import Outcome
from voltkeep.domain.events import CommandCompleted, CommandQueued
from voltkeep.domain.identity import StationId, TenantId
from voltkeep.domain.orders import (
    INTERRUPTED,
    TOO_LATE,
    UNSENT,
    WAITING,
    Order,
    OrderResult,
    OrderState,
    failed,
    is_on_the_wire,
)
from voltkeep.domain.stations import Station
from voltkeep.services.asking_trust import CarryOut
from voltkeep.services.audit import acting, acting_as, audit
from voltkeep.services.order_keys import Once, repeated
from voltkeep.services.order_limits import Line
from voltkeep.services.ports import (
    Begin,
    Clock,
    Contended,
    Read,
    StationBusy,
    StationOffline,
    StationSilent,
    StationUnreachable,
    StoreUnavailable,
    Work,
)
from voltkeep.services.provisioning import registered
from voltkeep.services.records import Look
from voltkeep.services.sealing import Sealing
from voltkeep.services.sending import followed, following, patient

log = structlog.get_logger(__name__)

_AT_ONCE = 200  # further ones wait their turn
_MOST_OPEN = 5_000  # of this process
LONGEST_S = 600.0  # that anything asked of a station may take
_LONGEST_IN_QUEUE = timedelta(days=90)
_FIRST_POLL_S, _POLL_S = 0.01, 0.2  # most commands are over soon
_SETTLE_WITHIN_S = 60.0
_LAST_WORDS_S = 5.0

SERVER, SHELL = "server", "shell"


class UnknownOrder(LookupError):
    """There is no order of that id."""


class OrderConflict(ValueError):
    """The order is not in a state for that."""


class BadExpiry(ValueError):
    """An order cannot wait until then."""


class TooManyOrders(Exception):
    """So many orders are open that this one was not taken: try again later."""


class _Told(Struct):
    """What the service said, with the secrets that the order is kept without."""

    outcome: Outcome | None = None
    error: Exception | None = None


class OrderService:
    """Gives orders, and carries them out."""

    def __init__(self, begin: Begin, read: Read, seal: Sealing, clock: Clock) -> None:
        self._begin = begin
        self._read = read
        self._seal = seal
        self._clock = clock
        self._table: Mapping[type[Any], CarryOut] = {}
        self._runner = SHELL
        self._tasks: dict[tuple[TenantId, str], asyncio.Task[Order]] = {}
        self.line = Line()
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._last = datetime.min.replace(tzinfo=UTC)

    def use(self, table: Mapping[type[Any], CarryOut]) -> None:
        """How each kind of ask is carried out: known once every service is there."""
        self._table = table

    # What people do.

    async def give(
        self,
        station: StationId,
        ask: Ask,
        *,
        queue_until: datetime | None = None,
        timeout_s: float | None = None,
        once: Once | None = None,
        is_known: bool = False,
        told: _Told | None = None,
    ) -> Order:
        """Ask this of a station. It is stored before it is sent; `wait` for what becomes of it.

        With ``queue_until`` it waits for a station that is not there. With ``once`` a repetition
        gets the order that the first has made. ``is_known``: whoever calls has just looked the
        station up. Raises UnknownStation, BadExpiry, KeyReused, TooManyOrders, TooManyWait.
        """
        if len(self._tasks) >= _MOST_OPEN:
            raise TooManyOrders(f"{_MOST_OPEN} commands are being carried out; try again later")
        at = self._now()
        self.check_expiry(queue_until)
        order = self.made(
            station, ask, at=at, queue_until=queue_until, timeout_s=timeout_s, batch=""
        )
        async with self._begin() as work:
            if once is not None and (found := await repeated(work, order, once)) is not None:
                return found
            if not is_known:
                await registered(work, station)
            if order.state is OrderState.QUEUED:
                await self.line.check(work, station, at)
            await work.orders.put(order)
            if order.state is OrderState.QUEUED:
                work.emit(CommandQueued(station=station, at=at, command_id=order.id))
                deed = Deed(action="command.queued", object=str(station), after=order.command)
                await audit(work, station.tenant, at, deed)
        if order.state is OrderState.RUNNING:
            self._start(order, ask, told)
        return order

    async def ask(
        self, station: StationId, ask: Ask, *, timeout_s: float | None = None
    ) -> tuple[Order, Outcome]:
        """As `give`, and the whole answer, for whoever asked is here: secrets are not kept.

        Raises what `give` and the service that carries it out raise, once the order is settled.
        """
        told = _Told()
        order = await self.give(station, ask, timeout_s=timeout_s, told=told)
        done = await self._tasks[station.tenant, order.id]
        if done.state is OrderState.INTERRUPTED:
            raise asyncio.CancelledError  # who waits for a task cancels it
        if told.outcome is None:
            raise told.error or StationUnreachable(done.error)
        return done, told.outcome

    def check_expiry(self, queue_until: datetime | None) -> None:
        """Raises BadExpiry."""
        now = self._clock()
        if queue_until is not None and not now < queue_until <= now + _LONGEST_IN_QUEUE:
            days = _LONGEST_IN_QUEUE.days
            raise BadExpiry(f"queue_until must be in the future, and within {days} days")

    def made(
        self,
        station: StationId,
        ask: Ask,
        *,
        at: datetime,
        queue_until: datetime | None,
        timeout_s: float | None,
        batch: str,
    ) -> Order:
        """An order that is not stored yet: to run now, or to wait if it may."""
        name, kept, sealed = self.closed(ask)
        actor = acting()
        if batch:
            state = OrderState.PENDING
        else:
            state = OrderState.RUNNING if queue_until is None else OrderState.QUEUED
        is_running = state is OrderState.RUNNING
        return Order(
            station=station,
            id=secrets.token_hex(12),
            state=state,
            at=at,
            command=name,
            ask=kept,
            sealed=sealed,
            actor=actor,
            issued_by=actor.name,
            batch=batch,
            given_at=at,
            queue_until=queue_until,
            timeout_s=timeout_s,
            runner=self._runner if is_running else "",
            started_at=at if is_running else None,
        )

    def closed(self, ask: Ask) -> tuple[str, str, str | None]:
        """What an ask is called, its JSON without secrets, and all of it, sealed if it has any."""
        whole = json.encode(ask)
        name = ask.action if isinstance(ask, RawMessage) else type(ask).__name__
        kept = self._seal.kept(name, whole)
        return name, kept.decode(), None if kept == whole else self._seal.closed(whole)

    def opened(self, ask: str, sealed: str | None) -> Ask:
        """What was given. Raises CommandUnfit."""
        whole = ask if sealed is None else self._seal.opened(sealed)
        given: Ask = json.decode(whole, type=Ask)
        return given

    async def get(self, tenant: TenantId, id: str) -> Order:
        """Raises UnknownOrder."""
        async with self._read() as work:
            found = await work.orders.find(tenant, id)
        if found is None:
            raise UnknownOrder(f"there is no command {id}")
        return found.as_of(self._clock())

    async def wait(self, tenant: TenantId, id: str, seconds: float) -> Order:
        """The order once it is over, or as it is by then. Raises UnknownOrder."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + seconds
        task = self._tasks.get((tenant, id))
        if task is not None:
            done, _ = await asyncio.wait({task}, timeout=max(0.0, seconds))
            if done and not task.cancelled() and not task.result().is_open:
                return task.result()
        order, pause_s = await self.get(tenant, id), _FIRST_POLL_S
        while order.is_open and (left := give_up - loop.time()) > 0:
            await asyncio.sleep(min(pause_s, left))
            pause_s = min(2 * pause_s, _POLL_S)
            order = await self.get(tenant, id)
        return order

    async def page(self, tenant: TenantId, look: Look) -> list[Order]:
        """Orders that fit, the latest changed first."""
        async with self._read() as work:
            found = await work.orders.page(tenant, look)
        now = self._clock()
        return [order.as_of(now) for order in found]

    async def cancel(self, tenant: TenantId, id: str) -> Order:
        """Have an order that waits not be carried out. Raises UnknownOrder, OrderConflict."""
        async with self._begin() as work:
            found = await work.orders.find(tenant, id)
            order = None if found is None else await work.orders.lock(found.station, id)
            if order is None:
                raise UnknownOrder(f"there is no command {id}")
            if (state := order.as_of(self._clock()).state) not in WAITING:
                raise OrderConflict(f"the command is {state}: only one that waits can be cancelled")
            by = f"cancelled by {acting().name}"
            return await self.finish(work, order, OrderState.CANCELLED, by)

    # What is done with them.

    async def start(self) -> int:
        """This process serves: what an earlier one has left running was interrupted."""
        self._runner = SERVER
        count = 0
        async with self._read() as work:
            tenants = await work.audit.tenants()
        for tenant in tenants:
            after: tuple[datetime, str, str] | None = None
            while left := await self.page(
                tenant, Look(states=(OrderState.RUNNING,), oldest_first=True, after=after)
            ):
                mine = [order for order in left if order.runner == SERVER]
                async with self._begin() as work:
                    for order in mine:
                        await self.finish(work, order, OrderState.INTERRUPTED, INTERRUPTED)
                count += len(mine)
                after = (left[-1].at, left[-1].station.name, left[-1].id)
        return count

    async def claim(self, order: Order) -> Order | None:
        """Take an order that waits, to carry it out; None if it is not to be."""
        now = self._now()
        async with self._begin() as work:
            current = await work.orders.lock(order.station, order.id)
            if current is None or current.state not in WAITING:
                return None
            if await self.retired(work, current, await work.stations.get(current.station)):
                return None
            running = structs.replace(
                current, state=OrderState.RUNNING, at=now, started_at=now, runner=self._runner
            )
            await work.orders.put(running)
        return running

    async def retired(self, work: Work, order: Order, station: Station | None) -> bool:
        """Whether an order that waits is settled now, because nobody should carry it out."""
        if station is None or station.created_at > order.given_at:
            await self.finish(work, order, OrderState.CANCELLED, "the station was removed")
        elif order.is_past(self._clock()):
            await self.finish(work, order, OrderState.EXPIRED, TOO_LATE)
        else:
            return False
        return True

    async def carry_out(self, order: Order) -> Order:
        """Carry out one that was claimed, to its end; what became of it."""
        try:
            ask = self.opened(order.ask, order.sealed)
        except StationUnreachable as failure:
            return await self._settle(failed(order, failure.result, str(failure)))
        return await asyncio.shield(self._start(order, ask, None))

    async def finish(self, work: Work, order: Order, state: OrderState, error: str = "") -> Order:
        """Settle an order in this work: nothing more happens with it."""
        now = self._now()
        result = order.result if state is OrderState.DONE else state.value
        done = structs.replace(
            order,
            state=state,
            at=now,
            done_at=now,
            sealed=None,
            result=result,
            error=error or order.error,
        )
        done = await _kept(work, done)
        is_sent = state in {OrderState.DONE, OrderState.INTERRUPTED}
        deed = Deed(
            action="command.sent" if is_sent else f"command.{state}",
            object=str(done.station),
            after=order.command,
            result=result,
        )
        by = acting() if state is OrderState.CANCELLED else order.actor
        with acting_as(by):
            await audit(work, order.station.tenant, now, deed)
        event = CommandCompleted(
            station=done.station,
            at=now,
            command_id=order.id,
            action=order.command,
            result=result,
        )
        work.emit(event)
        return done

    async def close(self) -> None:
        """Wait a moment for what is being carried out; the rest is interrupted."""
        tasks = list(self._tasks.values())
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=_LAST_WORDS_S)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def _start(self, order: Order, ask: Ask, told: _Told | None) -> asyncio.Task[Order]:
        task = asyncio.create_task(self._run(order, ask, told), name=f"order {order.id}")
        key = (order.station.tenant, order.id)
        self._tasks[key] = task
        task.add_done_callback(lambda _: self._tasks.pop(key, None))
        return task

    async def _run(self, order: Order, ask: Ask, told: _Told | None) -> Order:
        words = {"command_id": order.id, "station": str(order.station), "command": order.command}
        with bound_contextvars(**words):
            log.info("a command begins")
            with acting_as(order.actor), following() as messages:
                done = await self._ask(order, ask, told or _Told())
            log.info("a command ends", result=done.result or done.state)
            return await self._settle(structs.replace(done, messages=tuple(messages)))

    async def _ask(self, order: Order, ask: Ask, told: _Told) -> Order:
        """Have the service do it; the order with what became of it."""
        try:
            try:
                async with self._room, patient(order.timeout_s, at_most=self._at_most(order)):
                    told.outcome = await self._table[type(ask)](order.station, ask)
            except Exception as error:
                told.error = error
                raise
        except StationUnreachable as failure:
            words = self._seal.kept_words(json.encode(ask), str(failure))
            return failed(order, failure.result, words)
        except TimeoutError:
            told.error = self._too_late()
            return failed(order, told.error.result, str(told.error))
        except asyncio.CancelledError:
            is_unsent = self._runner == SERVER and not is_on_the_wire(followed() or ())
            why = UNSENT if is_unsent else INTERRUPTED
            return structs.replace(order, state=OrderState.INTERRUPTED, error=why)
        except StoreUnavailable as error:
            return failed(order, "failed", _not_stored(error))
        except Exception as error:
            if _is_refusal(error):
                words = self._seal.kept_words(json.encode(ask), str(error))
                return failed(order, OrderResult.IMPOSSIBLE, words)
            log.exception("a command failed", station=str(order.station), command_id=order.id)
            return failed(order, "failed", "the server failed; its log says more")
        return self._answered(order, told.outcome)

    def _at_most(self, order: Order) -> float:
        """For all of it; in line the station has nothing to answer yet, if this process sends."""
        return LONGEST_S if self._runner == SERVER else order.timeout_s or LONGEST_S

    def _too_late(self) -> StationUnreachable:
        if self._runner == SERVER and not is_on_the_wire(followed() or ()):
            return StationBusy("others were asked of the station all the time; nothing was sent")
        return StationSilent("the station did not answer in time")

    def _answered(self, order: Order, outcome: Outcome) -> Order:
        told = None if outcome.told is None else json.encode(outcome.told)
        return structs.replace(
            order,
            state=OrderState.DONE,
            result="accepted" if outcome.accepted else "rejected",
            status=outcome.status,
            warning=outcome.warning,
            told=None if told is None else self._seal.kept(order.command, told).decode(),
        )

    async def _settle(self, order: Order) -> Order:
        """Keep what became of it, and insist: the station has been asked."""
        give_up = asyncio.get_running_loop().time() + _SETTLE_WITHIN_S
        while True:
            try:
                return await self._settle_once(order)
            except StoreUnavailable as error:
                if asyncio.get_running_loop().time() > give_up:
                    log.warning("a command's result is lost", id=order.id, error=str(error))
                    return order
                await asyncio.sleep(1)

    async def _settle_once(self, order: Order) -> Order:
        async with self._begin() as work:
            if not self._waits_on(order):
                return await self.finish(work, order, order.state, order.error)
            waiting = structs.replace(
                order,
                state=OrderState.QUEUED,
                at=order.given_at,
                result="",
                runner="",
                started_at=None,
            )
            return await _kept(work, waiting)

    def _waits_on(self, order: Order) -> bool:
        """The station left before anything was sent: the order waits for it again."""
        return (
            order.state is OrderState.DONE
            and order.result == StationOffline.result
            and not is_on_the_wire(order.messages)
            and order.queue_until is not None
            and order.queue_until > self._clock()
        )

    def _now(self) -> datetime:
        """Never the same twice: orders of one station are carried out as they were given."""
        self._last = max(self._clock(), self._last + timedelta(microseconds=1))
        return self._last


async def _kept(work: Work, order: Order) -> Order:
    """Keep what it is now. If its station was renamed meanwhile, its orders have followed."""
    if await work.orders.replace(order):
        return order
    found = await work.orders.find(order.station.tenant, order.id)
    if found is not None:
        order = structs.replace(order, station=found.station)
    await work.orders.put(order)
    return order


def _not_stored(error: StoreUnavailable) -> str:
    """What failed here; and whether the station had been asked before that."""
    why = "the database was away"
    if isinstance(error, Contended):
        why = "another change was in the way in the database"
    if is_on_the_wire(followed() or ()):
        return f"the station was sent the message, but what came of it was not kept: {why}"
    return why


def _is_refusal(error: Exception) -> bool:
    """Services refuse with errors of their own; a KeyError or ValueError of Python's is a bug."""
    return type(error).__module__.startswith("voltkeep.")
