"""Which reservation a transaction uses that names none."""

from datetime import UTC, datetime, timedelta

import pytest

from voltkeep.domain.identity import Evse, IdToken, station_id
from voltkeep.domain.reservations import (
    OPEN_RESERVATIONS,
    Reservation,
    ReservationState,
    claimed_by,
    state_said,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HERE = Evse(1, 1)
CARD, OTHER = IdToken("CARD"), IdToken("OTHER")


def reservation(id="1", **changes):
    values = {
        "station": station_id("CS-1"),
        "state": ReservationState.ACTIVE,
        "at": NOON,
        "evse": Evse(1),
        "id_token": CARD,
        "expires_at": NOON + timedelta(hours=1),
        "requested_at": NOON,
    }
    return Reservation(id=id, **(values | changes))


def used(*reservations, id_token=CARD, group=None, evse=HERE, at=NOON):
    found = claimed_by(reservations, id_token=id_token, group=group, evse=evse, at=at)
    return found and found.id


def test_the_one_for_this_evse_comes_before_one_for_any():
    assert used(reservation("any", evse=None), reservation("this")) == "this"
    assert used(reservation("any", evse=None), reservation("that", evse=Evse(2))) == "any"
    assert used(reservation("that", evse=Evse(2))) is None
    assert used(reservation("that"), evse=None) is None


def test_the_tokens_own_comes_before_its_groups():
    groups = reservation("groups", id_token=OTHER, group="Family")

    assert used(groups, reservation("own"), group="FAMILY") == "own"
    assert used(groups, group="FAMILY") == "groups"
    assert used(groups, group="OTHERS") is None
    assert used(groups) is None
    assert used(reservation("own"), id_token=IdToken("card", "Central")) == "own"


def test_of_several_the_first_to_end_is_used():
    sooner = reservation("sooner", expires_at=NOON + timedelta(minutes=1))

    assert used(reservation("later"), sooner) == "sooner"
    assert used(reservation("later"), sooner, at=NOON + timedelta(minutes=2)) == "later"


@pytest.mark.parametrize("state", ReservationState)
def test_only_an_open_one_is_used(state):
    assert (used(reservation(state=state)) is not None) == (state in OPEN_RESERVATIONS)


def test_a_word_that_nobody_knows_means_nothing():
    assert state_said("Evaporated") is None
    assert state_said("Removed") is ReservationState.REMOVED
