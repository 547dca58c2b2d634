"""Edits of what somebody has seen: whether it still is what they saw."""

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

Check = Callable[[T], None]
"""Called in the work of a change, with what there is and nobody else can change until it is over.

What it raises ends that work, and nothing is changed.
"""


def as_it_is(current: object) -> None:
    """Whatever it has become meanwhile, change it."""
