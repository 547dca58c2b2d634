"""Campaigns: a change walked through many stations, a few at a time, canaries first."""

from collections.abc import Mapping
from datetime import UTC, datetime, time
from typing import Annotated

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery, JSONBody, PathParameter
from msgspec import Meta, Struct

from voltkeep.domain.accounts import Permission, Principal
from voltkeep.domain.campaigns import (
    MOST_AT_ONCE,
    MOST_ATTEMPTS,
    Campaign,
    CampaignState,
    CampaignStep,
    ChangeKind,
    FirmwareGoal,
    StepState,
    Terms,
    Wave,
    Window,
)
from voltkeep.domain.stations import SecurityProfile
from voltkeep.services.campaigns import Progress
from voltkeep.services.transfers import Via
from voltkeep.web.access import Given, Paging, Who
from voltkeep.web.api.batches import Which, chosen, which_of
from voltkeep.web.looks import LOOK, Looking
from voltkeep.web.paging import Page, page_of_records
from voltkeep.web.problems import Asked, NotThere, Problem, Unfit

CampaignId = Annotated[str, PathParameter(description="The campaign's id.")]

COME_BACK_S = {ChangeKind.PROFILE: 600.0, ChangeKind.FIRMWARE: 7200.0}
NEEDS = {
    ChangeKind.PROFILE: Permission.WRITE_SECURITY,
    ChangeKind.FIRMWARE: Permission.SEND_TECHNICAL,
}
_OClock = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
_Percent = Annotated[float, Meta(gt=0, le=100)]
_Count = Annotated[int, Meta(ge=0, le=1_000_000)]
_Seconds = Annotated[float, Meta(gt=0, le=31_536_000)]


