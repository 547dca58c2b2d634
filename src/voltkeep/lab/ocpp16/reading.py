"""What comes from a CSMS, read as strictly as the specification is written.

Simulated stations and servers are tolerant where OCPP-J leaves no doubt: a laboratory is not.
"""

from collections.abc import Iterator
from typing import Any, TypeVar

from msgspec import Raw, ValidationError, json, to_builtins

from voltkeep.lab.verdicts import Failed
from voltkeep.ocpp import frames, messages
from voltkeep.ocpp.errors import Refusal
from voltkeep.ocpp.messages import Message

# "Always consists of" so many (OCPP-J 1.6, sections 4.2.1 to 4.2.3).
_ELEMENTS = {frames.Call: 4, frames.CallResult: 3, frames.CallError: 5}

M = TypeVar("M", bound=Message)


def frame(data: str | bytes) -> frames.Frame:
    """A frame.

    Raises:
        frames.UNREADABLE: whatever is wrong with it.
    """
    read = frames.decode(data)
    elements, came = _ELEMENTS.get(type(read)), len(json.decode(data, type=list[Raw]))
    if elements not in {None, came}:
        raise ValidationError(f"it has {came} elements, and not {elements}")
    if isinstance(read, frames.CallError):
        json.decode(read.details, type=dict[str, Any])
        if read.description is None:
            raise ValidationError("its errorDescription is null; it is empty if there is none")
    return read


def payload(type_: type[M], raw: Raw, expected: str) -> M:
    """A payload as its schema says. Raises Failed: ``expected`` is what it should have been."""
    try:
        message = messages.read(type_, frames.payload(raw))
    except Refusal as refusal:
        text = f"its payload is not what the schema says: {refusal.description}"
        raise Failed(expected, text) from None
    # As many as OCPP 1.6 for SOAP gives them (xs:int), and as stations keep.
    for integer in _integers(to_builtins(message)):
        if not -(2**31) <= integer < 2**31:
            raise Failed(expected, f"came {integer}, where an integer has 32 bits")
    return message


def _integers(value: Any) -> Iterator[int]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _integers(each)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield value
