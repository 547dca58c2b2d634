"""Exports: every station, token or transaction as a file, a page of the database at a time."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from voltkeep.domain.authorization import Token
from voltkeep.domain.identity import IdToken, TenantId
from voltkeep.domain.imports import Format, RowKind
from voltkeep.domain.stations import Station
from voltkeep.domain.transactions import Transaction
from voltkeep.services.lists import (
    Page,
    Place,
    StationFilter,
    TokenFilter,
    TransactionFilter,
    TransactionSort,
)
from voltkeep.services.ports import Read
from voltkeep.services.tabular import written

T = TypeVar("T")

Content = AsyncIterator[bytes]

COLUMNS: dict[RowKind, tuple[str, ...]] = {
    RowKind.STATIONS: (
        *("id", "site", "note", "security_profile", "registration", "passive"),
        *("vendor", "model", "serial_number", "firmware", "subprotocol", "connected"),
        *("created_at", "connected_at", "disconnected_at", "booted_at", "last_heard_at"),
    ),
    RowKind.TOKENS: (
        *("value", "kind", "group", "blocked", "expires_at", "max_active", "note", "created_at"),
    ),
    RowKind.TRANSACTIONS: (
        *("station", "ref", "evse_id", "connector_id", "id_token", "id_token_kind", "group"),
        *("authorization", "active", "started_at", "ended_at", "meter_start_wh", "meter_last_wh"),
        *("energy_wh", "stop_reason", "remote_start_id", "reservation_id", "closed_at"),
        *("first_heard_at", "last_heard_at"),
    ),
}
"""As the API calls them. Files to import have some of them."""

_PAGE = 500


def station_row(station: Station) -> dict[str, Any]:
    """A station as a row."""
    make = station.make
    return {
        "id": station.id.name,
        "site": station.site,
        "note": station.note,
        "security_profile": int(station.security_profile),
        "registration": station.registration,
        "passive": station.passive,
        "vendor": make.vendor if make else None,
        "model": make.model if make else None,
        "serial_number": make.serial_number if make else None,
        "firmware": make.firmware if make else None,
        "subprotocol": station.subprotocol,
        "connected": station.is_connected,
        "created_at": station.created_at,
        "connected_at": station.connected_at,
        "disconnected_at": station.disconnected_at,
        "booted_at": station.booted_at,
        "last_heard_at": station.last_heard_at,
    }


def token_row(token: Token) -> dict[str, Any]:
    """A token as a row."""
    return {
        "value": token.id_token.value,
        "kind": token.id_token.kind,
        "group": token.group,
        "blocked": token.blocked,
        "expires_at": token.expires_at,
        "max_active": token.max_active,
        "note": token.note,
        "created_at": token.created_at,
    }


def transaction_row(transaction: Transaction, *, masked: bool = False) -> dict[str, Any]:
    """A transaction as a row; ``masked``: of its token only what it is recognised by."""
    evse, token = transaction.evse, transaction.id_token
    return {
        "station": transaction.station.name,
        "ref": transaction.ref,
        "evse_id": evse.id if evse else None,
        "connector_id": evse.connector_id if evse else None,
        "id_token": _shown(token, masked=masked),
        "id_token_kind": token.kind if token else None,
        "group": transaction.group,
        "authorization": transaction.authorization,
        "active": transaction.is_active,
        "started_at": transaction.started_at,
        "ended_at": transaction.ended_at,
        "meter_start_wh": transaction.meter_start_wh,
        "meter_last_wh": transaction.last_meter_wh,
        "energy_wh": transaction.energy_wh,
        "stop_reason": transaction.stop_reason,
        "remote_start_id": transaction.remote_start_id,
        "reservation_id": transaction.reservation_id,
        "closed_at": transaction.closing.at if transaction.closing else None,
        "first_heard_at": transaction.first_heard_at,
        "last_heard_at": transaction.last_heard_at,
    }


def _shown(token: IdToken | None, *, masked: bool) -> str | None:
    if token is None:
        return None
    return token.masked if masked else token.value


async def stations(
    read: Read, tenant: TenantId, which: StationFilter, form: Format
) -> AsyncIterator[bytes]:
    """Stations that fit, in order of name."""

    async def fetch(after: Place | None) -> Page[Station]:
        async with read() as work:
            return await work.lists.stations(tenant, which, after=after, limit=_PAGE)

    async for block in written(_rows(fetch, station_row), COLUMNS[RowKind.STATIONS], form):
        yield block


async def tokens(
    read: Read, tenant: TenantId, which: TokenFilter, form: Format
) -> AsyncIterator[bytes]:
    """Tokens that fit, in order of value."""

    async def fetch(after: Place | None) -> Page[Token]:
        async with read() as work:
            return await work.lists.tokens(tenant, which, after=after, limit=_PAGE)

    async for block in written(_rows(fetch, token_row), COLUMNS[RowKind.TOKENS], form):
        yield block


async def transactions(
    read: Read,
    tenant: TenantId,
    which: TransactionFilter,
    form: Format,
    *,
    sort: TransactionSort = "-first_heard_at",
    first_heard_since: datetime | None = None,
    masked: bool = False,
) -> AsyncIterator[bytes]:
    """Transactions that fit, by default those heard of last first."""

    async def fetch(after: Place | None) -> Page[Transaction]:
        async with read() as work:
            found = await work.lists.transactions(tenant, which, sort, after=after, limit=_PAGE)
        if first_heard_since is None or sort != "-first_heard_at":
            return found
        rows = [each for each in found.rows if each.first_heard_at >= first_heard_since]
        return Page(rows, found.next if len(rows) == len(found.rows) else None)

    def row(transaction: Transaction) -> dict[str, Any]:
        return transaction_row(transaction, masked=masked)

    async for block in written(_rows(fetch, row), COLUMNS[RowKind.TRANSACTIONS], form):
        yield block


async def _rows(
    fetch: Callable[[Place | None], Awaitable[Page[T]]], row: Callable[[T], dict[str, Any]]
) -> AsyncIterator[Sequence[dict[str, Any]]]:
    """A reading work for each page: a slow reader of ours must not hold the database open."""
    after: Place | None = None
    while True:
        page = await fetch(after)
        yield [row(each) for each in page.rows]
        if page.next is None:
            return
        after = page.next
