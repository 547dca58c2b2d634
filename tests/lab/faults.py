"""Every fault that the laboratory must catch, and, run as a program, what it says of each.

``python -m tests.lab.faults`` prints them as a table; with words, only those that have them.
"""

import asyncio
import sys

from tests.lab import (
    faults_beyond,
    faults_certificates,
    faults_core,
    faults_profiles,
    faults_security,
)
from tests.lab.fault import Fault, is_caught, judged

FAULTS: list[Fault] = [
    *faults_core.FAULTS,
    *faults_profiles.FAULTS,
    *faults_security.FAULTS,
    *faults_certificates.FAULTS,
    *faults_beyond.FAULTS,
]


async def table(faults: list[Fault]) -> bool:
    """Print what becomes of each; whether all are caught."""
    holes = 0
    say("| Rule | Fault | Case | Profile | Verdict | What the laboratory says |")
    say("|---|---|---|---|---|---|")
    for fault in faults:
        judgement = await judged(fault)
        verdict = str(judgement.verdict)
        said = f"expected {judgement.expected}; {judgement.came}"
        if fault.warned:
            verdict, said = f"{verdict}, with a warning", "; ".join(judgement.warnings)
        if not is_caught(fault, judgement):
            holes += 1
            verdict, said = f"{verdict}: A HOLE", judgement.remark
        row = (fault.rule, f"`{fault.spoil.__name__}`", fault.case, fault.profile, verdict, said)
        say("| " + " | ".join(str(each).replace("|", "\\|") for each in row) + " |")
    say(f"\n{len(faults)} faults, {len(faults) - holes} caught.")
    return not holes


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    words = " ".join(sys.argv[1:])
    chosen = [each for each in FAULTS if words in str(each)]
    sys.exit(not asyncio.run(table(chosen)))


if __name__ == "__main__":
    main()
