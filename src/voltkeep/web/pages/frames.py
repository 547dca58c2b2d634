"""Frames of the message log as people read them: payloads line by line, and as a story."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct, json

from voltkeep.web.api.messages import MessageOut

_DEEPEST = 40  # what is nested deeper stands on one line
_MOST_LINES = 400
_LONGEST = 2000

# What msgspec says of a payload that does not fit, which `ocpp.errors` passes on.
_AT = re.compile(r" at `(\$[^`]*)`")
_UNKNOWN = re.compile(r"unknown field `([^`]+)`")
_NAME = re.compile(r"[A-Z][A-Za-z]*")


class Line(Struct, frozen=True, kw_only=True):
    """A line of a payload; ``is_wrong``: what was said to be wrong is there."""

    text: str
    is_wrong: bool = False


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
    match frame:
        case [2 | 6, _, _, payload, *_] | [3, _, payload, *_]:
            content = payload
        case [4 | 5, _, _, _, details, *_]:
            content = details
        case _:
            content = frame
    if isinstance(content, str) and content is frame:
        return Side(lines=[Line(text=content[:_LONGEST])], is_cut=len(content) > _LONGEST)
    lines: list[Line] = []
    for line in _lines(content, wrong):
        if len(lines) == _MOST_LINES:
            return Side(lines=lines, is_cut=True, error=_error(frame))
        lines.append(line)
    return Side(lines=lines, is_cut=False, error=_error(frame))


def _lines(
    value: Any, wrong: str | None, place: str = "$", name: str = "", comma: str = "", depth: int = 0
) -> Iterator[Line]:
    """JSON with two blanks for each level. ``place`` is as msgspec writes it."""
    blank = "  " * depth
    is_wrong = place == wrong
    if not isinstance(value, dict | list) or not value or depth >= _DEEPEST:
        text = _compact(value)
        if len(text) > _LONGEST:
            text = f"{text[:_LONGEST]}…"
        yield Line(text=f"{blank}{name}{text}{comma}", is_wrong=is_wrong)
        return
    pairs: Iterable[tuple[Any, Any]]
    if isinstance(value, dict):
        is_object, opened, closed, pairs = True, "{", "}", value.items()
    else:
        is_object, opened, closed, pairs = False, "[", "]", enumerate(value)
    yield Line(text=f"{blank}{name}{opened}", is_wrong=is_wrong)
    last = len(value) - 1
    for number, (key, each) in enumerate(pairs):
        inside = f"{place}.{key}" if is_object else f"{place}[...]"
        yield from _lines(
            each,
            wrong,
            inside,
            f"{_compact(key)}: " if is_object else "",
            "," if number < last else "",
            depth + 1,
        )
    yield Line(text=f"{blank}{closed}{comma}")
