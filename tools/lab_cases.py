"""The page of the reference that lists the laboratory's cases, from the catalogue."""

from collections.abc import Iterable, Iterator

from voltkeep.lab.case import EVERY_PROFILE, Case, Functionality
from voltkeep.lab.ocpp16.catalogue import catalogue

_HEAD = """\
# The cases of the laboratory

{generated}

What `voltkeep lab run` plays. A case is one file in `src/voltkeep/lab/ocpp16/cases`, and
`voltkeep lab show CASE` tells its steps. *Profiles* are the security profiles of the whitepaper
that it applies to: on others it is not applicable. How cases judge is told in
[the laboratory](../explanation/laboratory.md).

{official} cases have the numbers of OCA's list, {own} are ours."""

_OWN = """
## Beyond OCA's list

Negative twins and the like: what a CSMS must also refuse or survive, by the sources named. A run
fails with them, and its report counts them apart from OCA's."""


def lab_cases_page(generated: str) -> str:
    """Every case, by functionality; below the line that says who wrote the page."""
    cases = catalogue()
    official = [each for each in cases if each.official]
    own = [each for each in cases if not each.official]
    head = _HEAD.format(generated=generated, official=len(official), own=len(own))
    lines = [head]
    for functionality in Functionality:
        of_it = [each for each in official if each.functionality is functionality]
        if of_it:
            lines += ["", f"## {functionality.value}", *_table(of_it)]
    if own:
        lines += [_OWN, *_table(own)]
    return "\n".join(lines) + "\n"


def _table(cases: Iterable[Case]) -> Iterator[str]:
    yield from ("", "| Case | Name | Profiles | What it is for | Source |", "|---|---|---|---|---|")
    for case in cases:
        cells = (case.id, case.name, _profiles(case), _purpose(case), case.source)
        yield "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _profiles(case: Case) -> str:
    return "all" if case.profiles == EVERY_PROFILE else ", ".join(map(str, case.profiles))


def _purpose(case: Case) -> str:
    """The first paragraph, in one line."""
    first, _, _ = case.purpose.partition("\n\n")
    return " ".join(first.split()).replace("``", "`")
