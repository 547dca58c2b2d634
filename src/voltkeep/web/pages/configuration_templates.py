"""Templates of configuration as people see them: what stations shall be like, and which are not."""

from litestar import Response, get
from litestar.params import FromPath, FromQuery
from msgspec import Struct

from voltkeep.domain.accounts import Permission, Principal
from voltkeep.domain.configuration import Drift, DriftKind, Template
from voltkeep.domain.device_model import Attribute
from voltkeep.services.templates import UnknownTemplate
from voltkeep.web.access import ApiServices, Given, Paging, Who
from voltkeep.web.api.configuration_templates import out
from voltkeep.web.editing import etag
from voltkeep.web.pages.choosing import in_words, sites_of
from voltkeep.web.pages.marking import _
from voltkeep.web.pages.rendering import page
from voltkeep.web.paging import Cursor, Cursors
from voltkeep.web.problems import Asked, NotThere

_LISTED = 50
_LOOKED_AT = 500  # stations, for one page of those that differ
_ASSIGNED = 500


DIFFERENCES: dict[DriftKind, str] = {
    DriftKind.DIFFERENT: _("different"),
    DriftKind.READ_ONLY: _("different, and cannot be written"),
    DriftKind.REBOOT_REQUIRED: _("waits for a restart"),
    DriftKind.MISSING: _("the station has no such variable"),
    DriftKind.UNREAD: _("never told"),
}


class Apart(Struct, frozen=True, kw_only=True):
    """A station that templates are for, and what of it differs from them."""

    station: str
    templates: tuple[str, ...]
    wanted: int
    drift: list[Drift]


class Compared(Struct, frozen=True, kw_only=True):
    """Stations of one look: ``next`` goes on with those behind it."""

    stations: list[Apart]
    next: str | None
    well: int


def may_edit(principal: Principal) -> bool:
    """Whether they may make and change templates, which are the whole tenant's."""
    return principal.sites is None and principal.may(Permission.WRITE_STATIONS)


@get("/configuration-templates", needs=Permission.READ_STATIONS, include_in_schema=False)
async def templates_page(
    request: Asked, principal: Who, services: Given, cursors: Paging, cursor: Cursor = None
) -> Response[str]:
    """The templates, in order of name."""
    after: str = cursors.place(request, cursor, str) or ""
    found = [each for each in await services.templates.all(principal.tenant) if each.id > after]
    following = cursors.after(request, found[_LISTED - 1].id) if len(found) > _LISTED else None
    return page(
        request,
        "configuration_templates.html",
        templates=[out(each) for each in found[:_LISTED]],
        next=following,
        may_edit=may_edit(principal),
        attributes=list(Attribute),
        sites=in_words(await sites_of(services, principal)),
    )


@get(
    "/configuration-templates/{template:str}",
    needs=Permission.READ_STATIONS,
    include_in_schema=False,
)
async def template_page(
    request: Asked, principal: Who, services: Given, template: FromPath[str]
) -> Response[str]:
    """One template: its values, and which stations it is for."""
    found = out(await _known(services, principal, template))
    assigned = None
    if principal.sites is None:
        named = await services.templates.assigned(principal.tenant, template)
        assigned = [each.name for each in named]
    sites = in_words(await sites_of(services, principal))
    there = {id for id, _name in sites}
    return page(
        request,
        "configuration_template.html",
        shown=found,
        version=etag(found),
        may_edit=may_edit(principal),
        attributes=list(Attribute),
        sites=[*sites, *((each, each) for each in found.sites if each not in there)],
        assigned=None if assigned is None else assigned[:_ASSIGNED],
        unlisted=0 if assigned is None else max(0, len(assigned) - _ASSIGNED),
    )


async def _known(services: ApiServices, principal: Principal, name: str) -> Template:
    """Raises NotThere."""
    try:
        return await services.templates.get(principal.tenant, name)
    except UnknownTemplate as error:
        raise NotThere(f"there is no template {name[:60]}") from error


@get("/configuration-drift", needs=Permission.READ_STATIONS, include_in_schema=False)
async def drift_part(
    request: Asked,
    principal: Who,
    services: Given,
    cursors: Paging,
    template: FromQuery[str] = "",
    cursor: Cursor = None,
) -> Response[str]:
    """A part of a page: stations that differ from their templates, or from one of them."""
    if template:
        await _known(services, principal, template)
    return page(
        request,
        "configuration_drift.html",
        compared=await _compared(request, services, principal, cursors, cursor, template),
        of=template,
        differences=DIFFERENCES,
        may_write=principal.may(Permission.SEND_COMMANDS)
        and principal.may(Permission.SEND_TECHNICAL),
    )


async def _compared(  # what was asked, by whom, and of what
    request: Asked,
    services: ApiServices,
    principal: Principal,
    cursors: Cursors,
    cursor: str | None,
    template: str,
) -> Compared:
    after: str = cursors.place(request, cursor, str) or ""
    found = await services.templates.fleet(
        principal.tenant, after=after, limit=_LISTED, sites=principal.sites, most=_LOOKED_AT
    )
    apart, well = [], 0
    for each in found.stations:
        if template and template not in each.templates:
            continue
        drift = [one for one in each.drift if template in {"", one.template}]
        if not drift:
            well += 1
            continue
        apart.append(
            Apart(
                station=each.station.name,
                templates=each.templates,
                wanted=each.wanted,
                drift=drift,
            )
        )
    following = cursors.after(request, found.next) if found.next else None
    return Compared(stations=apart, next=following, well=well)


AT_THE_ROOT = [templates_page, template_page, drift_part]
EXAMPLES: list[object] = []
