"""Every violation of a schema in a frame, where a connection stops at the first."""

import datetime as dt
import enum
import functools
import types
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Union, get_args, get_origin

from msgspec import NODEFAULT, Meta, Raw, Struct, UnsetType, json
from msgspec.structs import FieldInfo, fields, replace

from voltkeep.dialects.dialect import Dialect
from voltkeep.dialects.mending import mend
from voltkeep.ocpp import frames
from voltkeep.ocpp.errors import ErrorCode, Refusal, refusal, spelling
from voltkeep.ocpp.messages import CustomData, decoder, encode, read
from voltkeep.services.checking import Checked, Demand, Place, Violation

_MOST = 100  # violations of one frame
_CALLS = (frames.Call, frames.Send)
_KINDS: tuple[tuple[type[Any], str], ...] = (
    (CustomData, "object"),
    (Struct, "object"),
    (enum.Enum, "word"),
    (str, "text"),
    (bool, "boolean"),
    (int, "whole number"),
    (float, "number"),
    (dt.datetime, "time"),
    (list, "list"),
    (dict, "object"),
)


class FrameChecker:
    """A `Checker` by the schemas that stations are read with."""

    def __init__(self, dialects: Sequence[Dialect]) -> None:
        self._dialects = dialects

    def check(self, frame: bytes, action: str = "") -> list[Checked]:
        """As `Checker.check`. Never raises, whatever the frame is."""
        return [_checked(dialect, frame, action) for dialect in self._dialects]


def _checked(dialect: Dialect, data: bytes, answered: str) -> Checked:
    try:
        frame = frames.decode(data)
    except frames.UNREADABLE as error:
        said = refusal(error)
        return _all_wrong(dialect, said.code, f"This is no frame: {said.description}")
    number = frame.__struct_config__.tag
    if number not in dialect.wire.message_types:
        text = f"{dialect.subprotocol} has no messages of type {number}"
        return _all_wrong(dialect, ErrorCode.MESSAGE_TYPE_NOT_SUPPORTED, text)
    if isinstance(frame, frames.CallError | frames.CallResultError):
        return Checked(subprotocol=dialect.subprotocol, schema="")
    action = frame.action if isinstance(frame, _CALLS) else answered
    if action not in dialect.actions:
        text = f"{dialect.subprotocol} has no action of that name"
        return _all_wrong(dialect, ErrorCode.NOT_IMPLEMENTED, text)
    request, response = dialect.actions[action]
    if isinstance(frame, _CALLS) and (response is None) != isinstance(frame, frames.Send):
        text = "This is a SEND, not a CALL" if response is None else "This is a CALL, not a SEND"
        return _all_wrong(dialect, ErrorCode.PROTOCOL_ERROR, text)
    type_ = request if isinstance(frame, _CALLS) else response
    if type_ is None:
        return _all_wrong(dialect, ErrorCode.PROTOCOL_ERROR, "Nobody answers a SEND")
    payload = frames.payload(frame.payload)
    return _payload(dialect, action, type_, payload, is_call=isinstance(frame, _CALLS))


def _all_wrong(dialect: Dialect, code: str, text: str) -> Checked:
    violation = Violation(rule=_spelled(dialect, code), text=text)
    return Checked(subprotocol=dialect.subprotocol, schema="", violations=[violation])


def _payload(
    dialect: Dialect, action: str, type_: type[Struct], payload: Raw, *, is_call: bool
) -> Checked:
    try:
        read(type_, payload)
    except Refusal as error:
        said = error
    else:
        return Checked(subprotocol=dialect.subprotocol, schema=type_.__name__)
    found = _found(type_, payload, said)
    return Checked(
        subprotocol=dialect.subprotocol,
        schema=type_.__name__,
        violations=[replace(each, rule=_spelled(dialect, each.rule)) for each in found[:_MOST]],
        forgiven=_forgiven(dialect, action, type_, payload) if is_call else [],
        is_more=len(found) > _MOST,
    )


def _forgiven(dialect: Dialect, action: str, type_: type[Struct], payload: Raw) -> list[str]:
    """What is mended in a call of a station whose make nobody knows; [] if that is not enough."""
    mended = mend(dialect.quirks, action, type_, payload, None)
    if mended is None:
        return []
    try:
        if mended.payload is not None:
            read(type_, mended.payload)
    except Refusal:
        return []
    return list(mended.notes)


