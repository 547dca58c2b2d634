"""Sends events to webhooks: in order per station, at least once, each endpoint for itself.

What an endpoint is to be told is first written down as deliveries, together with how far it has
come in the outbox; so a kill -9 loses nothing, and what is sent twice has the same id. Of each
station only the oldest delivery is under way: while it fails, the station's later ones wait
behind it, and those of other stations go on. An endpoint that fails at every station is tried
with one delivery at a time, ever more rarely.
"""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from msgspec import structs

from voltkeep.bus.feed import Batch, Entry, EventLog, Feed
from voltkeep.domain.events import WebhookChanged
from voltkeep.domain.identity import StationId, TenantId
from voltkeep.domain.webhooks import (
    GIVE_UP_AFTER,
    Attempt,
    Delivery,
    DeliveryState,
    Webhook,
    WebhookState,
    next_try,
    state_of,
)
from voltkeep.services.ports import Begin, Clock, Read, StoreUnavailable, Work
from voltkeep.services.records import Look
from voltkeep.services.security_events import raise_alert
from voltkeep.services.webhooks import Courier, switched_off

log = structlog.get_logger(__name__)

_MOST_WAITING = 1000  # of an endpoint; what comes after them waits in the outbox
_READ_AT_ONCE = 200
_SENT_AT_ONCE = 8
_SAVE_EVERY = 1000  # positions that were read and had nothing for the endpoint
_LOOK_EVERY_S = 10.0
_PACE_S = 0.2
_RETRY_S = 2.0
_TROUBLED = 3  # failures in a row
_LONGEST_REST_S = 300.0
_GONE = 410


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What every endpoint's line needs."""

    begin: Begin
    read: Read
    events: EventLog
    feed: Feed
    courier: Courier
    clock: Clock
    results: Counter[str]


