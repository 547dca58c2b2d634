"""The journal: append-only rows of many stations, committed together.

While one commit is under way the next batch gathers. Whoever waits for durable rows is told once
they are committed; the message log and the status history ride along, or follow within a second.

The journal does not ask for the epoch of a connection: what an old one still says here are facts
about the past that no newer connection contradicts.
"""

import asyncio
import math
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Protocol

import structlog
from msgspec import Struct, field
from msgspec.structs import replace

from voltkeep.domain.availability import StatusUpdate
from voltkeep.domain.identity import Sender, TransactionRef
from voltkeep.domain.meter_values import MeterReport
from voltkeep.domain.transactions import TransactionUpdate
from voltkeep.services.ports import Exchange, StoreUnavailable
from voltkeep.store.batch import Entry, Heard, Metered

log = structlog.get_logger(__name__)

_BATCH = 1000  # entries of each kind in one commit, at most
_OVERHEAD = 300  # bytes an entry takes in memory beside what it carries
_LOG_SECONDS = 1.0
_TELL_EVERY = 1000  # rows dropped
_RETRY_SECONDS = (0.1, 2.0)
_WATCH_SECONDS = 0.5
PACE = 0.015
FLUSH_BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Of the buckets in which `JournalCounters.flushes` counts."""


class Unstorable(ValueError):
    """The database will never take this row; trying again is of no use."""


class Limits(Struct, frozen=True, kw_only=True):
    """What may wait in memory. Of the log the oldest rows go first."""

    durable_entries: int = 20_000
    durable_bytes: int = 64 * 1024 * 1024
    log_entries: int = 20_000
    log_bytes: int = 64 * 1024 * 1024


def _no_flushes() -> list[int]:
    return [0] * (len(FLUSH_BOUNDS_S) + 1)


class JournalCounters(Struct):
    """Since the start, but for ``waiting``: entries that are not stored yet."""

    waiting: int = 0
    batches: int = 0
    entries: int = 0
    dropped: int = 0  # of the log and the status history
    unstorable: int = 0
    failures: int = 0
    flushing_s: float = 0.0
    flushes: list[int] = field(default_factory=_no_flushes)  # by how long they took


class Writer(Protocol):
    """Writes to one engine."""

    async def write(self, entries: Sequence[Entry]) -> None:
        """All, durably, or none. Raises StoreUnavailable if it may be tried again."""
        ...

    async def close(self) -> None: ...


class BatchJournal:
    """`services.ports.Journal`. Made inside the event loop that it runs in.

    ``pace`` is the least time between the begins of two commits, in seconds: under load it makes
    batches larger, and the first row after a pause waits for nothing.
    """

    def __init__(
        self, writer: Writer, *, patience: float, pace: float = PACE, limits: Limits | None = None
    ) -> None:
        self._counters = JournalCounters()
        self._writer = writer
        self._patience = patience
        self._pace = pace
        self._limits = limits or Limits()
        self._loop = asyncio.get_running_loop()
        self._durable: deque[Metered] = deque()
        self._durable_entries = self._durable_bytes = 0  # in flight, too
        self._log: deque[Heard | Exchange] = deque()
        self._log_bytes = 0
        self._log_timer: asyncio.TimerHandle | None = None
        self._wanted = asyncio.Event()
        self._close_by: float | None = None
        self._task = asyncio.create_task(self._run(), name="journal")

    async def meter_values(self, sender: Sender, report: MeterReport) -> None:
        if report.values:
            await self._append(sender, report, None)

    async def transaction_update(
        self, sender: Sender, ref: TransactionRef, update: TransactionUpdate
    ) -> None:
        await self._append(sender, update, ref)

    def _append(
        self, sender: Sender, what: MeterReport | TransactionUpdate, ref: TransactionRef | None
    ) -> "asyncio.Future[None]":
        size = _OVERHEAD + sum([len(value.raw) for value in what.values])
        limits = self._limits
        if (
            self._close_by is not None
            or self._durable_entries >= limits.durable_entries
            or self._durable_bytes + size > limits.durable_bytes
        ):
            raise StoreUnavailable("too much waits to be stored already")
        self._durable_entries += 1
        self._durable_bytes += size
        done = self._loop.create_future()
        self._durable.append(Metered(done, self._loop.time(), size, sender, what, ref))
        self._wanted.set()
        return done

    def status(self, sender: Sender, update: StatusUpdate) -> None:
        self._append_log(Heard(sender, update))

    def exchange(self, exchange: Exchange) -> None:
        self._append_log(exchange)

    def _append_log(self, entry: Heard | Exchange) -> None:
        self._log.append(entry)
        self._log_bytes += _size(entry)
        limits = self._limits
        while len(self._log) > limits.log_entries or self._log_bytes > limits.log_bytes:
            self._log_bytes -= _size(self._log.popleft())
            self._counters.dropped += 1
        self._flush_log_soon()

    def _flush_log_soon(self) -> None:
        if self._log_timer is None and self._log:
            self._log_timer = self._loop.call_later(_LOG_SECONDS, self._log_is_due)

    def _log_is_due(self) -> None:
        self._log_timer = None
        self._wanted.set()

    @property
    def counters(self) -> JournalCounters:
        """As they are now."""
        return replace(self._counters, waiting=self._durable_entries + len(self._log))

    # The task that stores.

    async def _run(self) -> None:
        began = -self._pace
        while self._close_by is None or self._durable or self._log:
            if self._close_by is None:
                await self._wanted.wait()
                rest = began + self._pace - self._loop.time()
                if rest > 0:
                    await asyncio.sleep(rest)
            self._wanted.clear()
            began = self._loop.time()
            batch = self._next()
            if batch:
                await self._store_watched(batch)
            if self._durable or len(self._log) >= _BATCH:
                self._wanted.set()
            self._flush_log_soon()

    def _next(self) -> list[Entry]:
        durable, logged = self._durable, self._log
        batch: list[Entry] = [durable.popleft() for _ in range(min(_BATCH, len(durable)))]
        for _ in range(min(_BATCH, len(logged))):
            entry = logged.popleft()
            self._log_bytes -= _size(entry)
            batch.append(entry)
        return batch

    async def _store_watched(self, batch: list[Entry]) -> None:
        durable = [entry for entry in batch if type(entry) is Metered]
        self._watched = self._loop.call_later(_WATCH_SECONDS, self._watch, durable)
        try:
            await self._store(batch)
        except BaseException:
            self._expire(durable, older_than=math.inf)
            raise
        finally:
            self._watched.cancel()

    def _watch(self, in_flight: list[Metered]) -> None:
        self._expire(in_flight)
        self._expire(self._durable)
        self._watched = self._loop.call_later(_WATCH_SECONDS, self._watch, in_flight)

    async def _store(self, batch: list[Entry]) -> None:
        """Try until it is stored; then tell who waits. What cannot be stored is singled out."""
        pause, longest_pause = _RETRY_SECONDS
        while True:
            began = self._loop.time()
            try:
                await self._writer.write(batch)
            except StoreUnavailable as error:
                self._counters.failures += 1
                if self._close_by is not None and self._loop.time() > self._close_by:
                    raise
                log.warning("the journal waits for the database", error=str(error))
                await asyncio.sleep(pause)
                pause = min(2 * pause, longest_pause)
            except Exception as error:  # noqa: BLE001  # one bad row must not stop all others
                await self._bisect(batch, error)
                return
            else:
                took_s = self._loop.time() - began
                self._counters.flushing_s += took_s
                self._counters.flushes[bisect_left(FLUSH_BOUNDS_S, took_s)] += 1
                self._counters.batches += 1
                self._counters.entries += len(batch)
                self._settle(batch)
                return

    async def _bisect(self, batch: list[Entry], error: Exception) -> None:
        middle = len(batch) // 2
        if middle:
            await self._store(batch[:middle])
            await self._store(batch[middle:])
            return
        [entry] = batch
        self._counters.unstorable += 1
        log.error("the database cannot store a row", error=str(error), kind=type(entry).__name__)
        if type(entry) is Metered and not entry.done.done():
            unstorable = Unstorable(f"this cannot be stored: {error}")
            unstorable.__cause__ = error
            entry.done.set_exception(unstorable)
        self._settle(batch)

    def _settle(self, batch: list[Entry]) -> None:
        for entry in batch:
            if type(entry) is Metered:
                self._durable_entries -= 1
                self._durable_bytes -= entry.size
                if not entry.done.done():
                    entry.done.set_result(None)

    def _expire(self, entries: Iterable[Metered], older_than: float | None = None) -> None:
        """Tell who has waited long enough; the rows stay, and may be stored yet."""
        limit = self._loop.time() - self._patience if older_than is None else older_than
        for entry in entries:
            if entry.since <= limit and not entry.done.done():
                entry.done.set_exception(StoreUnavailable("the database was away for too long"))

    async def close(self, patience: float = 10.0) -> None:
        """Store what waits, if the database takes it within ``patience`` seconds."""
        self._close_by = self._loop.time() + patience
        self._wanted.set()
        if self._log_timer is not None:
            self._log_timer.cancel()
        _, late = await asyncio.wait([self._task], timeout=patience + _WATCH_SECONDS)
        if late:
            self._task.cancel()
            await asyncio.wait([self._task])
        if not self._task.cancelled() and (error := self._task.exception()):
            log.warning(
                "the journal ends with rows unstored", rows=self.counters.waiting, error=str(error)
            )
        self._expire(self._durable, older_than=math.inf)
        await self._writer.close()


def _size(entry: Heard | Exchange) -> int:
    if type(entry) is Exchange:
        return _OVERHEAD + len(entry.call) + (len(entry.answer) if entry.answer else 0)
    return _OVERHEAD
