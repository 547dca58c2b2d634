"""Campaigns: a change walked through a fleet, a few stations at a time."""

import asyncio
import hashlib
import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import structlog
from msgspec import Struct, json, structs

from voltkeep.domain.audit import Deed
from voltkeep.domain.campaigns import (
    OPEN_CAMPAIGNS,
    Campaign,
    CampaignState,
    CampaignStep,
    ChangeKind,
    FirmwareGoal,
    StepState,
    Terms,
    Wave,
    canaries_of,
    check_terms,
    first_step,
    why_not,
)
from voltkeep.domain.identity import StationId, TenantId
from voltkeep.domain.stations import SecurityProfile, Station
from voltkeep.services.audit import acting, audit
from voltkeep.services.background import now_and_then
from voltkeep.services.campaign_walk import (
    PAGE,
    CampaignWalk,
    Change,
    chosen,
    place,
    stations_of,
    steps_of,
    tell,
)
from voltkeep.services.credentials import CredentialsService
from voltkeep.services.firmware import FirmwareService
from voltkeep.services.firmware_campaigns import FirmwareChange
from voltkeep.services.lists import Place, StationFilter
from voltkeep.services.ports import Begin, Clock, Read, Work
from voltkeep.services.profile_campaigns import ProfileChange, Renews
from voltkeep.services.provisioning import UnknownStation, registered
from voltkeep.services.records import Look

log = structlog.get_logger(__name__)

_LOOK_EVERY_S = 2.0
_AT_ONCE = 5  # pages that are written down while the person who starts it waits
_FAILED_SHOWN = 100
_SECOND = 1_000_000  # microseconds


class UnknownCampaign(LookupError):
    """There is no campaign of that name."""


class CampaignConflict(ValueError):
    """The campaign is not in a state for that, or another one is in its way."""


class Progress(Struct, frozen=True, kw_only=True):
    """A campaign and how far it is: steps by state, and the first of those that failed."""

    campaign: Campaign
    counts: dict[str, int]
    canaries: dict[str, int]
    failed: tuple[CampaignStep, ...] = ()


