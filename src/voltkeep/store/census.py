"""How many there are of what is counted for monitoring."""

from msgspec import Struct
from sqlalchemy import func, select

from voltkeep.store.engine import Database
from voltkeep.store.tables import connectors, outbox, stations, transactions

_STATIONS = select(func.count().label("number")).select_from(stations)
_ACTIVE = (
    select(func.count().label("number"))
    .select_from(transactions)
    .where(transactions.c.ended_at.is_(None))
)
_CONNECTORS = select(connectors.c.status, func.count().label("number")).group_by(
    connectors.c.status
)
_UNTOLD = (
    select(func.count().label("number")).select_from(outbox).where(outbox.c.published_at.is_(None))
)


class Census(Struct, frozen=True, kw_only=True):
    """Of the installation, all tenants."""

    stations: int
    transactions_active: int
    connectors: dict[str, int]  # by status
    events_untold: int


async def take(database: Database) -> Census:
    """Count. Raises StoreUnavailable."""
    async with database.reading() as db:
        found = await db.rows(_CONNECTORS)
        return Census(
            stations=(await db.rows(_STATIONS))[0].number,
            transactions_active=(await db.rows(_ACTIVE))[0].number,
            connectors={row.status: row.number for row in found},
            events_untold=(await db.rows(_UNTOLD))[0].number,
        )
