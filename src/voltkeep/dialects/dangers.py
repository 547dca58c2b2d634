"""What a message by hand may not say unforced: it would part the station from what we know."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Danger:
    """``refused`` goes on from the name of what is set; ``forced`` warns once it was sent."""

    refused: str
    forced: str


KEY = Danger(
    "would give the station a key that Voltkeep does not know, and lock it out; "
    "`voltkeep station rotate-key` changes it on both sides",
    "If the station took that key, Voltkeep does not know it and will refuse the station. Now, "
    "while it is connected, `voltkeep station rotate-key` gives it one that both know.",
)
PROFILE = Danger(
    "decides with which security profile the station connects, and Voltkeep would not expect it; "
    "`voltkeep station raise-profile` changes it on both sides, and never lowers it (A00.FR.005)",
    "If the station took it, it may connect with another security profile than Voltkeep expects, "
    "and be refused: `voltkeep station explain` says so, and what to do.",
)
IDENTITY = Danger(
    "would give the station an id that Voltkeep does not know, and lock it out; "
    "register that id first: `voltkeep station add`",
    "If the station took that id, it connects with it from now on: `voltkeep station rename` "
    "changes it here.",
)

Found = tuple[str, Danger]
"""The name of what is set, and what that would do."""

Guard = Callable[[Any], Found | None]
"""Looks for a danger in the payload of one action: any JSON at all, which fits no schema."""


def first(names: Iterable[object], dangers: dict[str, Danger]) -> Found | None:
    """The first of the names that is dangerous. Case does not tell names apart in OCPP."""
    for name in names:
        plain = name.strip().casefold() if isinstance(name, str) else ""
        if plain in dangers:
            return str(name), dangers[plain]
    return None


def at(node: Any, *path: str) -> Iterator[Any]:
    """What there is under these fields; in a list, under those of each item."""
    if not path:
        yield node
        return
    inner = node.get(path[0]) if isinstance(node, dict) else None
    for each in inner if isinstance(inner, list) else [inner]:
        yield from at(each, *path[1:])
