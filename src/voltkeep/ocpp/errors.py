"""Why a message is refused, in OCPP's own words."""

import enum
import re

LONGEST_DESCRIPTION = 255
_LONGEST_CODE = 64


class ErrorCode(enum.StrEnum):
    """The codes of a CALLERROR (OCPP-J 2.0.1, table 8), spelled as OCPP 2.x spells them."""

    FORMAT_VIOLATION = "FormatViolation"
    GENERIC_ERROR = "GenericError"
    INTERNAL_ERROR = "InternalError"
    MESSAGE_TYPE_NOT_SUPPORTED = "MessageTypeNotSupported"
    NOT_IMPLEMENTED = "NotImplemented"  # the action is not known
    NOT_SUPPORTED = "NotSupported"  # the action is known, and not for us
    OCCURRENCE_CONSTRAINT_VIOLATION = "OccurrenceConstraintViolation"
    PROPERTY_CONSTRAINT_VIOLATION = "PropertyConstraintViolation"
    PROTOCOL_ERROR = "ProtocolError"
    RPC_FRAMEWORK_ERROR = "RpcFrameworkError"
    SECURITY_ERROR = "SecurityError"
    TYPE_CONSTRAINT_VIOLATION = "TypeConstraintViolation"


class Refusal(Exception):
    """A message we answer with a CALLERROR. `spelling` gives the code for an older peer."""

    def __init__(self, code: str, description: str = "") -> None:
        super().__init__(code, description)
        self.code = code
        self.description = description


# msgspec says what is wrong only in prose; the first pattern that matches wins.
# tests/ocpp/test_errors.py holds a payload for each row.
#
# The specification leaves room. A missing field is an occurrence (cardinality 1..1 not met) and,
# in 1.6, "incomplete", which is its ProtocolError: we say the former in every version, because it
# names a field, and a payload with a field too few is judged like one with an element too few. A
# date that is none is syntax (FormatViolation), not a value out of range. A field that is no part
# of the message has no code of its own: it is "not conform the PDU structure", which 1.6 puts under
# FormationViolation. So is a payload that is no object at all.
_CODES = tuple(
    (re.compile(pattern), code)
    for pattern, code in (
        (r"Object missing required field", ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION),
        (r"Expected `array` of length", ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION),
        (r"Object contains unknown field", ErrorCode.FORMAT_VIOLATION),
        (r"Invalid RFC3339", ErrorCode.FORMAT_VIOLATION),
        (r"Invalid enum value", ErrorCode.PROPERTY_CONSTRAINT_VIOLATION),
        (r"Expected `str` of length", ErrorCode.PROPERTY_CONSTRAINT_VIOLATION),
        (r"Expected `(int|float)` [<>]=", ErrorCode.PROPERTY_CONSTRAINT_VIOLATION),
        (r"(Number|Integer value) out of range", ErrorCode.PROPERTY_CONSTRAINT_VIOLATION),
        (r"Expected `object`, got `\w+`$", ErrorCode.FORMAT_VIOLATION),
        (r"Expected `", ErrorCode.TYPE_CONSTRAINT_VIOLATION),
    )
)


def refusal(error: Exception) -> Refusal:
    """Why something was not read: for any error of `frames.UNREADABLE`."""
    if isinstance(error, RecursionError):
        return Refusal(ErrorCode.FORMAT_VIOLATION, "Nested too deep")
    if isinstance(error, UnicodeError):
        return Refusal(ErrorCode.FORMAT_VIOLATION, "Not UTF-8")
    text = str(error)
    codes = (code for pattern, code in _CODES if pattern.match(text))
    return Refusal(next(codes, ErrorCode.FORMAT_VIOLATION), plain(text))


# OCPP-J 1.6 printed two codes with typos, and chargers compare against those ("Do not fix": errata
# 5.1 and 5.2). It has no word of its own for a frame that is none.
_IN_16: dict[str, str] = {
    ErrorCode.FORMAT_VIOLATION: "FormationViolation",
    ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION: "OccurenceConstraintViolation",
    ErrorCode.RPC_FRAMEWORK_ERROR: "FormationViolation",
    ErrorCode.MESSAGE_TYPE_NOT_SUPPORTED: "GenericError",
}
_READ = {code.lower(): code for code in ErrorCode} | {
    "formationviolation": ErrorCode.FORMAT_VIOLATION,
    "occurenceconstraintviolation": ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION,
}


def spelling(code: str, *, misspells: bool) -> str:
    """A code as the peer's version spells it."""
    return _IN_16.get(code, code) if misspells else code


def read_code(code: str) -> str:
    """A peer's code in the spelling of OCPP 2.x, whichever it used; an unknown one as it is."""
    return _READ.get(code.strip().lower()) or plain(code, _LONGEST_CODE)


def plain(text: str, longest: int = LONGEST_DESCRIPTION) -> str:
    """A peer's words, cut, and without what no log, terminal or database should be given."""
    text = text[:longest]
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "\ufffd" for c in text)
