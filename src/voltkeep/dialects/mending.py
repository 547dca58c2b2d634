"""How a message that breaks its schema in a known way is made readable: the kinds of mend.

A mend looks at one value of the message, and at the type its schema gives it, and returns what to
read in its place. It acts only where the value is wrong, and it makes nothing up: no token, no
register and no transaction ever gets a value that the station did not send.
"""

import functools
import re
import types
from collections.abc import Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Annotated, Any, Final, Protocol, Union, get_args, get_origin

import msgspec
from msgspec import DecodeError, Meta, Raw, Struct, UnsetType, json

from voltkeep.domain.stations import Make
from voltkeep.ocpp.errors import Refusal
from voltkeep.ocpp.messages import encode, read

ABSENT: Final = object()
"""Read the message as if the value had not been sent."""

NOTHING_TOLD: Final = object()
"""Acknowledge the whole message: there is nothing in it to handle."""

ANYWHERE = "**"
ANSWERS = "answers"  # in place of an action: what stations answer to any CALL of ours

_MOST_VALUES = 2000  # of one message: a hostile one must not keep us busy


class Mend(Protocol):
    """One kind of repair; its fields are its parameters."""

    def __call__(self, value: Any, type_: Any, name: str | int) -> Any:
        """What to read in place of ``value``: itself where this mend has no say.

        ``type_`` is what the schema has there, None where it has nothing; ``name`` is the field's.
        """


class NumberAsText(Struct, frozen=True):
    """A number where text belongs, read as it would be written."""

    def __call__(self, value: Any, type_: Any, name: str | int) -> Any:
        return repr(value) if _is(type_, str) and type(value) in (int, float) else value


class TextAsNumber(Struct, frozen=True):
    """A decimal number in quotes."""

    def __call__(self, value: Any, type_: Any, name: str | int) -> Any:
        if not _is(type_, float) or not isinstance(value, str) or not _DECIMAL.fullmatch(value):
            return value
        return float(value)


class WholeNumber(Struct, frozen=True):
    """An integer written as 1.0."""

    def __call__(self, value: Any, type_: Any, name: str | int) -> Any:
        is_whole = type(value) is float and value.is_integer() and abs(value) < _EXACT
        return int(value) if is_whole and _is(type_, int) else value


class Truncate(Struct, frozen=True):
    """Text longer than the schema allows, cut there."""

    def __call__(self, value: Any, type_: Any, name: str | int) -> Any:
        longest = _longest(type_)
        too_long = isinstance(value, str) and longest is not None and len(value) > longest
        return value[:longest] if too_long else value


class NullAsAbsent(Struct, frozen=True):
    """OCPP has no null: an optional field that is null is not there."""

    def __call__(self, value: Any, type_: Any, name: str | int) -> Any:
        return ABSENT if value is None else value


class DropUnknown(Struct, frozen=True):
    """A field that the schema does not have, but for those that would change what others mean."""

    besides: tuple[str, ...] = ()

    def __call__(self, value: Any, type_: Any, name: str | int) -> Any:
        return ABSENT if type_ is None and name not in self.besides else value


class KeepValid(Struct, frozen=True):
    """A list of which some elements break the schema: the others are kept, if there are any."""

    def __call__(self, value: Any, type_: Any, name: str | int) -> Any:
        if not isinstance(value, list):
            return value
        valid = [one for one in value if _is_valid(one, _element(type_))]
        return valid if 0 < len(valid) < len(value) else value


class DropInvalid(Struct, frozen=True):
    """An optional value, or an element of a list, that breaks its schema: the rest is kept."""

    def __call__(self, value: Any, type_: Any, name: str | int) -> Any:
        return value if _is_valid(value, type_) else ABSENT


class Respell(Struct, frozen=True):
    """Another version's or a vendor's word for what the schema spells differently.

    ``otherwise`` stands for any other word that the schema does not have.
    """

    words: Mapping[str, str] = {}
    otherwise: str | None = None

    def __call__(self, value: Any, type_: Any, name: str | int) -> Any:
        if not isinstance(value, str) or _is_valid(value, type_):
            return value
        return self.words.get(value) or self.otherwise or value


