"""Firmware as people see it: images, what runs where, and updates that are going on."""

from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode

from litestar import Response, get
from litestar.params import FromQuery, QueryParameter
from msgspec import Struct

from voltkeep.domain.accounts import Permission
from voltkeep.domain.firmware import OPEN_UPDATE_STATES, FirmwareImage, UpdateState
from voltkeep.services.lists import MakeCount, StationFilter
from voltkeep.services.records import Look
from voltkeep.web.access import Given, Paging, Who, seen_sites
from voltkeep.web.api.firmware import image_out, update_out
from voltkeep.web.pages.choosing import sites_of
from voltkeep.web.pages.rendering import page
from voltkeep.web.paging import Cursor, page_of_records
from voltkeep.web.problems import Asked

_ROWS = 50
_GOING_ON = 20
_MAKES = 100

_State = Annotated[UpdateState | None, QueryParameter(name="state")]


class Version(Struct, frozen=True, kw_only=True):
    """Stations that run the same; ``query`` finds them, "" if no filter can."""

    made: MakeCount
    query: str


def _version(made: MakeCount) -> Version:
    said = {"vendor": made.vendor, "model": made.model, "firmware": made.firmware}
    return Version(made=made, query=urlencode(said) if all(said.values()) else "")


@get("/firmware", needs=Permission.READ_STATIONS, include_in_schema=False)
async def firmware_page(
    request: Asked, principal: Who, services: Given, cursors: Paging, cursor: Cursor = None
) -> Response[str]:
    """Images, for who sees every site, and the updates that are not over."""
    images = Look(after=cursors.place(request, cursor, tuple[datetime, str, str]), limit=_ROWS + 1)
    going_on = Look(states=OPEN_UPDATE_STATES, sites=principal.sites, limit=_GOING_ON + 1)
    found: list[FirmwareImage] = []
    async with services.read() as work:
        if principal.sites is None:
            found = await work.images.page(principal.tenant, images)
        updates = await work.updates.page(principal.tenant, going_on)
    may_change = principal.sites is None and principal.may(Permission.SEND_TECHNICAL)
    return page(
        request,
        "firmware.html",
        images=page_of_records(request, cursors, images, found, image_out),
        sees_images=principal.sites is None,
        may_change=may_change,
        updates=[update_out(each) for each in updates[:_GOING_ON]],
        are_more=len(updates) > _GOING_ON,
    )


@get("/firmware/versions", needs=Permission.READ_STATIONS, include_in_schema=False)
async def versions_part(request: Asked, principal: Who, services: Given) -> Response[str]:
    """A part of a page: how many stations run what."""
    async with services.read() as work:
        makes = await work.lists.makes(
            principal.tenant, StationFilter(sites=principal.sites), limit=_MAKES
        )
    counted = sum(each.stations for each in makes.rows)
    return page(
        request,
        "firmware_versions.html",
        versions=[_version(each) for each in makes.rows],
        most=max((each.stations for each in makes.rows), default=1),
        total=makes.stations,
        uncounted=makes.stations - counted,
    )


@get("/firmware/updates", needs=Permission.READ_STATIONS, include_in_schema=False)
async def updates_page(
    request: Asked,
    principal: Who,
    services: Given,
    cursors: Paging,
    in_state: _State = None,
    station: FromQuery[str] = "",
    site: FromQuery[str] = "",
    cursor: Cursor = None,
) -> Response[str]:
    """Updates that stations were asked for, the latest changed first."""
    look = Look(
        station=station.strip() or None,
        sites=seen_sites(principal, site or None),
        states=() if in_state is None else (in_state.value,),
        after=cursors.place(request, cursor, tuple[datetime, str, str]),
        limit=_ROWS + 1,
    )
    async with services.read() as work:
        found = await work.updates.page(principal.tenant, look)
    return page(
        request,
        "firmware_updates.html",
        updates=page_of_records(request, cursors, look, found, update_out),
        in_state=in_state,
        sites=await sites_of(services, principal),
        is_narrowed=bool(in_state or station.strip() or site),
    )


AT_THE_ROOT = [firmware_page, versions_part, updates_page]
EXAMPLES: list[object] = []
