"""What several charging profiles come to (K08; 1.6 sections 3.13.2 and 3.13.3)."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime, timedelta
from typing import Annotated

from msgspec import Meta, Struct

from voltkeep.domain.identity import Evse, TransactionRef
from voltkeep.domain.smart_charging import (
    ChargingProfile,
    CompositeSchedule,
    Difference,
    Kind,
    Purpose,
    RateUnit,
    Recurrency,
    Schedule,
    Step,
)

_ROUND = {Recurrency.DAILY: 86_400_000_000, Recurrency.WEEKLY: 7 * 86_400_000_000}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SECOND = 1_000_000
_STATION_WIDE = (Purpose.STATION_MAX, Purpose.EXTERNAL_CONSTRAINTS)
_DUST = 1e-6


class Supply(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What W and A are converted by: the set voltage between phase and neutral (K01.FR.50)."""

    voltage_v: Annotated[float, Meta(gt=0, le=2000)] = 230.0
    phases: Annotated[int, Meta(ge=1, le=3)] = 3


class Placed(Struct, frozen=True):
    """A profile and where it applies; None is the station as a whole."""

    evse: int | None
    profile: ChargingProfile


class Running(Struct, frozen=True):
    """The transaction of an EVSE, and since when it charges."""

    ref: TransactionRef
    since: datetime


class _Limit(Struct, frozen=True):
    """A profile as its limits over time: microseconds since 1970, of the asked unit."""

    starts: tuple[int, ...]
    limits: tuple[float, ...]
    begins: int | None  # None: it never does
    duration: int | None
    round: int | None
    valid_from: int | None
    valid_to: int | None

    def at(self, now: int) -> float | None:
        """The limit in force; None while the profile says nothing."""
        if self.begins is None or now < self.begins or not self._is_valid(now):
            return None
        elapsed = now - self.begins
        if self.round is not None:
            elapsed %= self.round  # 1.6 errata 3.44: what is longer than a round is cut off
        if self.duration is not None and elapsed >= self.duration:
            return None
        index = bisect_right(self.starts, elapsed) - 1
        return self.limits[index] if index >= 0 else None

    def _is_valid(self, now: int) -> bool:
        """K01.FR.36, 37."""
        return (self.valid_from is None or self.valid_from <= now) and (
            self.valid_to is None or now < self.valid_to
        )

    def edges(self, start: int, end: int) -> Iterable[int]:
        """Where in between the limit may change."""
        for at in (self.valid_from, self.valid_to):
            if at is not None and start < at < end:
                yield at
        if self.begins is None:
            return
        offsets = [*self.starts, *([] if self.duration is None else [self.duration])]
        if self.round is None:
            yield from (self.begins + each for each in offsets if start < self.begins + each < end)
            return
        turn = max(self.begins, start - (start - self.begins) % self.round)
        while turn < end:
            yield from (
                turn + each
                for each in (0, *offsets)
                if each < self.round and start < turn + each < end
            )
            turn += self.round


class _Place(Struct, frozen=True):
    """What limits one EVSE: the levels of each purpose, the highest first."""

    own: list[_Limit]
    default: list[_Limit]
    external: list[_Limit]

    def at(self, now: int) -> float | None:
        limit = _leading(self.own, now)
        if limit is None:  # a TxProfile overrules the default while it says something
            limit = _leading(self.default, now)
        return _lowest((limit, _leading(self.external, now)))


def composite(
    profiles: Sequence[Placed],
    evse: Evse | None,
    at: datetime,
    duration_s: int,
    *,
    unit: RateUnit,
    supply: Supply,
    running: Running | None = None,
    others: Sequence[tuple[int, Running | None]] = (),
) -> CompositeSchedule:
    """The limits of an EVSE from ``at`` on; of the station as a whole, where it is None.

    An EVSE without a transaction is looked at as if one began now that has no profile of its own
    (K08.FR.06). The station as a whole may draw what its own limits allow, and no more than
    ``others``, its EVSEs, together (K08.FR.03). Where nothing is said there is no limit.
    """
    start = _us(at)
    end = start + duration_s * _SECOND

    def levels(purpose: Purpose, places: AbstractSet[int | None], since: datetime) -> list[_Limit]:
        found = [each for each in profiles if _is(each, purpose, places)]
        return [_limit(each.profile, since, unit, supply) for each in _by_level(found)]

    def place(number: int, running: Running | None) -> _Place:
        since = at if running is None else running.since
        tx = [] if running is None else [p for p in profiles if _is_of(p, number, running)]
        return _Place(
            own=[_limit(each.profile, since, unit, supply) for each in _by_level(tx)],
            default=levels(Purpose.TX_DEFAULT, {None, number}, since),
            external=levels(Purpose.EXTERNAL_CONSTRAINTS, {number}, since),
        )

    wide = [levels(purpose, {None}, at) for purpose in _STATION_WIDE]
    asked = others if evse is None else [(evse.id, running)]
    places = [place(*each) for each in asked]
    inner = [levels for each in places for levels in (each.own, each.default, each.external)]
    limits = [limit for levels in (*wide, *inner) for limit in levels]
    steps: list[Step] = []
    for edge in sorted({start, *(edge for limit in limits for edge in limit.edges(start, end))}):
        limit = _lowest([*(_leading(levels, edge) for levels in wide), _together(places, edge)])
        if not steps or steps[-1].limit != limit:
            steps.append(_step((edge - start) / _SECOND, limit, unit))
    return CompositeSchedule(
        evse=evse, starts_at=at, duration_s=duration_s, unit=unit, steps=tuple(steps)
    )


