"""The outbox: events committed with the work that emitted them, until somebody publishes them."""

import asyncio
from collections.abc import Sequence

from msgspec import json
from sqlalchemy import bindparam, select, update

from voltkeep.domain import events
from voltkeep.domain.events import Event
from voltkeep.services.ports import Clock
from voltkeep.store.engine import Database, Statements
from voltkeep.store.tables import outbox

_UNPUBLISHED = (
    select(outbox.c.seq, outbox.c.event)
    .where(outbox.c.published_at.is_(None))
    .order_by(outbox.c.seq)
    .limit(bindparam("most"))
)
_PUBLISHED = (
    update(outbox)
    .where(outbox.c.seq.in_(bindparam("seqs", expanding=True)), outbox.c.published_at.is_(None))
    .values(published_at=bindparam("now"))
)
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

    async def published(self, seqs: Sequence[int]) -> None:
        """These need not be told again. Raises StoreUnavailable."""
        if seqs:
            async with self._database.writing() as db:
                await db.run(_PUBLISHED, {"seqs": list(seqs), "now": self._clock()})
