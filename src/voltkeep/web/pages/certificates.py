"""Certificates as people see them: those we issued, one of them, and what stations asked for."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

from litestar import Response, get
from litestar.params import FromPath
from msgspec import Meta, Struct

from voltkeep.domain.accounts import Permission, Principal
from voltkeep.domain.certificates import CertificateState, IssuedCertificate, RequestState
from voltkeep.domain.events import CertificateRequested
from voltkeep.services.expiries import IN_USE
from voltkeep.services.lists import EventFilter
from voltkeep.services.records import Look
from voltkeep.web.access import ApiServices, Given, Paging, Who, check_sees_every_site, seen_sites
from voltkeep.web.api.certificates import (
    CertificateOut,
    certificate_out,
    found_certificate,
    request_out,
)
from voltkeep.web.pages import certificate_words as words
from voltkeep.web.pages.choosing import Text, filters_of, in_words, sites_of
from voltkeep.web.pages.looking import latest
from voltkeep.web.pages.rendering import page
from voltkeep.web.paging import Cursor, Cursors, Page, page_of_records
from voltkeep.web.problems import Asked

_ROWS = 50
_LATEST = 200  # requests, among which those refused at once are looked for

_Days = Annotated[int, Meta(ge=0, le=36_500)]


class _Which(Struct, frozen=True, kw_only=True):
    """The filters of certificates, as they stand in an address."""

    station: Text | None = None
    site: Text | None = None
    state: CertificateState | None = None
    within: _Days | None = None


class _Requests(Struct, frozen=True, kw_only=True):
    """The filters of requests, as they stand in an address."""

    station: Text | None = None
    site: Text | None = None
    state: RequestState | None = None


def is_narrowed(query: Mapping[str, str], kind: type[Struct]) -> bool:
    """Whether an address has a filter of this kind."""
    return any(query.get(name) for name in kind.__struct_fields__)


@get("/certificates", needs=Permission.READ_SECURITY, include_in_schema=False)
async def certificates_page(
    request: Asked, principal: Who, services: Given, cursors: Paging, cursor: Cursor = None
) -> Response[str]:
    """What we issued: the latest changed first, or what expires within some days, the soonest."""
    which = filters_of(request, _Which)
    if which.within is None:
        look = Look(
            station=which.station,
            sites=seen_sites(principal, which.site),
            states=() if which.state is None else (which.state,),
            after=cursors.place(request, cursor, tuple[datetime, str, str]),
            limit=_ROWS + 1,
        )
        async with services.read() as work:
            found = await work.certificates.page(principal.tenant, look)
        shown = page_of_records(request, cursors, look, found, certificate_out)
    else:
        shown = await _expiring(request, principal, services, cursors, cursor, which)
    return page(
        request,
        "certificates.html",
        certificates=shown,
        states=words.STATES,
        sites=in_words(await sites_of(services, principal)),
        now=datetime.now(UTC),
        is_narrowed=is_narrowed(request.query_params, _Which),
    )


async def _expiring(
    request: Asked,
    principal: Principal,
    services: ApiServices,
    cursors: Cursors,
    cursor: str | None,
    which: _Which,
) -> Page[CertificateOut]:
    """Those in use, or in the state asked for, that expire within some days, the soonest first."""
    check_sees_every_site(principal, "what expires is listed")
    look = Look(
        station=which.station,
        sites=seen_sites(principal, which.site),
        states=IN_USE if which.state is None else (which.state,),
        until=datetime.now(UTC) + timedelta(days=which.within or 0),
        after=cursors.place(request, cursor, tuple[datetime, str, str]),
        limit=_ROWS + 1,
    )
    async with services.read() as work:
        found = await work.certificates.soonest(principal.tenant, look)
    shown, following = found[:_ROWS], None
    if len(found) > _ROWS:
        last = shown[-1]
        following = cursors.after(request, (last.not_after, last.station.name, last.id))
    return Page(items=[certificate_out(each) for each in shown], next=following)


@get("/certificates/{serial_number:str}", needs=Permission.READ_SECURITY, include_in_schema=False)
async def certificate_page(
    request: Asked, principal: Who, services: Given, serial_number: FromPath[str]
) -> Response[str]:
    """One certificate: of those we issued, or of our authority."""
    plain = serial_number.lower().replace(":", "")
    mine = services.certificates.own() if principal.sites is None else ()
    own = next((each for each in mine if each.id == plain), None)
    found = own or await found_certificate(serial_number, principal, services)
    chain = list(words.read(found.pem))
    return page(
        request,
        "certificate.html",
        certificate=certificate_out(found),
        is_own=own is not None,
        name=found.station.name or found.id,
        chain=chain,
        root=_root_above(mine, chain),
        states=words.STATES,
        reasons=words.REASONS,
        profiles=words.PROFILES,
        now=datetime.now(UTC),
    )


def _root_above(
    own: Sequence[IssuedCertificate], chain: Sequence[words.Reading]
) -> words.Reading | None:
    """Our root, where a chain leads to it and leaves it out."""
    for each in own:
        if each.profile == "root" and chain and chain[-1].fingerprint != each.fingerprint:
            root = next(iter(words.read(each.pem)), None)
            if root is not None and root.subject == chain[-1].issuer:
                return root
    return None


@get("/certificates/requests", needs=Permission.READ_SECURITY, include_in_schema=False)
async def requests_page(
    request: Asked, principal: Who, services: Given, cursors: Paging, cursor: Cursor = None
) -> Response[str]:
    """What stations asked for, and what became of it."""
    which = filters_of(request, _Requests)
    sites = seen_sites(principal, which.site)
    look = Look(
        station=which.station,
        sites=sites,
        states=() if which.state is None else (which.state,),
        after=cursors.place(request, cursor, tuple[datetime, str, str]),
        limit=_ROWS + 1,
    )
    types = EventFilter(station=which.station, sites=sites, types=("CertificateRequested",))
    refused: list[CertificateRequested] | None = None
    since: datetime | None = None
    async with services.read() as work:
        found = await work.certificate_requests.page(principal.tenant, look)
        if principal.may(Permission.READ_EVENTS):
            asked, since = await latest(work, principal.tenant, types, _LATEST)
            refused = [each for each in asked if isinstance(each, CertificateRequested)]
    return page(
        request,
        "certificate_requests.html",
        requests=page_of_records(request, cursors, look, found, request_out),
        refused=None if refused is None else [each for each in refused if each.problem],
        latest=_LATEST,
        since=since,
        states=words.REQUESTS,
        sites=in_words(await sites_of(services, principal)),
        is_narrowed=is_narrowed(request.query_params, _Requests),
    )


AT_THE_ROOT = [certificates_page, certificate_page, requests_page]
EXAMPLES: list[object] = []
