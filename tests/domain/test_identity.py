"""Names of stations and tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltkeep.domain.identity import BadName, IdToken, StationId, parse_station, station_id


@pytest.mark.parametrize("name", ["CP-1", "RDAM 123", "a", "x" * 48, "A:B@c|d", "+1=2_~#()*."])
def test_a_name_that_an_address_can_carry(name):
    assert station_id(name) == StationId("default", name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " a",
        "a ",
        ".",
        "..",
        "a/b",
        "x" * 49,
        "a\n",
        "a\x00",
        "ä",
        "a\u202eb",
        "<script>",
        "a%b",
    ],
)
def test_a_name_that_would_be_a_disguise_is_refused(name):
    with pytest.raises(BadName):
        station_id(name)


@given(st.text(alphabet=st.characters(categories=["Cc", "Cf", "Zl", "Zp"]), min_size=1))
def test_a_bad_name_is_said_in_printable_words(name):
    with pytest.raises(BadName) as caught:
        station_id(name)

    assert str(caught.value).isprintable()


@pytest.mark.parametrize("text", ["CP-1", "acme/CP-1"])
def test_a_station_is_read_as_it_is_shown(text):
    assert str(parse_station(text)) == text


def test_tokens_compare_without_regard_to_case():
    """1.6 errata 3.74."""
    assert IdToken("AbC").key == IdToken("aBc", "Central").key
