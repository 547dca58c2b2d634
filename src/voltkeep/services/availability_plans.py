"""Functional block G: changes of availability at a time, carried out when the station is there."""

import secrets
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from msgspec import structs

from voltkeep.domain.audit import Deed
from voltkeep.domain.availability import AvailabilityPlan, PlanState, place_id
from voltkeep.domain.commands import Outcome
from voltkeep.domain.identity import Evse, StationId, TenantId
from voltkeep.domain.stations import Registration, Station
from voltkeep.services.audit import acting, acting_as, audit
from voltkeep.services.background import now_and_then
from voltkeep.services.ports import (
    Begin,
    Clock,
    CommandUnfit,
    Read,
    StationPassive,
    StationRefused,
    StationUnreachable,
)
from voltkeep.services.provisioning import UnknownStation, registered
from voltkeep.services.security_events import raise_alert

log = structlog.get_logger(__name__)

_LOOK_EVERY_S = 2.0
_AT_ONCE = 200
_OF_A_STATION = 1000
_KEPT_TRYING = timedelta(days=7)  # a change without an end, at a station that is away
_FARTHEST = timedelta(days=3650)
_FIRST = StationId(TenantId(""), "")  # before every other


class UnknownPlan(LookupError):
    """There is no such plan, or it is over already."""


class BadPlan(ValueError):
    """The times of a plan are not in order, or there are too many plans."""

    def __init__(self, what: str, field: str = "") -> None:
        super().__init__(what)
        self.field = field


class Change(Protocol):
    async def __call__(
        self, station: StationId, *, operative: bool, evse: Evse | None = None
    ) -> Outcome:
        """`AvailabilityService.change`."""
        ...


class AvailabilityPlans:
    """A person has asked for each, so that a passive station hears of it too."""

    def __init__(self, begin: Begin, read: Read, change: Change, clock: Clock) -> None:
        self._begin = begin
        self._read = read
        self._change = change
        self._clock = clock
        self._looked_at: AvailabilityPlan | None = None

    async def add(
        self,
        station: StationId,
        *,
        operative: bool,
        evse: Evse | None = None,
        due_at: datetime,
        until: datetime | None = None,
    ) -> list[AvailabilityPlan]:
        """Change it at a time, and back again at ``until``: one plan for each.

        Due while the station is away, it is done once that is back: until the window is over, or
        for a week. Raises UnknownStation, BadPlan.
        """
        now = self._clock()
        _check_times(now, due_at, until)
        id = secrets.token_hex(5)
        first = AvailabilityPlan(
            station=station,
            id=f"{id}a",
            state=PlanState.PLANNED,
            at=due_at,
            operative=operative,
            evse=evse,
            due_at=due_at,
            expires_at=until or max(due_at, now) + _KEPT_TRYING,
            asked_at=now,
            actor=acting(),
        )
        plans = [first]
        if until is not None:
            back = structs.replace(
                first, id=f"{id}b", at=until, due_at=until, operative=not operative
            )
            plans.append(structs.replace(back, expires_at=until + _KEPT_TRYING))
        async with self._begin() as work:
            await registered(work, station)
            planned = await work.availability_plans.count(station, states=[PlanState.PLANNED])
            if planned >= _OF_A_STATION:
                raise BadPlan(f"{station} has {planned} plans already: cancel some first")
            for each in plans:
                await work.availability_plans.put(each)
                deed = Deed(action="availability.planned", object=str(station), after=_words(each))
                await audit(work, station.tenant, now, deed)
        return plans

    async def cancel(self, station: StationId, id: str) -> AvailabilityPlan:
        """Raises UnknownPlan."""
        now = self._clock()
        async with self._begin() as work:
            plan = await work.availability_plans.lock(station, id)
            if plan is None or plan.state is not PlanState.PLANNED:
                raise UnknownPlan(f"{station} has no plan {id} that can be cancelled")
            plan = structs.replace(plan, state=PlanState.CANCELLED, at=now)
            await work.availability_plans.put(plan)
            deed = Deed(action="availability.plan_cancelled", object=f"{station} {id}")
            await audit(work, station.tenant, now, deed)
        return plan

    async def run(self) -> None:
        """Carry out what is planned, until cancelled."""
        await now_and_then("plans of availability", self.carry_out, _LOOK_EVERY_S)

    async def carry_out(self) -> None:
        """Do what is due at stations that are there, and give up what is too late."""
        now = self._clock()
        last = self._looked_at
        before = (last.at, last.station, last.id) if last else (now, _FIRST, "")
        async with self._read() as work:
            page = await work.availability_plans.all(
                states=[PlanState.PLANNED], before=before, limit=_AT_ONCE
            )
            due = [(plan, await work.stations.get(plan.station)) for plan in page]
        # A page at a look: those of stations that are away must not keep the others waiting.
        self._looked_at = page[-1] if len(page) == _AT_ONCE else None
        for plan, station in due:
            if plan.expires_at <= now:
                await self._over(plan, PlanState.EXPIRED, "the station was not there in time")
            elif _is_there(station):
                await self._do(plan)

    async def _do(self, plan: AvailabilityPlan) -> None:
        try:
            with acting_as(plan.actor):
                outcome = await self._change(plan.station, operative=plan.operative, evse=plan.evse)
        except (StationRefused, StationPassive, CommandUnfit, UnknownStation) as error:
            await self._over(plan, PlanState.FAILED, str(error))
        except StationUnreachable as failure:
            log.info("a plan waits", station=str(plan.station), plan=plan.id, why=failure.result)
        else:
            state = PlanState.DONE if outcome.accepted else PlanState.FAILED
            await self._over(plan, state, outcome.status)

    async def _over(self, plan: AvailabilityPlan, state: PlanState, reason: str) -> None:
        now = self._clock()
        async with self._begin() as work:
            current = await work.availability_plans.lock(plan.station, plan.id)
            if current == plan:
                over = structs.replace(plan, state=state, at=now, reason=reason)
                await work.availability_plans.put(over)
                if state is not PlanState.DONE:
                    text = f"a planned change was not done: {_words(over)}: {reason}"
                    await raise_alert(work, plan.station, "availability plan", text, now)


def _check_times(now: datetime, due_at: datetime, until: datetime | None) -> None:
    for field, at in (("due_at", due_at), ("until", until or due_at)):
        if at > now + _FARTHEST:
            raise BadPlan("that is more than ten years from now", field)
    if due_at < now:
        raise BadPlan("that time is past: a change that is due now is a command", "due_at")
    if until is not None and until <= due_at:
        raise BadPlan("the end of that time is before its beginning", "until")


def _is_there(station: Station | None) -> bool:
    return (
        station is None  # removed: asking tells so
        or (station.is_connected and station.registration is Registration.ACCEPTED)
    )


def _words(plan: AvailabilityPlan) -> str:
    what = "operative" if plan.operative else "inoperative"
    return f"{place_id(plan.evse)} {what} at {plan.due_at:%FT%TZ}"
