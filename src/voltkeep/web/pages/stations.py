"""Stations as people see them: the list, and which of them fit what is to be asked of many."""

from collections.abc import Mapping
from typing import Any

from litestar import Response, get
from litestar.params import FromQuery
from msgspec import structs

from voltkeep.domain.accounts import Permission, Principal
from voltkeep.domain.stations import Registration, Station
from voltkeep.services import lists
from voltkeep.services.lists import Place, StationFilter, StationSort
from voltkeep.web.access import Given, Paging, Who
from voltkeep.web.api.batches import Which, chosen
from voltkeep.web.api.stations import out
from voltkeep.web.pages.choosing import as_filters, in_words, sites_of, without_faults
from voltkeep.web.pages.rendering import page
from voltkeep.web.paging import Cursor, page_of
from voltkeep.web.problems import Asked, Problem, Unfit

_ROWS = 50
_NAMED = 1000  # stations that a batch may name; of more it is told by what they fit
_COUNTED = 10_000
_FILTERS = (
    "prefix",
    "registration",
    "connected",
    "security_profile",
    "passive",
    "vendor",
    "model",
    "firmware",
)


def which_of(query: Mapping[str, str]) -> Which:
    """The stations that the filters in an address mean; what is empty is no filter.

    Raises Problem.
    """
    return as_filters(_said(query), Which)


def _said(query: Mapping[str, str]) -> dict[str, Any]:
    said: dict[str, Any] = {name: query[name] for name in _FILTERS if query.get(name)}
    if query.get("site"):
        said["sites"] = [query["site"]]
    return said


def meant(principal: Principal, which: Which) -> StationFilter:
    """As `chosen`; a site that is not for them has no stations here."""
    try:
        return chosen(principal, which)
    except Unfit:
        return StationFilter(sites=())


@get("/stations", needs=Permission.READ_STATIONS, include_in_schema=False)
async def stations_page(
    request: Asked,
    principal: Who,
    services: Given,
    cursors: Paging,
    sort: FromQuery[StationSort] = "name",
    cursor: Cursor = None,
) -> Response[str]:
    """Stations that fit the filters, which stand in the address."""
    query = request.query_params
    known = (*_FILTERS, "site", "sort")
    which = meant(principal, without_faults(request, _said(query), Which, known))

    async def fetch(after: Place | None) -> lists.Page[Station]:
        async with services.read() as work:
            return await work.lists.stations(
                principal.tenant, which, sort, after=after, limit=_ROWS
            )

    found = await page_of(request, cursors, cursor, fetch, out)
    sites = await sites_of(services, principal)
    templates = await services.templates.all(principal.tenant)
    return page(
        request,
        "stations.html",
        stations=found,
        sites=sites,
        site_options=in_words(sites),
        sort=sort,
        registrations=list(Registration),
        is_narrowed=any(query.get(name) for name in (*_FILTERS, "site")),
        template_options=[(each.id, each.id) for each in templates],
    )


@get("/bulk/fitting.json", needs=Permission.SEND_COMMANDS, include_in_schema=False)
async def fitting(
    request: Asked,
    principal: Who,
    services: Given,
    station: FromQuery[list[str] | None] = None,
) -> dict[str, Any]:
    """How many stations fit the filters, or are those named, and which.

    ``which`` asks for exactly these; it is null if there are too many to be sure. Raises Problem
    403 for who may not see stations.
    """
    if not principal.may(needs := Permission.READ_STATIONS):
        raise Problem(403, f"this needs the permission {needs}", code="not-allowed")
    which = which_of(request.query_params)
    if station:
        which = structs.replace(which, stations=tuple(station[:_NAMED]))
    names: list[tuple[str, bool, str]] = []
    connected = passive = total = 0
    after: Place | None = None
    async with services.read() as work:
        while total < _COUNTED:
            found = await work.lists.stations(
                principal.tenant, meant(principal, which), after=after, limit=_NAMED
            )
            total += len(found.rows)
            connected += sum(each.is_connected for each in found.rows)
            passive += sum(each.passive for each in found.rows)
            room = _NAMED - len(names)
            names += [(each.id.name, each.is_connected, each.site) for each in found.rows[:room]]
            after = found.next
            if after is None:
                break
    is_whole = after is None
    told: object = Which(stations=tuple(name for name, _, _ in names))
    if total > _NAMED:
        told = which
    return {
        "total": total,
        "connected": connected,
        "passive": passive,
        "stations": names,
        "which": told if is_whole else None,
    }


AT_THE_ROOT = [stations_page, fitting]
EXAMPLES: list[object] = []