class EmptyAsAbsent(Struct, frozen=True):
    """An empty list where the schema wants one element at least, or no list."""

    def __call__(self, value: Any, type_: Any, name: str | int) -> Any:
        return ABSENT if value == [] else value


class DropHollow(Struct, frozen=True):
    """An element of a list whose own list, ``field``, is empty."""

    field: str

    def __call__(self, value: Any, type_: Any, name: str | int) -> Any:
        return ABSENT if isinstance(value, dict) and value.get(self.field) == [] else value


class AcknowledgeEmpty(Struct, frozen=True):
    """A report with an empty list of what it is there to report."""

    def __call__(self, value: Any, type_: Any, name: str | int) -> Any:
        return NOTHING_TOLD if value == [] else value


class Timestamp(Struct, frozen=True):
    """A date and time in a notation near RFC 3339."""

    def __call__(self, value: Any, type_: Any, name: str | int) -> Any:
        if not _is(type_, datetime) or not isinstance(value, str) or len(value) > _LONGEST_TIME:
            return value
        match = _TIME.fullmatch(value.strip())
        if match is None or _is_valid(value, type_):
            return value
        day, minutes, seconds, fraction, offset = match.groups()
        text = f"{day}T{minutes}{seconds or ':00'}{(fraction or '').replace(',', '.')}"
        return text + _offset(offset)


class ConnectionQuirks(Struct, frozen=True, kw_only=True):
    """What the gateway must know of a make, by name."""

    no_pings: bool = False
    """Does not answer pings, or breaks when it gets one."""
    ask_nothing_before_boot: bool = False
    """Drops the connection when asked anything before its BootNotification."""
    ask_nothing_after_boot_s: float = 0.0
    """Falls silent when asked anything in the seconds after its boot was accepted."""


class Quirk(Struct, frozen=True, kw_only=True):
    """A row of the table. Patterns are those of a shell; ``*`` was seen at several makes.

    A path names the fields from the payload down, ``*`` for an element of a list.
    """

    id: str
    subprotocol: str = "*"
    vendor: str = "*"
    model: str = "*"
    firmware: str = "*"
    actions: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    mend: Mend | ConnectionQuirks
    source: str
    why: str

    def fits(self, make: Make | None) -> bool:
        """Whether a station of that make is expected to behave so."""
        if self.vendor == self.model == self.firmware == "*":
            return True
        return make is not None and all(
            fnmatchcase(has.casefold(), pattern.casefold())
            for has, pattern in (
                (make.vendor, self.vendor),
                (make.model, self.model),
                (make.firmware or "", self.firmware),
            )
        )


class Mended(Struct, frozen=True):
    """A payload as it can be read, or None when it tells nothing; and what was done to it."""

    payload: Raw | None
    notes: tuple[str, ...]


def mend(
    quirks: tuple[Quirk, ...], action: str, type_: type[Struct], payload: Raw, make: Make | None
) -> Mended | None:
    """Repair what known quirks explain. None: nothing here is known."""
    rows = [
        quirk
        for quirk in quirks
        if (action in quirk.actions or ANYWHERE in quirk.actions) and quirk.fits(make)
    ]
    try:
        content = json.decode(payload)
    except (DecodeError, RecursionError, UnicodeError):
        return None
    repair = _Repair(rows)
    try:
        repair.inside(content, type_, "")
    except _TooMuch:
        return None
    if not repair.notes:
        return None
    return Mended(None if repair.nothing_told else Raw(encode(content)), tuple(repair.notes))


class _TooMuch(Exception):
    """More values than any honest message has."""


