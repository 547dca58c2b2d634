"""A station that is left alone goes on as a station does."""

from tests.lab.fault import played
from tests.lab.spoils import answers, closes
from voltkeep.lab.plan import Deadlines
from voltkeep.lab.verdicts import Kind, Verdict

IDLE = Deadlines(answer_s=20.0, order_s=20.0, case_s=60.0, quiet_s=0.05, idle_s=3.0)


def heartbeats(judgement):
    return sum('"Heartbeat"' in each.text for each in judgement.log if each.kind is Kind.SENT)


async def test_it_sends_heartbeats_at_the_interval_that_it_was_told():
    [judgement] = await played(("TC_001",), 1, answers("BootNotification", interval=1), IDLE)

    assert judgement.verdict is Verdict.PASS
    assert heartbeats(judgement) >= 3  # the one of the case, and one a second


async def test_it_sends_none_before_it_is_time():
    [judgement] = await played(("TC_001",), 1, answers("BootNotification", interval=60), IDLE)

    assert heartbeats(judgement) == 1


async def test_each_of_them_is_answered():
    def closes_on_the_second(state):
        answers("BootNotification", interval=1)(state)
        closes("Heartbeat", 2)(state)

    [judgement] = await played(("TC_001",), 1, closes_on_the_second, IDLE)

    assert judgement.verdict is Verdict.FAIL
    assert judgement.step.startswith("For a while")