class CampaignService:
    """Starts, watches and halts campaigns. Everything about them is in the database."""

    def __init__(
        self,
        begin: Begin,
        read: Read,
        credentials: CredentialsService,
        certificates: Renews,
        firmware: FirmwareService,
        clock: Clock,
    ) -> None:
        self._begin = begin
        self._read = read
        self._clock = clock
        self._firmware = FirmwareChange(firmware, clock)
        self._changes: dict[ChangeKind, Change] = {
            ChangeKind.PROFILE: ProfileChange(read, credentials, certificates, clock),
            ChangeKind.FIRMWARE: self._firmware,
        }
        self._walk = CampaignWalk(begin, read, self._changes, clock)

    # What people do.

    async def start(
        self,
        tenant: TenantId,
        goal: SecurityProfile | FirmwareGoal,
        which: StationFilter,
        terms: Terms,
        *,
        sites: tuple[str, ...] | None = None,
    ) -> Campaign:
        """Walk the stations that fit now up to a profile, or to a firmware image.

        Passive stations are left out. Raises UnknownStation, BadTerms, UnknownImage, or
        CampaignConflict if there is a campaign of security profiles that is not over yet.
        """
        at, actor = self._clock(), acting()
        check_terms(terms, at)
        campaign = Campaign(
            **structs.asdict(terms),
            station=StationId(tenant, ""),
            id=secrets.token_hex(4),
            state=CampaignState.FILLING,
            at=at,
            kind=ChangeKind.FIRMWARE if isinstance(goal, FirmwareGoal) else ChangeKind.PROFILE,
            target=0 if isinstance(goal, FirmwareGoal) else int(goal),
            firmware=goal if isinstance(goal, FirmwareGoal) else None,
            which=json.encode(which).decode(),
            is_filled=False,
            sites=sites,
            started_at=at,
            started_by=actor.name,
            actor=actor,
        )
        async with self._begin() as work:
            if isinstance(goal, FirmwareGoal):
                await self._firmware.check(work, tenant, goal)
            else:
                await _check_alone(work, tenant)
            await _check_stations(work, tenant, which)
            await work.campaigns.put(campaign)
            what = f"firmware {goal.image}" if isinstance(goal, FirmwareGoal) else f"profile {goal}"
            deed = Deed(action="campaign.started", object=campaign.id, after=what)
            await audit(work, tenant, at, deed)
            tell(work, campaign)
        return await self._fill(campaign, most=_AT_ONCE)

    async def halt(self, tenant: TenantId, id: str, reason: str = "by an operator") -> Campaign:
        """Ask no further station. Raises UnknownCampaign or CampaignConflict."""
        async with self._begin() as work:
            states = (CampaignState.RUNNING, CampaignState.PAUSED)
            campaign = await _locked(work, tenant, id, states)
            return await self._walk.change(work, campaign, CampaignState.HALTED, reason)

    async def resume(self, tenant: TenantId, id: str, *, retry: bool = False) -> Campaign:
        """Go on; with ``retry`` also with stations that failed, which count anew."""
        while True:
            async with self._begin() as work:
                campaign = await _locked(work, tenant, id, (CampaignState.HALTED,))
                failed = await steps_of(work, campaign, (StepState.FAILED,)) if retry else []
                for step in failed:
                    await self._walk.wait_again(work, step)
                if len(failed) < PAGE:
                    campaign = structs.replace(campaign, failures=0, ended=0, was_resumed=True)
                    return await self._walk.change(work, campaign, CampaignState.RUNNING)

    async def go_on(self, tenant: TenantId, id: str) -> Campaign:
        """Have the rest follow the canaries. Raises UnknownCampaign or CampaignConflict."""
        async with self._begin() as work:
            campaign = await _locked(work, tenant, id, (CampaignState.PAUSED,))
            return await self._walk.let_the_rest_follow(work, campaign)

    async def cancel(self, tenant: TenantId, id: str) -> Campaign:
        """End it. A station that was asked already may still do it."""
        async with self._begin() as work:
            campaign = await _locked(work, tenant, id, OPEN_CAMPAIGNS)
            if campaign.state is not CampaignState.CANCELLING:
                campaign = await self._walk.change(work, campaign, CampaignState.CANCELLING)
        return await self._walk.wind_up(campaign)

    # What people look at.

    async def all(self, tenant: TenantId) -> list[Campaign]:
        """The latest first."""
        async with self._read() as work:
            return await work.campaigns.all(tenant)

    async def page(self, tenant: TenantId, look: Look) -> Sequence[Campaign]:
        """The latest changed first."""
        async with self._read() as work:
            return await work.campaigns.page(tenant, look)

    async def steps(self, tenant: TenantId, id: str, look: Look) -> Sequence[CampaignStep]:
        """Stations of one campaign, the latest changed first."""
        async with self._read() as work:
            look = structs.replace(look, fields=(*look.fields, ("id", id)))
            return await work.steps.page(tenant, look)

    async def progress(self, tenant: TenantId, id: str) -> Progress:
        """Raises UnknownCampaign."""
        async with self._read() as work:
            campaign = await work.campaigns.get(StationId(tenant, ""), id)
            if campaign is None:
                raise UnknownCampaign(f"there is no campaign {id[:60]}")
            found = await work.steps.tally(tenant, ("wave", "state"), (("id", id),))
            failed = await steps_of(work, campaign, (StepState.FAILED,), limit=_FAILED_SHOWN)
        counts = {state.value: 0 for state in StepState}
        canaries: dict[str, int] = {}
        for (wave, state), count in found.items():
            counts[state] += count
            if wave == Wave.CANARY:
                canaries[state] = count
        return Progress(campaign=campaign, counts=counts, canaries=canaries, failed=tuple(failed))

    # What goes on by itself.

    async def run(self) -> None:
        """Move campaigns on, until cancelled."""
        await now_and_then("campaigns", self.move_on, _LOOK_EVERY_S)

    async def move_on(self) -> None:
        """Look at every campaign that is not over."""
        async with self._read() as work:
            campaigns = await work.campaigns.all(states=OPEN_CAMPAIGNS)
        await asyncio.gather(*(self._move(campaign) for campaign in campaigns))

    async def _move(self, campaign: Campaign) -> None:
        if campaign.state is CampaignState.FILLING:
            campaign = await self._fill(campaign)
        await self._walk.move(campaign)

    # How its stations are written down.

    async def _fill(self, campaign: Campaign, most: int | None = None) -> Campaign:
        """Write down every station, then choose the canaries: so many pages at most."""
        pages = 0
        after: tuple[datetime, str, str] | None = None
        connected = True  # those that are connected are the first canaries
        while campaign.state is CampaignState.FILLING and (most is None or pages < most):
            pages += 1
            async with self._begin() as work:
                current = await work.campaigns.lock(campaign.station, campaign.id)
                if current is None or current.state is not CampaignState.FILLING:
                    return current or campaign
                if not current.is_filled:
                    campaign = await self._add_page(work, current)
                    continue
                missing, count = await _missing_canaries(work, current)
                if missing:
                    page = await _mark(work, current, missing, after, connected=connected)
                    if len(page) == PAGE:
                        after = place(page[-1])
                    else:
                        after, connected = None, False
                    continue
                phase = Wave.CANARY if count else Wave.REST
                current = structs.replace(current, phase=phase)
                campaign = await self._walk.change(work, current, CampaignState.RUNNING)
        return campaign

    async def _add_page(self, work: Work, campaign: Campaign) -> Campaign:
        which = chosen(campaign)
        after: Place | None = (
            json.decode(campaign.filled_to, type=Place) if campaign.filled_to else None
        )
        tenant = campaign.station.tenant
        page = await work.lists.stations(tenant, which, after=after, limit=PAGE)
        order = {name: index for index, name in enumerate(which.names or ())}
        change = self._changes[campaign.kind]
        for station in page.rows:
            why = why_not(None, station) or change.needless(campaign, None, station)
            at = _turn(campaign, station, order.get(station.id.name))
            await work.steps.put(first_step(campaign, station, at, why))
        campaign = structs.replace(
            campaign,
            filled_to="" if page.next is None else json.encode(page.next).decode(),
            is_filled=page.next is None,
        )
        await work.campaigns.put(campaign)
        return campaign


