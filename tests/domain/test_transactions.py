"""A transaction takes updates in any order, and numbers cannot be guessed."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltkeep.domain.availability import ChargingState
from voltkeep.domain.identity import Evse, IdToken, TransactionRef, station_id
from voltkeep.domain.meter_values import MeterValue
from voltkeep.domain.transactions import Phase, Transaction, TransactionUpdate, transaction_number

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
REF = TransactionRef("7")


def after(minutes):
    return NOON + timedelta(minutes=minutes)


def metered(minutes, energy):
    return MeterValue(at=after(minutes), energy_wh=energy)


STORY = (
    TransactionUpdate(
        phase=Phase.STARTED,
        at=NOON,
        ref=REF,
        seq_no=0,
        evse=Evse(1, 1),
        id_token=IdToken("CARD"),
        values=(metered(0, 1000.0),),
        charging_state=ChargingState.EV_CONNECTED,
    ),
    TransactionUpdate(
        phase=Phase.UPDATED,
        at=after(10),
        ref=REF,
        seq_no=1,
        values=(metered(10, 2500.0),),
        charging_state=ChargingState.CHARGING,
    ),
    TransactionUpdate(
        phase=Phase.ENDED,
        at=after(30),
        ref=REF,
        seq_no=2,
        values=(metered(30, 5200.0),),
        stop_reason="EVDisconnected",
    ),
)


def opened():
    return Transaction(station=station_id("CS-1"), ref=REF, first_heard_at=NOON, last_heard_at=NOON)


@pytest.mark.parametrize("order", list(itertools.permutations(STORY)))
def test_the_order_of_news_changes_nothing_that_is_billed(order):
    """E04: what was queued offline may arrive after what was said live."""
    transaction = opened()

    for update in order:
        transaction.apply(update, NOON)

    assert (transaction.started_at, transaction.ended_at) == (NOON, after(30))
    assert (transaction.meter_start_wh, transaction.meter_stop_wh) == (1000.0, 5200.0)
    assert transaction.energy_wh == 4200.0
    assert transaction.id_token == IdToken("CARD")
    assert transaction.evse == Evse(1, 1)
    assert transaction.stop_reason == "EVDisconnected"


def test_a_transaction_whose_start_was_never_heard_is_an_orphan():
    transaction = opened()

    transaction.apply(STORY[-1], NOON)

    assert transaction.is_orphan
    assert not transaction.is_active
    assert transaction.energy_wh is None


def test_the_first_of_two_ends_counts():
    transaction = opened()
    for update in STORY:
        transaction.apply(update, NOON)

    again = TransactionUpdate(phase=Phase.ENDED, at=after(50), ref=REF, stop_reason="Other")
    transaction.apply(again, NOON)

    assert (transaction.ended_at, transaction.stop_reason) == (after(30), "EVDisconnected")


def test_a_repeated_start_is_known_by_all_that_it_says():
    """1.6: (EVSE, token, time, meter), and a token's case is no difference."""

    def start(**changes):
        said = {"evse": Evse(1, 1), "at": NOON, "id_token": IdToken("CARD"), "meter_wh": 5.0}
        return TransactionUpdate(phase=Phase.STARTED, **said | changes).start_key

    assert start() == start(id_token=IdToken("card"))
    assert start() not in {
        start(evse=Evse(2, 1)),
        start(at=after(1)),
        start(id_token=IdToken("OTHER")),
        start(meter_wh=6.0),
    }


KEY = b"k" * 32


@given(st.sets(st.integers(1, 2**31 - 1), min_size=2, max_size=20))
def test_different_sequences_never_give_the_same_number(sequences):
    numbers = {transaction_number(sequence, KEY) for sequence in sequences}

    assert len(numbers) == len(sequences)
    assert all(0 < number < 2**31 for number in numbers)


def test_numbers_of_two_installations_differ():
    assert transaction_number(1, KEY) != transaction_number(1, b"other" * 6)


@pytest.mark.parametrize("sequence", [0, -1, 2**31])
def test_a_sequence_outside_its_range_is_an_error(sequence):
    with pytest.raises(OverflowError):
        transaction_number(sequence, KEY)
