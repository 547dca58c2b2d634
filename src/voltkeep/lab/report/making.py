"""A report is made of what was planned, which cases there are, and what became of them."""

import functools
from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from msgspec import structs

from voltkeep.lab.case import Case
from voltkeep.lab.plan import Plan
from voltkeep.lab.report.cleaning import Cleaner
from voltkeep.lab.report.model import CaseReport, Report
from voltkeep.lab.report.summary import Run, summarize, worst
from voltkeep.lab.verdicts import Judgement


def report_on(
    plan: Plan,
    cases: Sequence[Case],
    judgements: Sequence[Judgement],
    started_at: datetime,
    profiles: Sequence[int],
    chosen: Collection[str] | None = None,
) -> Report:
    """The report. `cases` is the whole catalogue; those `chosen` were to be played, else all.

    A judgement that is missing of these says that the run was stopped. The same judgements make
    the same report, in whichever order they come.
    """
    clean = Cleaner(plan)
    by_case: dict[str, list[Judgement]] = {}
    for judgement in sorted(judgements, key=lambda each: each.profile):
        by_case.setdefault(judgement.case, []).append(_cleaned(judgement, clean))
    reported = tuple(
        _reported(
            case,
            by_case.get(case.id, []),
            profiles if chosen is None or case.id in chosen else (),
        )
        for case in cases
    )
    run = Run(
        cases=reported,
        profiles=tuple(sorted(profiles)),
        supported=frozenset(plan.csms.urls),
        unclaimed=frozenset(plan.unsupported),
    )
    return Report(
        product=structs.replace(
            plan.product,
            name=clean(plan.product.name),
            vendor=clean(plan.product.vendor),
            version=clean(plan.product.version),
        ),
        laboratory=clean(plan.laboratory.name),
        date=clean(plan.laboratory.date) or f"{started_at:%Y-%m-%d}",
        started_at=started_at.astimezone(UTC).replace(microsecond=0),
        stopped=any(case.missing for case in reported),
        profiles=run.profiles,
        summary=summarize(run),
        cases=reported,
    )


def _reported(case: Case, judgements: list[Judgement], due: Sequence[int]) -> CaseReport:
    purpose, steps = _words(case)
    judged = {each.profile for each in judgements}
    return CaseReport(
        id=case.id,
        name=case.name,
        functionality=case.functionality.value,
        official=case.official,
        profiles=case.profiles,
        source=case.source,
        purpose=purpose,
        steps=steps,
        chosen=bool(due),
        missing=tuple(sorted(set(due) - judged)),
        verdict=worst(judgements),
        judgements=tuple(judgements),
    )


@functools.cache
def _words(case: Case) -> tuple[str, tuple[str, ...]]:
    """What its script says of it, which takes a while to read."""
    return " ".join(case.purpose.split()), case.steps


def _cleaned(judgement: Judgement, clean: Cleaner) -> Judgement:
    return structs.replace(
        judgement,
        step=clean(judgement.step),
        expected=clean(judgement.expected),
        came=clean(judgement.came),
        remark=clean(judgement.remark),
        warnings=tuple(map(clean, judgement.warnings)),
        seconds=round(judgement.seconds, 3),
        log=tuple(
            structs.replace(entry, at=round(entry.at, 3), text=clean(entry.text))
            for entry in judgement.log
        ),
    )