def _turn(campaign: Campaign, station: Station, index: int | None) -> datetime:
    """When a station's turn is: as they were named, or mixed, lest one site or model goes first."""
    if index is None:
        mixed = hashlib.sha256(f"{campaign.id} {station.id.name}".encode()).digest()
        index = int.from_bytes(mixed[:8], "big") % _SECOND
    return campaign.started_at + timedelta(microseconds=index)


async def _missing_canaries(work: Work, campaign: Campaign) -> tuple[int, int]:
    """How many are still to be chosen, and how many there are to be."""
    tenant, of = campaign.station.tenant, (("id", campaign.id),)
    found = await work.steps.tally(tenant, ("state", "wave"), of)
    waiting = sum(count for (state, _), count in found.items() if state == StepState.WAITING)
    wanted = canaries_of(campaign, waiting)
    return wanted - found.get((StepState.WAITING.value, Wave.CANARY.value), 0), wanted


async def _mark(
    work: Work,
    campaign: Campaign,
    missing: int,
    after: tuple[datetime, str, str] | None,
    *,
    connected: bool,
) -> list[CampaignStep]:
    """Choose canaries of a page of those that wait; returns that page."""
    waiting = (StepState.WAITING,)
    page = await steps_of(work, campaign, waiting, wave=Wave.REST, after=after)
    stations = await stations_of(work, campaign.station.tenant, page)
    for step in page:
        station = stations.get(step.station)
        is_there = station is not None and station.is_connected
        if missing and (is_there or not connected):
            await work.steps.put(structs.replace(step, wave=Wave.CANARY))
            missing -= 1
    return page


async def _check_alone(work: Work, tenant: TenantId) -> None:
    """Two campaigns would have a station on its way to two profiles. Raises CampaignConflict."""
    for other in await work.campaigns.all(tenant, states=OPEN_CAMPAIGNS):
        if other.kind is ChangeKind.PROFILE:
            raise CampaignConflict(
                f"campaign {other.id} is {other.state}: wait for its end, or "
                f"`voltkeep campaign cancel {other.id}`"
            )


async def _check_stations(work: Work, tenant: TenantId, which: StationFilter) -> None:
    """Raises UnknownStation."""
    for name in which.names or ():
        await registered(work, StationId(tenant, name))
    after: Place | None = None
    while True:
        page = await work.lists.stations(tenant, which, after=after, limit=1)
        if page.rows:
            return
        if page.next is None:
            raise UnknownStation("no station fits: a campaign needs one at least")
        after = page.next


async def _locked(
    work: Work, tenant: TenantId, id: str, states: Iterable[CampaignState]
) -> Campaign:
    campaign = await work.campaigns.lock(StationId(tenant, ""), id)
    if campaign is None:
        raise UnknownCampaign(f"there is no campaign {id[:60]}")
    if campaign.state not in tuple(states):
        raise CampaignConflict(f"campaign {id} is {campaign.state}")
    return campaign
