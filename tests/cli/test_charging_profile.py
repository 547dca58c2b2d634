"""`voltkeep charging-profile`: limits from the command line."""

from datetime import UTC, datetime

import pytest

from voltkeep.domain.identity import Evse, station_id
from voltkeep.domain.smart_charging import (
    ChargingProfile,
    HeldProfile,
    Period,
    ProfileState,
    Purpose,
    Schedule,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
WORD = "charging-profile"


@pytest.fixture
def station(voltkeep):
    voltkeep.ok("station", "add", "CS-1")
    return voltkeep


def held(station, *limits, **fields):
    """A profile that the station has taken."""
    periods = tuple(Period(start_s=60 * n, limit_a=limit) for n, limit in enumerate(limits))
    profile = ChargingProfile(
        id=7, purpose=Purpose.TX_DEFAULT, schedules=(Schedule(starts_at=NOON, periods=periods),)
    )
    values = {"state": ProfileState.ACCEPTED, "evse": Evse(1), "profile": profile}
    record = HeldProfile(
        station=station_id("CS-1"),
        id="1",
        at=NOON,
        profile_id=7,
        purpose=profile.purpose,
        stack_level=0,
        **(values | fields),
    )

    async def put(app):
        async with app.store.begin() as work:
            await work.charging_profiles.put(record)

    station.inside(put)


def test_a_station_without_profiles_has_none(station):
    assert "No charging profile" in station.ok(WORD, "list", "CS-1").err
    assert station.ok(WORD, "list", "CS-1", "--json").json == []


def test_the_list_shows_what_limits_it(station):
    held(station, 16, 8, 6, 32)

    assert station.ok(WORD, "list", "CS-1").lines[1].split()[:6] == [
        *("7", "accepted", "TxDefaultProfile", "0", "1", "16A"),
    ]
    assert "16A 60:8A 120:6A …" in station.ok(WORD, "list", "CS-1").out
    assert station.ok(WORD, "list", "CS-1", "--json").json[0]["profile_id"] == 7


def test_what_is_over_is_shown_when_asked_for(station):
    held(station, 16, state=ProfileState.CLEARED, evse=None)

    assert station.ok(WORD, "list", "CS-1").lines == []
    assert station.ok(WORD, "list", "CS-1", "--all").lines[1].split()[:5] == [
        *("7", "cleared", "TxDefaultProfile", "0", "all"),
    ]


def test_what_it_comes_to_is_computed_without_asking(station):
    held(station, 16)

    asked = ("composite", "CS-1", "--evse", "1", "--local")
    assert station.ok(WORD, *asked, "--unit", "A").lines[1].split() == [
        *("0", "s", "not", "told", "16", "A"),
    ]
    told = station.ok(WORD, *asked, "--phases", "1", "--json").json
    assert told["computed"]["steps"] == [{"start_s": 0.0, "limit_w": 3680.0}]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["set", "CS-1"], "What is the limit?"),
        (["set", "CS-1", "--limit", "16"], "Not a limit: 16"),
        (["set", "CS-1", "--limit", "16A", "--limit", "60:5kW"], "in W or in A"),
        (["set", "CS-1", "--limit", "99999999999:6A"], "start_s"),
        (["set", "CS-1", "--limit", "16A", "--file", "x"], "What is the limit?"),
        (["set", "CS-1", "--file", "/nonexistent"], "cannot be read"),
        (["clear", "CS-1"], "Which profiles?"),
        (["clear", "CS-1", "--all", "--id", "1"], "Which profiles?"),
        (["clear", "CS-1", "--evse", "1", "--whole-station"], "Two places"),
    ],
)
def test_what_makes_no_sense_is_said_before_anybody_is_asked(station, words, said):
    failed = station(WORD, *words)

    assert failed.code == 2
    assert said in failed.err


def test_a_profile_of_a_file_is_checked(station):
    failed = station(WORD, "set", "CS-1", "--file", "-", typed='{"purpose": "TxProfile"}')

    assert failed.code == 2
    assert "schedules" in failed.err


def test_what_a_station_would_refuse_is_told_with_its_rule(station):
    failed = station(WORD, "set", "CS-1", "--evse", "1", "--purpose", "max", "--limit", "16A")

    assert failed.code != 0
    assert "1.6 3.13.1" in failed.err


def test_nothing_is_sent_to_a_station_that_is_not_there(station):
    assert station(WORD, "set", "CS-1", "--as", "weekly", "--limit", "1.5kW").code != 0

    (held,) = station.ok(WORD, "list", "CS-1", "--all", "--json").json
    assert (held["state"], held["profile"]["recurrency"]) == ("unsent", "Weekly")
    assert held["profile"]["schedules"][0]["periods"] == [{"limit_w": 1500.0}]
