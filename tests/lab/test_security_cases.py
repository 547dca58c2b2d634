"""What cases do where a plan is special, or where it is not the CSMS that is to blame."""

import pytest
from msgspec import structs

from tests.lab.csms.running import running
from tests.lab.fault import CASES
from voltkeep.lab.run import run
from voltkeep.lab.verdicts import Verdict


async def played(case, plan, driver, profile=1):
    [judgement] = await run(plan, driver, [CASES[case]], [profile])
    return judgement


@pytest.mark.parametrize("token", ["valid", "blocked"])
async def test_a_token_without_letters_has_no_letter_case(token):
    async with running() as tested:
        tokens = structs.replace(tested.plan.tokens, **{token: "0123456789"})
        plan = structs.replace(tested.plan, tokens=tokens)
        judgement = await played("LAB_23", plan, tested.driver)

    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "no letters" in judgement.remark