def _step(start_s: float, limit: float | None, unit: RateUnit) -> Step:
    if unit is RateUnit.W:
        return Step(start_s=start_s, limit_w=limit)
    return Step(start_s=start_s, limit_a=limit)


def _is(placed: Placed, purpose: Purpose, places: AbstractSet[int | None]) -> bool:
    return placed.profile.purpose is purpose and placed.evse in places


def _is_of(placed: Placed, number: int, running: Running) -> bool:
    """Whether a profile is of this transaction; 1.6 need not name it."""
    return _is(placed, Purpose.TX, {number}) and placed.profile.transaction in {None, running.ref}


def _by_level(found: Sequence[Placed]) -> list[Placed]:
    """The highest stack level first (K01.FR.17); of one level the EVSE's own (1.6 3.13.1)."""
    return sorted(found, key=lambda each: (-each.profile.stack_level, each.evse is None))


def _limit(profile: ChargingProfile, since: datetime, unit: RateUnit, supply: Supply) -> _Limit:
    schedule = profile.schedule
    periods = sorted(schedule.periods, key=lambda period: period.start_s)
    begins = since if profile.kind is Kind.RELATIVE else schedule.starts_at or since
    is_recurring = profile.kind is Kind.RECURRING
    return _Limit(
        starts=tuple(period.start_s * _SECOND for period in periods),
        limits=tuple(
            converted(period.limit, period.unit, unit, supply, period.phases) for period in periods
        ),
        begins=_us(begins),
        duration=None if schedule.duration_s is None else schedule.duration_s * _SECOND,
        round=_ROUND[profile.recurrency or Recurrency.DAILY] if is_recurring else None,
        valid_from=None if profile.valid_from is None else _us(profile.valid_from),
        valid_to=None if profile.valid_to is None else _us(profile.valid_to),
    )


def converted(
    limit: float, unit: RateUnit, wanted: RateUnit, supply: Supply, phases: int | None
) -> float:
    """A limit in the other unit (1.6 errata 3.69, K01.FR.49-51).

    Over as many phases as are said, three if none is, and no more than there are.
    """
    if unit is wanted:
        return limit
    over = supply.voltage_v * min(supply.phases, phases or 3)
    return round(limit / over if wanted is RateUnit.A else limit * over, 3)


def _leading(levels: Iterable[_Limit], at: int) -> float | None:
    for limit in levels:
        if (value := limit.at(at)) is not None:
            return value
    return None


def _together(places: Sequence[_Place], at: int) -> float | None:
    """What EVSEs may draw together; no limit as soon as one of them has none."""
    limits = [each.at(at) for each in places]
    known = [limit for limit in limits if limit is not None]
    return sum(known) if known and len(known) == len(limits) else None


def _lowest(limits: Iterable[float | None]) -> float | None:
    return min((limit for limit in limits if limit is not None), default=None)


def _us(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def differences(
    station: CompositeSchedule, computed: CompositeSchedule, *, tolerance: float
) -> tuple[Difference, ...]:
    """Where both differ by more than ``tolerance``, in their unit, as long as both say something.

    They begin at the same time. Stations tell whole seconds: what lasts no longer is no
    difference. Raises ValueError if they count in different units.
    """
    if station.unit is not computed.unit:
        raise ValueError("one counts in W, the other in A")
    end = float(min(station.duration_s, computed.duration_s))
    edges = sorted(
        {
            0.0,
            *(step.start_s for step in (*station.steps, *computed.steps) if 0 < step.start_s < end),
        }
    )
    found: list[Difference] = []
    for start, until in zip(edges, [*edges[1:], end], strict=True):
        theirs, ours = limit_of(station.steps, start), limit_of(computed.steps, start)
        if _agree(theirs, ours, tolerance):
            continue
        more = None if theirs is None or ours is None else round(theirs - ours, 3)
        last = found[-1] if found else None
        if last is not None and (last.end_s, last.station, last.computed) == (start, theirs, ours):
            found.pop()
            start = last.start_s  # noqa: PLW2901  # one difference goes on
        found.append(
            Difference(start_s=start, end_s=until, station=theirs, computed=ours, more=more)
        )
    return tuple(each for each in found if each.end_s - each.start_s > 1)


def limit_of(steps: Iterable[Step], at_s: float) -> float | None:
    """The limit in force so many seconds after the start."""
    limit = None
    for step in steps:
        if step.start_s > at_s:
            break
        limit = step.limit
    return limit


def _agree(one: float | None, other: float | None, tolerance: float) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= tolerance + _DUST


def within(steps: Iterable[Step], allowed: CompositeSchedule) -> bool:
    """Whether a schedule never asks for more than is allowed (K15.FR.11)."""
    wanted = tuple(steps)
    edges = {step.start_s for step in (*wanted, *allowed.steps)}
    for edge in edges:
        most, asked = limit_of(allowed.steps, edge), limit_of(wanted, edge)
        if most is not None and asked is not None and asked > most + _DUST:
            return False
    return True


def schedule_of(schedule: Schedule) -> tuple[Step, ...]:
    """The steps of one schedule, counted from its own start."""
    steps = [
        Step(start_s=float(period.start_s), limit_w=period.limit_w, limit_a=period.limit_a)
        for period in schedule.periods
    ]
    if schedule.duration_s is not None:
        steps.append(Step(start_s=float(schedule.duration_s)))
    return tuple(steps)
