"""Campaigns: a change walked through a fleet, a few stations at a time."""

import asyncio
import secrets
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Protocol

import structlog
from msgspec import Struct, structs

from voltkeep.domain.audit import Deed
from voltkeep.domain.campaigns import (
    OPEN_CAMPAIGNS,
    OPEN_STEPS,
    Campaign,
    CampaignState,
    CampaignStep,
    StepState,
    first_step,
    judged,
)
from voltkeep.domain.commands import Outcome, ResetKind
from voltkeep.domain.events import CampaignChanged
from voltkeep.domain.identity import StationId, TenantId
from voltkeep.domain.stations import SecurityProfile, Station
from voltkeep.services.audit import audit
from voltkeep.services.credentials import CredentialsService, Stage
from voltkeep.services.network_profiles import Unready, has_certificate
from voltkeep.services.ports import (
    Begin,
    Clock,
    Read,
    StationBusy,
    StationLeft,
    StationOffline,
    StationPassive,
    StationUnreachable,
    StoreUnavailable,
    Work,
)
from voltkeep.services.provisioning import UnknownStation, registered

log = structlog.get_logger(__name__)

_LOOK_EVERY_S = 2.0
_LOOK_AT = 200  # stations that wait, of one campaign at one look: most may be offline
_PAGE = 1000
_SCHEDULED = "Scheduled"


class UnknownCampaign(LookupError):
    """There is no campaign of that name."""


class CampaignConflict(ValueError):
    """The campaign is not in a state for that, or another one is in its way."""


class Progress(Struct, frozen=True, kw_only=True):
    """A campaign and how far it is: steps by state, and those that failed."""

    campaign: Campaign
    counts: dict[str, int]
    failed: tuple[CampaignStep, ...] = ()


class Renews(Protocol):
    async def renew(self, station: StationId) -> Outcome:
        """Have the station ask for a certificate."""
        ...


