"""Sites: where stations stand."""

from datetime import UTC, datetime
from typing import Annotated

from litestar import Response, delete, get, patch, post
from litestar.params import JSONBody, PathParameter
from msgspec import UNSET, Meta, Struct, UnsetType, structs

from voltkeep.domain.accounts import Permission, Principal
from voltkeep.domain.sites import Site, of_tenant
from voltkeep.services.sites import UnknownSite
from voltkeep.web.access import Given, Paging, Who
from voltkeep.web.editing import IfMatch, tagged, unchanged
from voltkeep.web.paging import DEFAULT_LIMIT, Cursor, Limit, Page
from voltkeep.web.problems import Asked, Problem

_SiteId = Annotated[str, PathParameter(description="The site's id.")]
_Id = Annotated[str, Meta(min_length=1, max_length=48)]
_Line = Annotated[str, Meta(max_length=120)]
_Lines = Annotated[tuple[_Line, ...], Meta(max_length=6)]
_Country = Annotated[str, Meta(max_length=2, pattern=r"^([A-Z]{2})?$")]
_Latitude = Annotated[float, Meta(ge=-90, le=90)]
_Longitude = Annotated[float, Meta(ge=-180, le=180)]
_TimeZone = Annotated[str, Meta(max_length=64)]
_Note = Annotated[str, Meta(max_length=2000)]


class SiteOut(Struct, frozen=True, kw_only=True):
    """A place with stations. ``time_zone`` is a name of the IANA database, or ""."""

    id: str
    name: str
    address: tuple[str, ...]
    country: str
    latitude: float | None
    longitude: float | None
    time_zone: str
    note: str
    created_at: datetime
    changed_at: datetime


class NewSite(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A site to be added. ``address`` is its lines; ``country`` two letters (ISO 3166-1)."""

    id: _Id
    name: _Line = ""
    address: _Lines = ()
    country: _Country = ""
    latitude: _Latitude | None = None
    longitude: _Longitude | None = None
    time_zone: _TimeZone = ""
    note: _Note = ""


class SiteChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be changed of a site; what is left out stays."""

    name: _Line | UnsetType = UNSET
    address: _Lines | UnsetType = UNSET
    country: _Country | UnsetType = UNSET
    latitude: _Latitude | UnsetType | None = UNSET
    longitude: _Longitude | UnsetType | None = UNSET
    time_zone: _TimeZone | UnsetType = UNSET
    note: _Note | UnsetType = UNSET


def out(site: Site) -> SiteOut:
    return SiteOut(
        id=site.id,
        name=site.name,
        address=site.address,
        country=site.country,
        latitude=site.latitude,
        longitude=site.longitude,
        time_zone=site.time_zone,
        note=site.note,
        created_at=site.created_at,
        changed_at=site.at,
    )


async def visible(services: Given, principal: Principal, id: str) -> Site:
    """Raises UnknownSite, also if whoever asks may not see it."""
    if principal.sites is not None and id not in principal.sites:
        raise UnknownSite(f"there is no site {id[:60]}")
    return await services.sites.get(principal.tenant, id)


def _everywhere(principal: Principal) -> None:
    if principal.sites is not None:
        raise Problem(403, "you see some sites only, and make no others", code="not-allowed")


@get("/sites", needs=Permission.READ_STATIONS)
async def list_sites(
    request: Asked,
    principal: Who,
    services: Given,
    cursors: Paging,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[SiteOut]:
    """Sites, the latest changed first."""
    after = cursors.place(request, cursor, tuple[datetime, str, str])
    found = await services.sites.page(
        principal.tenant, sites=principal.sites, after=after, limit=limit + 1
    )
    rows, following = found[:limit], None
    if len(found) > limit:
        following = cursors.after(request, (rows[-1].at, "", rows[-1].id))
    return Page(items=[out(site) for site in rows], next=following)


@post("/sites", needs=Permission.WRITE_STATIONS)
async def add_site(data: JSONBody[NewSite], principal: Who, services: Given) -> Response[SiteOut]:
    """Add a site."""
    _everywhere(principal)
    now = datetime.now(UTC)
    site = Site(station=of_tenant(principal.tenant), at=now, created_at=now, **structs.asdict(data))
    return tagged(out(await services.sites.add(site)), 201)


@get("/sites/{site:str}", needs=Permission.READ_STATIONS)
async def show_site(site: _SiteId, principal: Who, services: Given) -> Response[SiteOut]:
    """One site."""
    return tagged(out(await visible(services, principal, site)))


@patch("/sites/{site:str}", needs=Permission.WRITE_STATIONS)
async def change_site(
    data: JSONBody[SiteChange],
    site: _SiteId,
    principal: Who,
    services: Given,
    if_match: IfMatch = None,
) -> Response[SiteOut]:
    """Change what is said of a site."""
    await visible(services, principal, site)
    said = {name: value for name, value in structs.asdict(data).items() if value is not UNSET}
    changed = await services.sites.change(
        principal.tenant, site, said, unless_changed=unchanged(if_match, out)
    )
    return tagged(out(changed))


@delete("/sites/{site:str}", needs=Permission.WRITE_STATIONS)
async def remove_site(site: _SiteId, principal: Who, services: Given) -> None:
    """Forget a site. Refused while stations stand there."""
    _everywhere(principal)
    await services.sites.remove(principal.tenant, site)


ROUTES = [list_sites, add_site, show_site, change_site, remove_site]

EXAMPLES = [
    SiteOut(
        id="north",
        name="Car park north",
        address=("Hafenstrasse 1", "20457 Hamburg"),
        country="DE",
        latitude=53.5438,
        longitude=9.9684,
        time_zone="Europe/Berlin",
        note="barrier code at the bakery",
        created_at=datetime(2026, 5, 1, 8, 0, tzinfo=UTC),
        changed_at=datetime(2026, 5, 1, 8, 0, tzinfo=UTC),
    ),
    NewSite(id="north", name="Car park north", country="DE", latitude=53.5438, longitude=9.9684),
    SiteChange(note="the barrier is open at night"),
]
