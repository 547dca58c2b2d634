"""How far back events were looked at, for those of a kind that is rare among them."""

from datetime import datetime

from voltkeep.domain.events import Event
from voltkeep.domain.identity import TenantId
from voltkeep.services.lists import EventFilter
from voltkeep.services.ports import Work


async def latest(
    work: Work, tenant: TenantId, which: EventFilter, limit: int
) -> tuple[list[Event], datetime | None]:
    """The latest that fit, and since when all that fit are among them; None: since ever."""
    found = await work.lists.events(tenant, which, "-at", limit=limit)
    since = None
    if found.next is not None:
        before = await work.lists.events(tenant, EventFilter(), "-at", after=found.next, limit=1)
        since = before.rows[0].event.at if before.rows else None
    return [row.event for row in found.rows], since
