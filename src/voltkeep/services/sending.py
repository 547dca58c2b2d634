"""Which messages were sent while something was done, and until when they may be answered."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from voltkeep.domain.orders import OrderMessage

_MOST_NOTED = 200

_noted: ContextVar[list[OrderMessage] | None] = ContextVar("messages", default=None)
_patience: ContextVar["Patience | None"] = ContextVar("patience", default=None)


@dataclass(slots=True)
class Patience:
    """How long a station has for its answer, from when it is asked."""

    seconds: float
    limit: asyncio.Timeout
    is_over: bool = False

    def begin(self) -> None:
        """A message leaves now, after it has waited in line."""
        if not self.is_over and not self.limit.expired():
            self.limit.reschedule(asyncio.get_running_loop().time() + self.seconds)


@asynccontextmanager
async def patient(seconds: float | None, *, at_most: float) -> AsyncIterator[None]:
    """Give each message that is sent inside so long; and all of it ``at_most`` before the first.

    Raises TimeoutError.
    """
    async with asyncio.timeout(at_most) as limit:
        if seconds is None:
            yield
            return
        patience = Patience(seconds, limit)
        token = _patience.set(patience)
        try:
            yield
        finally:
            patience.is_over = True
            _patience.reset(token)


def patience_now() -> Patience | None:
    """That of whoever asks now; None: the usual one."""
    return _patience.get()


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
