"""How far a status can be believed, and when what was wanted is done."""

from datetime import UTC, datetime, timedelta

import pytest

from voltkeep.domain.availability import (
    AvailabilityWish,
    ConnectorStatus,
    Doubt,
    StatusUpdate,
    WishState,
    differs,
    freshness,
    is_fulfilled,
    place_id,
)
from voltkeep.domain.identity import Evse, station_id
from voltkeep.domain.stations import Station

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
CS = station_id("CS-1")


def after(minutes):
    return NOON + timedelta(minutes=minutes)


def station(**values):
    return Station(id=CS, created_at=NOON - DAY, **({"connected_at": after(-60)} | values))


@pytest.mark.parametrize(
    ("heard", "values", "patience", "since", "doubt"),
    [
        (0, {}, DAY, None, None),
        (0, {"disconnected_at": after(5)}, DAY, after(5), Doubt.DISCONNECTED),
        (0, {"disconnected_at": after(-5)}, DAY, NOON, Doubt.DISCONNECTED),
        (0, {"connected_at": None}, DAY, NOON, Doubt.DISCONNECTED),
        (0, {"booted_at": after(5)}, DAY, after(5), Doubt.RESTARTED),
        (0, {"booted_at": after(-5)}, DAY, None, None),
        (0, {}, timedelta(minutes=5), after(5), Doubt.OLD),
        (0, {}, None, None, None),
        (0, {"disconnected_at": after(7), "booted_at": after(3)}, DAY, after(3), Doubt.RESTARTED),
        (0, {"disconnected_at": after(-70)}, DAY, None, None),  # and has come back
    ],
)
def test_a_status_is_stale_from_the_first_doubt_on(heard, values, patience, since, doubt):
    found = freshness(after(heard), station(**values), after(10), patience)
    assert (found.age, found.stale_since, found.doubt) == (timedelta(minutes=10), since, doubt)


def test_no_age_is_negative():
    assert freshness(after(5), station(), NOON, DAY).age == timedelta()


def wish(evse=None, *, operative=False, **values):
    defaults = {"state": WishState.SCHEDULED, "at": NOON, "asked_at": NOON, "asked_by": "alice"}
    return AvailabilityWish(
        station=CS, id=place_id(evse), operative=operative, evse=evse, **(defaults | values)
    )


def said(word, evse=None, minutes=1):
    update = StatusUpdate(
        evse=evse, status=ConnectorStatus(word), raw_status=word, at=after(minutes)
    )
    return update, after(minutes)


ONE, TWO = Evse(1, 1), Evse(2, 1)


@pytest.mark.parametrize(
    ("wanted", "told", "done"),
    [
        (wish(ONE), [said("Unavailable", ONE)], True),
        (wish(ONE), [said("Unavailable", ONE, -1)], False),  # said before it was asked
        (wish(ONE), [said("Faulted", ONE)], False),
        (wish(ONE), [said("Unavailable", TWO)], False),
        (wish(ONE), [], False),
        (wish(Evse(1)), [said("Unavailable", ONE), said("Occupied", Evse(1, 2))], False),
        (wish(Evse(1)), [said("Unavailable", ONE), said("Unavailable", Evse(1, 2), -9)], True),
        (wish(Evse(1, 2)), [said("Unavailable", ONE), said("Occupied", Evse(1, 2))], False),
        (wish(Evse(1, 2)), [said("Unavailable", Evse(1))], True),
        (wish(), [said("Unavailable", ONE), said("Unavailable", TWO, -5)], True),
        (wish(), [said("Unavailable", ONE), said("Occupied", TWO)], False),
        (wish(), [said("Available"), said("Unavailable", ONE)], False),  # 1.6 tells of the whole
        (wish(), [said("Unavailable"), said("Faulted", ONE)], True),
        (wish(ONE, operative=True), [said("Occupied", ONE)], True),
        (wish(ONE, operative=True), [said("Unavailable", ONE)], False),
    ],
)
def test_what_was_wanted_is_done_once_the_station_says_so(wanted, told, done):
    assert is_fulfilled(wanted, told) is done


def test_a_place_differs_that_says_otherwise_after_it_was_done():
    done = wish(ONE, state=WishState.DONE)
    assert differs(done, [said("Available", ONE)])
    assert not differs(done, [said("Available", ONE, -1)])
    assert not differs(done, [said("Unavailable", ONE)])
    assert not differs(wish(ONE), [said("Available", ONE)])


def test_each_place_has_a_name_of_its_own():
    assert [place_id(each) for each in (None, Evse(1), Evse(1, 2))] == ["station", "1", "1.2"]
