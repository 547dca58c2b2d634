"""The fleet: every connector at a glance, as tiles or on a map, from documents that stay small."""

from collections.abc import Hashable, Iterable, Sequence
from typing import Annotated, Any, NamedTuple

from litestar import Response, get
from litestar.datastructures import State
from litestar.params import FromQuery, QueryParameter

from voltkeep.domain.accounts import Permission, Principal
from voltkeep.domain.identity import Evse, TransactionRef
from voltkeep.domain.sites import Site
from voltkeep.domain.stations import Station
from voltkeep.domain.transactions import Transaction
from voltkeep.services.lists import ConnectorFilter, MeterFilter, StationFilter, TransactionFilter
from voltkeep.services.lists import Place as ListPlace
from voltkeep.services.rows import ConnectorRow
from voltkeep.web.access import ApiServices, Given, Paging, Who, seen_sites
from voltkeep.web.pages.choosing import sites_of
from voltkeep.web.pages.rendering import page
from voltkeep.web.pages.sharing import Document, Shared
from voltkeep.web.paging import Cursor
from voltkeep.web.problems import Asked, Problem

_AT_ONCE = 1000  # rows of a document: a few milliseconds of the server's time
_METERS_AT_ONCE = 40
_SITES_ON_MAP = 5000

_Site = Annotated[str, QueryParameter(max_length=48)]
_Prefix = Annotated[str, QueryParameter(max_length=48)]


class Tile(NamedTuple):
    """What a tile shows of a connector; ``station`` counts into the stations of the document."""

    station: int
    evse: int | None
    connector: int | None
    status: str
    raw_status: str
    charging_state: str | None
    error: str
    doubt: str
    heard_at: int


class Charge(NamedTuple):
    """A transaction that runs. ``started_at`` is in seconds since 1970."""

    station: str
    evse: int | None
    connector: int | None
    ref: str
    started_at: int | None
    meter_start_wh: float | None
    energy_wh: float | None
    charging_state: str | None


def _shared(state: State) -> Shared:
    if (shared := state.get("fleet_documents")) is None:
        shared = state["fleet_documents"] = Shared()
    return shared


def _seen(request: Asked, principal: Principal) -> Hashable:
    """Who is told the same: of one tenant, they see the same sites and ask for the same."""
    sites = None if principal.sites is None else tuple(sorted(principal.sites))
    asked = tuple(sorted(request.query_params.multi_items()))
    return request.url.path, principal.tenant, sites, asked


def _place(evse: Evse | None) -> tuple[int | None, int | None]:
    return (None, None) if evse is None else (evse.id, evse.connector_id)


def _following(request: Asked, cursors: Paging, place: ListPlace | None) -> str | None:
    return None if place is None else cursors.after(request, place)


@get("/fleet", needs=Permission.READ_STATIONS, include_in_schema=False)
async def fleet_page(request: Asked, principal: Who, services: Given) -> Response[str]:
    """The tiles. What they show comes in `grid.json` and `charges.json`, and then as events."""
    sites = await sites_of(services, principal)
    return page(request, "fleet.html", sites=sites)


@get("/fleet/grid.json", needs=Permission.READ_STATIONS, include_in_schema=False)
async def grid(
    request: Asked,
    principal: Who,
    services: Given,
    cursors: Paging,
    state: State,
    site: _Site = "",
    prefix: _Prefix = "",
    cursor: Cursor = None,
) -> Response[bytes]:
    """Connectors by station, some at a time: ``next`` is the ``cursor`` of those after them."""
    which = ConnectorFilter(sites=seen_sites(principal, site or None), prefix=prefix)
    after = cursors.place(request, cursor, ListPlace)

    async def read() -> object:
        async with services.read() as work:
            found = await work.lists.connectors(
                principal.tenant, which, after=after, limit=_AT_ONCE
            )
            names = tuple(dict.fromkeys(row.station.name for row in found.rows))
            these = StationFilter(names=names, sites=principal.sites)
            known = await work.lists.stations(principal.tenant, these, limit=max(1, len(names)))
        return {
            "stations": [_station(each) for each in known.rows],
            "connectors": _tiles(services, found.rows, known.rows),
            "next": _following(request, cursors, found.next),
        }

    return (await _shared(state).get(_seen(request, principal), read)).answer(request)