class CampaignService:
    """Starts, watches and halts campaigns. Everything about them is in the database."""

    def __init__(
        self,
        begin: Begin,
        read: Read,
        credentials: CredentialsService,
        certificates: Renews,
        clock: Clock,
    ) -> None:
        self._begin = begin
        self._read = read
        self._credentials = credentials
        self._certificates = certificates
        self._clock = clock
        self._looked_at: dict[str, CampaignStep] = {}

    # What operators do.

    async def start(
        self,
        tenant: TenantId,
        target: SecurityProfile,
        stations: Sequence[StationId] | None = None,
        *,
        at_once: int = 10,
        come_back_s: float = 600,
        halt_after: int = 3,
        started_by: str = "",
    ) -> Campaign:
        """Walk stations (all of the tenant, if None) up to a profile, one profile at a time.

        Raises UnknownStation, or CampaignConflict if another one is not over yet.
        """
        at = self._clock()
        campaign = Campaign(
            station=StationId(tenant, ""),
            id=secrets.token_hex(4),
            state=CampaignState.RUNNING,
            at=at,
            target=int(target),
            at_once=max(1, at_once),
            come_back_s=come_back_s,
            halt_after=max(1, halt_after),
            started_at=at,
            started_by=started_by,
        )
        async with self._begin() as work:
            for other in await work.campaigns.all(tenant, states=OPEN_CAMPAIGNS, limit=1):
                raise CampaignConflict(
                    f"campaign {other.id} is {other.state}: wait for its end, or "
                    f"`voltkeep campaign cancel {other.id}`"
                )
            chosen = await _all_stations(work, tenant) if stations is None else []
            for name in dict.fromkeys(stations or ()):
                chosen.append(await registered(work, name))
            if not chosen:
                raise UnknownStation("no station was named, and none is registered")
            await work.campaigns.put(campaign)
            for station in chosen:
                await work.steps.put(first_step(campaign, station))
            await self._tell(work, campaign, "campaign.started", f"profile {int(target)}")
        return campaign

    async def halt(self, tenant: TenantId, id: str, reason: str = "by an operator") -> Campaign:
        """Ask no further station. Raises UnknownCampaign or CampaignConflict."""
        return await self._turn(tenant, id, (CampaignState.RUNNING,), CampaignState.HALTED, reason)

    async def resume(self, tenant: TenantId, id: str, *, retry: bool = False) -> Campaign:
        """Go on; with ``retry`` also with stations that failed, which count anew."""
        async with self._begin() as work:
            campaign = await _locked(work, tenant, id, (CampaignState.HALTED,))
            for step in await _steps(work, campaign, (StepState.FAILED,) if retry else ()):
                await self._put(work, step, StepState.WAITING)
            campaign = structs.replace(campaign, failures=0, reason="")
            return await self._change(work, campaign, CampaignState.RUNNING)

    async def cancel(self, tenant: TenantId, id: str) -> Campaign:
        """End it. A station that was asked already may still do it."""
        async with self._begin() as work:
            campaign = await _locked(work, tenant, id, OPEN_CAMPAIGNS)
            for step in await _steps(work, campaign, OPEN_STEPS):
                was_asked = step.state is StepState.ASKED
                reason = "cancelled after it was asked" if was_asked else "cancelled"
                await self._put(work, step, StepState.SKIPPED, reason)
            return await self._change(work, campaign, CampaignState.CANCELLED)

    async def all(self, tenant: TenantId) -> list[Campaign]:
        """The latest first."""
        async with self._read() as work:
            return await work.campaigns.all(tenant)

    async def progress(self, tenant: TenantId, id: str) -> Progress:
        """Raises UnknownCampaign."""
        async with self._read() as work:
            campaign = await work.campaigns.get(StationId(tenant, ""), id)
            if campaign is None:
                raise UnknownCampaign(f"there is no campaign {id}")
            steps = await _steps(work, campaign)
        counts = {state.value: 0 for state in StepState}
        for step in steps:
            counts[step.state] += 1
        failed = tuple(step for step in steps if step.state is StepState.FAILED)
        return Progress(campaign=campaign, counts=counts, failed=failed)

    # What goes on by itself.

    async def run(self) -> None:
        """Move running campaigns on, until cancelled."""
        while True:
            try:
                await self.move_on()
            except StoreUnavailable as error:
                log.warning("campaigns wait for the database", error=str(error))
            await asyncio.sleep(_LOOK_EVERY_S)

    async def move_on(self) -> None:
        """Look who has come back, halt what goes wrong, and ask further stations."""
        async with self._read() as work:
            campaigns = await work.campaigns.all(states=OPEN_CAMPAIGNS)
        for campaign in campaigns:
            await self._watch(campaign)
            claimed = await self._claim(campaign)
            await asyncio.gather(*(self._ask(step) for step in claimed))
            await self._finish(campaign)

    async def _watch(self, campaign: Campaign) -> None:
        states = (StepState.ASKED, StepState.PREPARING)
        async with self._read() as work:
            steps = await _steps(work, campaign, states)
        for step in steps:
            async with self._begin() as work:
                current = await work.steps.lock(step.station, step.id)
                if current is None or current.state not in states:
                    continue
                station = await work.stations.get(step.station)
                found = judged(current, station, campaign, self._clock())
                if found is None and station is not None and step.state is StepState.PREPARING:
                    found = await self._prepared(work, current, campaign)
                if found is not None:
                    await self._settle(work, current, *found)

    async def _prepared(
        self, work: Work, step: CampaignStep, campaign: Campaign
    ) -> tuple[StepState, str] | None:
        now = self._clock()
        if await has_certificate(work, step.station, now):
            return StepState.WAITING, ""
        if now - step.at > timedelta(seconds=campaign.come_back_s):
            return StepState.FAILED, "it has taken no certificate in time"
        return None

    async def _claim(self, campaign: Campaign) -> list[CampaignStep]:
        """Steps that this process, and no other, asks next."""
        if campaign.state is not CampaignState.RUNNING:
            return []
        async with self._read() as work:
            candidates = await self._candidates(work, campaign)
        if not candidates:
            return []
        claimed: list[CampaignStep] = []
        async with self._begin() as work:
            current = await work.campaigns.lock(campaign.station, campaign.id)
            if current is None or current.state is not CampaignState.RUNNING:
                return []
            asked = await _steps(work, campaign, (StepState.ASKED, StepState.PREPARING))
            for step, station in candidates:
                known = await work.steps.lock(step.station, step.id)
                if known is None or known.state is not StepState.WAITING:
                    continue
                if station is None:
                    await self._put(work, known, StepState.SKIPPED, "the station was removed")
                elif station.security_profile >= campaign.target:
                    await self._put(work, known, StepState.DONE)
                elif station.passive:
                    await self._put(work, known, StepState.SKIPPED, "the station is passive")
                elif len(asked) + len(claimed) < campaign.at_once:
                    profile = int(station.security_profile) + 1
                    known = structs.replace(known, profile=profile, restarts_when_idle=False)
                    claimed.append(await self._put(work, known, StepState.ASKED))
        return claimed

    async def _candidates(
        self, work: Work, campaign: Campaign
    ) -> list[tuple[CampaignStep, Station | None]]:
        """Of those that wait: who is connected, or need not be asked any more."""
        found: list[tuple[CampaignStep, Station | None]] = []
        for step in await self._waiting(work, campaign):
            station = await work.stations.get(step.station)
            is_over = station is None or station.security_profile >= campaign.target
            if is_over or (station is not None and station.is_connected):
                found.append((step, station))
        return found

    async def _waiting(self, work: Work, campaign: Campaign) -> list[CampaignStep]:
        """A page of those that wait; the next look gets the next page, and then begins anew."""
        last = self._looked_at.get(campaign.id)
        page = await work.steps.all(
            campaign.station.tenant,
            states=(StepState.WAITING,),
            before=(last.at, last.station, last.id) if last else None,
            limit=_LOOK_AT,
        )
        if len(page) == _LOOK_AT:
            self._looked_at[campaign.id] = page[-1]
        else:
            self._looked_at.pop(campaign.id, None)
        return [step for step in page if step.id == campaign.id]

    async def _ask(self, step: CampaignStep) -> None:
        scheduled = False
        try:
            state, reason, scheduled = await self._asked(step)
        except Unready as error:
            state, reason = StepState.FAILED, str(error)
        except (StationOffline, StationBusy) as failure:
            is_away = not isinstance(failure, StationLeft)
            state = StepState.WAITING if is_away else StepState.FAILED
            reason = failure.result
        except StationPassive:
            state, reason = StepState.SKIPPED, "the station is passive"
        except StationUnreachable as failure:
            state, reason = StepState.FAILED, f"{failure.result}: {failure}"
        except UnknownStation:
            state, reason = StepState.SKIPPED, "the station was removed"
        async with self._begin() as work:
            current = await work.steps.lock(step.station, step.id)
            if current is not None and current.state is StepState.ASKED:
                current = structs.replace(current, restarts_when_idle=scheduled)
                await self._settle(work, current, state, reason)

    async def _asked(self, step: CampaignStep) -> tuple[StepState, str, bool]:
        """Ask one station. Raises what `CredentialsService.raise_profile` raises."""
        profile = SecurityProfile(step.profile)
        if profile is SecurityProfile.TLS_CERTIFICATE:
            async with self._read() as work:
                has_one = await has_certificate(work, step.station, self._clock())
            if not has_one:
                outcome = await self._certificates.renew(step.station)
                if outcome.accepted:
                    return StepState.PREPARING, "", False
                return StepState.FAILED, f"it asks for no certificate: {outcome.status}", False
        raised = await self._credentials.raise_profile(
            step.station, profile, reset=ResetKind.ON_IDLE, if_needed=True
        )
        if raised.stage is Stage.REJECTED:
            return StepState.FAILED, f"it said {raised.status}", False
        return StepState.ASKED, raised.problem, raised.reset == _SCHEDULED

    async def _settle(self, work: Work, step: CampaignStep, state: StepState, reason: str) -> None:
        """Note how far a station is; one that failed may halt the campaign."""
        await self._put(work, step, state, reason)
        if state is not StepState.FAILED:
            return
        whose = StationId(step.station.tenant, "")
        campaign = await work.campaigns.lock(whose, step.id)
        if campaign is None:
            return
        campaign = structs.replace(campaign, failures=campaign.failures + 1)
        await work.campaigns.put(campaign)
        if campaign.state is CampaignState.RUNNING and campaign.failures >= campaign.halt_after:
            words = f"{campaign.failures} stations failed, the last {step.station}: {reason}"
            await self._change(work, campaign, CampaignState.HALTED, words)

    async def _finish(self, campaign: Campaign) -> None:
        async with self._begin() as work:
            current = await work.campaigns.lock(campaign.station, campaign.id)
            if current is None or current.state is not CampaignState.RUNNING:
                return
            if not await _steps(work, campaign, OPEN_STEPS):
                await self._change(work, current, CampaignState.FINISHED)

    # How it is stored and told.

    async def _put(
        self, work: Work, step: CampaignStep, state: StepState, reason: str = ""
    ) -> CampaignStep:
        step = structs.replace(step, state=state, reason=reason, at=self._clock())
        await work.steps.put(step)
        work.emit(
            CampaignChanged(
                station=step.station, at=step.at, campaign=step.id, state=state, reason=reason
            )
        )
        return step

    async def _turn(
        self,
        tenant: TenantId,
        id: str,
        before: Sequence[CampaignState],
        after: CampaignState,
        reason: str,
    ) -> Campaign:
        async with self._begin() as work:
            campaign = await _locked(work, tenant, id, before)
            return await self._change(work, campaign, after, reason)

    async def _change(
        self, work: Work, campaign: Campaign, state: CampaignState, reason: str = ""
    ) -> Campaign:
        campaign = structs.replace(campaign, state=state, reason=reason, at=self._clock())
        await work.campaigns.put(campaign)
        await self._tell(work, campaign, f"campaign.{state}", reason)
        return campaign

    async def _tell(self, work: Work, campaign: Campaign, action: str, words: str) -> None:
        deed = Deed(action=action, object=campaign.id, after=words)
        await audit(work, campaign.station.tenant, campaign.at, deed)
        work.emit(
            CampaignChanged(
                station=campaign.station,
                at=campaign.at,
                campaign=campaign.id,
                state=campaign.state,
                reason=campaign.reason,
            )
        )


async def _locked(
    work: Work, tenant: TenantId, id: str, states: Iterable[CampaignState]
) -> Campaign:
    campaign = await work.campaigns.lock(StationId(tenant, ""), id)
    if campaign is None:
        raise UnknownCampaign(f"there is no campaign {id}")
    if campaign.state not in tuple(states):
        raise CampaignConflict(f"campaign {id} is {campaign.state}")
    return campaign


async def _steps(
    work: Work, campaign: Campaign, states: Sequence[StepState] | None = None
) -> list[CampaignStep]:
    """Those in these states; all of them if None."""
    if states is not None and not states:
        return []
    steps: list[CampaignStep] = []
    last: CampaignStep | None = None
    while True:
        page = await work.steps.all(
            campaign.station.tenant,
            states=states or (),
            since=campaign.started_at,
            before=(last.at, last.station, last.id) if last else None,
            limit=_PAGE,
        )
        steps += [step for step in page if step.id == campaign.id]
        if len(page) < _PAGE:
            return steps
        last = page[-1]


async def _all_stations(work: Work, tenant: TenantId) -> list[Station]:
    stations: list[Station] = []
    while page := await work.stations.all(tenant, after=stations[-1].id if stations else None):
        stations += page
    return stations
