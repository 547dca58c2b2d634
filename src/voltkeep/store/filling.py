"""Columns that a release added, filled some rows at a time, so that nobody waits for long."""

import asyncio
from datetime import datetime
from typing import Any

from msgspec import convert, json
from sqlalchemy import Column, ColumnElement, bindparam, select, tuple_, update

from voltkeep.store.engine import Database
from voltkeep.store.tables import certificates, security_events, trust_anchors

_AT_ONCE = 500
_PAUSE_SECONDS = 0.01  # between chunks, for everybody else

# Each is NULL where nothing has been written to it, and holds a field of the row's content.
_COLUMNS: tuple[tuple[Column[Any], type], ...] = (
    (certificates.c.not_after, datetime),
    (trust_anchors.c.not_after, datetime),
    (security_events.c.type, str),
)


async def fill(database: Database) -> int:
    """Fill them in what was there before, and what the release before wrote beside this one.

    How many rows. Raises StoreUnavailable; what was filled until then stays filled.
    """
    return sum([await _fill(database, column, kind) for column, kind in _COLUMNS])


async def _fill(database: Database, column: Column[Any], kind: type) -> int:
    table = column.table
    key = tuple(table.primary_key)
    types = [each.type for each in key]
    is_empty = column.is_(None)
    wanted = select(*key, table.c.content).where(is_empty).order_by(*key).limit(_AT_ONCE)
    named = [each == bindparam(f"of_{each.name}") for each in key]
    # Who changes a row meanwhile fills it as well.
    filling = update(table).where(*named, is_empty).values({column: bindparam("said")})
    count = 0
    where: list[ColumnElement[bool]] = []
    while True:
        async with database.reading() as db:
            rows = await db.rows(wanted.where(*where))
        if not rows:
            return count
        values = [
            {f"of_{each.name}": value for each, value in zip(key, row, strict=False)}
            | {"said": convert(json.decode(row.content)[column.name], kind)}
            for row in rows
        ]
        async with database.writing() as db:
            await db.run(filling, values)
        count += len(rows)
        where = [tuple_(*key) > tuple_(*tuple(rows[-1])[:-1], types=types)]
        await asyncio.sleep(_PAUSE_SECONDS)
