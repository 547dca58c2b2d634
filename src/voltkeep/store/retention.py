"""Old rows removed a chunk at a time, so that nobody waits for long."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from msgspec import Struct
from sqlalchemy import (
    Column,
    ColumnElement,
    Select,
    Table,
    and_,
    delete,
    func,
    insert,
    select,
    tuple_,
    update,
)
from sqlalchemy.exc import SQLAlchemyError

from voltkeep.config import Settings
from voltkeep.domain.availability import PlanState
from voltkeep.domain.identity import TenantId
from voltkeep.domain.orders import OPEN, OPEN_BATCHES
from voltkeep.domain.webhooks import DeliveryState
from voltkeep.services.ports import Clock, StoreUnavailable
from voltkeep.store.columns import from_micros, micros
from voltkeep.store.day_tables import day_counted
from voltkeep.store.engine import Database, Statements
from voltkeep.store.meter_values import HOUR, has_values
from voltkeep.store.outbox import FORGOTTEN
from voltkeep.store.partitions import BEFORE, OTHER, Partitions, part
from voltkeep.store.tables import (
    LOG_BLOCK,
    alerts,
    availability_plans,
    batches,
    commands,
    deliveries,
    message_log,
    message_log_blocks,
    meter_value_hours,
    meter_values,
    orders,
    outbox,
    refusals,
    remote_starts,
    security_events,
    sequences,
    status_history,
    transaction_events,
    transactions,
    unknown_tokens,
)
from voltkeep.store.tenants import tenants_of

log = structlog.get_logger(__name__)

_CHUNK = 1000
_REFUSALS = 10_000  # of a tenant
_WALK = 10_000  # rows looked at in one go
_PAUSE_SECONDS = 0.01  # between chunks, for everybody else
_EVENTS_PRUNED = "transaction events pruned"  # of each tenant: up to when transactions ended


class Kept(Struct, frozen=True, kw_only=True):
    """How long each kind of record is kept; None: for ever, as the audit log always is.

    Idempotency keys and sessions are removed by the services that know when they end.
    """

    messages: timedelta | None = None
    events: timedelta | None = None
    commands: timedelta | None = None
    statuses: timedelta | None = None
    meter_values: timedelta | None = None
    transactions: timedelta | None = None
    transaction_events: timedelta | None = None
    security: timedelta | None = None
    unknown_tokens: timedelta | None = None


def kept_by(settings: Settings) -> Kept:
    """As the settings say."""

    def days(number: float) -> timedelta | None:
        return timedelta(days=number) if number else None

    return Kept(
        messages=days(settings.message_log_retention_days),
        events=days(settings.event_retention_days),
        commands=days(settings.event_retention_days),
        statuses=days(settings.status_history_retention_days),
        meter_values=days(settings.meter_value_retention_days),
        transactions=days(settings.transaction_retention_days),
        transaction_events=days(settings.transaction_event_retention_days),
        security=days(settings.security_retention_days),
        unknown_tokens=days(settings.unknown_token_retention_days),
    )


class Retention:
    """Raises StoreUnavailable from any method; what was removed until then stays removed."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        chunk: int = _CHUNK,
        refusals_kept: int = _REFUSALS,
    ) -> None:
        self._database = database
        self._clock = clock
        self._chunk = chunk
        self._refusals_kept = refusals_kept

    async def prune(self, kept: Kept) -> None:
        """All that is older than it is kept; and on PostgreSQL, partitions of the time to come."""
        now = self._clock()
        for table, days in (
            (message_log, kept.messages),
            (status_history, kept.statuses),
            (meter_values, kept.meter_values),
        ):
            if self._database.engine == "postgresql":
                await self._make_partitions(table, now, days)
        for prune, days in (
            (self.prune_messages, kept.messages),
            (self.prune_status_history, kept.statuses),
            (self.prune_meter_values, kept.meter_values),
            (self.prune_events, kept.events),
            (self.prune_commands, kept.commands),
            (self.prune_security, kept.security),
            (self.prune_unknown_tokens, kept.unknown_tokens),
            (self.prune_transaction_events, kept.transaction_events),
            (self.prune_transactions, kept.transactions),
        ):
            if days is not None:
                await prune(now - days)

    async def prune_messages(self, older_than: datetime) -> int:
        """Remove messages of the log that were called before; how many, one by one."""
        count = 0
        for messages in await self._parts(message_log, older_than):
            c = messages.c
            count += await self._prune(messages, c.id, c.called_at, older_than)
        async with self._database.writing() as db:
            for tenant in await tenants_of(db, message_log_blocks):
                await _prune_blocks(db, tenant)
        return count

    async def prune_events(self, older_than: datetime) -> int:
        """Remove events that were published before, and what became of their deliveries."""
        waiting = deliveries.c.state.endswith(f"/{DeliveryState.WAITING}")
        old = select(*deliveries.primary_key).where(deliveries.c.at < older_than, ~waiting)
        await self._remove(deliveries, old)
        return await self._prune(
            outbox, outbox.c.seq, outbox.c.published_at, older_than, note=_note_forgotten
        )

    async def prune_status_history(self, older_than: datetime) -> int:
        """Remove what stations reported of their connectors before; how many, one by one."""
        count = 0
        for history in await self._parts(status_history, older_than):
            count += await self._sweep(history, history.c.received_at < older_than)
        return count

    async def prune_meter_values(self, older_than: datetime) -> int:
        """Remove meter values from before, and where they were; how many, one by one."""
        count = 0
        for values in await self._parts(meter_values, older_than):
            # A station that was away for long tells old times: they count from then on.
            count += await self._sweep(values, values.c.received_at < older_than)
        hour = micros(older_than) // HOUR
        await self._sweep(meter_value_hours, meter_value_hours.c.hour < hour, self._empty_hours)
        return count

    async def _empty_hours(self, hours: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """Those in which nothing is left: a partition is dropped late, a wrong clock's later."""
        async with self._database.reading() as db:
            return [hour for hour in hours if not await has_values(db, hour)]

    async def prune_transactions(self, older_than: datetime) -> int:
        """Remove transactions that ended before, or were closed before; how many.

        Those that never ended stay until somebody closes them.
        """
        c = transactions.c
        count = 0
        for old in (c.ended_at < older_than, and_(c.ended_at.is_(None), c.closed_at < older_than)):
            for tenant in await self._tenants(transactions):
                found = select(*transactions.primary_key).where(c.tenant == tenant, old)
                while rows := await self._rows(found.limit(self._chunk)):
                    async with self._database.writing() as db:
                        for table in (transaction_events, day_counted, transactions):
                            key = tuple_(table.c.tenant, table.c.station, table.c.ref)
                            gone = await db.run(delete(table).where(key.in_(_keys(rows))))
                    count += gone
                    await asyncio.sleep(_PAUSE_SECONDS)
        return count

    async def prune_transaction_events(self, older_than: datetime) -> int:
        """Remove what was heard of transactions that ended before; how many.

        A station that resends such news is heard anew. How far this has got is remembered.
        """
        c, count = transactions.c, 0
        for tenant in await self._tenants(transactions):
            async with self._database.reading() as db:
                done = await _counted(db, tenant, _EVENTS_PRUNED)
            place: tuple[Any, ...] = (from_micros(done), "", "")
            order = (c.ended_at, c.station, c.ref)
            found = (
                select(c.tenant, c.station, c.ref, c.ended_at)
                .where(c.tenant == tenant, c.ended_at < older_than)
                .order_by(*order)
                .limit(self._chunk)
            )
            types = [each.type for each in order]
            while rows := await self._rows(
                found.where(tuple_(*order) > tuple_(*place, types=types))
            ):
                place = (rows[-1].ended_at, rows[-1].station, rows[-1].ref)
                e = transaction_events.c
                key = tuple_(e.tenant, e.station, e.ref)
                keys = [tuple(row)[:3] for row in rows]
                async with self._database.writing() as db:
                    count += await db.run(delete(transaction_events).where(key.in_(keys)))
                    await _note(db, tenant, _EVENTS_PRUNED, micros(place[0]))
                await asyncio.sleep(_PAUSE_SECONDS)
        return count

    async def prune_unknown_tokens(self, older_than: datetime) -> int:
        """Remove unknown tokens that were last seen before; how many."""
        old = select(*unknown_tokens.primary_key).where(unknown_tokens.c.at < older_than)
        return await self._remove(unknown_tokens, old)

    async def prune_commands(self, older_than: datetime) -> int:
        """Remove commands, remote starts, and what is over of orders and plans; how many."""
        async with self._database.writing() as db:
            count = await db.run(delete(commands).where(commands.c.created_at < older_than)) + (
                await db.run(delete(remote_starts).where(remote_starts.c.at < older_than))
            )
        for table, open_ in (
            (orders, OPEN),
            (batches, OPEN_BATCHES),
            (availability_plans, (PlanState.PLANNED,)),
        ):
            over = table.c.at < older_than, table.c.state.not_in(open_)
            count += await self._remove(table, select(*table.primary_key).where(*over))
        return count

    async def prune_security(self, older_than: datetime) -> int:
        """Remove security events, refusals and acknowledged alerts from before; how many.

        Of each tenant's refusals, which whoever knocks can make, only the newest stay.
        """
        count = 0
        for table, states in (
            (security_events, ()),
            (refusals, ()),
            (alerts, ("acknowledged",)),
        ):
            old = select(*table.primary_key).where(table.c.at < older_than)
            if states:
                old = old.where(table.c.state.in_(states))
            count += await self._remove(table, old)
        async with self._database.reading() as db:
            tenants = await tenants_of(db, refusals)
        for tenant in tenants:
            newest_first = refusals.c.at.desc(), refusals.c.station.desc(), refusals.c.id.desc()
            of_tenant = select(*refusals.primary_key).where(refusals.c.tenant == tenant)
            too_many = of_tenant.order_by(*newest_first).offset(self._refusals_kept)
            count += await self._remove(refusals, too_many)
        return count

    async def _make_partitions(self, table: Table, now: datetime, kept: timedelta | None) -> None:
        """What fails is only told: meanwhile rows go to the partition for all others."""
        try:
            await Partitions(self._database, table).make(now, kept)
        except (StoreUnavailable, SQLAlchemyError) as error:
            log.warning("no partition was made", table=table.name, error=str(error).splitlines()[0])

    async def _parts(self, table: Table, older_than: datetime) -> list[Table]:
        """Where old rows are yet, once partitions of old ones alone are dropped."""
        if self._database.engine == "sqlite":
            return [table]
        await Partitions(self._database, table).drop(older_than)
        return [part(table, BEFORE), part(table, OTHER)]

    async def _tenants(self, table: Table) -> list[TenantId]:
        async with self._database.reading() as db:
            return await tenants_of(db, table)

    async def _rows(self, found: Select[Any]) -> Sequence[Any]:
        async with self._database.reading() as db:
            return await db.rows(found)

    async def _sweep(
        self,
        table: Table,
        old: ColumnElement[bool],
        of_these: Callable[[list[tuple[Any, ...]]], Awaitable[list[tuple[Any, ...]]]] | None = None,
    ) -> int:
        """Remove old rows wherever they are, in one walk along the key; all, or ``of_these``."""
        key = tuple(table.primary_key)
        found = select(*key, old.label("is_old")).order_by(*key).limit(_WALK)
        count, types = 0, [each.type for each in key]
        where: list[ColumnElement[bool]] = []
        while rows := await self._rows(found.where(*where)):
            gone = [tuple(row)[:-1] for row in rows if row.is_old]
            if of_these is not None:
                gone = await of_these(gone)
            for first in range(0, len(gone), self._chunk):
                chunk = gone[first : first + self._chunk]
                async with self._database.writing() as db:
                    count += await db.run(delete(table).where(tuple_(*key).in_(chunk)))
            last = tuple(rows[-1])[:-1]
            where = [tuple_(*key) > tuple_(*last, types=types)]
            await asyncio.sleep(_PAUSE_SECONDS)
        return count

    async def _remove(self, table: Table, found: Select[Any]) -> int:
        """Remove the rows whose keys are found."""
        rows = found.limit(self._chunk).subquery()
        removing = delete(table).where(tuple_(*table.primary_key).in_(select(rows)))
        count, removed = 0, self._chunk
        while removed == self._chunk:
            async with self._database.writing() as db:
                removed = await db.run(removing)
            count += removed
            await asyncio.sleep(_PAUSE_SECONDS)
        return count

    async def _prune(
        self,
        table: Table,
        number: Column[Any],
        time: Column[Any],
        older_than: datetime,
        note: Callable[[Statements, TenantId, Sequence[int]], Awaitable[None]] | None = None,
    ) -> int:
        numbered = select(number.label("number"), time.label("time")).order_by(number)
        async with self._database.reading() as db:
            tenants = await tenants_of(db, table)
        count = 0
        for tenant in tenants:
            of_tenant = numbered.where(table.c.tenant == tenant).limit(self._chunk)
            after: int | None = 0
            while after is not None:
                async with self._database.reading() as db:
                    found = await db.rows(of_tenant.where(number > after))
                old = [row.number for row in found if row.time and row.time < older_than]
                if old:
                    of_old = table.c.tenant == tenant, number.in_(old)
                    async with self._database.writing() as db:
                        if note is not None:
                            await note(db, tenant, old)
                        count += await db.run(delete(table).where(*of_old))
                after = found[-1].number if self._has_older(found, older_than) else None
                await asyncio.sleep(_PAUSE_SECONDS)
        return count

    def _has_older(self, found: Sequence[Any], older_than: datetime) -> bool:
        """Whether older rows may follow these.

        Numbers grow with time, unless a clock was wrong: a time to come says nothing.
        """
        now = self._clock()
        return bool(found) and all(row.time and not older_than <= row.time <= now for row in found)


async def _note_forgotten(db: Statements, tenant: TenantId, seqs: Sequence[int]) -> None:
    """Whoever asks for what followed an event must be told that some of it is gone."""
    greatest = select(func.max(outbox.c.position).label("position"))
    found = await db.rows(greatest.where(outbox.c.tenant == tenant, outbox.c.seq.in_(seqs)))
    position = found[0].position
    if position is None:
        return
    await _note(db, tenant, FORGOTTEN, position)


async def _note(db: Statements, tenant: TenantId, name: str, value: int) -> None:
    """How far something has got; it never goes back."""
    row = {"tenant": tenant, "name": name, "value": value}
    of_tenant = sequences.c.tenant == tenant, sequences.c.name == name
    if not await db.rows(select(sequences.c.value).where(*of_tenant)):
        await db.run(insert(sequences), row)
    moved = update(sequences).where(*of_tenant, sequences.c.value < value)
    await db.run(moved.values(value=value))


async def _counted(db: Statements, tenant: TenantId, name: str) -> int:
    of_tenant = sequences.c.tenant == tenant, sequences.c.name == name
    found = await db.rows(select(sequences.c.value).where(*of_tenant))
    return found[0].value if found else 0


def _keys(rows: Sequence[Any]) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in rows]


async def _prune_blocks(db: Statements, tenant: TenantId) -> None:
    """Forget where messages were that are gone; the newest block may be written to yet."""
    oldest = select(func.min(message_log.c.id).label("id")).where(message_log.c.tenant == tenant)
    kept: int | None = (await db.rows(oldest))[0].id
    if kept is not None:
        await db.run(
            delete(message_log_blocks).where(
                message_log_blocks.c.tenant == tenant,
                message_log_blocks.c.block < kept // LOG_BLOCK,
            )
        )
