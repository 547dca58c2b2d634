"""How a campaign gets on: its stations written down, asked a few at a time, and looked after.

Every state is in the database before anything is done about it, so that a server which is
restarted at any point goes on from there.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from msgspec import json, structs

from voltkeep.domain.audit import Deed
from voltkeep.domain.campaigns import (
    IN_HAND,
    OPEN_STEPS,
    Campaign,
    CampaignState,
    CampaignStep,
    ChangeKind,
    StepState,
    Verdict,
    Wave,
    may_begin,
    why_halted,
    why_not,
)
from voltkeep.domain.events import CampaignChanged
from voltkeep.domain.identity import StationId, TenantId
from voltkeep.domain.stations import Station
from voltkeep.services.audit import acting_as, audit
from voltkeep.services.lists import Place, StationFilter
from voltkeep.services.ports import (
    Begin,
    Clock,
    Read,
    StationBusy,
    StationOffline,
    StationPassive,
    StationUnreachable,
    StoreUnavailable,
    Work,
)
from voltkeep.services.provisioning import UnknownStation
from voltkeep.services.records import Look

log = structlog.get_logger(__name__)

PAGE = 200
_PAGES_AT_A_LOOK = 5  # of those that wait: most may be offline


class Change(Protocol):
    """A kind of change, for one station."""

    def needless(self, campaign: Campaign, step: CampaignStep | None, station: Station) -> str:
        """Why the station need not be asked; "" if it must."""
        ...

    def claimed(self, step: CampaignStep, station: Station) -> CampaignStep:
        """The step, with what is to be known before the station is asked."""
        ...

    async def ask(self, campaign: Campaign, step: CampaignStep) -> tuple[CampaignStep, Verdict]:
        """Ask one station."""
        ...

    async def judge(
        self, work: Work, campaign: Campaign, step: CampaignStep, station: Station
    ) -> Verdict | None:
        """What has become of a station that was asked; None: not known yet."""
        ...


class CampaignWalk:
    """Moves campaigns on. Whoever locks a campaign and a step locks the campaign first."""

    def __init__(
        self, begin: Begin, read: Read, changes: Mapping[ChangeKind, Change], clock: Clock
    ) -> None:
        self._begin = begin
        self._read = read
        self._changes = changes
        self._clock = clock
        self._looked_at: dict[tuple[TenantId, str], tuple[datetime, str, str]] = {}

    async def move(self, campaign: Campaign) -> None:
        """Look who has come back, halt what goes wrong, and ask further stations."""
        await self._watch(campaign)
        if campaign.state is CampaignState.RUNNING:
            await self._expire(campaign)
            await self._pass_gate(campaign)
            claimed = await self._claim(campaign)
            await asyncio.gather(*(self._ask(campaign, step) for step in claimed))
            await self._finish(campaign)
        elif campaign.state is CampaignState.CANCELLING:
            await self.wind_up(campaign)

    # Those that were asked.

    async def _watch(self, campaign: Campaign) -> None:
        async with self._read() as work:
            steps = await steps_of(work, campaign, IN_HAND, limit=1000)
            found = [step for step in steps if await self._judged(work, campaign, step)]
        for step in found:
            async with self._begin() as work:
                current = await work.campaigns.lock(campaign.station, campaign.id)
                known = await work.steps.lock(step.station, step.id)
                if current is None or known is None or known.state not in IN_HAND:
                    continue
                verdict = await self._judged(work, current, known)
                if verdict is not None:
                    await self._settle(work, current, known, verdict)

    async def _judged(self, work: Work, campaign: Campaign, step: CampaignStep) -> Verdict | None:
        station = await work.stations.get(step.station)
        if station is None or why_not(step, structs.replace(station, passive=False)):
            return StepState.SKIPPED, why_not(step, None)
        return await self._changes[campaign.kind].judge(work, campaign, step, station)

    async def _settle(
        self, work: Work, campaign: Campaign, step: CampaignStep, verdict: Verdict
    ) -> None:
        """Note how far a station is; one that failed may halt the (locked) campaign."""
        state, reason = verdict
        if state is StepState.FAILED and step.failures + 1 < campaign.attempts:
            later = self._clock() + timedelta(seconds=campaign.retry_after_s)
            step = structs.replace(step, failures=step.failures + 1, not_before=later)
            await self._put(work, step, StepState.WAITING, reason)
            return
        await self._put(work, step, state, reason)
        if state not in {StepState.DONE, StepState.FAILED}:
            return
        has_failed = state is StepState.FAILED
        campaign = structs.replace(
            campaign, ended=campaign.ended + 1, failures=campaign.failures + has_failed
        )
        await work.campaigns.put(campaign)
        if has_failed and campaign.state is CampaignState.RUNNING and (why := why_halted(campaign)):
            words = f"{why}, the last {step.station}: {reason}"
            await self.change(work, campaign, CampaignState.HALTED, words)

    # Those that wait.

    async def _claim(self, campaign: Campaign) -> list[CampaignStep]:
        """Steps that this process, and no other, asks next."""
        async with self._read() as work:
            campaign = await work.campaigns.get(campaign.station, campaign.id) or campaign
            if not may_begin(campaign, self._clock()):
                return []
            room = campaign.at_once - len(await self._in_hand(work, campaign))
            candidates = await self._candidates(work, campaign, room) if room > 0 else []
        if not candidates:
            return []
        change = self._changes[campaign.kind]
        claimed: list[CampaignStep] = []
        async with self._begin() as work:
            current = await work.campaigns.lock(campaign.station, campaign.id)
            if current is None or not may_begin(current, self._clock()):
                return []
            room = current.at_once - len(await self._in_hand(work, current))
            for step, station in candidates:
                known = await work.steps.lock(step.station, step.id)
                if known is None or known.state is not StepState.WAITING:
                    continue
                if why := self._why_skipped(current, known, station):
                    await self._put(work, known, StepState.SKIPPED, why)
                elif station is not None and len(claimed) < room:
                    known = change.claimed(known, station)
                    claimed.append(await self._put(work, known, StepState.ASKED))
        return claimed

    async def _in_hand(self, work: Work, campaign: Campaign) -> Sequence[CampaignStep]:
        return await steps_of(work, campaign, IN_HAND, limit=campaign.at_once)

    def _why_skipped(self, campaign: Campaign, step: CampaignStep, station: Station | None) -> str:
        if (why := why_not(step, station)) or station is None:
            return why
        return self._changes[campaign.kind].needless(campaign, step, station)

    async def _candidates(
        self, work: Work, campaign: Campaign, room: int
    ) -> list[tuple[CampaignStep, Station | None]]:
        """Of those that wait: who can be asked, or need not be asked any more.

        Where one look ends, the next goes on, and begins anew at the end.
        """
        key = (campaign.station.tenant, campaign.id)
        found: list[tuple[CampaignStep, Station | None]] = []
        now = self._clock()
        for _ in range(_PAGES_AT_A_LOOK):
            page = await steps_of(
                work,
                campaign,
                (StepState.WAITING,),
                wave=Wave.CANARY if campaign.phase is Wave.CANARY else None,
                after=self._looked_at.get(key),
            )
            stations = await stations_of(work, campaign.station.tenant, page)
            for step in page:
                station = stations.get(step.station)
                if self._why_skipped(campaign, step, station):
                    found.append((step, station))
                elif room > 0 and await self._can_be_asked(work, step, station, now):
                    found.append((step, station))
                    room -= 1
            if room <= 0:
                break
            if len(page) < PAGE:
                self._looked_at.pop(key, None)
                break
            self._looked_at[key] = place(page[-1])
        return found

    async def _can_be_asked(
        self, work: Work, step: CampaignStep, station: Station | None, now: datetime
    ) -> bool:
        if station is None or not station.is_connected:
            return False
        if step.not_before is not None and now < step.not_before:
            return False
        # Two changes at a time would be too much for a station: another campaign goes first.
        return not await work.steps.of(station.id, states=IN_HAND, limit=1)

    async def _ask(self, campaign: Campaign, step: CampaignStep) -> None:
        asked = step
        try:
            with acting_as(campaign.actor):
                asked, verdict = await self._changes[campaign.kind].ask(campaign, step)
        except (StationOffline, StationBusy) as failure:
            verdict = StepState.WAITING, failure.result
        except StationPassive:
            verdict = StepState.SKIPPED, "the station is passive"
        except StationUnreachable as failure:
            verdict = StepState.FAILED, f"{failure.result}: {failure}"
        except UnknownStation:
            verdict = StepState.SKIPPED, "the station was removed"
        except StoreUnavailable:
            raise
        except Exception as error:  # the other stations are asked all the same
            log.exception("a station of a campaign cannot be asked", station=str(step.station))
            verdict = StepState.FAILED, f"asking it failed here: {type(error).__name__}"
        if asked == step and verdict == (StepState.ASKED, ""):
            return  # as it was claimed
        async with self._begin() as work:
            current = await work.campaigns.lock(campaign.station, campaign.id)
            known = await work.steps.lock(step.station, step.id)
            if current is None or known is None or known.state is not StepState.ASKED:
                return
            if (known.at, known.update) == (step.at, step.update):  # nobody was quicker
                await self._settle(work, current, asked, verdict)

    # The campaign as a whole.

    async def _expire(self, campaign: Campaign) -> None:
        """Leave out whoever could not be asked before the end."""
        if campaign.until is None or self._clock() < campaign.until:
            return
        words = f"it was not there before {campaign.until:%Y-%m-%d %H:%M} UTC"
        while await self._skip(campaign, (StepState.WAITING,), words):
            pass

    async def _skip(self, campaign: Campaign, states: Sequence[StepState], words: str) -> bool:
        """Leave out a page of steps; False if there are none in these states."""
        async with self._begin() as work:
            await work.campaigns.lock(campaign.station, campaign.id)
            page = await steps_of(work, campaign, states)
            for step in page:
                asked = step.state is StepState.ASKED
                await self._put(
                    work, step, StepState.SKIPPED, f"{words} after it was asked" if asked else words
                )
        return bool(page)

    async def _pass_gate(self, campaign: Campaign) -> None:
        """Once all canaries have ended, and well, let the rest follow, or ask a person."""
        if campaign.phase is not Wave.CANARY:
            return
        async with self._begin() as work:
            current = await work.campaigns.lock(campaign.station, campaign.id)
            if current is None or current.state is not CampaignState.RUNNING:
                return
            if await steps_of(work, current, OPEN_STEPS, wave=Wave.CANARY, limit=1):
                return
            done = await steps_of(work, current, (StepState.DONE,), wave=Wave.CANARY, limit=1)
            if not done and not current.was_resumed:
                words = "none of the canaries was changed"
                await self.change(work, current, CampaignState.HALTED, words)
            elif current.waits_for_word and await steps_of(work, current, OPEN_STEPS, limit=1):
                words = "the canaries are done; `go-on` asks the rest"
                await self.change(work, current, CampaignState.PAUSED, words)
            else:
                await self.let_the_rest_follow(work, current)

    async def let_the_rest_follow(self, work: Work, campaign: Campaign) -> Campaign:
        """The canaries are past."""
        self._looked_at.pop((campaign.station.tenant, campaign.id), None)
        campaign = structs.replace(campaign, phase=Wave.REST)
        return await self.change(work, campaign, CampaignState.RUNNING)

    async def _finish(self, campaign: Campaign) -> None:
        async with self._read() as work:
            if await steps_of(work, campaign, OPEN_STEPS, limit=1):
                return
        async with self._begin() as work:
            current = await work.campaigns.lock(campaign.station, campaign.id)
            if current is None or current.state is not CampaignState.RUNNING:
                return
            if not await steps_of(work, current, OPEN_STEPS, limit=1):
                await self.change(work, current, CampaignState.FINISHED)

    async def wind_up(self, campaign: Campaign) -> Campaign:
        """End a campaign that is being cancelled."""
        while await self._skip(campaign, OPEN_STEPS, "cancelled"):
            pass
        async with self._begin() as work:
            current = await work.campaigns.lock(campaign.station, campaign.id)
            if current is None or current.state is not CampaignState.CANCELLING:
                return current or campaign
            return await self.change(work, current, CampaignState.CANCELLED)

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

    async def wait_again(self, work: Work, step: CampaignStep) -> None:
        """Have a station that failed asked once more, with as many attempts as the others."""
        step = structs.replace(step, failures=0, not_before=None)
        await self._put(work, step, StepState.WAITING)

    async def change(
        self, work: Work, campaign: Campaign, state: CampaignState, reason: str = ""
    ) -> Campaign:
        """Put the campaign in a state, and tell it."""
        campaign = structs.replace(campaign, state=state, reason=reason, at=self._clock())
        await work.campaigns.put(campaign)
        deed = Deed(action=f"campaign.{state}", object=campaign.id, after=reason)
        await audit(work, campaign.station.tenant, campaign.at, deed)
        tell(work, campaign)
        return campaign


def tell(work: Work, campaign: Campaign) -> None:
    """Tell how the campaign as a whole is."""
    work.emit(
        CampaignChanged(
            station=campaign.station,
            at=campaign.at,
            campaign=campaign.id,
            state=campaign.state,
            reason=campaign.reason,
        )
    )


def place(step: CampaignStep) -> tuple[datetime, str, str]:
    """Where a look goes on after a step."""
    return (step.at, step.station.name, step.id)


async def steps_of(
    work: Work,
    campaign: Campaign,
    states: Sequence[StepState],
    *,
    wave: Wave | None = None,
    after: tuple[datetime, str, str] | None = None,
    limit: int = PAGE,
) -> list[CampaignStep]:
    """Its own steps in these states, the longest unchanged first."""
    look = Look(
        states=tuple(states),
        fields=(("id", campaign.id), *((("wave", wave.value),) if wave is not None else ())),
        oldest_first=True,
        after=after,
        limit=limit,
    )
    return await work.steps.page(campaign.station.tenant, look)


async def stations_of(
    work: Work, tenant: TenantId, steps: Sequence[CampaignStep]
) -> dict[StationId, Station]:
    """The stations of a page of steps, as far as there are any."""
    found: dict[StationId, Station] = {}
    which = StationFilter(names=tuple(step.station.name for step in steps))
    after: Place | None = None
    while steps:
        page = await work.lists.stations(tenant, which, after=after, limit=len(steps))
        found.update((station.id, station) for station in page.rows)
        after = page.next
        if after is None:
            break
    return found


def chosen(campaign: Campaign) -> StationFilter:
    """The filter that its stations fit."""
    return json.decode(campaign.which, type=StationFilter)
