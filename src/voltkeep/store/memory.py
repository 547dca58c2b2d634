"""The store in memory: the same ports and promises, for tests and trials.

A work changes a draft; the draft becomes the state when the work ends well. Works that write take
turns, as on SQLite. Rows that callers could change are copied on the way in and on the way out.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from msgspec import structs

from voltkeep.domain.availability import StatusUpdate
from voltkeep.domain.events import Event
from voltkeep.domain.identity import Sender, StationId, TenantId, TransactionRef
from voltkeep.domain.meter_values import MeterReport
from voltkeep.domain.transactions import TransactionUpdate
from voltkeep.services.ports import Exchange, LoggedExchange, MeterRow, StoreUnavailable
from voltkeep.store.memory_days import MemoryDayRows
from voltkeep.store.memory_lists import MemoryLists
from voltkeep.store.memory_records import MemoryAuditRows, MemoryRecordKinds
from voltkeep.store.memory_rows import (
    MemoryCommandRows,
    MemoryConnectorRows,
    MemoryMessageRows,
    MemoryMeterRows,
    MemoryRemoteStartRows,
    MemoryStationRows,
    MemoryTransactionRows,
    State,
)
from voltkeep.store.memory_tokens import MemoryTokenRows

_LINE_SECONDS = 10.0


class MemoryWork(MemoryRecordKinds):
    """`services.ports.Work`."""

    def __init__(self, state: State, store: "MemoryStore") -> None:
        super().__init__(state)
        self.events: list[Event] = []
        self.stations = MemoryStationRows(state)
        self.connectors = MemoryConnectorRows(state)
        self.tokens = MemoryTokenRows(state)
        self.transactions = MemoryTransactionRows(state, store.transaction_numbers)
        self.remote_starts = MemoryRemoteStartRows(state, store.remote_start_numbers)
        self.meter_values = MemoryMeterRows(state)
        self.commands = MemoryCommandRows(state)
        self.messages = MemoryMessageRows(store.messages)
        self.audit = MemoryAuditRows(state)
        self.days = MemoryDayRows(state)
        self.lists = MemoryLists(state, store.messages, store.status_history, store.outbox.after)

    def emit(self, event: Event) -> None:
        self._state.writes()
        self.events.append(event)

    async def store_meter_values(self, sender: Sender, report: MeterReport) -> None:
        self._state.writes()
        for value in report.values:
            row = MeterRow(
                station=sender.station,
                evse=report.evse,
                ref=report.ref,
                value=value,
                received_at=sender.received_at,
            )
            evse_id = report.evse.id if report.evse else 0
            key = (sender.station, report.ref, evse_id, value.at, value.context, value.raw)
            self._state.meter_values.setdefault(key, row)


class MemoryStore:
    """Begins works, and keeps what they published and what the journal was told."""

    def __init__(self) -> None:
        self._state = State()
        self._line = asyncio.Lock()
        self.transaction_numbers = itertools.count(1)
        self.remote_start_numbers = itertools.count(1)
        self.published: list[Event] = []
        self.messages: list[LoggedExchange] = []
        self.status_history: list[tuple[Sender, StatusUpdate]] = []
        self.journal = MemoryJournal(self)
        self.outbox = MemoryOutbox(self.published)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[MemoryWork]:
        """`services.ports.Begin`."""
        try:
            async with asyncio.timeout(_LINE_SECONDS):
                await self._line.acquire()
        except TimeoutError:
            raise StoreUnavailable("another work has not ended: was one begun in it?") from None
        try:
            draft = self._state.draft()
            work = MemoryWork(draft, self)
            yield work
            self._commit(draft, work.events)
        finally:
            self._line.release()

    def _commit(self, draft: State, emitted: list[Event]) -> None:
        for station, new in draft.renamed:
            self.messages[:] = [_renamed(logged, station, new) for logged in self.messages]
        draft.renamed.clear()
        draft.is_draft = False
        self._state = draft
        self.published.extend(emitted)
        if emitted:
            self.outbox.committed.set()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[MemoryWork]:
        """`services.ports.Read`: what was committed when it began."""
        yield MemoryWork(self._state, self)

    async def close(self) -> None:
        """There is nothing to close."""


class MemoryJournal:
    """`services.ports.Journal`, each row at once."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._ids = itertools.count(1)

    async def meter_values(self, sender: Sender, report: MeterReport) -> None:
        async with self._store.begin() as work:
            await work.store_meter_values(sender, report)

    async def transaction_update(
        self, sender: Sender, ref: TransactionRef, update: TransactionUpdate
    ) -> None:
        async with self._store.begin() as work:
            await work.transactions.mark(sender.station, ref, update, sender.received_at)
            report = MeterReport(evse=update.evse, ref=ref, values=update.values)
            await work.store_meter_values(sender, report)

    def status(self, sender: Sender, update: StatusUpdate) -> None:
        self._store.status_history.append((sender, update))

    def exchange(self, exchange: Exchange) -> None:
        self._store.messages.append(LoggedExchange(id=next(self._ids), exchange=exchange))


class MemoryOutbox:
    """What the relay reads: ``seq`` counts from 1."""

    def __init__(self, emitted: list[Event]) -> None:
        self._emitted = emitted
        self._published: dict[int, int] = {}
        self.committed = asyncio.Event()

    async def unpublished(self, limit: int = 500) -> list[tuple[int, Event]]:
        numbered = enumerate(self._emitted, start=1)
        return [(seq, event) for seq, event in numbered if seq not in self._published][:limit]

    async def published(self, seqs: Sequence[int]) -> dict[int, int]:
        for seq in seqs:
            self._published.setdefault(seq, len(self._published) + 1)
        return {seq: self._published[seq] for seq in seqs}

    async def after(
        self, tenant: TenantId, position: int, limit: int = 500
    ) -> list[tuple[int, Event]]:
        told = [(place, self._emitted[seq - 1]) for seq, place in self._published.items()]
        fits = [
            (at, event) for at, event in told if at > position and event.station.tenant == tenant
        ]
        return sorted(fits, key=lambda each: each[0])[:limit]

    async def last(self) -> int:
        return len(self._published)

    async def forgotten(self, tenant: TenantId) -> int:
        return 0


def _renamed(logged: LoggedExchange, station: StationId, new: StationId) -> LoggedExchange:
    if logged.exchange.station != station:
        return logged
    return structs.replace(logged, exchange=structs.replace(logged.exchange, station=new))