class WebhookWorker:
    """Keeps a line for each webhook that is switched on."""

    def __init__(
        self, begin: Begin, read: Read, events: EventLog, feed: Feed, courier: Courier, clock: Clock
    ) -> None:
        self.results: Counter[str] = Counter()
        self._parts = Parts(
            begin=begin,
            read=read,
            events=events,
            feed=feed,
            courier=courier,
            clock=clock,
            results=self.results,
        )
        self._lines: dict[tuple[TenantId, str], _Line] = {}
        self._tasks: dict[tuple[TenantId, str], asyncio.Task[None]] = {}
        self._poked = asyncio.Event()

    @property
    def waiting(self) -> int:
        """Deliveries that are to be sent."""
        return sum(line.waiting for line in self._lines.values())

    def heed(self, event: WebhookChanged) -> None:
        """Somebody has changed a webhook, perhaps from another process."""
        line = self._lines.get((event.station.tenant, event.webhook))
        if line is not None:
            line.look_again()
        self._poked.set()

    async def run(self) -> None:
        """Until cancelled."""
        news = asyncio.create_task(self._pass_on_news(), name="news for webhooks")
        try:
            while True:
                self._poked.clear()
                try:
                    await self._look()
                except StoreUnavailable as error:
                    log.warning("webhooks wait for the database", error=str(error))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_EVERY_S):
                        await self._poked.wait()
        finally:
            tasks = [news, *self._tasks.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _look(self) -> None:
        """Begin lines for webhooks that have none."""
        last: Webhook | None = None
        while True:
            async with self._parts.read() as work:
                page = await work.webhooks.all(
                    states=(WebhookState.ENABLED,),
                    before=(last.at, last.station, last.id) if last else None,
                )
            for webhook in page:
                key = webhook.station.tenant, webhook.id
                if key not in self._tasks or self._tasks[key].done():
                    line = self._lines[key] = _Line(self._parts, *key)
                    self._tasks[key] = asyncio.create_task(line.run(), name=f"webhook {webhook.id}")
            if not page:
                break
            last = page[-1]
        for key in [key for key, task in self._tasks.items() if task.done()]:
            del self._tasks[key], self._lines[key]

    async def _pass_on_news(self) -> None:
        told = self._parts.feed.latest
        while True:
            # What was published in the pause is news already, and nobody tells it again.
            if self._parts.feed.latest == told:
                await self._parts.feed.wait(_LOOK_EVERY_S)
            told = self._parts.feed.latest
            for line in self._lines.values():
                line.wake()
            await asyncio.sleep(_PACE_S)


class _Line:
    """What waits for one endpoint."""

    def __init__(self, parts: Parts, tenant: TenantId, id: str) -> None:
        self._parts = parts
        self._tenant = tenant
        self._id = id
        self._webhook: Webhook | None = None
        self._position = 0
        self._queues: dict[StationId, list[Delivery]] = {}
        self._busy: set[StationId] = set()
        self._sending: set[asyncio.Task[None]] = set()
        self._is_stale = True
        self._woken = asyncio.Event()
        self._failures = 0  # in a row
        self._rests_until: datetime | None = None

    @property
    def waiting(self) -> int:
        return sum(map(len, self._queues.values()))

    def look_again(self) -> None:
        """What is stored has changed."""
        self._is_stale = True
        self._rests_until = None
        self._failures = 0
        self._woken.set()

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        """Until cancelled, or the webhook is switched off."""
        try:
            while True:
                self._woken.clear()
                try:
                    if self._is_stale and not await self._load():
                        return
                    more = await self._take()
                    self._send_due()
                except StoreUnavailable as error:
                    log.warning("a webhook waits for the database", error=str(error))
                    await asyncio.sleep(_RETRY_S)
                    continue
                except Exception:
                    log.exception("a webhook's line failed", webhook=self._id)
                    self._is_stale = True
                    await asyncio.sleep(_RETRY_S)
                    continue
                if not more:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(self._idle_s()):
                            await self._woken.wait()
        finally:
            sending = list(self._sending)
            for task in sending:
                task.cancel()
            await asyncio.gather(*sending, return_exceptions=True)

    # What is to be sent.

    async def _load(self) -> bool:
        """Read what is stored. False if nothing is to be sent."""
        self._is_stale = False
        state = state_of(self._id, DeliveryState.WAITING)
        found: list[Delivery] = []
        async with self._parts.read() as work:
            webhook = await work.webhooks.get(StationId(self._tenant, ""), self._id)
            look = Look(states=(state,), oldest_first=True, limit=500)
            while page := await work.deliveries.page(self._tenant, look):
                found += page
                last = page[-1]
                look = structs.replace(look, after=(last.at, last.station.name, last.id))
        if webhook is None or webhook.state is not WebhookState.ENABLED:
            return False
        self._webhook, self._position = webhook, webhook.position
        self._queues.clear()
        for delivery in sorted(found, key=lambda each: each.position):
            self._queues.setdefault(delivery.station, []).append(delivery)
        await self._mind_the_gap(webhook)
        return True

    async def _mind_the_gap(self, webhook: Webhook) -> None:
        forgotten = await self._parts.events.forgotten(self._tenant)
        if webhook.position >= forgotten:
            return
        words = (
            f"webhook {webhook.id} ({webhook.url}) has missed events: they were kept for "
            "event_retention_days and are gone"
        )
        log.warning("a webhook has missed events", webhook=webhook.id, tenant=self._tenant)
        async with self._parts.begin() as work:
            current = await work.webhooks.lock(webhook.station, webhook.id)
            if current is None:
                return
            await work.webhooks.put(structs.replace(current, position=forgotten))
            kind = f"webhook.missed.{webhook.id}"
            await raise_alert(work, webhook.station, kind, words, self._parts.clock())
        self._position = forgotten
        self._webhook = structs.replace(webhook, position=forgotten)

    async def _take(self) -> bool:
        """Make deliveries of what has happened since. True if there may be more."""
        webhook = self._webhook
        if webhook is None or self.waiting >= _MOST_WAITING:
            return False
        found = await self._parts.events.after(self._tenant, self._position, _READ_AT_ONCE)
        if not found:
            return False
        choice = webhook.choice
        names = choice.names()
        entries = [Entry(event, position) for position, event in found]
        wanted = Batch(
            each
            for each in entries
            if each.name in names
            and (choice.stations is None or each.event.station.name in choice.stations)
        )
        wanted = await self._parts.feed.seen(wanted, choice)
        now = self._parts.clock()
        new = [self._delivery(each, webhook, now) for each in wanted]
        position = found[-1][0]
        if new or position - webhook.position >= _SAVE_EVERY:
            async with self._parts.begin() as work:
                current = await work.webhooks.lock(webhook.station, webhook.id)
                if current is None or current.position != webhook.position:
                    self._is_stale = True
                    return True
                for delivery in new:
                    await work.deliveries.put(delivery)
                await work.webhooks.put(structs.replace(current, position=position))
            self._webhook = structs.replace(webhook, position=position)
        self._position = position
        for delivery in new:
            self._queues.setdefault(delivery.station, []).append(delivery)
        return len(found) == _READ_AT_ONCE

    def _delivery(self, entry: Entry, webhook: Webhook, now: datetime) -> Delivery:
        return Delivery(
            station=entry.event.station,
            id=f"{entry.position}.{webhook.id}",
            state=state_of(webhook.id, DeliveryState.WAITING),
            at=now,
            event_id=str(entry.position),
            type=entry.name,
            payload=entry.content(shows_tokens=webhook.choice.shows_tokens).decode(),
            next_at=now,
        )

    # Sending.

    def _send_due(self) -> None:
        """Begin to send the oldest of each station, as far as it is due."""
        now, webhook = self._parts.clock(), self._webhook
        if webhook is None or (self._rests_until is not None and now < self._rests_until):
            return
        room = (1 if self._failures >= _TROUBLED else _SENT_AT_ONCE) - len(self._sending)
        for station, queue in list(self._queues.items()):
            if room <= 0:
                return
            if station in self._busy or queue[0].next_at > now:
                continue
            self._queues[station] = self._queues.pop(station)  # the others are next
            self._busy.add(station)
            room -= 1
            task = asyncio.create_task(self._send(webhook, queue[0]))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    def _idle_s(self) -> float:
        """Until something is due."""
        now = self._parts.clock()
        due = [
            queue[0].next_at for station, queue in self._queues.items() if station not in self._busy
        ]
        times = [max(each, self._rests_until or each) for each in due]
        wait = (min(times) - now).total_seconds() if times else _LOOK_EVERY_S
        if len(self._sending) >= (1 if self._failures >= _TROUBLED else _SENT_AT_ONCE):
            return _LOOK_EVERY_S  # whatever ends first wakes the line
        return min(max(wait, 0.01), _LOOK_EVERY_S)

    async def _send(self, webhook: Webhook, delivery: Delivery) -> None:
        station = delivery.station
        try:
            attempt, leave_until = await self._parts.courier.send(
                webhook, delivery.event_id, delivery.payload
            )
            self._note(attempt, leave_until)
            settled = await self._patiently(delivery, attempt)
            self._is_stale = self._is_stale or settled is None
            queue = self._queues.get(station, [])
            if queue and queue[0].id == delivery.id:
                if settled is not None and settled.progress is DeliveryState.WAITING:
                    queue[0] = settled
                else:
                    del queue[0]
                if not queue:
                    self._queues.pop(station, None)
        except Exception:
            log.exception("a delivery failed here", webhook=self._id, event=delivery.event_id)
            self._is_stale = True
        finally:
            self._busy.discard(station)
            asyncio.get_running_loop().call_soon(self._woken.set)

    def _note(self, attempt: Attempt, leave_until: datetime | None) -> None:
        """How the endpoint does, whatever it was told."""
        self._parts.results["delivered" if attempt.is_success else "failed"] += 1
        if attempt.is_success:
            self._failures, self._rests_until = 0, None
            return
        self._failures += 1
        rest = leave_until
        if self._failures >= _TROUBLED:
            rest_s = min(5.0 * 2 ** (self._failures - _TROUBLED), _LONGEST_REST_S)
            until = self._parts.clock() + timedelta(seconds=rest_s)
            rest = max(until, leave_until or until)
        if rest is not None:
            self._rests_until = max(rest, self._rests_until or rest)

    async def _patiently(self, delivery: Delivery, attempt: Attempt) -> Delivery | None:
        """Store what came of it, however long the database is away."""
        while True:
            try:
                async with self._parts.begin() as work:
                    return await self._settle(work, delivery, attempt)
            except StoreUnavailable as error:
                log.warning("a delivery waits for the database", error=str(error))
                await asyncio.sleep(_RETRY_S)

    async def _settle(self, work: Work, delivery: Delivery, attempt: Attempt) -> Delivery | None:
        """None if it is no longer to be sent: somebody has removed it, or its webhook."""
        webhook = await work.webhooks.lock(StationId(self._tenant, ""), self._id)
        found = await work.deliveries.find(self._tenant, delivery.id)
        if webhook is None or found is None:
            return None
        now, attempts = self._parts.clock(), found.attempts + 1
        again = None if attempt.is_success else next_try(attempts, now, _chance())
        progress = DeliveryState.WAITING
        if attempt.is_success:
            progress = DeliveryState.DELIVERED
        elif again is None:
            progress = DeliveryState.FAILED
            self._parts.results["given_up"] += 1
        settled = structs.replace(
            found,
            state=state_of(self._id, progress),
            attempts=attempts,
            next_at=again or found.next_at,
            last=attempt,
        )
        await work.deliveries.put(settled)
        await self._judge(work, webhook, attempt, now)
        return settled

    async def _judge(self, work: Work, webhook: Webhook, attempt: Attempt, now: datetime) -> None:
        """Switch an endpoint off that is gone, or has failed for days."""
        if attempt.is_success:
            if webhook.failing_since is not None:
                await work.webhooks.put(structs.replace(webhook, failing_since=None))
            return
        since = webhook.failing_since or now
        if webhook.failing_since is None:
            webhook = structs.replace(webhook, failing_since=now)
            await work.webhooks.put(webhook)
        if webhook.state is not WebhookState.ENABLED:
            return
        if attempt.status == _GONE:
            reason = "it answered 410: it is gone"
        elif now - since >= GIVE_UP_AFTER:
            reason = f"every delivery has failed since {since:%FT%TZ}"
        else:
            return
        await switched_off(work, webhook, reason, now)
        words = f"webhook {webhook.id} ({webhook.url}) was switched off: {reason}"
        await raise_alert(work, webhook.station, f"webhook.disabled.{webhook.id}", words, now)
        self._is_stale = True


_chance: Callable[[], float] = random.random
