"""Frames of the message log as people read them: payloads line by line, and as a story."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct, json

from voltkeep.services.checking import Place
from voltkeep.web.api.messages import MessageOut

_DEEPEST = 40  # what is nested deeper stands on one line
_MOST_LINES = 400
_MOST_MARKED_LINES = 4000  # of one with something wrong further down
_LONGEST = 2000
_END: Place = ("", -1)  # no place: that of a bracket that closes
_PLAIN_NAME = re.compile(r"[A-Za-z_]\w*")

# What msgspec says of a payload that does not fit, which `ocpp.errors` passes on.
_AT = re.compile(r" at `(\$[^`]*)`")
_UNKNOWN = re.compile(r"unknown field `([^`]+)`")
_NAME = re.compile(r"[A-Z][A-Za-z]*")


class Line(Struct, frozen=True, kw_only=True):
    """A line of a payload; ``is_wrong``: what was said to be wrong is there.

    ``marks`` are the numbers of those things, where several are told.
    """

    text: str
    is_wrong: bool = False
    marks: Sequence[int] = ()


class Side(Struct, frozen=True, kw_only=True):
    """A call or its answer; ``error`` is the code and the words of one that is an error."""

    lines: list[Line]
    is_cut: bool
    error: str = ""


class Exchange(Struct, frozen=True, kw_only=True):
    """A call with its answer, as a page shows it."""

    message: MessageOut
    call: Side
    answer: Side | None


def read(message: MessageOut) -> Exchange:
    """A call with its answer, with the place marked that was refused."""
    refusal = _refusal(message)
    wrong = _place(refusal)
    is_ours = message.direction == "out"
    blames_answer = is_ours and not _error(message.answer) and message.verdict != "ok"
    call = _side(message.call, None if blames_answer else wrong)
    if message.answer is None:
        return Exchange(message=message, call=call, answer=None)
    answer = _side(message.answer, wrong if blames_answer else None)
    return Exchange(message=message, call=call, answer=answer)


def story(messages: list[MessageOut]) -> str:
    """A conversation as `tests.stories.play` plays it: messages in order of time.

    The first station is CS-1, whose lines do not say so; others are counted on.
    """
    names: dict[str, str] = {}
    lines = []
    for message in messages:
        if message.station not in names:
            names[message.station] = f"CS-{len(names) + 1}"
            lines.append(f"# {names[message.station]} is {_inert(message.station)}.")
        who = names[message.station]
        before = "" if who == "CS-1" else f"{who} "
        asks, answers = ("<", ">") if message.direction == "in" else (">", "<")
        lines.append(before + _told(asks, message.call))
        if message.answer is not None:
            lines.append(before + _told(answers, message.answer))
        elif message.verdict != "ok":
            lines.append(f"# {_inert(message.verdict)}: {_inert(message.note)}")
    return "".join(f"{line}\n" for line in lines)


def _told(sign: str, frame: Any) -> str:
    match frame:
        case [2 | 6, _, str(action), dict(payload)] if _NAME.fullmatch(action):
            return f"{sign} {action} {_compact(payload)}"
        case [3, _, dict(payload)]:
            return f"{sign} {_compact(payload)}"
        case [4 | 5, _, str(code), *_] if _NAME.fullmatch(code):
            return f"{sign} error {code}"
    return f"# {sign} {_compact(frame)}"


def _compact(value: Any) -> str:
    return json.encode(value).decode()


def _inert(text: str) -> str:
    """A peer's words on one line."""
    return "".join(each if each.isprintable() else "\ufffd" for each in text)


def _error(frame: Any) -> str:
    match frame:
        case [4 | 5, _, code, *more]:
            words = more[0] if more else ""
            return f"{code}: {words}" if words else str(code)
    return ""


def _refusal(message: MessageOut) -> str:
    """What was said of a payload that was not taken."""
    return _error(message.answer) or (message.note if message.verdict != "ok" else "")


def _place(refusal: str) -> str | None:
    """Where that is in the payload: ``$.meterValue[...].timestamp``."""
    at = _AT.search(refusal)
    place = at[1] if at else "$"
    if unknown := _UNKNOWN.search(refusal):
        return f"{place}.{unknown[1]}"
    return place if at or "missing required field" in refusal else None


def _side(frame: Any, wrong: str | None) -> Side:
    content = content_of(frame)
    if isinstance(content, str) and content is frame:
        return Side(lines=[Line(text=content[:_LONGEST])], is_cut=len(content) > _LONGEST)
    lines: list[Line] = []
    for text, place in _lines(content):
        if len(lines) == _MOST_LINES:
            return Side(lines=lines, is_cut=True, error=_error(frame))
        lines.append(Line(text=text, is_wrong=wrong is not None and _general(place) == wrong))
    return Side(lines=lines, is_cut=False, error=_error(frame))


def content_of(frame: Any) -> Any:
    """The payload of a frame, or its details; what is no frame, as it is."""
    match frame:
        case [2 | 6, _, _, payload, *_] | [3, _, payload, *_]:
            return payload
        case [4 | 5, _, _, _, details, *_]:
            return details
    return frame


def marked(content: Any, marks: Mapping[Place, Sequence[int]]) -> Side:
    """A payload with numbers where something is wrong: all of it, as far as that."""
    lines: list[Line] = []
    left = len(marks)
    for text, place in _lines(content):
        if len(lines) >= _MOST_LINES and (not left or len(lines) >= _MOST_MARKED_LINES):
            return Side(lines=lines, is_cut=True)
        here = marks.get(place, ())
        left -= bool(here)
        lines.append(Line(text=text, is_wrong=bool(here), marks=here))
    return Side(lines=lines, is_cut=False)


def path_of(place: Place) -> str:
    """``$.meterValue[0].timestamp``: the way to a place in a payload, for people."""
    return "$" + "".join(f"[{each}]" if isinstance(each, int) else _step(each) for each in place)


def _step(name: str) -> str:
    return f".{name}" if _PLAIN_NAME.fullmatch(name) else f"[{_compact(name)}]"


def _general(place: Place) -> str:
    """A place as msgspec writes it, which tells no numbers in lists."""
    return "$" + "".join("[...]" if isinstance(each, int) else f".{each}" for each in place)


def _lines(
    value: Any, place: Place = (), name: str = "", comma: str = "", depth: int = 0
) -> Iterator[tuple[str, Place]]:
    """JSON with two blanks for each level, each line with what it is about; no place closes."""
    blank = "  " * depth
    if not isinstance(value, dict | list) or not value or depth >= _DEEPEST:
        text = _compact(value)
        if len(text) > _LONGEST:
            text = f"{text[:_LONGEST]}…"
        yield f"{blank}{name}{text}{comma}", place
        return
    pairs: Iterable[tuple[Any, Any]]
    if isinstance(value, dict):
        is_object, opened, closed, pairs = True, "{", "}", value.items()
    else:
        is_object, opened, closed, pairs = False, "[", "]", enumerate(value)
    yield f"{blank}{name}{opened}", place
    last = len(value) - 1
    for number, (key, each) in enumerate(pairs):
        yield from _lines(
            each,
            (*place, key),
            f"{_compact(key)}: " if is_object else "",
            "," if number < last else "",
            depth + 1,
        )
    yield f"{blank}{closed}{comma}", _END