class _Repair:
    """Walks a message beside its schema, children first: an emptied list is seen as empty."""

    def __init__(self, rows: list[Quirk]) -> None:
        self._rows = rows
        self._at: dict[str, list[Quirk]] = {}
        self.notes: dict[str, None] = {}
        self.nothing_told = False
        self._values = 0

    def inside(self, node: Any, type_: Any, path: str) -> None:
        if isinstance(node, dict | list):
            self._values += len(node)
            if self._values > _MOST_VALUES:
                raise _TooMuch
        if isinstance(node, dict):
            fields = _fields(type_)
            if fields is not None:
                for name in list(node):
                    inner = f"{path}.{name}" if path else name
                    self._value(node, name, fields.get(name), inner)
        elif isinstance(node, list):
            element = _element(type_)
            if element is not None:
                for index in reversed(range(len(node))):
                    self._value(node, index, element, f"{path}.*")

    def _value(self, holder: Any, key: Any, type_: Any, path: str) -> None:
        self.inside(holder[key], type_, path)
        for row in self._rows_at(path):
            before = holder[key]
            assert not isinstance(row.mend, ConnectionQuirks)
            after = row.mend(before, type_, key)
            if after is before:
                continue
            self.notes[f"{row.id}: {path if type_ is not None else 'a field'}"] = None
            if after is ABSENT:
                del holder[key]
                return
            if after is NOTHING_TOLD:
                self.nothing_told = True
                return
            holder[key] = after

    def _rows_at(self, path: str) -> list[Quirk]:
        if path not in self._at:
            self._at[path] = [
                row for row in self._rows if any(_covers(pattern, path) for pattern in row.paths)
            ]
        return self._at[path]


def _covers(pattern: str, path: str) -> bool:
    """``**`` is everywhere; ``a.**`` is everywhere inside a."""
    return pattern == path or (
        pattern.endswith(ANYWHERE) and path.startswith(pattern.removesuffix(ANYWHERE))
    )


# --- what the schema has at a place --------------------------------------------------------------


@functools.cache
def _fields(type_: Any) -> dict[str, Any] | None:
    """The fields of an object by their names on the wire; None if it is none that we know."""
    bare = _bare(type_)
    if not isinstance(bare, type) or not issubclass(bare, Struct):
        return None
    return {field.encode_name: field.type for field in msgspec.structs.fields(bare)}


def _element(type_: Any) -> Any:
    bare = _bare(type_)
    return get_args(bare)[0] if get_origin(bare) is list else None


def _bare(type_: Any) -> Any:
    """Without Annotated, and without UNSET."""
    if get_origin(type_) is Annotated:
        return _bare(get_args(type_)[0])
    if get_origin(type_) in (Union, types.UnionType):
        return next(_bare(part) for part in get_args(type_) if part is not UnsetType)
    return type_


def _is(type_: Any, wanted: type[Any]) -> bool:
    return _bare(type_) is wanted


def _longest(type_: Any) -> int | None:
    """How long a text may be, if its schema says."""
    for part in (type_, *get_args(type_)):
        if get_origin(part) is Annotated and _is(part, str):
            meta = get_args(part)[1]
            assert isinstance(meta, Meta)
            return meta.max_length
    return None


def _is_valid(value: Any, type_: Any) -> bool:
    bare = _bare(type_)
    try:
        if isinstance(bare, type) and issubclass(bare, Struct):
            read(bare, encode(value))
        else:
            msgspec.convert(value, type_)
    except (Refusal, msgspec.ValidationError, RecursionError, UnicodeError):
        return False
    return True


# --- numbers and times ---------------------------------------------------------------------------

_EXACT = 2.0**53
_DECIMAL = re.compile(r"\s*[+-]?\d{1,15}(\.\d{1,15})?\s*", re.ASCII)
_LONGEST_TIME = 64
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d)(:\d\d)?([.,]\d{1,9})?\s*"
    r"([Zz]+|UTC|[Zz]?[+-]\d\d(?::?\d\d)?)?",
    re.ASCII,
)


def _offset(text: str | None) -> str:
    """``+02``, ``+0200`` and ``Z+02:00`` are ``+02:00``."""
    if text is None:
        return ""
    if text == "UTC" or set(text) <= {"Z", "z"}:
        return "Z"
    digits = text.lstrip("Zz")
    return f"{digits[:3]}:{digits[-2:] if len(digits) > len('+02') else '00'}"
