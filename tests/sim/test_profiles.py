"""Which limit the installed profiles make, and when it changes."""

import pytest

from voltkeep.ocpp.v21 import ChargingProfileKindEnum as Kind
from voltkeep.ocpp.v21 import ChargingProfilePurposeEnum as Purpose
from voltkeep.ocpp.v21 import ChargingRateUnitEnum as Unit
from voltkeep.ocpp.v21 import RecurrencyKindEnum as Recurrency
from voltkeep.sim.profiles import (
    UNLIMITED,
    Load,
    Period,
    Profile,
    Profiles,
    for_transaction,
    in_amperes,
)

NOON = 1_800_000_000.0
LOAD = Load(evse=1, phases=3, transaction="T1", began=NOON)


def profile(id=1, purpose=Purpose.TX_DEFAULT_PROFILE, periods=((0, 10_000),), **fields):
    fields = {"kind": Kind.ABSOLUTE, "starts": NOON, "unit": Unit.W, "stack_level": 0} | fields
    return Profile(
        id=id, purpose=purpose, periods=tuple(Period(*period) for period in periods), **fields
    )


def installed(*rows):
    profiles = Profiles()
    for row in rows:
        profiles.install(row)
    return profiles


def test_without_profiles_there_is_no_limit():
    assert Profiles().limit_w(LOAD, NOON) == UNLIMITED


def test_periods_follow_each_other_until_the_duration_is_over():
    """K01.FR.11, K01.FR.12."""
    profiles = installed(profile(periods=((0, 1), (60, 2), (120, 3)), duration=150))

    limits = [profiles.limit_w(LOAD, NOON + at) for at in (-1, 0, 59, 60, 149, 150)]

    assert limits == [UNLIMITED, 1, 1, 2, 3, UNLIMITED]


def test_amperes_are_per_phase_and_over_three_where_none_is_said():
    """1.6 errata 3.69; K01.FR.49, K01.FR.51."""
    three = installed(profile(unit=Unit.A, periods=((0, 16),)))
    one = installed(profile(unit=Unit.A, periods=((0, 16, 1),)))

    assert three.limit_w(LOAD, NOON) == 16 * 230 * 3
    assert one.limit_w(LOAD, NOON) == 16 * 230
    assert three.limit_w(LOAD._replace(phases=1), NOON) == 16 * 230


def test_a_higher_stack_level_overrules_while_it_says_something():
    """K01.FR.17."""
    profiles = installed(
        profile(1, periods=((0, 1_000),), stack_level=0),
        profile(2, periods=((0, 9_000),), stack_level=5, duration=60),
    )

    assert profiles.limit_w(LOAD, NOON) == 9_000
    assert profiles.limit_w(LOAD, NOON + 60) == 1_000


def test_a_transactions_own_profile_overrules_the_default():
    profiles = installed(
        profile(1, periods=((0, 1_000),)),
        profile(2, Purpose.TX_PROFILE, ((0, 5_000),), transaction="T1", evse=1),
        profile(3, Purpose.TX_PROFILE, ((0, 7_000),), transaction="T2", evse=1, stack_level=9),
    )

    assert profiles.limit_w(LOAD, NOON) == 5_000
    profiles.forget_transaction("T1")
    assert profiles.limit_w(LOAD, NOON) == 1_000


def test_the_stations_limit_is_shared_and_never_exceeded():
    profiles = installed(
        profile(1, periods=((0, 20_000),)),
        profile(2, Purpose.CHARGING_STATION_MAX_PROFILE, ((0, 22_000),)),
    )

    assert profiles.limit_w(LOAD, NOON) == 20_000
    assert profiles.limit_w(LOAD._replace(sharing=2), NOON) == 11_000


def test_a_default_of_another_outlet_does_not_matter():
    assert installed(profile(evse=2)).limit_w(LOAD, NOON) == UNLIMITED


