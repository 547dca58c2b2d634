"""OCPP-J frames: the JSON arrays that travel over the WebSocket (OCPP-J, section 4.2)."""

import re
from typing import Annotated, Any

from msgspec import DecodeError, Meta, Raw, Struct, ValidationError, json

LONGEST_ID = 36
EMPTY = Raw(b"{}")

MessageId = Annotated[str, Meta(min_length=1, max_length=LONGEST_ID)]

UNREADABLE = (DecodeError, RecursionError, UnicodeError)
"""What decoding raises for what a peer sends: no JSON or not ours, nested too deep, not UTF-8."""


# "A CALL always consists of 4 elements": a fifth is an error, where an answer's is not looked at.
class Call(Struct, tag=2, array_like=True, frozen=True, forbid_unknown_fields=True, gc=False):
    """Ask the other side to do something."""

    id: MessageId
    action: str
    payload: Raw


class CallResult(Struct, tag=3, array_like=True, frozen=True, gc=False):
    """Answer a CALL."""

    id: MessageId
    payload: Raw


class CallError(Struct, tag=4, array_like=True, frozen=True, gc=False):
    """Refuse a CALL. Stations leave out or null what they have nothing to say about."""

    id: str  # "-1" answers a frame whose id could not be read
    code: str
    description: str | None = ""
    details: Raw = EMPTY


class CallResultError(Struct, tag=5, array_like=True, frozen=True, gc=False):
    """OCPP 2.1: the peer could not use our CALLRESULT."""

    id: str
    code: str
    description: str | None = ""
    details: Raw = EMPTY


class Send(Struct, tag=6, array_like=True, frozen=True, forbid_unknown_fields=True, gc=False):
    """OCPP 2.1: a message without an answer."""

    id: MessageId
    action: str
    payload: Raw


Frame = Call | CallResult | CallError | CallResultError | Send

encode = json.Encoder().encode

_decode = json.Decoder[Frame](Frame).decode
_anything = json.Decoder().decode
_BROKEN = re.compile(r'\s*\[\s*(\d{1,3})\s*,\s*"([^"\\]*)"\s*(?:,\s*"([^"\\]*)"\s*,)?')
_HEAD = 512
_NULL = Raw(b"null")


class Remains(Struct, frozen=True):
    """What can still be read of a frame that is no frame."""

    type: int | None = None
    id: str | None = None
    broken_payload: bool = False  # no JSON, but what comes before the payload is right


class _Parts(Struct, array_like=True, frozen=True):
    type: Raw = _NULL
    id: Raw = _NULL


_parts = json.Decoder(_Parts).decode


def decode(data: str | bytes) -> Frame:
    """Read a frame.

    Raises:
        UNREADABLE: whatever is wrong with it; `remains` says what can be read all the same.
    """
    # msgspec passes over the strings of a payload without looking at their encoding.
    if isinstance(data, bytes) and not data.isascii():
        data = data.decode()
    frame: Frame = _decode(data)
    return frame


def remains(data: str | bytes) -> Remains:
    """Look for the message type and id in what `decode` could not read."""
    try:
        text = data.decode() if isinstance(data, bytes) else data
        parts = _parts(text)
    except ValidationError:  # JSON, and no array
        return Remains()
    except UNREADABLE:
        head = data[:_HEAD]
        return _broken(head.decode(errors="replace") if isinstance(head, bytes) else head)
    type_, id_ = _short(parts.type), _short(parts.id)
    return Remains(
        type_ if type(type_) is int else None,
        id_ if isinstance(id_, str) else None,
    )


def _short(part: Raw) -> Any:
    """A type or an id, and nothing larger."""
    data = bytes(part)
    try:
        return _anything(data) if len(data) <= _HEAD else None
    except UNREADABLE:  # a number that is none of ours
        return None


def _broken(head: str) -> Remains:
    """What the start of a frame says that is no JSON: often only the payload is broken."""
    match = _BROKEN.match(head)
    if match is None:
        return Remains()
    return Remains(int(match[1]), match[2], broken_payload=match[3] is not None)


def payload(raw: Raw) -> Raw:
    """A payload, where "null or an empty object" mean the same (OCPP-J, section 4.1.5)."""
    return EMPTY if raw == _NULL else raw
