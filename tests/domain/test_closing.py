"""What tells that an open transaction cannot be running any more."""

from datetime import UTC, datetime, timedelta

import pytest

from voltkeep.domain.availability import ConnectorStatus, StatusUpdate
from voltkeep.domain.closing import Evidence, Surroundings, evidence
from voltkeep.domain.identity import Evse, TransactionRef, station_id
from voltkeep.domain.stations import Station
from voltkeep.domain.transactions import Closing, Phase, Transaction, TransactionUpdate

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
PATIENCE = timedelta(hours=12)
CS = station_id("CS-1")


def after(minutes):
    return NOON + timedelta(minutes=minutes)


def transaction(ref="old", minutes=0, **values):
    defaults = {
        "evse": Evse(1, 1),
        "started_at": after(minutes),
        "first_heard_at": after(minutes),
        "last_heard_at": after(minutes),
    }
    return Transaction(station=CS, ref=TransactionRef(ref), **(defaults | values))


ONE = Evse(1, 1)


def connector(word, minutes, evse=ONE):
    update = StatusUpdate(
        evse=evse, status=ConnectorStatus(word), raw_status=word, at=after(minutes)
    )
    return update, after(minutes)


def around(station=None, *connectors, newer=None, metered=None):
    return Surroundings(
        station=station, connectors=connectors, newer=newer, last_metered_at=metered
    )


def here(**values):
    return Station(id=CS, created_at=NOON, **({"connected_at": after(-60)} | values))


def judged(surroundings, minutes, **values):
    found = evidence(transaction(**values), surroundings, after(minutes), PATIENCE)
    return found and found[0]


def test_a_newer_transaction_on_the_evse_tells():
    newer = around(here(), newer=transaction("new", 30))
    assert judged(newer, 60) is Evidence.NEWER
    assert judged(newer, 40) is None  # the end may be on its way


def test_a_transaction_that_was_only_told_later_is_not_newer():
    late = transaction("new", 30, started_at=after(-90))
    assert judged(around(here(), newer=late), 60) is None


def test_an_evse_that_says_available_tells():
    free = around(here(), connector("Available", 30))
    assert judged(free, 60) is Evidence.AVAILABLE
    assert judged(free, 40) is None
    assert judged(around(here(), connector("Available", -1)), 60) is None  # before it began
    assert judged(around(here(), connector("Occupied", 30)), 60) is None
    assert judged(around(here(), connector("Available", 30, Evse(2, 1))), 60) is None


def test_an_evse_of_two_plugs_is_available_when_both_are():
    plugs = (connector("Available", 30), connector("Occupied", 30, Evse(1, 2)))
    assert judged(around(here(), *plugs), 60, evse=Evse(1)) is None
    assert judged(around(here(), *plugs), 60) is Evidence.AVAILABLE


def test_what_was_metered_since_speaks_against_it():
    assert judged(around(here(), connector("Available", 30), metered=after(31)), 60) is None


@pytest.mark.parametrize(
    ("station", "found"),
    [
        (None, Evidence.REMOVED),
        (here(disconnected_at=after(5)), Evidence.OFFLINE),
        (here(booted_at=after(5)), Evidence.RESTARTED),
        (here(booted_at=after(-5)), None),
        (here(), None),  # it charges slowly, and says nothing
    ],
)
def test_silence_tells_if_the_station_is_gone_or_has_started_anew(station, found):
    assert judged(around(station), 13 * 60) is found
    assert judged(around(station), 11 * 60) is None
    assert judged(around(station, metered=after(2 * 60)), 13 * 60) is None


def test_what_is_over_is_not_unended():
    newer = around(here(), newer=transaction("new", 30))
    closing = Closing(at=after(1), by="alice", reason="", as_of=NOON, meter_wh=None)
    assert judged(newer, 60, ended_at=after(1)) is None
    assert judged(newer, 60, closing=closing) is None


def test_the_word_of_the_station_counts_more_than_a_closing():
    closing = Closing(at=after(60), by="alice", reason="", as_of=after(50), meter_wh=3000.0)
    one = transaction(meter_start_wh=1000.0, closing=closing)
    assert (one.is_active, one.over_at, one.energy_wh) == (False, after(50), 2000.0)

    end = TransactionUpdate(phase=Phase.ENDED, at=after(90), meter_wh=5200.0)
    one.apply(end, after(91))
    assert (one.over_at, one.energy_wh, one.closing) == (after(90), 4200.0, closing)
