"""One station as people see it: what it is and does now, what was charged, how it is set up."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

from litestar import Response, get
from litestar.params import FromQuery, QueryParameter
from msgspec import Struct

from voltkeep.domain.accounts import Permission, Principal
from voltkeep.domain.certificates import CertificateState, IssuedCertificate
from voltkeep.domain.events import StationConnected, StationDisconnected
from voltkeep.domain.reservations import OPEN_RESERVATIONS, ReservationState
from voltkeep.domain.stations import Station
from voltkeep.domain.transactions import Transaction
from voltkeep.services import lists
from voltkeep.services.lists import EventFilter, Place, TransactionFilter
from voltkeep.services.ports import Read
from voltkeep.web.access import ApiServices, Given, Known, Paging, Who, seen_sites
from voltkeep.web.api.availability import connector_out
from voltkeep.web.api.stations import out
from voltkeep.web.api.transactions import TransactionOut
from voltkeep.web.api.transactions import out as transaction_out
from voltkeep.web.discretion import shown_token
from voltkeep.web.editing import etag
from voltkeep.web.pages.campaigns import of_station
from voltkeep.web.pages.choosing import in_words, sites_of
from voltkeep.web.pages.station_frame import ROWS, framed, look_at
from voltkeep.web.pages.transactions import metered
from voltkeep.web.paging import Cursor, page_of, page_of_records
from voltkeep.web.problems import Asked

_EvseId = Annotated[int | None, QueryParameter(ge=1, le=2**31 - 1)]
_DAYS = 7
_MOST_CONNECTIONS = 500
_SOON = timedelta(days=30)
_OURS = (CertificateState.ACTIVE, CertificateState.ACCEPTED, CertificateState.SENT)


class Day(Struct, frozen=True, kw_only=True):
    """How often a station connected within one day; ``height`` of 40 is that of the most."""

    begins: datetime
    connects: int
    height: int


class Quality(Struct, frozen=True, kw_only=True):
    """How a station's connection did lately; ``ends`` are the reasons of its ends, the last first.

    ``is_more``: it connected more often than was counted.
    """

    days: Sequence[Day]
    today: int
    ends: Sequence[tuple[datetime, str]]
    is_more: bool


async def quality(read: Read, station: Station, now: datetime) -> Quality:
    """What is kept of the station's connections in the last days."""
    kinds = (StationConnected.__name__, StationDisconnected.__name__)
    which = EventFilter(station=station.id.name, types=kinds)
    async with read() as work:
        found = await work.lists.events(station.id.tenant, which, "-at", limit=_MOST_CONNECTIONS)
    begins = [now - timedelta(days=days) for days in range(_DAYS, 0, -1)]
    events = [each.event for each in found.rows if each.event.at >= begins[0]]
    connects = Counter(
        sum(each.at >= begin for begin in begins) - 1
        for each in events
        if isinstance(each, StationConnected)
    )
    most = max(connects.values(), default=0)
    return Quality(
        days=[
            Day(begins=at, connects=connects[n], height=40 * connects[n] // max(most, 1))
            for n, at in enumerate(begins)
        ],
        today=connects[_DAYS - 1],
        ends=[(each.at, each.reason) for each in events if isinstance(each, StationDisconnected)][
            :5
        ],
        is_more=found.next is not None and len(events) == len(found.rows),
    )


@get("/stations/{station:str}", needs=Permission.READ_STATIONS, include_in_schema=False)
async def overview_page(
    request: Asked, known: Known, principal: Who, services: Given
) -> Response[str]:
    """What a station is, how its connection does, and its connectors as they are now."""
    now = datetime.now(UTC)
    availability = await services.availability.show(known.id)
    may = principal.may
    return await framed(
        request,
        services,
        known,
        "station.html",
        connectors=[connector_out(each) for each in availability.connectors],
        wanted=[each for each in availability.wishes if each.wish.state != "done" or each.differs],
        plans=availability.plans,
        campaigns=await of_station(services, principal, known),
        running=await _running(services, principal, known),
        quality=await quality(services.read, known, now) if may(Permission.READ_EVENTS) else None,
        certificate=await _certificate(services, principal, known),
        soon=now + _SOON,
        now=now,
        explanation=(
            await services.explain.explain(known.id)
            if may(Permission.READ_SECURITY) and not known.is_connected
            else None
        ),
    )


async def _running(
    services: ApiServices, principal: Principal, known: Station
) -> list[TransactionOut]:
    """What runs there now, for those who may see it."""
    if not principal.may(Permission.READ_TRANSACTIONS):
        return []
    which = TransactionFilter(sites=principal.sites, station=known.id.name, active=True)
    async with services.read() as work:
        found = await work.lists.transactions(principal.tenant, which, limit=ROWS)
    said = [transaction_out(principal, each) for each in found.rows]
    return [await metered(services, known.id, each) for each in said]


async def _certificate(
    services: ApiServices, principal: Principal, known: Station
) -> IssuedCertificate | None:
    """The certificate that it uses, or will: the furthest come of those that we issued."""
    if not principal.may(Permission.READ_SECURITY):
        return None
    async with services.read() as work:
        found = await work.certificates.of(known.id, states=_OURS, limit=20)
    return min(found, key=lambda each: _OURS.index(each.state), default=None)


@get(
    "/stations/{station:str}/transactions",
    needs=Permission.READ_TRANSACTIONS,
    include_in_schema=False,
)
async def transactions_page(
    request: Asked,
    known: Known,
    principal: Who,
    services: Given,
    cursors: Paging,
    active: FromQuery[bool | None] = None,
    evse_id: _EvseId = None,
    cursor: Cursor = None,
) -> Response[str]:
    """What was charged at a station."""
    which = TransactionFilter(
        sites=seen_sites(principal, None), station=known.id.name, active=active, evse_id=evse_id
    )

    async def fetch(after: Place | None) -> lists.Page[Transaction]:
        async with services.read() as work:
            return await work.lists.transactions(principal.tenant, which, after=after, limit=ROWS)

    found = await page_of(
        request, cursors, cursor, fetch, lambda row: transaction_out(principal, row)
    )
    return await framed(request, services, known, "station_transactions.html", transactions=found)


@get(
    "/stations/{station:str}/reservations", needs=Permission.READ_STATIONS, include_in_schema=False
)
async def reservations_page(
    request: Asked,
    known: Known,
    principal: Who,
    services: Given,
    cursors: Paging,
    in_state: Annotated[ReservationState | None, QueryParameter(name="state")] = None,
    cursor: Cursor = None,
) -> Response[str]:
    """Who may use it until when, and what became of that."""
    look = look_at(request, principal, cursors, known, cursor, in_state or "")
    rows = await services.reservations.page(principal.tenant, look)
    found = page_of_records(
        request,
        cursors,
        look,
        rows,
        lambda row: (row, shown_token(principal, row.id_token)),
    )
    return await framed(
        request,
        services,
        known,
        "station_reservations.html",
        reservations=found,
        states=[each.value for each in ReservationState],
        open_states=OPEN_RESERVATIONS,
    )


@get("/stations/{station:str}/settings", needs=Permission.WRITE_STATIONS, include_in_schema=False)
async def settings_page(
    request: Asked, known: Known, principal: Who, services: Given
) -> Response[str]:
    """How a station is run, how it is let in, and how it is removed."""
    sites = await sites_of(services, principal)
    options = in_words(sites)
    if known.site and known.site not in {each.id for each in sites}:
        options.append((known.site, known.site))
    if principal.sites is None:
        options.insert(0, ("", "–"))
    return await framed(
        request,
        services,
        known,
        "station_settings.html",
        site_options=options,
        etag=etag(out(known)),
        address_of=services.addresses.station(known.id, known.security_profile),
        trust=known.trust,
    )


AT_THE_ROOT = [overview_page, transactions_page, reservations_page, settings_page]
EXAMPLES: list[object] = []
