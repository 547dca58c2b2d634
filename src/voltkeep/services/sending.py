"""Which messages were sent while something was done: noted where they are sent."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from voltkeep.domain.orders import OrderMessage

_MOST_NOTED = 200

_noted: ContextVar[list[OrderMessage] | None] = ContextVar("messages", default=None)


@contextmanager
def following() -> Iterator[list[OrderMessage]]:
    """The messages that are sent inside, as they are answered."""
    messages: list[OrderMessage] = []
    token = _noted.set(messages)
    try:
        yield messages
    finally:
        _noted.reset(token)


def followed() -> list[OrderMessage] | None:
    """Where to note what is sent now; None: nobody follows."""
    return _noted.get()


def note(messages: list[OrderMessage] | None, message: OrderMessage) -> None:
    """Note one; of an order that takes very many, the first."""
    if messages is not None and len(messages) < _MOST_NOTED:
        messages.append(message)
