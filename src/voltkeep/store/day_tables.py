"""The tables of what is counted of each day: `voltkeep.store.tables` has all others."""

from sqlalchemy import BigInteger, Column, Index, Table

from voltkeep.store.columns import UtcTime, Words
from voltkeep.store.tables import key, metadata

# What is counted of each day at each site; site "*" is all of a tenant's. A day is as 2026-11-22.
day_totals = Table(
    "day_totals",
    metadata,
    *(key(each) for each in ("tenant", "site", "what", "day")),
    Column("number", BigInteger, nullable=False),
    Index(None, "tenant", "what", "day", "site"),
    sqlite_with_rowid=False,
)

# How each transaction stands in `day_totals`, so that it can be taken out of them again.
day_counted = Table(
    "day_counted",
    metadata,
    *(key(each) for each in ("tenant", "station", "ref")),
    *(Column(each, Words, nullable=False) for each in ("site", "zone")),
    *(Column(each, UtcTime, nullable=False) for each in ("begun_at", "over_at")),
    Column("energy_wh", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# How far `day_totals` are counted; the content is JSON.
_progress = key("tenant"), Column("content", Words, nullable=False)
day_progress = Table("day_progress", metadata, *_progress, sqlite_with_rowid=False)
