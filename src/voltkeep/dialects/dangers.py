"""What a message by hand may not say unforced: it would part the station from what we know."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from voltkeep.domain.dangers import Danger, danger_of

Found = tuple[str, Danger]
"""The name of what is set, and what that would do."""

Guard = Callable[[Any], Found | None]
"""Looks for a danger in the payload of one action: any JSON at all, which fits no schema."""


def first(names: Iterable[object]) -> Found | None:
    """The first of the names that is dangerous."""
    for name in names:
        danger = danger_of(name) if isinstance(name, str) else None
        if danger is not None:
            return str(name), danger
    return None


def at(node: Any, *path: str) -> Iterator[Any]:
    """What there is under these fields; in a list, under those of each item."""
    if not path:
        yield node
        return
    inner = node.get(path[0]) if isinstance(node, dict) else None
    for each in inner if isinstance(inner, list) else [inner]:
        yield from at(each, *path[1:])
