"""Campaigns as people see them: the list, how one goes, and what is to be known to start one."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from litestar import Response, get
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import Struct, structs, to_builtins

from voltkeep.domain.accounts import Permission, Principal
from voltkeep.domain.campaigns import (
    MOST_AT_ONCE,
    MOST_ATTEMPTS,
    OPEN_CAMPAIGNS,
    Campaign,
    CampaignState,
    ChangeKind,
    StepState,
)
from voltkeep.domain.firmware import FirmwareImage
from voltkeep.domain.identity import StationId
from voltkeep.domain.stations import SecurityProfile, Station
from voltkeep.services.addresses import Addresses
from voltkeep.services.lists import Makes, StationFilter
from voltkeep.services.records import Look
from voltkeep.web.access import ApiServices, Given, Paging, Who
from voltkeep.web.api import campaigns
from voltkeep.web.api.campaigns import COME_BACK_S, NEEDS, CampaignOut
from voltkeep.web.pages.campaign_words import KINDS, STATES, advice
from voltkeep.web.pages.choosing import sites_of
from voltkeep.web.pages.rendering import page
from voltkeep.web.pages.stations import meant, which_of
from voltkeep.web.paging import Cursor, Cursors, Page, page_of_records
from voltkeep.web.problems import Asked

_ROWS = 50
_LISTED = 20
_BARS = 4  # that a page counts at once; the others come after it
_LOOKED_AT = 500  # of which somebody who sees some sites only finds theirs
_SHOWN = 50  # stations by name, before it starts
_MAKES = 20
_MOST_CHOICES = 500  # images, of which one is chosen
_TARGETS = (SecurityProfile.TLS_BASIC, SecurityProfile.TLS_CERTIFICATE, SecurityProfile.BASIC)
_CLOSED = (CampaignState.FINISHED, CampaignState.CANCELLED)
_WIDTH = 1000
_LOOKS = {
    StepState.DONE: "good",
    StepState.ASKED: "busy",
    StepState.PREPARING: "busy",
    StepState.WAITING: "off",
    StepState.SKIPPED: "",
    StepState.FAILED: "bad",
}

_Start = Literal["firmware", "profile", "configuration"]
_Step = Annotated[StepState | None, QueryParameter(name="state")]
_Closed = Annotated[Literal["finished", "cancelled"] | None, QueryParameter(name="state")]


class Piece(Struct, frozen=True, kw_only=True):
    """Stations in one state, as a piece of a bar that is 1000 wide."""

    state: StepState
    name: str
    count: int
    look: str
    x: float
    width: float


class Bar(Struct, frozen=True, kw_only=True):
    """How far a campaign is; ``over`` counts the stations that nothing more happens to."""

    pieces: list[Piece]
    total: int
    over: int


class Row(Struct, frozen=True, kw_only=True):
    """A campaign in a list; the bar comes later if it is None."""

    campaign: CampaignOut
    bar: Bar | None


class DryRun(Struct, frozen=True, kw_only=True):
    """Which stations a campaign would reach now: how many, and the first by name."""

    makes: Makes
    stations: list[Station]
    away: list[Station]


def bar_of(counts: Mapping[str, int]) -> Bar:
    """Counts by state as a bar."""
    total = sum(counts.values())
    pieces, x = [], 0.0
    for state, look in _LOOKS.items():
        count = counts.get(state.value, 0)
        width = round(_WIDTH * count / total, 2) if total else 0.0
        name = STATES[state]
        pieces.append(Piece(state=state, name=name, count=count, look=look, x=x, width=width))
        x = round(x + width, 2)
    closed = (StepState.DONE, StepState.FAILED, StepState.SKIPPED)
    return Bar(pieces=pieces, total=total, over=sum(counts.get(each, 0) for each in closed))


def may_change(principal: Principal, kind: ChangeKind) -> bool:
    """Whether they may start, halt and end campaigns of that kind."""
    return principal.may(NEEDS[kind])


async def _rows(services: ApiServices, principal: Principal, look: Look) -> list[Campaign]:
    """As they may see them one by one: who is limited to sites finds theirs among the latest."""
    if principal.sites is None:
        return list(await services.campaigns.page(principal.tenant, look))
    look = structs.replace(look, after=None, limit=_LOOKED_AT)
    found = await services.campaigns.page(principal.tenant, look)
    return [each for each in found if campaigns.is_seen(principal, each)][:_ROWS]


async def _counted(services: ApiServices, principal: Principal, campaign: Campaign) -> Bar:
    progress = await services.campaigns.progress(principal.tenant, campaign.id)
    return bar_of(progress.counts)


@get("/campaigns", needs=Permission.READ_STATIONS, include_in_schema=False)
async def campaigns_page(
    request: Asked,
    principal: Who,
    services: Given,
    cursors: Paging,
    in_state: _Closed = None,
    cursor: Cursor = None,
) -> Response[str]:
    """Campaigns under way, with bars, and those that are over, the latest first."""
    under_way = await _rows(services, principal, Look(states=OPEN_CAMPAIGNS, limit=_ROWS))
    going_on = [
        Row(
            campaign=campaigns.out(each),
            bar=await _counted(services, principal, each) if number < _BARS else None,
        )
        for number, each in enumerate(under_way)
    ]
    look = Look(
        states=(in_state,) if in_state else _CLOSED,
        after=cursors.place(request, cursor, tuple[datetime, str, str]),
        limit=_LISTED + 1,
    )
    rows = await _rows(services, principal, look)
    over: Page[CampaignOut] = (
        page_of_records(request, cursors, look, rows, campaigns.out)
        if principal.sites is None
        else Page(items=[campaigns.out(each) for each in rows])
    )
    return page(
        request,
        "campaigns.html",
        under_way=going_on,
        over=over,
        in_state=in_state or "",
        kinds=KINDS,
        may_start=any(map(principal.may, NEEDS.values())),
    )


async def _dry_run(services: ApiServices, principal: Principal, which: StationFilter) -> DryRun:
    tenant = principal.tenant
    async with services.read() as work:
        makes = await work.lists.makes(tenant, which, limit=_MAKES)
        some = await work.lists.stations(tenant, which, limit=_SHOWN)
        away: list[Station] = []
        if makes.connected < makes.stations:
            if which.connected is None:
                which = structs.replace(which, connected=False)
            away = (await work.lists.stations(tenant, which, limit=_SHOWN)).rows
    return DryRun(makes=makes, stations=some.rows, away=away)


async def _images(services: ApiServices, principal: Principal) -> list[FirmwareImage]:
    """Images are the whole tenant's; who sees some sites only names one that they know."""
    if principal.sites is not None:
        return []
    async with services.read() as work:
        return await work.images.page(principal.tenant, Look(limit=_MOST_CHOICES))


