"""The outbox: events committed with the work that emitted them, until somebody publishes them."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from msgspec import json
from sqlalchemy import bindparam, select, update

from voltkeep.domain import events
from voltkeep.domain.events import Event
from voltkeep.domain.identity import TenantId
from voltkeep.services.ports import Clock
from voltkeep.store.counting import COUNT_UP
from voltkeep.store.engine import Database, EngineName, Statements, Steps
from voltkeep.store.tables import outbox, sequences

_UNPUBLISHED = (
    select(outbox.c.seq, outbox.c.event)
    .where(outbox.c.published_at.is_(None))
    .order_by(outbox.c.seq)
    .limit(bindparam("most"))
)
_PUBLISHED = (
    update(outbox)
    .where(outbox.c.seq == bindparam("of"), outbox.c.published_at.is_(None))
    .values(published_at=bindparam("now"), position=bindparam("place"))
)
_PLACED = select(outbox.c.seq, outbox.c.position).where(
    outbox.c.seq.in_(bindparam("seqs", expanding=True)), outbox.c.position.is_not(None)
)
_AFTER = (
    select(outbox.c.position, outbox.c.event)
    .where(outbox.c.tenant == bindparam("whose"), outbox.c.position > bindparam("after"))
    .order_by(outbox.c.position)
    .limit(bindparam("most"))
)
_COUNTED = select(sequences.c.value).where(
    sequences.c.tenant == bindparam("whose"), sequences.c.name == bindparam("counter")
)
_POSITIONS = "event positions"
FORGOTTEN = "events forgotten"  # of each tenant: the greatest position that was pruned
_decoder: json.Decoder[Event] = json.Decoder(events.Anything)


async def store(db: Statements, emitted: list[Event]) -> None:
    """Within the work that emitted them."""
    await db.append(
        outbox,
        [
            {
                "tenant": event.station.tenant,
                "event": json.encode(event).decode(),
                "published_at": None,
            }
            for event in emitted
        ],
    )


def _placed(engine: EngineName, seqs: Sequence[int], now: datetime) -> Steps[dict[int, int]]:
    placed = yield _PLACED, {"seqs": list(seqs)}
    positions: dict[int, int] = {row.seq: row.position for row in placed}
    new = [seq for seq in seqs if seq not in positions]
    if new:
        counter = {"tenant": "", "name": _POSITIONS, "value": len(new)}
        last: int = (yield COUNT_UP[engine], counter)[0].value
        numbered = dict(zip(new, range(last - len(new) + 1, last + 1), strict=True))
        yield _PUBLISHED, [{"of": seq, "place": at, "now": now} for seq, at in numbered.items()]
        positions |= numbered
    return positions


class Outbox:
    """What the relay reads. Events of one station are in the order of their works.

    ``committed`` is set after each commit of this process that emitted something; whoever waits
    for it clears it before looking. Other processes emit too, so look now and then as well.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self.committed = asyncio.Event()

    async def unpublished(self, limit: int = 500) -> list[tuple[int, Event]]:
        """The oldest that nobody has published. Raises StoreUnavailable."""
        async with self._database.reading() as db:
            found = await db.rows(_UNPUBLISHED, {"most": limit})
        return [(row.seq, _decoder.decode(row.event)) for row in found]

    async def published(self, seqs: Sequence[int]) -> dict[int, int]:
        """Give these their positions, in this order, for they are told now.

        Positions are in the order in which events are told, which is not that of ``seq``: of two
        works on PostgreSQL the later may commit first. Said again it changes nothing, and
        returns the same. Raises StoreUnavailable.
        """
        if not seqs:
            return {}
        async with self._database.writing() as db:
            return await db.take(_placed(db.engine, seqs, self._clock()))

    async def after(
        self, tenant: TenantId, position: int, limit: int = 500
    ) -> list[tuple[int, Event]]:
        """What was told after that position, in order, as far as it is kept."""
        async with self._database.reading() as db:
            said = {"whose": tenant, "after": position, "most": limit}
            found = await db.rows(_AFTER, said)
        return [(row.position, _decoder.decode(row.event)) for row in found]

    async def last(self) -> int:
        """The position of what was told last; 0 if nothing was."""
        return await self._counted("", _POSITIONS)

    async def forgotten(self, tenant: TenantId) -> int:
        """Up to that position events may have been removed; 0 if all are there."""
        return await self._counted(tenant, FORGOTTEN)

    async def _counted(self, tenant: str, counter: str) -> int:
        async with self._database.reading() as db:
            found = await db.rows(_COUNTED, {"whose": tenant, "counter": counter})
        return found[0].value if found else 0
