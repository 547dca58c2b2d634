"""Keyset pages: rows in the order of an index, from a place on, and never a long look."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Row,
    Select,
    Table,
    UnaryExpression,
    func,
    select,
    tuple_,
)
from sqlalchemy.sql.operators import custom_op

from voltkeep.services.lists import Place
from voltkeep.store.columns import UtcTime, from_micros, micros
from voltkeep.store.engine import Statements

Where = tuple[ColumnElement[bool], ...]

# How many rows a page looks at for those that fit filters without an index. So many rows of an
# index cost a few milliseconds, and the same at the end of a list as at its start.
STRETCH = 10_000
# So many rows are sorted rather than looked for in the order of the list.
FEW = 2000


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What a page is of. The first column of ``order`` may be null: such rows come last.

    ``found`` is what an index narrows before anything is read, in the order of the list;
    ``filters`` is what each row is asked. ``is_short``: all that is found is few.
    """

    columns: Sequence[ColumnElement[Any]]
    order: tuple[Column[Any], ...]
    descending: bool
    found: Where
    filters: Where = ()
    is_short: bool = False
    parts: tuple[bool, ...] = (False, True)  # with the first column, and without it


async def page(
    db: Statements, listing: Listing, after: Place | None, limit: int, stretch: int | None = None
) -> tuple[list[Row[Any]], Place | None]:
    """The rows, and where the list goes on if there may be more."""
    rows: list[Row[Any]] = []
    for is_null in _parts(listing, after):
        order = _order(db, listing, is_null=is_null)
        part = _part(listing, order, after, is_null=is_null)
        bound = None
        if listing.filters and not listing.is_short:
            bound = await _bound(db, listing, part, stretch or STRETCH)
        found = part.with_only_columns(*listing.columns).where(*listing.filters)
        if bound is not None:
            found = found.where(_beyond(listing, order, bound, until=True))
        rows += await db.rows(found.limit(limit + 1 - len(rows)))
        if len(rows) > limit:
            return rows[:limit], place_of(listing, rows[limit - 1])
        if bound is not None:
            return rows, bound
    return rows, None


async def are_few(db: Statements, table: Table, *where: ColumnElement[bool]) -> bool:
    """Whether so few rows fit that sorting them costs nothing; an index must find them."""
    beyond = select(table.c.tenant).where(*where).offset(FEW).limit(1)
    return not await db.rows(beyond)


def beginning(column: Column[Any], prefix: str) -> Where:
    """Texts that begin so, as a range of an index. Nothing is beyond the last code point."""
    if not prefix:
        return ()
    return (column >= prefix, column < prefix + chr(0x10FFFF))


def _parts(listing: Listing, after: Place | None) -> list[bool]:
    """First those that have the first column, then those that do not."""
    if not listing.order[0].nullable:
        return [False]
    is_past = after is not None and after[0] is None
    return [is_null for is_null in listing.parts if is_null or not is_past]


def _order(db: Statements, listing: Listing, *, is_null: bool) -> list[ColumnElement[Any]]:
    """What is sorted by. What is short is kept from an index that is in order, and finds nothing.

    In SQLite a plus does that, in PostgreSQL a choice between the same twice.
    """
    first, *rest = listing.order[1:] if is_null else listing.order
    if not listing.is_short:
        return [first, *rest]
    if db.engine == "sqlite":
        return [UnaryExpression(first, operator=custom_op("+"), type_=first.type), *rest]
    return [func.coalesce(first, first, type_=first.type), *rest]


def _part(
    listing: Listing, order: list[ColumnElement[Any]], after: Place | None, *, is_null: bool
) -> Select[Any]:
    first = listing.order[0]
    part = select(*listing.order).where(*listing.found)
    if first.nullable:
        part = part.where(first.is_(None) if is_null else order[0].is_not(None))
    if after is not None and is_null == (after[0] is None):
        part = part.where(_beyond(listing, order, after))
    directed = (each.desc() for each in order) if listing.descending else order
    return part.order_by(*directed)


def _beyond(
    listing: Listing, order: list[ColumnElement[Any]], place: Place, *, until: bool = False
) -> ColumnElement[bool]:
    """What comes after a place; or until it, and with it."""
    if len(place) != len(listing.order):
        raise ValueError(f"not a place in this list: {place}")
    values = [_value(*each) for each in zip(order, place[-len(order) :], strict=True)]
    last = tuple_(*values, types=[each.type for each in order])
    here = tuple_(*order)
    if until:
        return here >= last if listing.descending else here <= last
    return here < last if listing.descending else here > last


async def _bound(db: Statements, listing: Listing, part: Select[Any], stretch: int) -> Place | None:
    """How far one page looks; None: to the end."""
    rows = await db.rows(part.offset(stretch - 1).limit(1))
    return place_of(listing, rows[0]) if rows else None


def place_of(listing: Listing, row: Row[Any]) -> Place:
    """Where a row stands."""
    values = (getattr(row, column.name) for column in listing.order)
    return tuple(micros(each) if isinstance(each, datetime) else each for each in values)


def _value(column: ColumnElement[Any], value: int | str | None) -> Any:
    if isinstance(column.type, UtcTime) and isinstance(value, int):
        return from_micros(value)
    return value
