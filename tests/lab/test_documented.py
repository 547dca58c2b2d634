"""The page that tells programs what a report holds leaves nothing out."""

import re
from pathlib import Path

import pytest
from msgspec import structs

from voltkeep.lab.plan import Product
from voltkeep.lab.report.model import (
    FORMAT,
    CaseReport,
    Count,
    Functionality,
    OnProfile,
    Outcome,
    Report,
    Summary,
)
from voltkeep.lab.verdicts import Entry, Judgement, Kind, Verdict

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "lab-report.md"
STRUCTURES = (
    Report,
    Product,
    Summary,
    Functionality,
    Count,
    OnProfile,
    CaseReport,
    Judgement,
    Entry,
)

SPANS = set(re.findall(r"`([^`\n]+)`", PAGE.read_text()))


@pytest.mark.parametrize("structure", STRUCTURES, ids=lambda each: each.__name__)
def test_every_field_of_a_report_is_told(structure):
    assert {field.name for field in structs.fields(structure)} - SPANS == set()


@pytest.mark.parametrize("values", [Outcome, Verdict, Kind], ids=lambda each: each.__name__)
def test_every_value_of_a_choice_is_told(values):
    assert {each.value for each in values} - SPANS == set()


def test_the_format_that_is_told_is_the_one_that_is_written():
    row = next(line for line in PAGE.read_text().splitlines() if line.startswith("| `format`"))

    assert f"`{FORMAT}`" in row
