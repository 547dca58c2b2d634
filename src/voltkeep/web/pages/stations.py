"""Stations as people see them: the list, and what is known of each."""

from litestar import Response, get
from litestar.params import FromQuery

from voltkeep.domain.accounts import Permission
from voltkeep.domain.stations import Registration, SecurityProfile, Station
from voltkeep.services import lists
from voltkeep.services.lists import Place, StationFilter, StationSort
from voltkeep.web.access import Given, Known, Paging, Who, seen_sites
from voltkeep.web.api.stations import out
from voltkeep.web.pages.rendering import page
from voltkeep.web.paging import Cursor, page_of
from voltkeep.web.problems import Asked

_ROWS = 50
_SITES = 200  # to choose from; with more of them a site is found by its page


@get("/stations", needs=Permission.READ_STATIONS, include_in_schema=False)
async def stations_page(
    request: Asked,
    principal: Who,
    services: Given,
    cursors: Paging,
    site: FromQuery[str | None] = None,
    prefix: FromQuery[str] = "",
    registration: FromQuery[Registration | None] = None,
    connected: FromQuery[bool | None] = None,
    security_profile: FromQuery[SecurityProfile | None] = None,
    sort: FromQuery[StationSort] = "name",
    cursor: Cursor = None,
) -> Response[str]:
    """Stations that fit the filters, which stand in the address."""
    which = StationFilter(
        sites=seen_sites(principal, site),
        prefix=prefix,
        registration=registration,
        connected=connected,
        security_profile=security_profile,
    )

    async def fetch(after: Place | None) -> lists.Page[Station]:
        async with services.read() as work:
            return await work.lists.stations(
                principal.tenant, which, sort, after=after, limit=_ROWS
            )

    found = await page_of(request, cursors, cursor, fetch, out)
    sites = await services.sites.page(principal.tenant, sites=principal.sites, limit=_SITES)
    options = [(each.id, each.name or each.id) for each in sites]
    return page(
        request, "stations.html", stations=found, sites=sites, site_options=options, sort=sort
    )


@get("/stations/{station:str}", needs=Permission.READ_STATIONS, include_in_schema=False)
async def station_page(request: Asked, known: Known) -> Response[str]:
    """One station."""
    return page(request, "station.html", station=out(known))


AT_THE_ROOT = [stations_page, station_page]
EXAMPLES: list[object] = []
