"""What a report holds. Its JSON is these structures as they stand."""

import enum
from datetime import datetime

from msgspec import Struct

from voltkeep.lab.plan import Product
from voltkeep.lab.verdicts import Judgement, Verdict

FORMAT = 1
"""Of the JSON: raised when a field changes its meaning or goes."""

DISCLAIMER = (
    "This is a self-test by the open laboratory of Voltkeep. It is not a certificate: the Open"
    " Charge Alliance has neither made nor seen it, and only a laboratory that it has appointed"
    " tests for certification."
)


class Outcome(enum.StrEnum):
    """What became of a functionality. Incomplete: not all its cases came to pass or fail."""

    PASS = "Pass"  # noqa: S105  # no word to pass, but a result
    FAIL = "Fail"
    INCOMPLETE = "Incomplete"
    NOT_APPLICABLE = "N/A"


class Functionality(Struct, frozen=True, kw_only=True):
    """A row of the test result summary."""

    name: str
    outcome: Outcome
    remark: str


class Count(Struct, frozen=True, kw_only=True):
    """How many there are, how many of them were judged, and how."""

    total: int
    judged: int
    passed: int
    failed: int
    inconclusive: int
    not_applicable: int


class OnProfile(Struct, frozen=True, kw_only=True):
    """The cases that were judged on one security profile."""

    profile: int
    official: Count
    own: Count


class Summary(Struct, frozen=True, kw_only=True):
    """``official``: cases of OCA's list; ``own``: those beyond it. By their worst verdict."""

    functionalities: tuple[Functionality, ...]
    official: Count
    own: Count
    by_profile: tuple[OnProfile, ...]


class CaseReport(Struct, frozen=True, kw_only=True):
    """A case and what became of it on each profile; ``verdict`` is the worst, None if none.

    ``chosen``: it was to be played. ``missing`` are the security profiles on which it was not, as
    the run was stopped before.
    """

    id: str
    name: str
    functionality: str
    official: bool
    profiles: tuple[int, ...]
    source: str
    purpose: str
    steps: tuple[str, ...]
    chosen: bool
    missing: tuple[int, ...]
    verdict: Verdict | None
    judgements: tuple[Judgement, ...]


class Report(Struct, frozen=True, kw_only=True):
    """All of it. ``date`` is as the laboratory gave it, or the day of the run.

    ``profiles`` are the security profiles of the run; ``cases`` are in the catalogue's order.
    ``stopped``: the run did not come to its end.
    """

    format: int = FORMAT
    disclaimer: str = DISCLAIMER
    product: Product
    laboratory: str
    date: str
    started_at: datetime
    stopped: bool
    protocol: str = "OCPP 1.6"
    communication: str = "JSON"
    profiles: tuple[int, ...]
    summary: Summary
    cases: tuple[CaseReport, ...]
