"""Sites as people see them: the list, and one with its stations and who is limited to it."""

from datetime import datetime

from litestar import Response, get
from litestar.params import FromPath
from msgspec import structs

from voltkeep.domain.accounts import Permission, Principal, User
from voltkeep.domain.stations import Station
from voltkeep.services import lists
from voltkeep.services.lists import Place, StationFilter
from voltkeep.services.records import Look
from voltkeep.web.access import ApiServices, Given, Paging, Who
from voltkeep.web.api import stations
from voltkeep.web.api.sites import out, visible
from voltkeep.web.editing import etag
from voltkeep.web.pages.rendering import page
from voltkeep.web.paging import Cursor, Page, page_of
from voltkeep.web.problems import Asked

_ROWS = 50
_LOOKED_AT = 500  # people at a time
_MOST_PEOPLE = 5_000


@get("/sites", needs=Permission.READ_STATIONS, include_in_schema=False)
async def sites_page(
    request: Asked, principal: Who, services: Given, cursors: Paging, cursor: Cursor = None
) -> Response[str]:
    """Sites that they may see, the latest changed first."""
    after = cursors.place(request, cursor, tuple[datetime, str, str])
    found = await services.sites.page(
        principal.tenant, sites=principal.sites, after=after, limit=_ROWS + 1
    )
    rows, following = found[:_ROWS], None
    if len(found) > _ROWS:
        following = cursors.after(request, (rows[-1].at, "", rows[-1].id))
    async with services.read() as work:
        counts = await work.lists.at_sites(principal.tenant, [each.id for each in rows])
    return page(
        request,
        "sites.html",
        counts=counts,
        sites=Page(items=[out(each) for each in rows], next=following),
        may_add=principal.may(Permission.WRITE_STATIONS) and principal.sites is None,
    )


@get("/sites/{site:str}", needs=Permission.READ_STATIONS, include_in_schema=False)
async def site_page(
    request: Asked,
    principal: Who,
    services: Given,
    cursors: Paging,
    site: FromPath[str],
    cursor: Cursor = None,
) -> Response[str]:
    """One site with its stations."""
    known = out(await visible(services, principal, site))
    which = StationFilter(sites=(known.id,))

    async def fetch(after: Place | None) -> lists.Page[Station]:
        async with services.read() as work:
            return await work.lists.stations(
                principal.tenant, which, "name", after=after, limit=_ROWS
            )

    found = await page_of(request, cursors, cursor, fetch, stations.out)
    people = None
    if principal.may(Permission.READ_ACCOUNTS):
        people = await _limited_to(services, principal, known.id)
    return page(
        request,
        "site.html",
        site=known,
        version=etag(known),
        stations=found,
        is_empty=not found.items and cursor is None,
        people=people,
        may_remove=principal.may(Permission.WRITE_STATIONS) and principal.sites is None,
    )


async def _limited_to(services: ApiServices, principal: Principal, site: str) -> list[User]:
    """People who see this site and some others at most, of as many as one looks at."""
    found: list[User] = []
    look = Look(limit=_LOOKED_AT)
    for _ in range(_MOST_PEOPLE // _LOOKED_AT):
        part = await services.people.users.users(principal, look)
        found += [each for each in part if each.sites is not None and site in each.sites]
        if len(part) < look.limit:
            break
        last = part[-1]
        look = structs.replace(look, after=(last.at, last.station.name, last.id))
    return sorted(found, key=lambda each: each.name.casefold())


AT_THE_ROOT = [sites_page, site_page]
EXAMPLES: list[object] = []