def _found(type_: type[Struct], payload: Raw, said: Refusal) -> list[Violation]:
    """All of them, or the one that reading stopped at where nothing but that can be told."""
    found: list[Violation] = []
    try:
        for each in _violations(type_, json.decode(payload), ()):
            found.append(each)
            if len(found) > _MOST:
                break
    except frames.UNREADABLE:
        found = []
    return found or [Violation(rule=said.code, text=said.description, place=(), marked=())]


def _spelled(dialect: Dialect, code: str) -> str:
    return str(spelling(code, misspells=dialect.wire.misspells_error_codes))


# --- the schema and the value, side by side -----------------------------------------------------


def _violations(type_: Any, value: Any, place: Place) -> Iterator[Violation]:
    core, meta = _parts(type_)
    if isinstance(core, type) and issubclass(core, Struct) and isinstance(value, dict):
        yield from _in_object(core, value, place)
    elif get_origin(core) is list and isinstance(value, list):
        yield from _of_value(_list_of_anything(meta), type_, value, place)
        (element,) = get_args(core)
        for number, each in enumerate(value):
            yield from _violations(element, each, (*place, number))
    else:
        yield from _of_value(type_, type_, value, place)


def _in_object(type_: type[Struct], value: dict[str, Any], place: Place) -> Iterator[Violation]:
    known = {field.encode_name: field for field in fields(type_)}
    for name, field in known.items():
        if name in value:
            yield from _violations(field.type, value[name], (*place, name))
        elif _is_required(field):
            yield Violation(
                rule=ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION,
                text=f"Object missing required field `{name}`",
                place=(*place, name),
                marked=place,
                demand=_demand(field.type, is_required=True),
            )
    for name in value:
        if name not in known:
            yield Violation(
                rule=ErrorCode.FORMAT_VIOLATION,
                text="Object contains a field that the schema does not have",
                place=(*place, name),
                marked=(*place, name),
                demand=Demand(kind=""),
            )


def _is_required(field: FieldInfo) -> bool:
    return field.default is NODEFAULT and field.default_factory is NODEFAULT


def _of_value(type_: Any, declared: Any, value: Any, place: Place) -> Iterator[Violation]:
    """What reading says of one value, which has no structure that is looked into."""
    written = encode(value)
    try:
        decoder(type_).decode(written)
    except frames.UNREADABLE as error:
        said = refusal(error)
        text = said.description.partition(" - at `")[0]
        yield Violation(
            rule=said.code, text=text, place=place, marked=place, demand=_demand(declared)
        )
        return
    if "\x00" in str(value):
        text = "A string contains the character NUL"
        yield Violation(rule=ErrorCode.FORMAT_VIOLATION, text=text, place=place, marked=place)


@functools.cache
def _list_of_anything(meta: Meta | None) -> Any:
    return list[Any] if meta is None else Annotated[list[Any], meta]


def _parts(type_: Any) -> tuple[Any, Meta | None]:
    """A type without what says that it may be absent, and its bounds."""
    meta = None
    while True:
        origin = get_origin(type_)
        if origin in (Union, types.UnionType):
            type_ = next(each for each in get_args(type_) if each is not UnsetType)
        elif origin is Annotated:
            type_, meta = get_args(type_)[:2]
        else:
            return type_, meta


def _demand(type_: Any, *, is_required: bool = False) -> Demand:
    core, meta = _parts(type_)
    plain = get_origin(core) or core
    found = (kind for known, kind in _KINDS if isinstance(plain, type) and issubclass(plain, known))
    kind = next(found, "anything")
    bounds = _bounds(meta) if meta is not None else (None, None)
    words = tuple(str(each.value) for each in plain) if kind == "word" else ()
    return Demand(kind=kind, is_required=is_required, least=bounds[0], most=bounds[1], words=words)


def _bounds(meta: Meta) -> tuple[float | None, float | None]:
    if meta.min_length is not None or meta.max_length is not None:
        return meta.min_length, meta.max_length
    least, most = meta.ge, meta.le
    # What a database column holds is no demand of OCPP's.
    far = 2**62
    return (
        None if least is None or abs(least) > far else least,
        None if most is None or abs(most) > far else most,
    )
