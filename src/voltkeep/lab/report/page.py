"""A report as a page of HTML: one file, no script, for the screen and for paper."""

import functools
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from voltkeep.lab.report.flow import rows
from voltkeep.lab.report.model import CaseReport, Count, Outcome, Report
from voltkeep.lab.report.summary import in_part, unpassed
from voltkeep.lab.verdicts import Verdict

_STYLES = {
    Outcome.PASS: "pass",
    Outcome.FAIL: "fail",
    Outcome.INCOMPLETE: "open",
    Outcome.NOT_APPLICABLE: "none",
    Verdict.PASS: "pass",
    Verdict.FAIL: "fail",
    Verdict.INCONCLUSIVE: "open",
    Verdict.NOT_APPLICABLE: "none",
    None: "none",
}


class _Chapter(NamedTuple):
    """The cases of a functionality, or our own."""

    name: str
    anchor: str
    cases: list[CaseReport]


def page(report: Report) -> str:
    """The whole page. Every word that is not ours is escaped in it."""
    return _template().render(
        report=report,
        chapters=_chapters(report),
        unpassed=list(unpassed(report)),
        in_part=in_part(report) if report.stopped else "",
    )


@functools.cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("voltkeep.lab.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "rows": rows,
        "style": _STYLES.__getitem__,
        "styles": _styles,
    }
    environment.globals |= {"columns": _columns}
    return environment.get_template("report.html")


def _chapters(report: Report) -> list[_Chapter]:
    """In the order in which functionalities come in the catalogue; our own cases last."""
    by_name: dict[str, list[CaseReport]] = {}
    for case in report.cases:
        name = case.functionality if case.official else "Beyond OCA’s list"
        by_name.setdefault(name, []).append(case)
    return [
        _Chapter(name, f"chapter-{number}", cases)
        for number, (name, cases) in enumerate(by_name.items(), 1)
    ]


def _styles(case: CaseReport) -> str:
    """Of a case: a style for each verdict that it has, so that it can be chosen by them."""
    return " ".join(sorted({f"has-{_STYLES[each.verdict]}" for each in case.judgements}))


def _columns(count: Count) -> tuple[int, ...]:
    return (
        count.total,
        count.judged,
        count.passed,
        count.failed,
        count.inconclusive,
        count.not_applicable,
    )
