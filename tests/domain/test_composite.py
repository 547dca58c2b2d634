"""What charging profiles come to: worked examples, and never more than any of them allows."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from voltkeep.domain.composite import (
    Placed,
    Running,
    Supply,
    composite,
    differences,
    limit_of,
    schedule_of,
    within,
)
from voltkeep.domain.identity import Evse, TransactionRef
from voltkeep.domain.smart_charging import (
    ChargingProfile,
    CompositeSchedule,
    Kind,
    Period,
    Purpose,
    RateUnit,
    Recurrency,
    Schedule,
    Step,
)

NOON = datetime(2026, 3, 28, 12, tzinfo=UTC)  # the clocks change in the night after
HOUR, DAY, WEEK = 3600, 86_400, 604_800
SUPPLY = Supply()
REF = TransactionRef("tx-1")
EVSE = Evse(1)


def at(seconds):
    return NOON + timedelta(seconds=seconds)


def profile(*limits, unit=RateUnit.W, starts_at=NOON, duration_s=None, phases=None, **fields):
    """``limits`` are pairs of seconds and limit."""
    name = "limit_w" if unit is RateUnit.W else "limit_a"
    periods = tuple(Period(start_s=s, phases=phases, **{name: limit}) for s, limit in limits)
    schedule = Schedule(periods=periods, starts_at=starts_at, duration_s=duration_s)
    return ChargingProfile(
        **({"id": 1, "purpose": Purpose.TX_DEFAULT} | fields), schedules=(schedule,)
    )


def told(profiles, *, evse=EVSE, start=NOON, lasts=HOUR, unit=RateUnit.W, **more):
    """The steps as pairs; profiles alone are of the whole station."""
    placed = [each if isinstance(each, Placed) else Placed(None, each) for each in profiles]
    found = composite(placed, evse, start, lasts, unit=unit, supply=SUPPLY, **more)
    return [(step.start_s, step.limit) for step in found.steps]


def test_without_profiles_there_is_no_limit():
    assert told([]) == [(0, None)]


def test_periods_follow_each_other_until_the_duration_is_over():
    """1.6 5.16.4, K01.FR.11, 12: what comes after the duration is not executed."""
    steps = profile((0, 100.0), (600, 200.0), (1800, 300.0), duration_s=1200)

    assert told([steps]) == [(0, 100), (600, 200), (1200, None)]


def test_a_schedule_does_not_begin_before_its_start():
    """K01.FR.30."""
    assert told([profile((0, 100.0), starts_at=at(600))]) == [(0, None), (600, 100)]


def test_a_higher_stack_level_prevails_while_it_says_something():
    """1.6 3.13.2, K01.FR.17."""
    low = profile((0, 100.0), stack_level=1)
    high = profile((0, 900.0), stack_level=2, starts_at=at(600), duration_s=600)

    assert told([low, high]) == [(0, 100), (600, 900), (1200, 100)]


def test_a_profile_is_valid_from_and_to():
    """K01.FR.36, 37: not at its end."""
    valid = profile((0, 100.0), valid_from=at(60), valid_to=at(120))

    assert told([valid]) == [(0, None), (60, 100), (120, None)]


def test_a_profile_of_the_transaction_overrules_the_default_while_it_says_something():
    """1.6 3.13.1."""
    default = profile((0, 100.0), stack_level=9)
    own = profile((0, 500.0), purpose=Purpose.TX, transaction=REF, duration_s=60)
    of_another = profile((0, 1.0), purpose=Purpose.TX, transaction=TransactionRef("tx-2"))
    placed = [default, Placed(1, own), Placed(1, of_another)]

    assert told(placed, running=Running(REF, NOON)) == [(0, 500), (60, 100)]
    assert told(placed) == [(0, 100)]  # K08.FR.06: as if one began that has no profile
    assert told(placed, evse=Evse(2), running=Running(REF, NOON)) == [(0, 100)]


def test_of_one_level_the_default_of_the_evse_prevails():
    """1.6 3.13.1: it replaces the one of all connectors, there."""
    everywhere, here = profile((0, 100.0)), profile((0, 200.0))

    assert told([everywhere, Placed(1, here)]) == [(0, 200)]
    assert told([everywhere, Placed(1, here)], evse=Evse(2)) == [(0, 100)]


def test_the_lowest_of_all_purposes_counts():
    """1.6 3.13.3, K08.FR.04."""
    profiles = [
        profile((0, 300.0)),
        profile((0, 250.0), purpose=Purpose.STATION_MAX, duration_s=60),
        profile((0, 200.0), purpose=Purpose.EXTERNAL_CONSTRAINTS, starts_at=at(30), duration_s=60),
    ]

    assert told(profiles) == [(0, 250), (30, 200), (90, 300)]


def test_a_limit_of_others_for_one_evse_counts_there():
    external = Placed(1, profile((0, 200.0), purpose=Purpose.EXTERNAL_CONSTRAINTS))

    assert told([external]) == [(0, 200)]
    assert told([external], evse=Evse(2)) == [(0, None)]


def test_a_daily_schedule_comes_again_and_knows_no_daylight_saving():
    """UTC: each round is 86400 s."""
    nightly = profile(
        (0, 100.0),
        kind=Kind.RECURRING,
        recurrency=Recurrency.DAILY,
        starts_at=at(-10 * HOUR),
        duration_s=HOUR,
    )
    first = 14 * HOUR

    assert told([nightly], lasts=3 * DAY) == [
        (0, None),
        *(
            step
            for day in range(3)
            for step in (
                (first + day * DAY, 100),
                (first + day * DAY + HOUR, None),
            )
        ),
    ]


def test_a_recurring_schedule_does_not_begin_before_its_first_round():
    """K01.FR.30."""
    weekly = profile(
        (0, 100.0), kind=Kind.RECURRING, recurrency=Recurrency.WEEKLY, starts_at=at(DAY)
    )

    assert told([weekly], lasts=2 * DAY) == [(0, None), (DAY, 100)]


def test_what_is_longer_than_a_round_is_cut_off():
    """1.6 errata 3.44."""
    daily = profile(
        (0, 100.0),
        (DAY - 60, 200.0),
        (DAY + 60, 300.0),
        kind=Kind.RECURRING,
        recurrency=Recurrency.DAILY,
        starts_at=at(-DAY),
        duration_s=2 * DAY,
    )

    assert told([daily], lasts=DAY + 60) == [(0, 100), (DAY - 60, 200), (DAY, 100)]


def test_a_relative_schedule_begins_with_its_transaction():
    relative = profile((0, 100.0), (600, 50.0), kind=Kind.RELATIVE, starts_at=None)

    assert told([relative], running=Running(REF, at(-300))) == [(0, 100), (300, 50)]
    assert told([relative]) == [(0, 100), (600, 50)]


def test_amperes_are_of_each_phase_and_watts_of_all():
    """1.6 errata 3.69; K01.FR.49-51: three phases, where none are said."""
    three, one = profile((0, 16.0), unit=RateUnit.A), profile((0, 16.0), unit=RateUnit.A, phases=1)

    assert told([three]) == [(0, 11_040)]
    assert told([one]) == [(0, 3_680)]
    assert told([three], unit=RateUnit.A) == [(0, 16)]
    assert told([profile((0, 6900.0))], unit=RateUnit.A) == [(0, 10)]


def test_the_station_draws_no_more_than_its_evses_and_its_own_limit():
    """K08.FR.03."""
    default = profile((0, 100.0))
    most = profile((0, 150.0), purpose=Purpose.STATION_MAX, duration_s=60)
    others = [(1, None), (2, None)]

    assert told([default, most], evse=None, others=others) == [(0, 150), (60, 200)]
    assert told([Placed(1, default)], evse=None, others=others) == [(0, None)]


def test_differences_say_where_and_how_much():
    computed = composite(
        [Placed(None, profile((0, 100.0), (60, 200.0), (120, 300.0)))],
        EVSE,
        NOON,
        180,
        unit=RateUnit.W,
        supply=SUPPLY,
    )
    said = structs.replace(
        computed,
        steps=(Step(start_s=0.0, limit_w=100.05), Step(start_s=90.0, limit_w=250.0)),
    )

    found = differences(said, computed, tolerance=0.1)

    assert [(each.start_s, each.end_s, each.more) for each in found] == [
        (60, 90, -99.95),
        (90, 120, 50),
        (120, 180, -50),
    ]
    assert differences(computed, computed, tolerance=0) == ()
    with pytest.raises(ValueError, match="A"):
        differences(structs.replace(said, unit=RateUnit.A), computed, tolerance=0)


def test_one_difference_that_goes_on_is_told_once():
    ours = CompositeSchedule(
        evse=None,
        starts_at=NOON,
        duration_s=100,
        unit=RateUnit.A,
        steps=(Step(start_s=0.0, limit_a=6.0), Step(start_s=50.0, limit_a=6.0)),
    )
    theirs = structs.replace(ours, steps=(Step(start_s=0.0),))

    (found,) = differences(theirs, ours, tolerance=0)
    assert (found.start_s, found.end_s, found.station, found.more) == (0, 100, None, None)


def test_what_a_station_rounds_to_a_second_is_no_difference():
    ours = CompositeSchedule(
        evse=None,
        starts_at=NOON,
        duration_s=100,
        unit=RateUnit.A,
        steps=(Step(start_s=0.0, limit_a=6.0), Step(start_s=49.2, limit_a=8.0)),
    )
    theirs = structs.replace(ours, steps=(ours.steps[0], Step(start_s=50.0, limit_a=8.0)))

    assert differences(theirs, ours, tolerance=0) == ()
    late = structs.replace(ours, steps=(ours.steps[0], Step(start_s=51.0, limit_a=8.0)))
    assert len(differences(late, ours, tolerance=0)) == 1


def test_a_car_stays_within_what_it_is_allowed_or_not():
    allowed = composite(
        [Placed(None, profile((0, 100.0), (60, 50.0)))],
        EVSE,
        NOON,
        120,
        unit=RateUnit.W,
        supply=SUPPLY,
    )
    own = schedule_of(profile((0, 100.0), (60, 50.0), duration_s=90).schedule)
    late = schedule_of(profile((0, 80.0), (61, 50.0)).schedule)

    assert within(own, allowed)
    assert not within(late, allowed)


# Whatever the profiles are.

_LIMITS = st.integers(0, 32).map(float)
_SECONDS = st.integers(0, 3 * DAY)
_TIMES = st.integers(-2 * DAY, 2 * DAY).map(at)


@st.composite
def periods(draw):
    unit = draw(st.sampled_from(["limit_a", "limit_w"]))
    starts = draw(st.lists(_SECONDS, max_size=4, unique=True))
    return tuple(
        Period(start_s=start, phases=draw(st.sampled_from([None, 1, 3])), **{unit: draw(_LIMITS)})
        for start in [0, *sorted({each for each in starts if each})]
    )


@st.composite
def placed(draw):
    kind = draw(st.sampled_from(Kind))
    purpose = draw(
        st.sampled_from(
            [Purpose.STATION_MAX, Purpose.TX_DEFAULT, Purpose.TX, Purpose.EXTERNAL_CONSTRAINTS]
        )
    )
    schedule = Schedule(
        periods=draw(periods()),
        starts_at=None if kind is Kind.RELATIVE else draw(st.none() | _TIMES),
        duration_s=draw(st.none() | _SECONDS),
    )
    return Placed(
        draw(st.sampled_from([None, 1, 2])),
        ChargingProfile(
            id=1,
            purpose=purpose,
            kind=kind,
            stack_level=draw(st.integers(0, 2)),
            recurrency=draw(st.sampled_from(Recurrency)) if kind is Kind.RECURRING else None,
            valid_from=draw(st.none() | _TIMES),
            valid_to=draw(st.none() | _TIMES),
            transaction=draw(st.sampled_from([None, REF, TransactionRef("tx-2")])),
            schedules=(schedule,),
        ),
    )


def plainly(each, now, since, unit):
    """The limit of one profile at one moment, as one reads the specification."""
    profile, schedule = each.profile, each.profile.schedule
    if profile.valid_from is not None and now < profile.valid_from:
        return None
    if profile.valid_to is not None and now >= profile.valid_to:
        return None
    begins = since if profile.kind is Kind.RELATIVE else schedule.starts_at or since
    if now < begins:
        return None
    if profile.kind is Kind.RECURRING:
        turn = timedelta(days=1 if profile.recurrency is Recurrency.DAILY else 7)
        while begins + turn <= now:
            begins += turn
    elapsed = (now - begins).total_seconds()
    if schedule.duration_s is not None and elapsed >= schedule.duration_s:
        return None
    period = [each for each in schedule.periods if each.start_s <= elapsed][-1]
    watts_of_an_ampere = 230 * (period.phases or 3)
    if period.unit is unit:
        return period.limit
    if unit is RateUnit.W:
        return period.limit * watts_of_an_ampere
    return round(period.limit / watts_of_an_ampere, 3)


def brute(profiles, now, since, unit):
    """The limit of EVSE 1, by going through every profile."""

    def leading(which):
        said = [(each, plainly(each, now, since[each.profile.purpose], unit)) for each in which]
        said = [(each, limit) for each, limit in said if limit is not None]
        said.sort(key=lambda pair: (-pair[0].profile.stack_level, pair[0].evse is None))
        return said[0][1] if said else None

    def of(purpose, places):
        return [p for p in profiles if p.profile.purpose is purpose and p.evse in places]

    tx = leading([p for p in of(Purpose.TX, {1}) if p.profile.transaction in {None, REF}])
    limits = [
        leading(of(Purpose.STATION_MAX, {None})),
        leading(of(Purpose.EXTERNAL_CONSTRAINTS, {None})),
        leading(of(Purpose.EXTERNAL_CONSTRAINTS, {1})),
        tx if tx is not None else leading(of(Purpose.TX_DEFAULT, {None, 1})),
    ]
    return min((limit for limit in limits if limit is not None), default=None)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(placed(), max_size=6),
    st.integers(-DAY, DAY),
    st.sampled_from(RateUnit),
    st.lists(st.integers(0, 3 * DAY - 1), max_size=20),
)
def test_at_every_instant_it_is_what_each_profile_says(profiles, offset, unit, instants):
    running = Running(REF, NOON)
    start = at(offset)
    found = composite(profiles, EVSE, start, 3 * DAY, unit=unit, supply=SUPPLY, running=running)
    since = dict.fromkeys(Purpose, NOON)
    since[Purpose.STATION_MAX] = start
    since[Purpose.EXTERNAL_CONSTRAINTS] = start  # of the station: a limit of no transaction
    here = [
        p for p in profiles if p.profile.purpose is Purpose.EXTERNAL_CONSTRAINTS and p.evse == 1
    ]
    edges = {int(step.start_s) for step in found.steps}

    for second in {*instants, *edges, *(edge - 1 for edge in edges if edge)}:
        now = start + timedelta(seconds=second)
        others = [p for p in profiles if p not in here]
        own = dict(since)
        own[Purpose.EXTERNAL_CONSTRAINTS] = NOON
        expected = [brute(others, now, since, unit), brute(here, now, own, unit)]
        assert limit_of(found.steps, second) == min(
            (limit for limit in expected if limit is not None), default=None
        )


@settings(max_examples=60, deadline=None)
@given(st.lists(placed(), max_size=5), placed())
def test_it_is_never_above_the_limit_of_the_station(profiles, most):
    """K08.FR.04, whatever else there is."""
    limit = Placed(None, structs.replace(
        most.profile, purpose=Purpose.STATION_MAX, stack_level=9, kind=Kind.ABSOLUTE,
        schedules=(structs.replace(most.profile.schedule, starts_at=NOON),),
    ))  # fmt: skip

    found = composite([*profiles, limit], EVSE, NOON, 2 * DAY, unit=RateUnit.W, supply=SUPPLY)
    alone = composite([limit], EVSE, NOON, 2 * DAY, unit=RateUnit.W, supply=SUPPLY)

    assert within(found.steps, alone)
