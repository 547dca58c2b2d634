"""Old rows removed a chunk at a time, so that nobody waits for long."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Select, Table, delete, func, insert, select, tuple_, update

from voltkeep.domain.identity import TenantId
from voltkeep.services.ports import Clock
from voltkeep.store.engine import Database, Statements
from voltkeep.store.outbox import FORGOTTEN
from voltkeep.store.tables import (
    LOG_BLOCK,
    alerts,
    commands,
    message_log,
    message_log_blocks,
    outbox,
    refusals,
    remote_starts,
    security_events,
    sequences,
    status_history,
)
from voltkeep.store.tenants import tenants_of

_CHUNK = 1000
_REFUSALS = 10_000  # of a tenant
_PAUSE_SECONDS = 0.01  # between chunks, for everybody else


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

    async def prune_messages(self, older_than: datetime) -> int:
        """Remove messages of the log that were called before; how many."""
        count = await self._prune(
            message_log, message_log.c.id, message_log.c.called_at, older_than
        )
        async with self._database.writing() as db:
            for tenant in await tenants_of(db, message_log_blocks):
                await _prune_blocks(db, tenant)
        return count

    async def prune_events(self, older_than: datetime) -> int:
        """Remove events of the outbox that were published before; how many."""
        return await self._prune(
            outbox, outbox.c.seq, outbox.c.published_at, older_than, note=_note_forgotten
        )

    async def prune_status_history(self, older_than: datetime) -> int:
        """Remove what stations reported of their connectors before; how many."""
        return await self._prune(
            status_history, status_history.c.id, status_history.c.received_at, older_than
        )

    async def prune_commands(self, older_than: datetime) -> int:
        """Remove commands and remote starts that were asked for before; how many."""
        async with self._database.writing() as db:
            return await db.run(delete(commands).where(commands.c.created_at < older_than)) + (
                await db.run(delete(remote_starts).where(remote_starts.c.at < older_than))
            )

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
    row = {"tenant": tenant, "name": FORGOTTEN, "value": position}
    of_tenant = sequences.c.tenant == tenant, sequences.c.name == FORGOTTEN
    if not await db.rows(select(sequences.c.value).where(*of_tenant)):
        await db.run(insert(sequences), row)
    moved = update(sequences).where(*of_tenant, sequences.c.value < position)
    await db.run(moved.values(value=position))


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
