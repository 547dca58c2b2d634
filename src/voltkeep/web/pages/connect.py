"""Connecting a station: its address and key, and every attempt with what was wrong about it."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from litestar import MediaType, Response, get
from litestar.params import FromQuery
from msgspec import Struct

from voltkeep.domain.accounts import Permission, Principal
from voltkeep.domain.barriers import Barrier, meaning, remedy
from voltkeep.domain.identity import StationId
from voltkeep.domain.security import Refusal, TlsFault, Verdict
from voltkeep.domain.stations import SecurityProfile, Station
from voltkeep.services.addresses import Addresses
from voltkeep.services.explain import Explanation
from voltkeep.services.provisioning import UnknownStation
from voltkeep.services.records import Look
from voltkeep.web.access import ApiServices, Given, Paging, Who, may_see, named, seen_sites
from voltkeep.web.auth import ANYBODY
from voltkeep.web.pages.choosing import in_words, sites_of
from voltkeep.web.pages.rendering import page
from voltkeep.web.paging import Cursor, page_of_records
from voltkeep.web.problems import Asked

_ROWS = 50
_LATEST = 20
_WITHIN = {"hour": 1, "day": 24, "week": 168}
_TO_CHOOSE = (SecurityProfile.TLS_BASIC, SecurityProfile.TLS_CERTIFICATE, SecurityProfile.BASIC)


class Way(Struct, frozen=True, kw_only=True):
    """A security profile as a way in: where it leads; "" if nothing listens for it."""

    profile: int
    setting: str
    base: str
    address: str
    is_local: bool


class Tried(Struct, frozen=True, kw_only=True):
    """Refused connections of one reason and host, in words.

    ``is_unknown``: nobody had registered the id; ``is_open``: nobody has up to now.
    """

    station: str
    host: str
    reason: str
    detail: str
    means: str
    do: str
    count: int
    first_at: datetime
    at: datetime
    is_unknown: bool
    is_open: bool


def _ways(addresses: Addresses, station: StationId) -> list[Way]:
    """Each security profile that one can choose, as ``station`` would reach us with it."""
    ways = []
    for profile in _TO_CHOOSE:
        setting = addresses.listener(profile)
        base = addresses.base(profile, station.tenant)
        address = addresses.station(station, profile) if station.name else base and f"{base}/ID"
        ways.append(
            Way(
                profile=int(profile),
                setting=setting,
                base=base,
                address=address,
                is_local=addresses.is_local(setting),
            )
        )
    return ways


def _to_approve(ways: Sequence[Way]) -> list[int]:
    """The profiles that a station can be approved with at once, the best first."""
    return [each.profile for each in ways if each.base]


async def _find(services: ApiServices, by: Principal, name: str) -> Station | None:
    """A station that they may see. Raises BadName."""
    try:
        known = await services.provisioning.get(named(by, name))
    except UnknownStation:
        return None
    return known if may_see(by, known) else None


async def _in_words(services: ApiServices, found: Sequence[Refusal]) -> list[Tried]:
    """Refusals, and which of them were of an id that nobody has registered up to now."""
    asked = {each.station for each in found if each.reason == Verdict.UNKNOWN_STATION}
    async with services.read() as work:
        unknown = {each for each in asked if each.name and await work.stations.get(each) is None}
    return [
        Tried(
            station=each.station.name,
            host=each.host,
            reason=each.reason,
            detail=each.detail,
            means=meaning(each.reason),
            do=remedy(each.reason, each.station),
            count=each.count,
            first_at=each.first_at,
            at=each.at,
            is_unknown=bool(each.station.name) and each.reason == Verdict.UNKNOWN_STATION,
            is_open=each.station in unknown and each.reason == Verdict.UNKNOWN_STATION,
        )
        for each in found
    ]


async def _lately(services: ApiServices, by: Principal, station: StationId) -> list[Tried]:
    """The last attempts: of all, or as this one, and by who did not come so far as to say."""
    if not by.may(Permission.READ_SECURITY):
        return []
    async with services.read() as work:
        look = Look(sites=seen_sites(by, None), limit=_LATEST)
        if not station.name:
            found = await work.refusals.page(by.tenant, look)
        else:
            its = Look(station=station.name, sites=look.sites, limit=_LATEST)
            nobodys = Look(station="", sites=look.sites, limit=_LATEST)
            found = await work.refusals.page(by.tenant, its)
            found += await work.refusals.page(by.tenant, nobodys)
    found.sort(key=lambda each: each.at, reverse=True)
    return await _in_words(services, found[:_LATEST])


async def _explained(
    services: ApiServices, by: Principal, station: StationId, known: Station | None
) -> Explanation | None:
    """As `GET /stations/{name}/explanation`, for whom that answers."""
    may_ask = by.may(Permission.READ_SECURITY) and (known is not None or by.sites is None)
    return await services.explain.explain(station) if station.name and may_ask else None


def _reasons() -> list[tuple[str, str, str]]:
    """Every reason there is, what it means, and what to do."""
    each = [*(v for v in Verdict if v is not Verdict.ADMITTED), *Barrier, *TlsFault]
    return [(reason.value, meaning(reason.value), remedy(reason.value)) for reason in each]


@get(
    "/connect",
    needs=(Permission.WRITE_STATIONS, Permission.READ_SECURITY),
    include_in_schema=False,
)
async def connect_page(
    request: Asked,
    principal: Who,
    services: Given,
    station: FromQuery[str] = "",
    watch: FromQuery[str] = "",
) -> Response[str]:
    """A station to be connected, step by step; ``watch=all``: with the attempts of all others."""
    id = named(principal, station) if station else StationId(principal.tenant, "")
    known = await _find(services, principal, station) if station else None
    ways = _ways(services.addresses, id)
    only = bool(station) and watch != "all"
    sites = await sites_of(services, principal)
    return page(
        request,
        "connect.html",
        station=station,
        known=known if principal.may(Permission.READ_STATIONS) else None,
        ways=ways,
        profiles=_to_approve(ways),
        suggested=f"CS-{secrets.token_hex(3).upper()}",
        explanation=await _explained(services, principal, id, known),
        attempts=await _lately(
            services, principal, id if only else StationId(principal.tenant, "")
        ),
        only=only,
        sites=in_words(sites),
        sees_all=principal.sites is None,
        reasons=_reasons(),
        unknown=Verdict.UNKNOWN_STATION.value,
    )


@get("/connect/root.pem", needs=ANYBODY, include_in_schema=False, media_type=MediaType.TEXT)
async def root_file(services: Given) -> Response[str]:
    """The certificate by which stations trust this server. It is no secret."""
    return Response(
        services.roots.own.pem,
        media_type="application/x-pem-file",
        headers={"content-disposition": 'attachment; filename="voltkeep-root.pem"'},
    )


@get("/refusals", needs=Permission.READ_SECURITY, include_in_schema=False)
async def refusals_page(
    request: Asked,
    principal: Who,
    services: Given,
    cursors: Paging,
    station: FromQuery[str] = "",
    site: FromQuery[str] = "",
    within: FromQuery[Literal["", "hour", "day", "week"]] = "",
    unnamed: FromQuery[bool] = False,
    cursor: Cursor = None,
) -> Response[str]:
    """Who was not let in, the latest first; ``unnamed``: only who never said which station."""
    hours = _WITHIN.get(within)
    now = datetime.now(UTC)
    look = Look(
        station="" if unnamed else station or None,
        sites=seen_sites(principal, site or None),
        since=now - timedelta(hours=hours) if hours else None,
        after=cursors.place(request, cursor, tuple[datetime, str, str]),
        limit=_ROWS + 1,
    )
    async with services.read() as work:
        found = await work.refusals.page(principal.tenant, look)
    shown = page_of_records(request, cursors, look, found, lambda each: each)
    sites = await sites_of(services, principal)
    ways = _ways(services.addresses, StationId(principal.tenant, ""))
    return page(
        request,
        "refusals.html",
        profiles=_to_approve(ways),
        attempts=await _in_words(services, shown.items),
        next=shown.next,
        within=within,
        unnamed=unnamed,
        sites=in_words(sites),
    )


AT_THE_ROOT = [connect_page, root_file, refusals_page]
EXAMPLES: list[object] = []