def _unserved(addresses: Addresses, tenant: str) -> dict[int, str]:
    """The security profiles that nothing listens for, and the setting that changes that."""
    return {
        int(each): addresses.listener(each) for each in _TARGETS if not addresses.base(each, tenant)
    }


@get("/campaigns/new", needs=Permission.READ_STATIONS, include_in_schema=False)
async def new_campaign_page(
    request: Asked,
    principal: Who,
    services: Given,
    kind: FromQuery[_Start] = "firmware",
    look: FromQuery[bool] = False,
) -> Response[str]:
    """First which stations, told by a dry run, then on what terms. Nothing is started by it."""
    may = {
        "firmware": may_change(principal, ChangeKind.FIRMWARE),
        "profile": may_change(principal, ChangeKind.PROFILE),
        "configuration": principal.may(Permission.SEND_COMMANDS)
        and principal.may(Permission.SEND_TECHNICAL),
    }
    which = which_of(request.query_params)
    found = None
    if look and may[kind]:
        found = await _dry_run(services, principal, meant(principal, which))
    return page(
        request,
        "campaign_new.html",
        kind=kind,
        may_start=may,
        sites=await sites_of(services, principal),
        found=found,
        which=to_builtins(which),
        images=await _images(services, principal) if kind == "firmware" else [],
        templates=await services.templates.all(principal.tenant) if kind == "configuration" else [],
        unserved=_unserved(services.addresses, principal.tenant) if kind == "profile" else {},
        at_once=MOST_AT_ONCE if kind != "configuration" else 100,
        attempts=MOST_ATTEMPTS,
        patience=int(
            COME_BACK_S[ChangeKind.FIRMWARE if kind == "firmware" else ChangeKind.PROFILE]
        ),
    )


def _steps_look(
    request: Asked, cursors: Cursors, cursor: str | None, state: StepState | None, station: str
) -> Look:
    return Look(
        station=station or None,
        states=() if state is None else (state.value,),
        after=cursors.place(request, cursor, tuple[datetime, str, str]),
        limit=_ROWS + 1,
    )


@get("/campaigns/{campaign:str}", needs=Permission.READ_STATIONS, include_in_schema=False)
async def campaign_page(
    request: Asked,
    principal: Who,
    services: Given,
    cursors: Paging,
    campaign: FromPath[str],
    in_state: _Step = None,
    station: FromQuery[str] = "",
    cursor: Cursor = None,
) -> Response[str]:
    """How far a campaign is, and what became of each station."""
    known = await campaigns.shown(services, principal, campaign)
    look = _steps_look(request, cursors, cursor, in_state, station.strip())
    look = structs.replace(look, sites=principal.sites)
    found = await services.campaigns.steps(principal.tenant, campaign, look)
    rows = page_of_records(request, cursors, look, found, campaigns.station_out)
    return page(
        request,
        "campaign.html",
        campaign=known,
        bar=bar_of(known.stations or {}),
        canaries=bar_of(known.canary_stations or {}),
        is_open=known.state in OPEN_CAMPAIGNS,
        is_first=cursor is None,
        may_change=may_change(principal, known.kind),
        rows=rows,
        in_state=in_state,
        is_narrowed=bool(in_state or station.strip()),
        states=STATES,
        kinds=KINDS,
        advice=advice,
        conditions=_conditions(to_builtins(known.which)),
    )


def _conditions(which: Mapping[str, object]) -> list[tuple[str, object]]:
    """What a filter says, without what it leaves open."""
    return [(name, value) for name, value in which.items() if value is not None and value != ""]


@get("/campaigns/{campaign:str}/bar", needs=Permission.READ_STATIONS, include_in_schema=False)
async def campaign_bar(
    request: Asked, principal: Who, services: Given, campaign: FromPath[str]
) -> Response[str]:
    """The bar of a campaign, for a list that is shown already."""
    known = await campaigns.shown(services, principal, campaign)
    return page(request, "campaign_bar.html", bar=bar_of(known.stations or {}))


async def of_station(
    services: ApiServices, principal: Principal, station: Station
) -> list[Campaign]:
    """Campaigns under way in which a station's turn has come, or is to come."""
    states = (StepState.WAITING, StepState.PREPARING, StepState.ASKED)
    found = []
    async with services.read() as work:
        for step in await work.steps.of(station.id, states=states, limit=5):
            campaign = await work.campaigns.get(StationId(station.id.tenant, ""), step.id)
            if campaign is not None and campaigns.is_seen(principal, campaign):
                found.append(campaign)
    return found


AT_THE_ROOT = [campaigns_page, new_campaign_page, campaign_page, campaign_bar]
EXAMPLES: list[object] = []