def _tiles(
    services: ApiServices, rows: Iterable[ConnectorRow], known: Sequence[Station]
) -> list[Tile]:
    stations = {station.id: number for number, station in enumerate(known)}
    tiles = []
    for row in rows:
        number = stations.get(row.station)
        if number is None:
            continue  # removed, or moved, a moment ago
        update = row.update
        fresh = services.availability.judge(row, known[number]).freshness
        error = update.error_code or update.vendor_error_code or update.info or ""
        tiles.append(
            Tile(
                number,
                *_place(update.evse),
                update.status,
                update.raw_status,
                update.charging_state,
                error,
                fresh.doubt or "",
                int(row.received_at.timestamp()),
            )
        )
    return tiles


def _station(station: Station) -> tuple[str, str, str, str, bool]:
    make = station.make
    vendor, model = (make.vendor, make.model) if make is not None else ("", "")
    return station.id.name, station.site, vendor, model, station.is_connected


@get("/fleet/charges.json", needs=Permission.READ_TRANSACTIONS, include_in_schema=False)
async def charges(
    request: Asked,
    principal: Who,
    services: Given,
    cursors: Paging,
    state: State,
    site: _Site = "",
    cursor: Cursor = None,
) -> Response[bytes]:
    """Transactions that run, some at a time."""
    which = TransactionFilter(sites=seen_sites(principal, site or None), active=True)
    after = cursors.place(request, cursor, ListPlace)

    async def read() -> object:
        async with services.read() as work:
            found = await work.lists.transactions(
                principal.tenant, which, after=after, limit=_AT_ONCE
            )
        running = [_charge(each) for each in found.rows]
        return {"charges": running, "next": _following(request, cursors, found.next)}

    return (await _shared(state).get(_seen(request, principal), read)).answer(request)


def _charge(transaction: Transaction) -> Charge:
    started = transaction.started_at
    return Charge(
        transaction.station.name,
        *_place(transaction.evse),
        transaction.ref,
        None if started is None else int(started.timestamp()),
        transaction.meter_start_wh,
        transaction.energy_wh,
        transaction.charging_state,
    )


@get("/fleet/meters.json", needs=Permission.READ_TRANSACTIONS, include_in_schema=False)
async def meters(
    request: Asked,
    principal: Who,
    services: Given,
    station: FromQuery[list[str]],
    ref: FromQuery[list[str]],
) -> Response[bytes]:
    """What the meter said last of some transactions: for tiles that somebody looks at.

    Each is named by a ``station`` and the ``ref`` at the same place.
    """
    if len(station) != len(ref) or len(ref) > _METERS_AT_ONCE:
        words = f"as many stations as refs, and at most {_METERS_AT_ONCE}"
        raise Problem(400, words, code="invalid")
    these = StationFilter(names=tuple(station), sites=principal.sites)
    told = []
    async with services.read() as work:
        known = await work.lists.stations(principal.tenant, these, limit=len(station))
        seen = {each.id.name: each.id for each in known.rows}
        for name, transaction in zip(station, ref, strict=True):
            if name not in seen:
                continue
            which = MeterFilter(ref=TransactionRef(transaction))
            latest = await work.lists.meter_values(seen[name], which, "-at", limit=1)
            for row in latest.rows:
                value = row.value
                told.append((name, transaction, value.power_w, value.soc_percent, value.energy_wh))
    return Document({"meters": told}).answer(request)


@get("/fleet/map", needs=Permission.READ_STATIONS, include_in_schema=False)
async def map_page(request: Asked, principal: Who, services: Given, state: State) -> Response[str]:
    """Sites on a map. Those without a position are listed beside it."""
    sites = await services.sites.page(principal.tenant, sites=principal.sites, limit=_SITES_ON_MAP)
    tiles: str = state.get("map_tiles", "")
    return page(
        request,
        "fleet_map.html",
        placed=_located(sites),
        elsewhere=[each for each in sites if each.latitude is None],
        tiles=tiles,
        tile_origin=_origin(tiles),
        attribution=state.get("map_attribution", ""),
    )


def _located(sites: Iterable[Site]) -> list[dict[str, Any]]:
    return [
        {"id": each.id, "name": each.name, "at": (each.latitude, each.longitude)}
        for each in sites
        if each.latitude is not None
    ]


def _origin(tiles: str) -> str:
    """What the content security policy allows for pictures of the map."""
    scheme, _, rest = tiles.partition("://")
    host = rest.partition("/")[0]
    return f"{scheme}://{host}" if host else ""


AT_THE_ROOT = [fleet_page, grid, charges, meters, map_page]
EXAMPLES: list[object] = []
