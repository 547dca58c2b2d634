"""What a station will most likely refuse or misunderstand of a charging profile."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise

from msgspec import Struct

from voltkeep.domain.smart_charging import (
    ChargingProfile,
    HeldProfile,
    Kind,
    Purpose,
    RateUnit,
    Recurrency,
    Schedule,
    ends_at,
    overlap,
    same_place,
)

_ROUND_S = {Recurrency.DAILY: 86_400, Recurrency.WEEKLY: 7 * 86_400}
_TX = (Purpose.TX, Purpose.TX_DEFAULT, Purpose.PRIORITY_CHARGING)


class Finding(Struct, frozen=True):
    """``rule`` is where OCPP says so. What is against a rule has to be forced."""

    rule: str
    text: str
    is_against_a_rule: bool = True

    def __str__(self) -> str:
        return f"{self.text} ({self.rule})"


def lint(
    new: HeldProfile, others: Sequence[HeldProfile], now: datetime, *, with_remote_start: bool
) -> tuple[Finding, ...]:
    """What is wrong with a profile at its place, beside those that the station has."""
    profile = new.profile
    assert profile is not None, "what we send has words"
    return (
        *_of_purpose(new, profile, with_remote_start=with_remote_start),
        *_of_time(profile, now),
        *(finding for each in profile.schedules for finding in _of_schedule(profile, each)),
        *_of_others(new, others),
    )


def _of_purpose(
    new: HeldProfile, profile: ChargingProfile, *, with_remote_start: bool
) -> Iterator[Finding]:
    purpose = profile.purpose
    if purpose is Purpose.EXTERNAL_CONSTRAINTS:
        text = "external constraints are for others to set: use ChargingStationMaxProfile"
        yield Finding("K01.FR.22", text)
    if with_remote_start:
        if purpose is not Purpose.TX:
            yield Finding("1.6 errata 3.41, K05.FR.02", "a remote start brings only a TxProfile")
        if profile.transaction is not None:
            text = "the transaction of a remote start has no name yet"
            yield Finding("1.6 errata 3.41", text)
    elif purpose is Purpose.TX and new.evse is None:
        yield Finding("K01.FR.16, 1.6 3.13.1", "a TxProfile is of one EVSE: say which")
    elif purpose is Purpose.TX and profile.transaction is None:
        text = "no transaction runs there that a TxProfile could be of"
        yield Finding("K01.FR.03, 09, 1.6 3.13.1", text)
    if purpose is Purpose.STATION_MAX and new.evse is not None:
        yield Finding("1.6 3.13.1, K01", "a ChargingStationMaxProfile is of the whole station")
    if purpose not in {Purpose.TX, Purpose.PRIORITY_CHARGING} and profile.transaction is not None:
        yield Finding("K01.FR.03", f"a {purpose} is of no transaction")
    if len(profile.schedules) > 1 and purpose is not Purpose.TX:
        yield Finding("K01.FR.34", "only an EV that told its needs can choose from schedules")


def _of_time(profile: ChargingProfile, now: datetime) -> Iterator[Finding]:
    if profile.kind is Kind.RELATIVE and profile.purpose is Purpose.STATION_MAX:
        text = "the limit of a station begins with no transaction: it cannot be Relative"
        yield Finding("K01.FR.38", text)
    if profile.kind is Kind.RECURRING and profile.recurrency is None:
        yield Finding("1.6 7.8, K01", "it shall recur, and is not said how often")
    if profile.kind is not Kind.RECURRING and profile.recurrency is not None:
        yield Finding("1.6 errata 3.56", f"a recurrency is for Recurring, not for {profile.kind}")
    begin, end = profile.valid_from, profile.valid_to
    if begin is not None and end is not None and end <= begin:
        yield Finding("K01.FR.36, 37", "it is valid never: valid_to is not after valid_from")
    over = ends_at(profile)
    if over is not None and over <= now:
        yield Finding("K01.FR.11, 37", f"it is over since {over.isoformat()}")
    lasts = all(each.duration_s is None for each in profile.schedules) and end is None
    if lasts and profile.stack_level > 0 and profile.purpose in _TX:
        text = "without a duration the station never falls back to a lower stack level"
        yield Finding("1.6 errata 3.7", text, is_against_a_rule=False)


def _of_schedule(profile: ChargingProfile, schedule: Schedule) -> Iterator[Finding]:
    if profile.kind is Kind.RELATIVE:
        if schedule.starts_at is not None:
            yield Finding("K01.FR.41", "a Relative schedule has no start of its own")
    elif schedule.starts_at is None:
        text = f"an {profile.kind} schedule needs its start; without it, 1.6 counts from the car's"
        yield Finding("K01.FR.40", text.replace("an R", "a R"))
    starts = [period.start_s for period in schedule.periods]
    if starts[0] != 0:
        yield Finding("1.6 errata 3.45, K01.FR.31", "the first period does not start at 0")
    if any(one >= other for one, other in pairwise(starts)):
        yield Finding("K01.FR.35", "the periods are not in order of their starts")
    yield from _of_length(profile, schedule, starts[-1])
    for period in schedule.periods:
        if period.phase_to_use is not None and period.phases != 1:
            yield Finding("K01.FR.19", "a phase can be chosen only for one phase")
            break
    limits = [period.limit for period in schedule.periods]
    if min(limits) < 0:
        yield Finding("7.14", "a limit is below 0")
    if any(round(limit, 1) != limit for limit in limits):
        text = "a limit has more than one decimal, which stations may not read"
        yield Finding("1.6 7.14", text, is_against_a_rule=False)
    if schedule.unit is RateUnit.A and 0 < min(limits) < 6:
        text = "a car charges with 6 A at the least: what is below pauses it"
        yield Finding("IEC 61851-1", text, is_against_a_rule=False)


def _of_length(profile: ChargingProfile, schedule: Schedule, last: int) -> Iterator[Finding]:
    if schedule.duration_s is not None and last >= schedule.duration_s:
        yield Finding("K01.FR.11", "a period starts when the schedule is over")
    turn = _ROUND_S.get(profile.recurrency) if profile.recurrency else None
    if turn is not None and (last >= turn or (schedule.duration_s or 0) > turn):
        text = f"what lasts longer than its {profile.recurrency} round is cut off"
        yield Finding("1.6 errata 3.44", text, is_against_a_rule=False)


def _of_others(new: HeldProfile, others: Sequence[HeldProfile]) -> Iterator[Finding]:
    for old in others:
        if old.profile_id == new.profile_id:
            if old.purpose == Purpose.EXTERNAL_CONSTRAINTS:
                text = f"{old.profile_id} is the id of a limit that others have set"
                yield Finding("K01.FR.05", text)
            continue
        if (old.purpose, old.stack_level) != (new.purpose, new.stack_level):
            continue
        if new.purpose == Purpose.TX_DEFAULT and (old.evse is None) is not (new.evse is None):
            text = f"profile {old.profile_id} has that level "
            text += "at the whole station" if old.evse is None else f"at EVSE {old.evse.id}"
            yield Finding("K01.FR.52, 53", f"{text}: 2.x refuses that", is_against_a_rule=False)
        elif (
            same_place(old, new)
            and overlap(old.profile, new.profile)
            and (new.purpose != Purpose.TX or old.transaction == new.transaction)
        ):
            text = f"it takes the place of profile {old.profile_id}, of another id"
            yield Finding("1.6 3.13.2, K01.FR.06, 39", text, is_against_a_rule=False)
