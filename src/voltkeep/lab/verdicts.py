"""What becomes of a case: its verdict, and what ended it."""

import enum

from msgspec import Struct


class Verdict(enum.StrEnum):
    PASS = "pass"  # noqa: S105  # no word to pass, but a verdict
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NOT_APPLICABLE = "not applicable"


class Failed(Exception):
    """The CSMS did not do what the case says it must."""

    def __init__(self, expected: str, came: str) -> None:
        super().__init__(f"expected {expected}; {came}")
        self.expected = expected
        self.came = came


class Unclear(Exception):
    """Nothing can be said of the CSMS: the laboratory lacks something. Names what."""


class Inapplicable(Exception):
    """The case is not for this CSMS, or not for this security profile. Says why."""


class Judgement(Struct, frozen=True, kw_only=True):
    """What became of a case on a security profile; ``step`` is where it ended, unless it passed."""

    case: str
    profile: int
    verdict: Verdict
    step: str = ""
    expected: str = ""
    came: str = ""
    remark: str = ""
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0
    log: tuple["Entry", ...] = ()


class Kind(enum.StrEnum):
    """What an entry of a wire log is about."""

    STEP = "step"  # of the case
    ORDER = "order"  # what the driver was asked for
    CONNECTION = "connection"  # made, refused, closed
    SENT = "sent"  # by the station
    RECEIVED = "received"  # from the CSMS
    NOTE = "note"


class Entry(Struct, frozen=True):
    """A line of a wire log; ``at`` is in seconds since the case began."""

    at: float
    kind: Kind
    text: str
