"""Names of variables, and when two values mean the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltkeep.domain.configuration import same
from voltkeep.domain.dangers import danger_of
from voltkeep.domain.device_model import (
    OLDER,
    STANDARD,
    BadVariable,
    Characteristics,
    Component,
    Variable,
    VariableState,
    component,
    standard,
    variable,
)
from voltkeep.domain.identity import Evse

names = st.text(min_size=1, max_size=20).filter(lambda text: text == text.strip())
instances = st.text(max_size=20).filter(lambda text: text == text.strip())
evses = st.none() | st.builds(
    Evse, st.integers(1, 10**9 - 1), st.none() | st.integers(1, 10**9 - 1)
)


@given(names, instances, evses, names, instances)
def test_every_variable_has_a_name_that_can_be_typed(part, of, evse, name, instance):
    it = Variable(Component(part, of, evse), name, instance)

    assert variable(str(it)) == standard(it)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("heartbeatinterval", "OCPPCommCtrlr.HeartbeatInterval"),
        (f"{OLDER}.HeartbeatInterval", "OCPPCommCtrlr.HeartbeatInterval"),
        ("Pony", f"{OLDER}.Pony"),
        (f"{OLDER}.a.b[c]", f"{OLDER}.a.b[c]"),
        (" EVSE@2:1.Power[L1] ", "EVSE@2:1.Power[L1]"),
        ("EVSE@0.Power", "EVSE.Power"),
    ],
)
def test_a_variable_is_read_as_people_write_it(text, expected):
    assert str(variable(text)) == expected


@pytest.mark.parametrize("text", ["", " ", ".", "a.", ".b", "a[.b", "a@x.b", "a[].b", "a.b[]c"])
def test_what_is_no_variable_is_refused(text):
    with pytest.raises(BadVariable):
        variable(text)


def test_case_does_not_tell_variables_apart():
    assert variable("a[B]@1.C[d]").key == variable("A[b]@1.c[D]").key
    assert component("EVSE@1") == Component("EVSE", evse=Evse(1))


def test_no_two_keys_are_one_variable():
    assert len({each.key for each in STANDARD.values()}) == len(STANDARD)


@pytest.mark.parametrize(
    "name", ["AuthorizationKey", "basicauthpassword ", "Identity", "SecurityProfile"]
)
def test_what_would_part_a_station_from_us_is_known_in_any_spelling(name):
    assert danger_of(name) is not None
    assert danger_of("HeartbeatInterval") is None


@pytest.mark.parametrize(
    ("said", "wanted", "expected"),
    [
        ("60", "60", True),
        (" 60 ", "60.0", True),
        ("60", "61", False),
        ("TRUE", "true", True),
        ("true", "false", False),
        ("a, b", "a,b", True),
        ("a,b", "b,a", False),
        ("Text", "text", False),
        ("", "0", False),
        ("nan", "nan", True),
        ("NaN", "1", False),
        ("sNaN", "1", False),
        (None, "", False),
    ],
)
def test_values_mean_the_same_however_they_are_written(said, wanted, expected):
    assert same(said, wanted) is expected


def test_the_order_of_a_set_means_nothing():
    of = Characteristics(data_type="MemberList")
    state = VariableState(name="V", at=None, characteristics=of)

    assert same("a,b", "b, a", state)
    assert not same("a,a", "a,b", state)
