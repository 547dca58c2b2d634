"""Values on their way into a database and back."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contract import samples

from voltkeep.domain.meter_values import MeterValue
from voltkeep.store import meter_values
from voltkeep.store.columns import from_micros, micros, storable

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(
    st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=ZONES)  # noqa: DTZ001  # bounds are naive here
)
def test_a_time_comes_back_exactly_and_in_utc(at):
    back = from_micros(micros(at))

    assert back == at
    assert back.tzinfo is UTC


@given(st.lists(st.datetimes(datetime(2, 1, 1), timezones=ZONES), max_size=5))  # noqa: DTZ001  # bounds are naive here
def test_times_sort_as_the_numbers_they_are_stored_as(times):
    ordered = sorted(at for at in times if at.year < 9999)

    assert [micros(at) for at in ordered] == sorted(micros(at) for at in ordered)


def test_a_time_without_a_zone_is_refused():
    naive = samples.NOON.replace(tzinfo=None)
    with pytest.raises(ValueError, match="time zone"):
        micros(naive)


@given(st.text(st.characters(codec=None)))
def test_any_text_can_be_stored(text):
    stored = storable(text)

    assert "\0" not in stored
    stored.encode()
    assert storable(stored) == stored
    if "\0" not in text and text.isprintable():
        assert stored == text


@given(st.binary(), st.binary())
def test_a_digest_is_a_signed_64_bit_number_of_what_was_read(one, other):
    first, second = (
        meter_values.digest(MeterValue(at=samples.NOON, raw=raw)) for raw in (one, other)
    )

    assert -(2**63) <= first < 2**63
    assert (first == second) == (one == other)
