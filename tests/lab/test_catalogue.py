"""The cases: all of OCA's list, each in its file, and each saying what it is for."""

import ast
import inspect
from pathlib import Path

import pytest

from voltkeep.lab.case import (
    EVERY_PROFILE,
    OVER_TLS,
    WITH_CERTIFICATE,
    WITH_PASSWORD,
    Functionality,
)
from voltkeep.lab.ocpp16 import cases
from voltkeep.lab.ocpp16.catalogue import catalogue

OFFICIAL = {
    Functionality.CORE: """
        001 003 004_1 004_2 005_1 007 061 010 011_1 011_2 012 026 028 013 014 017_1 017_2 018_1
        030 031 019_1 019_2 021 040_1 040_2 023_1 023_2 023_3 024 032_1 037_1 037_3 039 064
    """,
    Functionality.LOCAL_AUTH_LIST: "042_1 042_2 043_1 043_3 043_4 043_5",
    Functionality.FIRMWARE_MANAGEMENT: "044_1 044_2 044_3 045_1 045_2",
    Functionality.RESERVATION: "046 047 048_1 048_2 048_3 048_4 049 051 052 053",
    Functionality.REMOTE_TRIGGER: "054 055",
    Functionality.SMART_CHARGING: "056 057 059 066 067",
    Functionality.SECURITY: """
        073 074 075_1 075_2 076 077 078 079 080 081 083 085 086 087 088
    """,
}
FUNCTIONALITY = {
    f"TC_{number}": functionality
    for functionality, numbers in OFFICIAL.items()
    for number in numbers.split()
}
PROFILES = {
    "TC_073": WITH_PASSWORD,
    "TC_074": WITH_CERTIFICATE,
    "TC_075_1": OVER_TLS,
    "TC_075_2": OVER_TLS,
    "TC_077": WITH_CERTIFICATE,
    "TC_078": OVER_TLS,
    "TC_083": WITH_PASSWORD,  # raised from 1 to 2, and from 2 to 3
    "TC_085": WITH_PASSWORD,
    "TC_086": OVER_TLS,
    "TC_087": WITH_CERTIFICATE,
}
FOLDER = Path(cases.__path__[0])

each = pytest.mark.parametrize("case", catalogue(), ids=lambda case: case.id)


def test_the_cases_are_those_of_the_list():
    assert len(FUNCTIONALITY) == 77
    assert {case.id for case in catalogue() if case.official} == set(FUNCTIONALITY)


def test_an_id_is_given_once():
    ids = [case.id for case in catalogue()]

    assert len(ids) == len(set(ids))


def test_ours_come_after_those_of_the_list():
    order = [case.official for case in catalogue()]

    assert order == sorted(order, reverse=True)


def test_every_file_holds_the_case_that_it_is_named_after():
    named = {path.stem for path in FOLDER.glob("*.py")} - {"__init__"}

    assert named == {case.id.lower() for case in catalogue()}


@each
def test_a_case_is_played_by_the_file_of_its_name(case):
    assert Path(inspect.getfile(case.script)).stem == case.id.lower()
    assert case.id.startswith("TC_" if case.official else "LAB_")


@each
def test_a_case_says_what_it_is_for_and_where_that_is_said(case):
    assert case.name
    assert case.purpose.endswith(".")
    assert case.purpose[0].isupper()
    assert "OCPP" in case.source or "whitepaper" in case.source


@each
def test_a_case_has_steps_that_a_test_engineer_can_read(case):
    tree = ast.parse(inspect.getsource(inspect.getmodule(case.script)))
    given = [
        node.args[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "step"
    ]

    assert len(case.steps) >= 2
    assert all(isinstance(step, ast.Constant | ast.JoinedStr) for step in given)
    assert all(step[0].isupper() and not step.endswith(".") for step in case.steps)


@each
def test_a_case_is_of_a_functionality_and_of_the_profiles_it_applies_to(case):
    if case.official:
        assert case.functionality is FUNCTIONALITY[case.id]
        assert case.profiles == PROFILES.get(case.id, EVERY_PROFILE)
    assert set(case.profiles) <= set(EVERY_PROFILE)
    assert case.profiles
