"""A run as JUnit's XML, which build servers read: a suite for each security profile.

What was to be played and was not, as the run was stopped, is an error in it: no run is green that
did not come to its end.
"""

from collections.abc import Iterable
from xml.etree import ElementTree as ET

from voltkeep.lab.report.model import CaseReport, Report
from voltkeep.lab.verdicts import Entry, Judgement, Kind, Verdict

_STOPPED = "not played: the run was stopped before"
_SIGNS = {Kind.SENT: "->", Kind.RECEIVED: "<-", Kind.STEP: "##"}


def junit(report: Report) -> bytes:
    """The document. Inconclusive is an error, not applicable is skipped."""
    product = report.product
    root = ET.Element("testsuites", name=f"{product.name} {product.version}: {report.protocol}")
    for profile in report.profiles:
        judged = [
            (case, judgement)
            for case in report.cases
            for judgement in case.judgements
            if judgement.profile == profile
        ]
        missing = [case for case in report.cases if profile in case.missing]
        attributes = _counts(profile, report, judged, len(missing))
        suite = ET.SubElement(root, "testsuite", attributes)
        for case, judgement in judged:
            suite.append(_testcase(case, judgement))
        suite.extend(_not_played(case, profile) for case in missing)
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _counts(
    profile: int, report: Report, judged: list[tuple[CaseReport, Judgement]], missing: int
) -> dict[str, str]:
    verdicts = [judgement.verdict for _, judgement in judged]
    return {
        "name": f"Security profile {profile}",
        "tests": str(len(judged) + missing),
        "failures": str(verdicts.count(Verdict.FAIL)),
        "errors": str(verdicts.count(Verdict.INCONCLUSIVE) + missing),
        "skipped": str(verdicts.count(Verdict.NOT_APPLICABLE)),
        "time": f"{sum(judgement.seconds for _, judgement in judged):.3f}",
        "timestamp": f"{report.started_at:%Y-%m-%dT%H:%M:%S}",
    }


def _not_played(case: CaseReport, profile: int) -> ET.Element:
    element = _named(case, profile, 0.0)
    ET.SubElement(element, "error", message=_STOPPED, type="stopped")
    return element


def _named(case: CaseReport, profile: int, seconds: float) -> ET.Element:
    return ET.Element(
        "testcase",
        classname=f"profile{profile}.{case.functionality}",
        name=f"{case.id} {case.name}",
        time=f"{seconds:.3f}",
    )


def _testcase(case: CaseReport, judgement: Judgement) -> ET.Element:
    element = _named(case, judgement.profile, judgement.seconds)
    match judgement.verdict:
        case Verdict.FAIL:
            message = f"expected {judgement.expected}; {judgement.came}"
            failure = ET.SubElement(element, "failure", message=message, type="fail")
            failure.text = f"At: {judgement.step}\n{message}"
        case Verdict.INCONCLUSIVE:
            ET.SubElement(element, "error", message=judgement.remark, type="inconclusive")
        case Verdict.NOT_APPLICABLE:
            ET.SubElement(element, "skipped", message=judgement.remark)
    if judgement.log:
        ET.SubElement(element, "system-out").text = "\n".join(_lines(judgement.log))
    if judgement.warnings:
        ET.SubElement(element, "system-err").text = "\n".join(judgement.warnings)
    return element


def _lines(log: Iterable[Entry]) -> Iterable[str]:
    for entry in log:
        yield f"{entry.at:9.3f} {_SIGNS.get(entry.kind, f'({entry.kind})')} {entry.text}"
