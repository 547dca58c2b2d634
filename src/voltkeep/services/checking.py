"""What is wrong with a frame by the schemas of each version: words for whoever looks into it."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

Place = tuple[str | int, ...]
"""Where something stands in a payload: names of fields, and numbers in lists."""


class Demand(Struct, frozen=True, kw_only=True):
    """What a schema demands of a value.

    ``kind`` is object, list, text, whole number, number, boolean, time, word or anything, and ""
    where the schema has no such value at all. ``least`` and ``most`` are of a number, or of the
    length of a text or a list; ``words`` are those that may stand there.
    """

    kind: str
    is_required: bool = False
    least: float | None = None
    most: float | None = None
    words: tuple[str, ...] = ()


class Violation(Struct, frozen=True, kw_only=True):
    """One thing wrong.

    ``marked`` is what of the payload to point at: the value, or the object that lacks a field;
    ``place`` is of the value or the field itself, and None if it is the frame around the payload.
    ``rule`` is the error code that says it, as the version spells it.
    """

    rule: str
    text: str
    place: Place | None = None
    marked: Place | None = None
    demand: Demand | None = None


class Checked(Struct, frozen=True, kw_only=True):
    """A frame by one version; ``schema`` names the message that it was read as, "" if none.

    ``forgiven`` says what was mended where a known quirk explains the violations: such a message
    is taken all the same. ``is_more``: there is more wrong than is listed.
    """

    subprotocol: str
    schema: str
    violations: Sequence[Violation] = ()
    forgiven: Sequence[str] = ()
    is_more: bool = False


class Checker(Protocol):
    """Whoever knows every version's schemas."""

    def check(self, frame: bytes, action: str = "") -> Sequence[Checked]:
        """A frame as each version sees it, the oldest first.

        ``action`` is what an answer answers, which it does not say itself.
        """
        ...
