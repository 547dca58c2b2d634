"""Transactions as people see them: the list, and one with its chart and what became of it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from litestar import Response, get
from litestar.params import FromPath
from msgspec import Struct, structs

from voltkeep.domain.accounts import Permission, Principal
from voltkeep.domain.events import (
    Event,
    TransactionClosed,
    TransactionEnded,
    TransactionStarted,
    TransactionUpdated,
)
from voltkeep.domain.identity import IdToken, StationId, TransactionRef
from voltkeep.domain.transactions import Transaction
from voltkeep.services import lists
from voltkeep.services.lists import EventFilter, MeterFilter, Place, TransactionFilter
from voltkeep.web.access import ApiServices, Given, Paging, Who, seen_sites
from voltkeep.web.api.transactions import TransactionOut, out, visible
from voltkeep.web.discretion import sees_tokens
from voltkeep.web.pages.choosing import Instant, Text, filters_of, sites_of
from voltkeep.web.pages.meter_curves import Curves, curves
from voltkeep.web.pages.rendering import page
from voltkeep.web.pages.station_timeline import TITLES
from voltkeep.web.paging import Cursor, page_of
from voltkeep.web.problems import Asked, NotThere

_ROWS = 50
_MOST_VALUES = 10_000  # of which a chart is drawn
_LATEST = 20  # values, among which the last register is looked for
_MOST_EVENTS = 500  # of the station, among which those of one transaction are looked for
_AROUND = timedelta(minutes=1)
_NAMES: dict[type[Event], str] = {
    TransactionStarted: "transaction.started",
    TransactionUpdated: "transaction.updated",
    TransactionEnded: "transaction.ended",
    TransactionClosed: "transaction.closed",
}


class _Which(Struct, frozen=True, kw_only=True):
    """The filters, as they stand in an address."""

    station: Text | None = None
    site: Text | None = None
    token: Text | None = None
    group: Text | None = None
    active: bool | None = None
    closed: bool | None = None
    started_since: Instant | None = None
    started_before: Instant | None = None


FILTERS = _Which.__struct_fields__


class Step(Struct, frozen=True, kw_only=True):
    """Something that happened in a transaction."""

    at: datetime
    title: str
    more: str


def _meant(which: _Which, principal: Principal) -> TransactionFilter:
    """What the filters in an address mean. Raises NotThere."""
    if which.token is not None and not sees_tokens(principal):
        raise NotThere("no token is called that")
    return TransactionFilter(
        sites=seen_sites(principal, which.site),
        station=which.station,
        id_token=None if which.token is None else IdToken(which.token),
        group=which.group,
        active=which.active,
        closed=which.closed,
        started_since=which.started_since,
        started_before=which.started_before,
    )


@get("/transactions", needs=Permission.READ_TRANSACTIONS, include_in_schema=False)
async def transactions_page(
    request: Asked,
    principal: Who,
    services: Given,
    cursors: Paging,
    cursor: Cursor = None,
) -> Response[str]:
    """Transactions that fit, those heard of first the latest."""
    which = _meant(filters_of(request, _Which), principal)

    async def fetch(after: Place | None) -> lists.Page[Transaction]:
        async with services.read() as work:
            return await work.lists.transactions(principal.tenant, which, after=after, limit=_ROWS)

    found = await page_of(request, cursors, cursor, fetch, lambda row: out(principal, row))
    sites = await sites_of(services, principal)
    return page(
        request,
        "transactions.html",
        transactions=found,
        sites=sites,
        now=datetime.now(UTC),
        is_narrowed=any(request.query_params.get(name) for name in FILTERS),
    )


@get(
    "/transactions/{station:str}/{transaction:str}",
    needs=Permission.READ_TRANSACTIONS,
    include_in_schema=False,
)
async def transaction_page(
    request: Asked,
    principal: Who,
    services: Given,
    station: FromPath[str],
    transaction: FromPath[str],
) -> Response[str]:
    """One transaction, which stays when its station is removed."""
    id, ref = await visible(services, principal, station, transaction)
    found = out(principal, await services.transactions.get(id, ref))
    if found.active:
        found = await metered(services, id, found)
    steps: Sequence[Step] = ()
    is_all = True
    if principal.may(Permission.READ_EVENTS):
        steps, is_all = await _steps(services, id, ref)
    now = datetime.now(UTC)
    begun = found.started_at or found.first_heard_at
    return page(
        request,
        "transaction.html",
        transaction=found,
        zone=await _zone(services, id),
        steps=steps,
        are_all_steps=is_all,
        took=_took(found, begun, now),
        messages={
            "station": found.station,
            "since": (found.first_heard_at - _AROUND).isoformat(),
            **({} if found.active else {"before": (found.last_heard_at + _AROUND).isoformat()}),
        },
        most=_MOST_VALUES,
    )


async def metered(services: ApiServices, id: StationId, found: TransactionOut) -> TransactionOut:
    """With what the meter says by now: what only metered does not change the record (ADR 0005)."""
    which = MeterFilter(ref=TransactionRef(found.ref))
    async with services.read() as work:
        heard = await work.lists.meter_values(id, which, "-at", limit=_LATEST)
    if not heard.rows:
        return found
    last = max(found.last_heard_at, *(row.received_at for row in heard.rows))
    said = (row.value.energy_wh for row in heard.rows if row.value.energy_wh is not None)
    meter = next(said, found.meter_last_wh)
    begin = found.meter_start_wh
    return structs.replace(
        found,
        last_heard_at=last,
        meter_last_wh=meter,
        energy_wh=None if begin is None or meter is None else meter - begin,
    )


def _took(found: TransactionOut, begun: datetime, now: datetime) -> float | None:
    """How long it takes, or took, in seconds; None if nobody knows."""
    closed = found.closed.as_of if found.closed else None
    end = now if found.active else found.ended_at or closed
    return None if end is None else max((end - begun).total_seconds(), 0.0)


async def _zone(services: ApiServices, id: StationId) -> str:
    """Where its station stands, if it still does."""
    async with services.read() as work:
        known = await work.stations.get(id)
    return "" if known is None else await services.sites.time_zone(id.tenant, known.site)


async def _steps(services: ApiServices, id: StationId, ref: str) -> tuple[list[Step], bool]:
    """What is told of a transaction among the station's latest, and whether that is all."""
    which = EventFilter(station=id.name, types=tuple(kind.__name__ for kind in _NAMES))
    async with services.read() as work:
        found = await work.lists.events(id.tenant, which, "-at", limit=_MOST_EVENTS)
    mine = [each.event for each in found.rows if getattr(each.event, "ref", None) == ref]
    steps = [_step(event) for event in reversed(mine)]
    has_begin = any(isinstance(event, TransactionStarted) for event in mine)
    return steps, has_begin or found.next is None


