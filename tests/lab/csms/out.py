"""What goes out to a station, before it goes: where a fault lays its hand."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import json

if TYPE_CHECKING:
    from tests.lab.csms.link import Link

CALL, RESULT, ERROR = 2, 3, 4


class Out(NamedTuple):
    """A frame on its way out, or instead of one: bytes as they are, a pause, or the end.

    ``action`` is that of the CALL, also of an answer.
    """

    type: int
    action: str
    id: str
    payload: Any
    raw: str | bytes | None = None
    pause_s: float = 0.0
    closes: bool = False

    @property
    def data(self) -> str | bytes:
        if self.raw is not None:
            return self.raw
        if self.type == CALL:
            return json.encode([CALL, self.id, self.action, self.payload]).decode()
        if self.type == ERROR:
            return json.encode([ERROR, self.id, *self.payload, {}]).decode()
        return json.encode([RESULT, self.id, self.payload]).decode()


Spoiling = Callable[["Link", Out], Iterable[Out]]
"""What a fault does with each frame that goes out: nothing, another, none, or more."""
