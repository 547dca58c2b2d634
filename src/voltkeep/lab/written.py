"""JSON with the places of its parts: some of a text is changed, and the rest stays as written.

To read it and write it anew would lose what a log is for: a name that comes twice, `1E2`, an
escape.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from msgspec import DecodeError, json

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]|[^\s\[\]{}:,"]+', re.DOTALL)


class Part:
    """A value: where it stands, its fields if it is an object, all values in it."""

    __slots__ = ("end", "fields", "start", "within")

    def __init__(self, start: int, end: int) -> None:
        self.start = start
        self.end = end
        self.fields: list[tuple[str, Part]] = []
        self.within: list[Part] = []


class Change(NamedTuple):
    """What is to stand in the place of a part."""

    part: Part
    text: str


def parsed(text: str) -> Part | None:
    """The whole; None if it is no JSON, or too deep to be read."""
    try:
        json.decode(text)
    except (DecodeError, RecursionError, UnicodeError):
        return None
    top = Part(0, len(text))
    open_: list[tuple[Part, str]] = [(top, "[")]
    name: list[str | None] = [None]  # of the field that is next, for each of them
    for token in _TOKEN.finditer(text):
        first = token[0][0]
        part, kind = open_[-1]
        if first in "]}":
            part.end = token.end()
            open_.pop()
            name.pop()
        elif kind == "{" and name[-1] is None:
            name[-1] = string(token[0])
        else:
            value = Part(*token.span())
            part.within.append(value)
            if (of := name[-1]) is not None:
                part.fields.append((of, value))
                name[-1] = None
            if first in "[{":
                open_.append((value, first))
                name.append(None)
    return top


def parts(top: Part) -> Iterator[Part]:
    """All of it, as they come in the text."""
    waiting = [top]
    while waiting:
        part = waiting.pop()
        yield part
        waiting += reversed(part.within)


def string(written: str) -> str:
    """What a string of JSON says."""
    return json.decode(written, type=str)


def changed(text: str, changes: list[Change]) -> str:
    """The text with these changes; what is in a part that is changed is not changed by itself."""
    done, at = [], 0
    for part, new in sorted(changes, key=lambda change: (change.part.start, -change.part.end)):
        if part.start >= at:
            done += [text[at : part.start], new]
            at = part.end
    return "".join([*done, text[at:]])
