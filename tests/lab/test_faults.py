"""The laboratory is tested: it passes a right CSMS, and catches every fault in a wrong one."""

from collections import Counter

import pytest

from tests.lab.csms.running import running
from tests.lab.fault import CASES, is_caught, judged
from tests.lab.faults import FAULTS
from voltkeep.lab.run import run
from voltkeep.lab.verdicts import Verdict

_GOOD = {Verdict.PASS, Verdict.NOT_APPLICABLE}


@pytest.mark.parametrize("profile", [1, 2, 3])
async def test_a_right_csms_passes_every_case(profile):
    async with running() as tested:
        judgements = await run(tested.plan, tested.driver, list(CASES.values()), [profile])

    assert len(judgements) == len(CASES)
    assert [each for each in judgements if each.verdict not in _GOOD] == []
    assert [(each.case, each.warnings) for each in judgements if each.warnings] == []


@pytest.mark.parametrize("fault", FAULTS, ids=str)
async def test_a_fault_is_caught_by_the_case_that_names_the_rule(fault):
    judgement = await judged(fault)

    assert is_caught(fault, judgement), f"{fault.spoil.__name__}: {judgement}"


def test_every_case_has_a_fault_that_it_must_catch():
    assert CASES.keys() - {each.case for each in FAULTS if not each.warned} == set()


def test_a_fault_is_listed_once():
    counted = Counter((each.case, each.profile, each.spoil.__name__) for each in FAULTS)

    assert [each for each, times in counted.items() if times > 1] == []
