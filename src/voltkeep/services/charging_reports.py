"""What stations say of charging: their profiles, the limits of others, the needs of EVs (K)."""

from datetime import datetime, timedelta

from msgspec import structs

from voltkeep.domain.composite import Supply, schedule_of, within
from voltkeep.domain.events import (
    ChargingLimitChanged,
    ChargingNeedsReported,
    EvScheduleReported,
)
from voltkeep.domain.identity import Evse, Sender
from voltkeep.domain.smart_charging import (
    ChargingNeeds,
    ChargingProfile,
    HeldProfile,
    Kind,
    LimitTold,
    ProfileReportState,
    ProfileState,
    ProfilesTold,
    Purpose,
    Schedule,
    readable,
)
from voltkeep.services import held_profiles as held_
from voltkeep.services.ports import Begin, Work

_LONGEST_S = 7 * 86_400
_MOST_EVSES = 100
_TIMELY = timedelta(days=1)  # a report that takes longer is of no use any more


class ChargingReportService:
    """Records what stations say. What they repeat changes nothing."""

    def __init__(self, begin: Begin) -> None:
        self._begin = begin

    async def reported(self, sender: Sender, told: ProfilesTold) -> None:
        """A part of a report (K09); after its last, what it did not tell of is not there."""
        at = sender.received_at
        async with self._begin() as work:
            await work.stations.hold(sender)
            names = [
                await held_.told_profile(work, sender.station, told, one, at)
                for one in told.profiles
            ]
            report = await work.profile_reports.lock(sender.station, str(told.request_id))
            if report is None or at - report.asked_at > _TIMELY:
                return
            kept = dict.fromkeys((*report.told, *(each for each in names if each is not None)))
            state = ProfileReportState.RUNNING if told.more else ProfileReportState.COMPLETE
            if report.state is ProfileReportState.COMPLETE:
                state = report.state  # a part is said again
            changed = structs.replace(report, state=state, at=at, told=tuple(kept))
            await work.profile_reports.put(changed)
            if state is ProfileReportState.COMPLETE:
                await held_.not_told(work, changed, at)

    async def limited(self, sender: Sender, told: LimitTold) -> None:
        """Somebody else has limited the station (K12, K14)."""
        at = sender.received_at
        async with self._begin() as work:
            await work.stations.hold(sender)
            live = await held_.settled(work, sender.station, at)
            held = _limit(sender, told)
            known = await work.charging_profiles.get(sender.station, held.id)
            if known is None and len(live) >= held_.MOST_LIVE:
                return
            await work.charging_profiles.put(held)
            if known is None or structs.replace(known, at=at) != held:
                work.emit(
                    ChargingLimitChanged(
                        station=sender.station,
                        at=at,
                        source=told.source,
                        evse=told.evse,
                        is_cleared=False,
                        is_grid_critical=told.is_grid_critical,
                    )
                )

    async def limit_cleared(self, sender: Sender, source: str, evse: Evse | None) -> None:
        """Somebody else limits the station no longer (K13); without an EVSE: none of them."""
        at = sender.received_at
        async with self._begin() as work:
            await work.stations.hold(sender)
            found = False
            for held in await held_.settled(work, sender.station, at):
                if (
                    held.purpose == Purpose.EXTERNAL_CONSTRAINTS
                    and held.source == source
                    and (evse is None or held.evse is None or held.evse.id == evse.id)
                ):
                    found = True
                    if held.told_at is None:
                        await work.charging_profiles.remove(held.station, held.id)
                    else:
                        await held_.move(work, held, ProfileState.CLEARED, at)
            if found:
                work.emit(
                    ChargingLimitChanged(
                        station=sender.station, at=at, source=source, evse=evse, is_cleared=True
                    )
                )

    async def needs(self, sender: Sender, needs: ChargingNeeds) -> None:
        """An EV tells what it needs (K15, K17): kept, until the next one there tells."""
        async with self._begin() as work:
            await work.stations.hold(sender)
            running = (await held_.running(work, sender.station)).get(int(needs.id))
            kept = structs.replace(needs, transaction=None if running is None else running.ref)
            known = await work.charging_needs.get(sender.station, needs.id)
            if known is not None and known.transaction == kept.transaction:
                kept = structs.replace(
                    kept,
                    schedule=known.schedule,
                    schedule_starts_at=known.schedule_starts_at,
                    schedule_answer=known.schedule_answer,
                )
            if known is not None and structs.replace(known, at=kept.at) == kept:
                return  # said again
            if known is None and await _is_full(work, sender):
                return
            await work.charging_needs.put(kept)
            work.emit(
                ChargingNeedsReported(
                    station=sender.station,
                    at=needs.at,
                    evse=Evse(int(needs.id)),
                    energy_transfer=needs.energy_transfer,
                    energy_wh=needs.energy_wh,
                    departure_at=needs.departure_at,
                )
            )

    async def ev_schedule(
        self, sender: Sender, evse: int, starts_at: datetime, schedule: Schedule
    ) -> bool:
        """An EV tells how it will charge: is that within what we allow (K15.FR.11, 12)?"""
        station, at = sender.station, sender.received_at
        steps = schedule_of(schedule)
        lasts = min(_LONGEST_S, max(1, *(int(step.start_s) + 1 for step in steps)))
        async with self._begin() as work:
            await work.stations.hold(sender)
            allowed, _ = await held_.computed(
                work,
                station,
                Evse(evse),
                starts_at,
                lasts,
                unit=schedule.unit,
                supply=Supply(),
                now=at,
            )
            is_within = within(steps, allowed)
            known = await work.charging_needs.get(station, str(evse))
            if known is None:
                if await _is_full(work, sender):
                    return is_within
                known = ChargingNeeds(station=station, id=str(evse), state="unsaid", at=at)
            changed = structs.replace(
                known,
                schedule=steps,
                schedule_starts_at=starts_at,
                schedule_answer="Accepted" if is_within else "Rejected",
            )
            if changed != known:
                await work.charging_needs.put(structs.replace(changed, at=at))
                work.emit(
                    EvScheduleReported(
                        station=station, at=at, evse=Evse(evse), is_within_limits=is_within
                    )
                )
        return is_within


async def _is_full(work: Work, sender: Sender) -> bool:
    """A station that makes up EVSEs must not fill the database."""
    return await work.charging_needs.count(sender.station) >= _MOST_EVSES


def _limit(sender: Sender, told: LimitTold) -> HeldProfile:
    """The limit of others as a profile: it has no id, and the highest place of its source."""
    profile = None
    if told.schedules:
        schedules = tuple(
            structs.replace(each, starts_at=each.starts_at or sender.received_at)
            for each in told.schedules
        )
        profile = readable(
            ChargingProfile(
                id=0,
                purpose=Purpose.EXTERNAL_CONSTRAINTS,
                kind=Kind.ABSOLUTE,
                schedules=schedules,
            )
        )
    number = 0 if told.evse is None else told.evse.id
    return HeldProfile(
        station=sender.station,
        id=f"limit-{told.source}-{number}",
        state=ProfileState.ACCEPTED,
        at=sender.received_at,
        profile_id=0,
        purpose=Purpose.EXTERNAL_CONSTRAINTS,
        stack_level=0,
        evse=told.evse,
        profile=profile,
        source=told.source,
        grid_critical=told.is_grid_critical,
    )
