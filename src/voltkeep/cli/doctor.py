"""`voltkeep doctor`: what is wrong with this installation, and what to do about it."""

from typing import TYPE_CHECKING

import typer

from voltkeep.cli.command import Run, command
from voltkeep.cli.errors import Failure
from voltkeep.cli.output import Cell
from voltkeep.cli.text import count, escape

if TYPE_CHECKING:
    from voltkeep.cli.checks import Finding

_STYLES = {"good": "green", "unseen": "dim", "advice": "yellow", "bad": "bold red"}


def add_to(tree: typer.Typer) -> None:
    """Make it a command of the tree."""
    command(tree, "doctor")(doctor)


async def doctor(run: Run) -> None:
    """Check this installation, and say what to do about what is wrong. Changes nothing.

    Exits with 1 if anything is bad.
    """
    from voltkeep.cli.checks import State, checks
    from voltkeep.cli.logs import quiet_logs

    quiet_logs(debug=run.debug)
    findings = []
    async for finding in checks(run.settings):
        findings.append(finding)
        if not run.out.as_json:
            _tell(run, finding)
    if run.out.as_json:
        run.out.data(findings)
    bad = sum(finding.state is State.BAD for finding in findings)
    if bad:
        raise Failure(f"{count(bad, 'check')} went badly.", "What to do stands beside each.")


def _tell(run: Run, finding: "Finding") -> None:
    state = Cell(f"{finding.state:<6}", _STYLES[finding.state])
    run.out.styled(f"{finding.check:<14}  ", state, f"  {escape(finding.found)}")
    if finding.next_step:
        run.out.line(f"{'':<24}{escape(finding.next_step)}")
