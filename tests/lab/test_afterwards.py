"""What a case leaves half done is not held against those after it."""

import pytest

from tests.lab import ways
from tests.lab.fault import PATIENT, played
from tests.lab.spoils import asks, gives_up, refuses
from voltkeep.lab.verdicts import Verdict

PASS, FAIL = Verdict.PASS, Verdict.FAIL


def both(*changes):
    def change(state):
        for each in changes:
            each(state)

    return change


async def verdicts(ids, *changes):
    return [each.verdict for each in await played(ids, 1, both(*changes), PATIENT)]


@pytest.mark.parametrize(
    ("case", "action", "fields"),
    [
        ("TC_010", "RemoteStartTransaction", {"idTag": "OTHER"}),
        ("TC_010", "RemoteStartTransaction", {"idTag": 7}),
        ("TC_021", "ChangeConfiguration", {"value": "7"}),
        ("TC_046", "ReserveNow", {"idTag": "OTHER"}),
        ("TC_054", "TriggerMessage", {"requestedMessage": "Heartbeat"}),
    ],
)
async def test_what_a_case_did_not_answer_is_answered_and_does_not_come_again(case, action, fields):
    wrong_once = asks(action, 1, **fields)

    assert await verdicts((case, "TC_013"), wrong_once, ways.sends_again) == [FAIL, PASS]


async def test_a_connector_is_left_in_service():
    wrong = asks("ReserveNow", connectorId=2)

    ids = ("TC_048_3", "TC_013", "TC_001")
    assert await verdicts(ids, wrong, ways.remembers_availability) == [FAIL, PASS, PASS]


@pytest.mark.parametrize(
    ("case", "breaks"),
    [
        ("TC_012", gives_up("RemoteStopTransaction")),
        ("TC_018_1", gives_up("UnlockConnector")),
        ("TC_028", asks("RemoteStopTransaction", transactionId=1)),
    ],
)
async def test_a_transaction_is_stopped_though_the_connection_was_closed(case, breaks):
    ids = (case, "TC_003", "TC_007")

    assert await verdicts(ids, breaks, ways.has_one_transaction_of_a_token) == [FAIL, PASS, PASS]


async def test_what_the_csms_does_not_take_is_noted_and_judges_nothing():
    breaks = both(gives_up("RemoteStopTransaction"), refuses("BootNotification", 2))

    judged, after = await played(("TC_012", "TC_001"), 1, breaks, PATIENT)

    assert judged.expected == "RemoteStopTransaction.req"
    assert any("CALLERROR InternalError" in each.text for each in judged.log if each.kind == "note")
    assert after.verdict is PASS