def test_a_relative_schedule_begins_with_its_transaction():
    profiles = installed(profile(kind=Kind.RELATIVE, starts=None, periods=((0, 1_000), (600, 500))))
    late = LOAD._replace(began=NOON + 300)

    assert profiles.limit_w(late, NOON + 300) == 1_000
    assert profiles.limit_w(late, NOON + 900) == 500
    assert profiles.limit_w(late._replace(began=None), NOON) == UNLIMITED


@pytest.mark.parametrize(("recurrency", "days"), [(Recurrency.DAILY, 1), (Recurrency.WEEKLY, 7)])
def test_a_recurring_schedule_comes_again(recurrency, days):
    nightly = profile(
        kind=Kind.RECURRING, recurrency=recurrency, periods=((0, 3_000),), duration=3_600
    )
    profiles = installed(nightly)
    later = NOON + days * 86_400

    assert profiles.limit_w(LOAD, later) == 3_000
    assert profiles.limit_w(LOAD, later + 3_599) == 3_000
    assert profiles.limit_w(LOAD, later + 3_600) == UNLIMITED
    assert profiles.limit_w(LOAD, later - 1) == UNLIMITED


def test_a_profile_is_valid_from_and_to():
    """K01.FR.36, K01.FR.37."""
    profiles = installed(profile(valid_from=NOON + 10, valid_to=NOON + 20))

    limits = [profiles.limit_w(LOAD, NOON + at) for at in (9, 10, 19, 20)]

    assert limits == [UNLIMITED, 10_000, 10_000, UNLIMITED]


def test_a_profile_replaces_its_id_and_its_place():
    """K01.FR.05, K01.FR.06."""
    profiles = installed(profile(1), profile(1, stack_level=4), profile(2, stack_level=4))

    assert [(p.id, p.stack_level) for p in profiles] == [(2, 4)]
    assert profiles.clear(lambda p: p.id == 2) == 1
    assert len(profiles) == 0


def test_a_brought_profile_is_given_its_transaction():
    own = for_transaction(profile(purpose=Purpose.TX_PROFILE), "T1", 1)

    assert installed(own).limit_w(LOAD, NOON) == 10_000
    assert installed(own).limit_w(LOAD._replace(transaction="T2"), NOON) == UNLIMITED


def test_the_composite_changes_where_any_profile_does():
    profiles = installed(
        profile(1, periods=((0, 9_000), (600, 4_000), (1_200, 9_000))),
        profile(
            2,
            Purpose.CHARGING_STATION_MAX_PROFILE,
            ((0, 6_000),),
            valid_from=NOON + 300,
            valid_to=NOON + 1_500,
        ),
    )

    composite = profiles.composite(LOAD, NOON, 1_800, most_w=11_000)

    assert composite == [
        (0, 9_000, None),
        (300, 6_000, None),
        (600, 4_000, None),
        (1_200, 6_000, None),
        (1_500, 9_000, None),
    ]
    assert in_amperes(composite, LOAD)[2].limit == pytest.approx(5.8)


def test_the_composite_of_a_recurring_profile_has_each_round():
    nightly = profile(
        kind=Kind.RECURRING, recurrency=Recurrency.DAILY, periods=((0, 3_000),), duration=3_600
    )

    composite = installed(nightly).composite(LOAD, NOON, 2 * 86_400, most_w=11_000)

    assert [(p.start, p.limit) for p in composite] == [
        (0, 3_000),
        (3_600, 11_000),
        (86_400, 3_000),
        (90_000, 11_000),
    ]


def test_a_recurring_schedule_does_not_begin_before_its_first_round():
    """K01.FR.30."""
    nightly = profile(kind=Kind.RECURRING, recurrency=Recurrency.DAILY, starts=NOON + 86_400)

    assert installed(nightly).limit_w(LOAD, NOON) == UNLIMITED
    assert installed(nightly).limit_w(LOAD, NOON + 86_400) == 10_000
    assert [p.start for p in installed(nightly).composite(LOAD, NOON, 3 * 86_400, 11_000)] == [
        0,
        86_400,
    ]
