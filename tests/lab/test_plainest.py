"""What the laboratory says of the plainest central system there is: it works, and is not enough."""

from tests.lab.plainest import judged
from voltkeep.lab.verdicts import Verdict

PASS, FAIL = Verdict.PASS, Verdict.FAIL

EXPECTED = {
    # It accepts whoever comes, and does what it is told.
    "TC_001": PASS,
    "TC_003": PASS,
    "TC_013": PASS,
    "TC_056": PASS,
    # It knows no tokens.
    "TC_023_1": FAIL,
    "TC_023_2": FAIL,
    "TC_023_3": FAIL,
    "TC_037_3": FAIL,
    "TC_053": FAIL,
    # It answers no more than its handlers do.
    "TC_044_1": FAIL,
    "TC_045_1": FAIL,
    "TC_064": FAIL,
    # It asks nobody who he is, and cannot give a key.
    "TC_085": FAIL,
    "LAB_02": FAIL,
    "LAB_04": FAIL,
    "TC_073": Verdict.INCONCLUSIVE,
    # The server below it refuses what is no version of ours.
    "TC_088": PASS,
    # It has no TLS.
    "TC_083": Verdict.NOT_APPLICABLE,
    "TC_086": Verdict.NOT_APPLICABLE,
}


async def test_the_plainest_central_system_gets_what_it_deserves(caplog):
    caplog.set_level("CRITICAL", "ocpp")

    judgements = await judged(set(EXPECTED))

    assert {each.case: each.verdict for each in judgements} == EXPECTED


async def test_a_failure_says_what_it_did_instead():
    judgements = {each.case: each for each in await judged({"TC_023_2", "TC_085"})}

    expired, door = judgements["TC_023_2"], judgements["TC_085"]
    assert expired.expected == "idTagInfo.status Expired"
    assert expired.came == "came idTagInfo.status Accepted"
    assert "HTTP 101" in door.came