def _step(event: Event) -> Step:
    more = ""
    match event:
        case TransactionStarted(authorization=authorization):
            more = authorization or ""
        case TransactionUpdated(charging_state=state):
            more = state or ""
        case TransactionEnded(stop_reason=reason):
            more = reason or ""
        case TransactionClosed(closed_by=who, reason=reason):
            more = f"{who}: {reason}" if reason else who
    return Step(at=event.at, title=TITLES[_NAMES[type(event)]], more=str(more))


@get(
    "/transactions/{station:str}/{transaction:str}/chart.json",
    needs=Permission.READ_TRANSACTIONS,
    include_in_schema=False,
)
async def transaction_chart(
    principal: Who, services: Given, station: FromPath[str], transaction: FromPath[str]
) -> dict[str, Any]:
    """What the meter said during a transaction: at most 1,000 points, of the latest values."""
    id, ref = await visible(services, principal, station, transaction)
    known = await services.transactions.get(id, ref)
    async with services.read() as work:
        found = await work.lists.meter_values(id, MeterFilter(ref=ref), "-at", limit=_MOST_VALUES)
    values = [row.value for row in reversed(found.rows)]
    drawn: Curves = curves(values, known.meter_start_wh)
    return {"times": drawn.times, "series": drawn.series, "is_cut": found.next is not None}


AT_THE_ROOT = [transactions_page, transaction_page, transaction_chart]
EXAMPLES: list[object] = []
