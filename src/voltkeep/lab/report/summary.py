"""The test result summary: what a run says of each functionality, with the numbers.

The functionalities are those of a certificate: the security profiles, and the feature profiles of
OCPP 1.6, section 3.3. Only cases of OCA's list count for them.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from voltkeep.lab.case import Functionality as Of
from voltkeep.lab.report.model import (
    CaseReport,
    Count,
    Functionality,
    OnProfile,
    Outcome,
    Report,
    Summary,
)
from voltkeep.lab.verdicts import Judgement, Verdict

SECURITY_PROFILES = (1, 2, 3)
_MOST_NAMED = 5  # cases in a remark
_WORST_FIRST = (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS, Verdict.NOT_APPLICABLE)
_VERBS = {Verdict.FAIL: "failed", Verdict.INCONCLUSIVE: "is inconclusive"}
_ALL_PASSED = "All test cases passed"
_NOT_CLAIMED = "Not claimed by the product"
_NO_URL = "The plan has no URL for it"
_NOT_RUN = "Not part of this run"
_NONE_CHOSEN = "No test case of it was chosen"
_NONE_APPLIES = "No test case applies"


class Run(NamedTuple):
    """What was run. ``supported`` security profiles are those that the product has a URL for."""

    cases: tuple[CaseReport, ...]
    profiles: tuple[int, ...]
    supported: frozenset[int]
    unclaimed: frozenset[str]


def worst(judgements: Iterable[Judgement]) -> Verdict | None:
    """What is said of a case as a whole."""
    verdicts = {judgement.verdict for judgement in judgements}
    return next((verdict for verdict in _WORST_FIRST if verdict in verdicts), None)


def summarize(run: Run) -> Summary:
    """The summary of a run."""
    official = [case for case in run.cases if case.official]
    own = [case for case in run.cases if not case.official]
    features = [each for each in Of if each is not Of.SECURITY]
    return Summary(
        functionalities=(
            *(_security(run, official, profile) for profile in SECURITY_PROFILES),
            *(_feature(run, official, feature) for feature in features),
        ),
        official=_count([case.verdict for case in official]),
        own=_count([case.verdict for case in own]),
        by_profile=tuple(
            OnProfile(
                profile=profile,
                official=_count([_on(case, profile) for case in official]),
                own=_count([_on(case, profile) for case in own]),
            )
            for profile in run.profiles
        ),
    )


def lines(report: Report) -> list[str]:
    """The summary as lines for a terminal, without colour: what a peer said is harmless in them."""
    product, summary = report.product, report.summary
    profiles = ", ".join(map(str, report.profiles))
    width = max(len(each.name) for each in summary.functionalities)
    told = [
        f"Test result summary of {product.name} {product.version} ({product.vendor})",
        f"{report.protocol} {report.communication}, security profiles {profiles}, {report.date}",
        "",
        *(
            f"{each.name:<{width}}  {each.outcome:<10}  {each.remark}"
            for each in summary.functionalities
        ),
        "",
        f"Cases of OCA's list:   {in_words(summary.official)}",
    ]
    if summary.own.total:
        told.append(f"Cases of our own:      {in_words(summary.own)}")
    by_case: dict[str, list[str]] = {}
    for case, judgement in unpassed(report):
        words = f"{case.id:<10} {_VERBS[judgement.verdict]} on security profile"
        by_case.setdefault(words, []).append(str(judgement.profile))
    if by_case:
        told += ["", *(f"{words} {', '.join(on)}" for words, on in by_case.items())]
    if report.stopped:
        told += ["", in_part(report)]
    return [*told, "", report.disclaimer]


def in_part(report: Report) -> str:
    """Of a run that was stopped: how much of it there is."""
    judged = sum(len(case.judgements) for case in report.cases)
    due = judged + sum(len(case.missing) for case in report.cases)
    return f"The run was stopped: {judged} of {due} judgements were made."


def unpassed(report: Report) -> Iterator[tuple[CaseReport, Judgement]]:
    """What failed or is inconclusive, in the order of the cases."""
    for case in report.cases:
        for judgement in case.judgements:
            if judgement.verdict in {Verdict.FAIL, Verdict.INCONCLUSIVE}:
                yield case, judgement


def in_words(count: Count) -> str:
    """``77 of 77 judged: 76 passed, 1 failed``."""
    parts = {
        "passed": count.passed,
        "failed": count.failed,
        "inconclusive": count.inconclusive,
        "not applicable": count.not_applicable,
    }
    told = ", ".join(f"{number} {word}" for word, number in parts.items() if number)
    return f"{count.judged} of {count.total} judged" + (f": {told}" if told else "")


def _security(run: Run, official: Sequence[CaseReport], profile: int) -> Functionality:
    name = f"Security Profile {profile}"
    if Of.SECURITY.value in run.unclaimed:
        return _none(name, _NOT_CLAIMED)
    if profile not in run.supported:
        return _none(name, _NO_URL)
    if profile not in run.profiles:
        return _none(name, _NOT_RUN)
    cases = [case for case in official if case.functionality == Of.SECURITY.value]
    return _judged(name, cases, (profile,))


def _feature(run: Run, official: Sequence[CaseReport], feature: Of) -> Functionality:
    name = feature.value
    if name in run.unclaimed:
        return _none(name, _NOT_CLAIMED)
    cases = [case for case in official if case.functionality == name]
    return _judged(name, cases, run.profiles)


def _judged(name: str, cases: Sequence[CaseReport], profiles: Sequence[int]) -> Functionality:
    """What follows from every case on every profile that it applies to."""
    due = [(case, each) for case in cases for each in profiles if each in case.profiles]
    verdicts = {pair: _on(*pair) for pair in due}
    several = len(profiles) > 1

    def named(verdict: Verdict | None) -> list[str]:
        by_case: dict[str, list[str]] = {}
        for case, profile in due:
            if verdicts[case, profile] is verdict:
                by_case.setdefault(case.id, []).append(str(profile))
        return [
            f"{id} (security profile {', '.join(on)})" if several else id
            for id, on in by_case.items()
        ]

    if failed := named(Verdict.FAIL):
        return Functionality(name=name, outcome=Outcome.FAIL, remark=f"{_list(failed)} failed")
    if unclear := named(Verdict.INCONCLUSIVE):
        remark = f"{_list(unclear)} inconclusive"
        return Functionality(name=name, outcome=Outcome.INCOMPLETE, remark=remark)
    if not due:
        return _none(name, _NONE_APPLIES)
    if not any(case.chosen for case, _ in due):
        return _none(name, _NONE_CHOSEN)
    if missing := {case.id for case, profile in due if verdicts[case, profile] is None}:
        stopped = any(profile in case.missing for case, profile in due)
        why = "The run was stopped" if stopped else "Not all test cases were played"
        remark = f"{why}: {len(missing)} of {len({case.id for case, _ in due})} are missing"
        return Functionality(name=name, outcome=Outcome.INCOMPLETE, remark=remark)
    if Verdict.PASS not in verdicts.values():
        return _none(name, _NONE_APPLIES)
    return Functionality(name=name, outcome=Outcome.PASS, remark=_ALL_PASSED)


def _none(name: str, remark: str) -> Functionality:
    return Functionality(name=name, outcome=Outcome.NOT_APPLICABLE, remark=remark)


def _on(case: CaseReport, profile: int) -> Verdict | None:
    return worst(each for each in case.judgements if each.profile == profile)


def _list(names: Sequence[str]) -> str:
    if len(names) > _MOST_NAMED:
        more = len(names) - _MOST_NAMED
        return f"{', '.join(names[:_MOST_NAMED])} and {more} more"
    return ", ".join(names)


def _count(verdicts: Sequence[Verdict | None]) -> Count:
    return Count(
        total=len(verdicts),
        judged=sum(verdict is not None for verdict in verdicts),
        passed=verdicts.count(Verdict.PASS),
        failed=verdicts.count(Verdict.FAIL),
        inconclusive=verdicts.count(Verdict.INCONCLUSIVE),
        not_applicable=verdicts.count(Verdict.NOT_APPLICABLE),
    )