class FirmwareWish(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The image to install. ``version`` is what stations call it once it runs.

    Without a version a station's word that it is installed is taken, and nobody is skipped.
    """

    image: Annotated[str, Meta(max_length=200)]
    version: Annotated[str, Meta(max_length=255)] = ""
    unsigned: bool = False
    retries: Annotated[int, Meta(ge=0, le=1000)] | None = None
    retry_interval_s: Annotated[int, Meta(ge=0, le=86_400)] | None = None
    retrieve_at: datetime | None = None
    install_at: datetime | None = None
    via: Via | None = None


class Hours(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hours of the day in UTC, as in 22:00 to 04:30."""

    begin: _OClock
    end: _OClock


class NewCampaign(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change, either ``firmware`` or ``security_profile``, and in which stations.

    ``canaries`` or ``canary_percent`` go first; the rest follows once all of them have ended and
    no more than ``canary_failures`` failed. ``halt_percent`` counts from the fifth station on.
    """

    firmware: FirmwareWish | None = None
    security_profile: Annotated[int, Meta(ge=1, le=3)] | None = None
    which: Which
    at_once: Annotated[int, Meta(ge=1, le=MOST_AT_ONCE)] = 10
    station_timeout_s: _Seconds | None = None
    halt_after: _Count = 3
    halt_percent: _Percent | None = None
    canaries: _Count = 0
    canary_percent: _Percent | None = None
    canary_failures: _Count = 0
    waits_for_word: bool = False
    attempts: Annotated[int, Meta(ge=1, le=MOST_ATTEMPTS)] = 1
    retry_after_s: Annotated[float, Meta(ge=0, le=31_536_000)] = 300.0
    window: Hours | None = None
    until: datetime | None = None


class CampaignOut(Struct, frozen=True, kw_only=True):
    """A campaign. ``failures`` and ``ended`` count since it was last resumed.

    ``stations`` counts its stations by state, ``canary_stations`` those that go first; both are
    null in lists.
    """

    id: str
    state: CampaignState
    kind: ChangeKind
    firmware: FirmwareGoal | None
    security_profile: int | None
    which: Which
    phase: Wave
    at_once: int
    station_timeout_s: float
    halt_after: int
    halt_percent: float | None
    canaries: int
    canary_percent: float | None
    canary_failures: int
    waits_for_word: bool
    attempts: int
    retry_after_s: float
    window: Window | None
    until: datetime | None
    started_at: datetime
    started_by: str
    at: datetime
    reason: str
    failures: int
    ended: int
    stations: Mapping[str, int] | None
    canary_stations: Mapping[str, int] | None


class CampaignStationOut(Struct, frozen=True, kw_only=True):
    """How far one station of a campaign is. ``update`` is the id of its firmware update."""

    station: str
    state: StepState
    wave: Wave
    at: datetime
    reason: str
    failed_attempts: int
    not_before: datetime | None
    security_profile: int | None
    update: str | None


def out(campaign: Campaign, progress: Progress | None = None) -> CampaignOut:
    """A campaign as the API shows it; ``progress`` has its counts."""
    is_profile = campaign.kind is ChangeKind.PROFILE
    return CampaignOut(
        id=campaign.id,
        state=campaign.state,
        kind=campaign.kind,
        firmware=campaign.firmware,
        security_profile=campaign.target if is_profile else None,
        which=which_of(campaign.which),
        phase=campaign.phase,
        at_once=campaign.at_once,
        station_timeout_s=campaign.come_back_s,
        halt_after=campaign.halt_after,
        halt_percent=campaign.halt_percent,
        canaries=campaign.canaries,
        canary_percent=campaign.canary_percent,
        canary_failures=campaign.canary_failures,
        waits_for_word=campaign.waits_for_word,
        attempts=campaign.attempts,
        retry_after_s=campaign.retry_after_s,
        window=campaign.window,
        until=campaign.until,
        started_at=campaign.started_at,
        started_by=campaign.started_by,
        at=campaign.at,
        reason=campaign.reason,
        failures=campaign.failures,
        ended=campaign.ended,
        stations=None if progress is None else progress.counts,
        canary_stations=None if progress is None else progress.canaries,
    )


def station_out(step: CampaignStep) -> CampaignStationOut:
    """A station of a campaign as the API shows it."""
    return CampaignStationOut(
        station=step.station.name,
        state=step.state,
        wave=step.wave,
        at=step.at,
        reason=step.reason,
        failed_attempts=step.failures,
        not_before=step.not_before,
        security_profile=step.profile or None,
        update=step.update or None,
    )


def _check_permission(principal: Principal, kind: ChangeKind) -> None:
    """Raises Problem 403."""
    needs = NEEDS[kind]
    if not principal.may(needs):
        raise Problem(403, f"this needs the permission {needs}", code="not-allowed")


def _goal(data: NewCampaign) -> FirmwareGoal | SecurityProfile:
    wish = data.firmware
    if (wish is None) == (data.security_profile is None):
        raise Unfit("say either `firmware` or `security_profile`", field="firmware")
    if wish is None:
        return SecurityProfile(data.security_profile or 0)
    return FirmwareGoal(
        image=wish.image,
        version=wish.version,
        unsigned=wish.unsigned,
        retries=wish.retries,
        retry_interval_s=wish.retry_interval_s,
        retrieve_at=wish.retrieve_at,
        install_at=wish.install_at,
        via="" if wish.via is None else wish.via.value,
    )


def _terms(data: NewCampaign, kind: ChangeKind) -> Terms:
    window = data.window
    times = window and (time.fromisoformat(window.begin), time.fromisoformat(window.end))
    return Terms(
        at_once=data.at_once,
        come_back_s=data.station_timeout_s or COME_BACK_S[kind],
        halt_after=data.halt_after,
        halt_percent=data.halt_percent,
        canaries=data.canaries,
        canary_percent=data.canary_percent,
        canary_failures=data.canary_failures,
        waits_for_word=data.waits_for_word,
        attempts=data.attempts,
        retry_after_s=data.retry_after_s,
        window=Window(*times) if times else None,
        until=data.until,
    )


@post("/campaigns", needs=Permission.READ_STATIONS, status_code=202)
async def start_campaign(
    data: JSONBody[NewCampaign], principal: Who, services: Given
) -> Response[CampaignOut]:
    """Walk stations through a change. Those that fit now are written down; passive ones left out.

    Needs `commands:technical` for firmware, and `security:write` for security profiles.
    """
    goal = _goal(data)
    kind = ChangeKind.FIRMWARE if isinstance(goal, FirmwareGoal) else ChangeKind.PROFILE
    _check_permission(principal, kind)
    campaign = await services.campaigns.start(
        principal.tenant,
        goal,
        chosen(principal, data.which),
        _terms(data, kind),
        sites=principal.sites,
    )
    return Response(
        await shown(services, principal, campaign.id),
        status_code=202,
        headers={"location": f"/api/v1/campaigns/{campaign.id}"},
    )


@get("/campaigns", needs=Permission.READ_STATIONS, states=CampaignState, dependencies=LOOK)
async def list_campaigns(
    request: Asked, principal: Who, services: Given, cursors: Paging, look: Looking
) -> Page[CampaignOut]:
    """Campaigns, the latest changed first; whoever is limited to sites sees none."""
    found = await services.campaigns.page(principal.tenant, look)
    return page_of_records(request, cursors, look, found, out)


@get("/campaigns/{campaign:str}", needs=Permission.READ_STATIONS)
async def show_campaign(campaign: CampaignId, principal: Who, services: Given) -> CampaignOut:
    """One campaign, and how many of its stations are how far."""
    return await shown(services, principal, campaign)


def is_seen(principal: Principal, campaign: Campaign) -> bool:
    """Whether they see all the sites that a campaign may reach."""
    seen, sites = principal.sites, campaign.sites
    return seen is None or (sites is not None and set(sites) <= set(seen))


async def shown(services: Given, principal: Principal, id: str) -> CampaignOut:
    """One campaign as the API shows it. Raises NotThere, also if they may not see it."""
    progress = await services.campaigns.progress(principal.tenant, id)
    if not is_seen(principal, progress.campaign):
        raise NotThere(f"there is no campaign {id[:60]}")
    return out(progress.campaign, progress)


async def _for_change(services: Given, principal: Principal, id: str) -> None:
    """Raises NotThere, or Problem 403 if they may not have started it either."""
    _check_permission(principal, (await shown(services, principal, id)).kind)


@get(
    "/campaigns/{campaign:str}/stations",
    needs=Permission.READ_STATIONS,
    states=StepState,
    dependencies=LOOK,
)
async def list_campaign_stations(
    request: Asked,
    campaign: FromPath[str],
    principal: Who,
    services: Given,
    cursors: Paging,
    look: Looking,
) -> Page[CampaignStationOut]:
    """The stations of a campaign, the latest changed first. ``state`` as in its counts."""
    await shown(services, principal, campaign)
    found = await services.campaigns.steps(principal.tenant, campaign, look)
    return page_of_records(request, cursors, look, found, station_out)


@post("/campaigns/{campaign:str}/halt", needs=Permission.READ_STATIONS, status_code=200)
async def halt_campaign(campaign: CampaignId, principal: Who, services: Given) -> CampaignOut:
    """Ask no further station until it is resumed. Needs what starting it needs."""
    await _for_change(services, principal, campaign)
    await services.campaigns.halt(principal.tenant, campaign, f"by {principal.actor.name}")
    return await shown(services, principal, campaign)


@post("/campaigns/{campaign:str}/resume", needs=Permission.READ_STATIONS, status_code=200)
async def resume_campaign(
    campaign: CampaignId, principal: Who, services: Given, retry: FromQuery[bool] = False
) -> CampaignOut:
    """Go on, with failures counted anew; with ``retry`` ask those that failed once more."""
    await _for_change(services, principal, campaign)
    await services.campaigns.resume(principal.tenant, campaign, retry=retry)
    return await shown(services, principal, campaign)


@post("/campaigns/{campaign:str}/go-on", needs=Permission.READ_STATIONS, status_code=200)
async def go_on_with_campaign(campaign: CampaignId, principal: Who, services: Given) -> CampaignOut:
    """Have the rest follow the canaries, which are done. Needs what starting it needs."""
    await _for_change(services, principal, campaign)
    await services.campaigns.go_on(principal.tenant, campaign)
    return await shown(services, principal, campaign)


@post("/campaigns/{campaign:str}/cancel", needs=Permission.READ_STATIONS, status_code=200)
async def cancel_campaign(campaign: CampaignId, principal: Who, services: Given) -> CampaignOut:
    """End it. A station that was asked already may still change."""
    await _for_change(services, principal, campaign)
    await services.campaigns.cancel(principal.tenant, campaign)
    return await shown(services, principal, campaign)


ROUTES = [
    start_campaign,
    list_campaigns,
    show_campaign,
    list_campaign_stations,
    halt_campaign,
    resume_campaign,
    go_on_with_campaign,
    cancel_campaign,
]

_AT = datetime(2026, 5, 1, 22, 0, tzinfo=UTC)
EXAMPLES = [
    CampaignOut(
        id="7c1f09ab",
        state=CampaignState.RUNNING,
        kind=ChangeKind.FIRMWARE,
        firmware=FirmwareGoal(image="v2.1", version="2.1.0"),
        security_profile=None,
        which=Which(vendor="Acme"),
        phase=Wave.CANARY,
        at_once=10,
        station_timeout_s=7200.0,
        halt_after=3,
        halt_percent=5.0,
        canaries=0,
        canary_percent=1.0,
        canary_failures=0,
        waits_for_word=True,
        attempts=2,
        retry_after_s=300.0,
        window=Window(time(22), time(4, 30)),
        until=None,
        started_at=_AT,
        started_by="ada",
        at=_AT,
        reason="",
        failures=0,
        ended=4,
        stations={"waiting": 1180, "asked": 6, "done": 4, "skipped": 10},
        canary_stations={"asked": 6, "done": 4},
    ),
    CampaignStationOut(
        station="CP-1001",
        state=StepState.ASKED,
        wave=Wave.CANARY,
        at=_AT,
        reason="",
        failed_attempts=0,
        not_before=None,
        security_profile=None,
        update="918273645",
    ),
    NewCampaign(
        firmware=FirmwareWish(image="v2.1", version="2.1.0"),
        which=Which(vendor="Acme", model="One"),
        canary_percent=1.0,
        window=Hours(begin="22:00", end="04:30"),
    ),
]
