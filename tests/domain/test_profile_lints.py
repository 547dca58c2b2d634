"""What is said of a charging profile before it is sent: each finding has its rule."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec import ValidationError, convert, structs

from voltkeep.domain.identity import Evse, TransactionRef, station_id
from voltkeep.domain.profile_lints import lint
from voltkeep.domain.smart_charging import (
    LIVE,
    UNCLAIMED,
    ChargingProfile,
    HeldProfile,
    Kind,
    Period,
    ProfileCriteria,
    ProfileState,
    Purpose,
    Recurrency,
    Schedule,
    ends_at,
    readable,
    replaces,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
REF = TransactionRef("7")


def schedule(*starts, limit=16.0, **fields):
    periods = tuple(Period(start_s=start, limit_a=limit) for start in starts or (0,))
    return Schedule(**({"starts_at": NOON, "periods": periods} | fields))


def profile(**fields):
    return ChargingProfile(
        **({"id": 1, "purpose": Purpose.TX_DEFAULT, "schedules": (schedule(),)} | fields)
    )


def held(of=None, evse=None, state=ProfileState.ACCEPTED, **fields):
    of = of or profile()
    values = {
        "id": f"record-{of.id}",
        "profile_id": of.id,
        "purpose": of.purpose,
        "stack_level": of.stack_level,
        "transaction": of.transaction,
        "at": NOON,
    }
    place = None if evse is None else Evse(evse)
    return HeldProfile(
        station=station_id("CS-1"), state=state, evse=place, profile=of, **(values | fields)
    )


def found(of, evse=None, others=(), *, with_remote_start=False, blocking=True):
    rows = lint(held(of, evse), others, NOON, with_remote_start=with_remote_start)
    return [each.rule for each in rows if each.is_against_a_rule is blocking]


def test_a_sound_profile_has_no_findings():
    assert lint(held(profile()), [], NOON, with_remote_start=False) == ()


RELATIVE = {"kind": Kind.RELATIVE, "schedules": (schedule(starts_at=None),)}


@pytest.mark.parametrize(
    ("of", "evse", "rule"),
    [
        (profile(purpose=Purpose.EXTERNAL_CONSTRAINTS), None, "K01.FR.22"),
        (profile(purpose=Purpose.TX, transaction=REF), None, "K01.FR.16"),
        (profile(purpose=Purpose.TX), 1, "K01.FR.03"),
        (profile(purpose=Purpose.STATION_MAX), 1, "1.6 3.13.1"),
        (profile(transaction=REF), 1, "K01.FR.03"),
        (profile(schedules=(schedule(id=1), schedule(id=2))), 1, "K01.FR.34"),
        (profile(purpose=Purpose.STATION_MAX, **RELATIVE), None, "K01.FR.38"),
        (profile(kind=Kind.RECURRING), None, "1.6 7.8"),
        (profile(recurrency=Recurrency.DAILY), None, "1.6 errata 3.56"),
        (profile(valid_from=NOON, valid_to=NOON), None, "K01.FR.36, 37"),
        (profile(valid_to=NOON), None, "K01.FR.11, 37"),
        (profile(schedules=(schedule(starts_at=None),)), None, "K01.FR.40"),
        (profile(kind=Kind.RELATIVE), None, "K01.FR.41"),
        (profile(schedules=(schedule(1),)), None, "1.6 errata 3.45"),
        (profile(schedules=(schedule(0, 9, 9),)), None, "K01.FR.35"),
        (profile(schedules=(schedule(0, 60, duration_s=60),)), None, "K01.FR.11"),
        (profile(schedules=(schedule(limit=-1.0),)), None, "7.14"),
        (
            profile(schedules=(schedule(periods=(Period(limit_a=6.0, phase_to_use=1),)),)),
            None,
            "K01.FR.19",
        ),
    ],
)
def test_what_is_against_a_rule_has_to_be_forced(of, evse, rule):
    assert any(each.startswith(rule) for each in found(of, evse)), found(of, evse)


def test_a_remote_start_brings_a_profile_of_its_transaction_without_its_name():
    """1.6 errata 3.41."""
    own = profile(purpose=Purpose.TX, **RELATIVE)

    assert found(own, with_remote_start=True) == []
    assert len(found(profile(), with_remote_start=True)) == 1
    named = structs.replace(own, transaction=REF)
    assert found(named, with_remote_start=True) == ["1.6 errata 3.41"]


def test_what_may_be_misunderstood_is_said_and_sent():
    high = profile(stack_level=1)
    assert found(high, blocking=False) == ["1.6 errata 3.7"]
    assert found(profile(schedules=(schedule(limit=6.25),)), blocking=False) == ["1.6 7.14"]
    assert found(profile(schedules=(schedule(limit=3.0),)), blocking=False) == ["IEC 61851-1"]
    daily = profile(
        kind=Kind.RECURRING,
        recurrency=Recurrency.DAILY,
        schedules=(schedule(0, duration_s=90_000),),
    )
    assert found(daily, blocking=False) == ["1.6 errata 3.44"]


def test_others_of_its_place_are_told_of():
    there = held(profile(id=2))
    assert found(profile(), others=[there], blocking=False) == ["1.6 3.13.2, K01.FR.06, 39"]
    assert found(profile(), 1, [there], blocking=False) == ["K01.FR.52, 53"]
    assert found(profile(stack_level=0), None, [held(profile(id=2, stack_level=1))]) == []
    external = held(profile(purpose=Purpose.EXTERNAL_CONSTRAINTS))
    assert found(profile(), others=[external]) == ["K01.FR.05"]


# What replaces what, ends, and fits.


def test_a_profile_replaces_its_id_and_its_place():
    """1.6 3.13.2, K01.FR.05, 06."""
    new = held(profile(), id="new")

    assert replaces(new, held(profile(stack_level=9), 3), whenever_valid=False)
    assert replaces(new, held(profile(id=2)), whenever_valid=False)
    for other in (
        held(profile(id=2), 1),
        held(profile(id=2, stack_level=1)),
        held(profile(id=2, purpose=Purpose.STATION_MAX)),
        held(profile(id=1, purpose=Purpose.EXTERNAL_CONSTRAINTS)),
        new,
    ):
        assert not replaces(new, other, whenever_valid=True)


def test_one_that_is_valid_at_another_time_stays_but_in_1_6():
    new = held(profile(valid_from=NOON), id="new")
    old = held(profile(id=2, valid_to=NOON))

    assert not replaces(new, old, whenever_valid=False)
    assert replaces(new, old, whenever_valid=True)


def test_profiles_of_other_transactions_stay():
    """K01.FR.39."""
    new = held(profile(purpose=Purpose.TX, transaction=REF), 1, id="new")
    other = held(profile(id=2, purpose=Purpose.TX, transaction=TransactionRef("8")), 1)

    assert not replaces(new, other, whenever_valid=True)
    assert replaces(new, structs.replace(other, transaction=REF), whenever_valid=True)


def test_a_profile_is_over_when_it_can_say_nothing_more():
    lasts = profile(schedules=(schedule(duration_s=60),))
    end = NOON + timedelta(seconds=60)

    assert ends_at(lasts) == end
    assert ends_at(profile(valid_to=NOON)) == NOON
    assert ends_at(profile()) is None
    assert ends_at(structs.replace(lasts, kind=Kind.RECURRING)) is None
    late = schedule(starts_at=datetime(9999, 12, 31, tzinfo=UTC), duration_s=2**31 - 1)
    assert ends_at(profile(schedules=(late,))) is None
    assert held(lasts).as_of(end).state is ProfileState.EXPIRED
    assert held(lasts).as_of(NOON).state in LIVE
    assert held(lasts, state=ProfileState.CLEARED).as_of(end).state is ProfileState.CLEARED


def test_one_that_waits_for_its_transaction_does_not_wait_for_ever():
    waiting = held(profile(purpose=Purpose.TX), 1, remote_start_id=7, sent_at=NOON)

    assert waiting.as_of(NOON + UNCLAIMED).state is ProfileState.EXPIRED
    claimed = structs.replace(waiting, transaction=REF)
    assert claimed.as_of(NOON + UNCLAIMED).state is ProfileState.ACCEPTED


@pytest.mark.parametrize(
    ("criteria", "fits"),
    [
        (ProfileCriteria(), True),
        (ProfileCriteria(ids=(1, 9)), True),
        (ProfileCriteria(ids=(9,)), False),
        (ProfileCriteria(ids=(1,), stack_level=9), True),  # 1.6 errata 3.25
        (ProfileCriteria(stack_level=0, purpose=Purpose.TX_DEFAULT, evse=Evse(1)), True),
        (ProfileCriteria(stack_level=1, purpose=Purpose.TX_DEFAULT), False),
        (ProfileCriteria(purpose=Purpose.TX), False),
        (ProfileCriteria(evse=Evse(2)), False),
        (ProfileCriteria(whole_station=True), False),
        (ProfileCriteria(sources=("EMS",)), False),
        (ProfileCriteria(sources=("CSO", "EMS")), True),
    ],
)
def test_criteria_are_taken_together(criteria, fits):
    """1.6 errata 3.25, K10.FR.04."""
    assert criteria.fits(held(profile(), 1)) is fits


def test_what_makes_no_sense_cannot_be_said():
    nonsense: list[dict[str, object]] = [
        {"periods": []},
        {"periods": [{"limit_a": 1}, {"limit_w": 1}]},
        {"periods": [{"limit_a": 1}], "min_rate_w": 1},
        {"periods": [{"limit_a": 1, "start_s": -1}]},
        {"periods": [{}]},
    ]
    for wrong in nonsense:
        with pytest.raises(ValidationError):
            convert(wrong, Schedule)
    with pytest.raises(ValidationError):
        convert({"evse": {"id": 1}, "whole_station": True}, ProfileCriteria)


def test_a_time_without_a_zone_is_utc():
    local = profile(valid_from=datetime(2026, 1, 1, 12), schedules=(schedule(),))  # noqa: DTZ001  # that is the point

    assert local.with_utc().valid_from == NOON
    with pytest.raises(ValueError, match="9999"):
        profile(valid_from=datetime.fromisoformat("0001-01-01T00:00:00+14:00")).with_utc()


def test_a_profile_out_of_bounds_is_not_readable():
    """Whatever a station tells: what is stored can be read again."""
    assert readable(profile()) == profile()
    assert readable(profile(schedules=(schedule(-1),))) is None
    assert readable(profile(id=2**40)) is None
