"""The laboratory is fair: whatever a right CSMS may also do, its cases pass it."""

import pytest

from tests.lab.fault import PATIENT, played
from tests.lab.variants import VARIANTS
from voltkeep.lab.verdicts import Verdict


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
async def test_a_right_csms_passes_however_it_does_it(variant):
    ids = (*variant.after, variant.case)
    judgements = await played(ids, variant.profile, variant.change, PATIENT)

    assert [each for each in judgements if each.verdict is not Verdict.PASS] == []
    assert bool(judgements[-1].warnings) == variant.warned, judgements[-1].warnings
