"""A fault: a rule, what is done against it, and the case that must see that."""

from typing import NamedTuple

from tests.lab.csms.running import Spoil, running
from voltkeep.lab.bench import Bench, Credentials
from voltkeep.lab.case import Case
from voltkeep.lab.ocpp16.catalogue import catalogue
from voltkeep.lab.plan import Deadlines
from voltkeep.lab.run import play
from voltkeep.lab.verdicts import Judgement, Verdict

# What comes is waited for as long as it takes; only what is never to come is not waited for long.
PATIENT = Deadlines(answer_s=20.0, order_s=20.0, case_s=60.0, quiet_s=0.5, idle_s=0.7)
_IMPATIENT = Deadlines(answer_s=0.5, order_s=0.5, case_s=60.0, quiet_s=0.05, idle_s=0.05)


class Fault(NamedTuple):
    """``rule`` is what `spoil` breaks, and the case on a security profile must see it.

    ``silent``: nothing comes where something must. ``warned``: the rule is a recommendation, so it
    is a warning that must be there. ``after``: cases that the CSMS must have seen before.
    """

    rule: str
    case: str
    spoil: Spoil
    profile: int = 1
    silent: bool = False
    warned: bool = False
    after: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.case}-{self.rule}"


CASES: dict[str, Case] = {each.id: each for each in catalogue()}


async def judged(fault: Fault) -> Judgement:
    """What its case says of a CSMS with this fault, and with no other."""
    deadlines = _IMPATIENT if fault.silent else PATIENT
    ids = (*fault.after, fault.case)
    return (await played(ids, fault.profile, fault.spoil, deadlines))[-1]


async def played(
    ids: tuple[str, ...], profile: int, change: Spoil, deadlines: Deadlines
) -> list[Judgement]:
    """What these cases say, one after the other, of a CSMS that is changed so."""
    async with running(change, deadlines=deadlines) as tested:
        credentials = {name: Credentials.of(each) for name, each in tested.plan.stations.items()}
        return [
            await play(CASES[id], Bench(tested.plan, tested.driver, profile, credentials))
            for id in ids
        ]


def is_caught(fault: Fault, judgement: Judgement) -> bool:
    """Whether the case has seen it: a failure, and not that the laboratory could say nothing."""
    if fault.warned:
        return judgement.verdict is Verdict.PASS and bool(judgement.warnings)
    return judgement.verdict is Verdict.FAIL
