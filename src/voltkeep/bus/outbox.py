"""Relays committed events, in order and at least once, whichever process committed them."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from voltkeep.domain.events import Event
from voltkeep.services.ports import StoreUnavailable

log = structlog.get_logger(__name__)

_AT_ONCE = 500
# Between two looks while there is always something: to mark events as told is a commit of its own.
_PACE_S = 0.05


class Outbox(Protocol):
    """The events that works emitted and nobody has relayed."""

    committed: asyncio.Event
    """Set when a work of this process has committed an event."""

    async def unpublished(self, limit: int) -> Sequence[tuple[int, Event]]: ...
    async def published(self, seqs: Sequence[int]) -> dict[int, int]:
        """Their positions, which whoever listens may come back with: durable when known."""
        ...


class Relay:
    """Publishes what the outbox holds: at once what this process wrote, soon what others did."""

    def __init__(
        self, outbox: Outbox, publish: Callable[[Event, int], None], *, look_every_s: float
    ) -> None:
        """``publish`` gets each event and its position."""
        self._outbox = outbox
        self._publish = publish
        self._look_every_s = look_every_s
        self._batch: Sequence[tuple[int, Event]] = ()  # whose positions may be stored already

    async def run(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            rest = loop.time() + _PACE_S
            try:
                more = await self.relay()
            except StoreUnavailable as error:
                log.warning("events wait for the database", error=str(error))
                more = False
                await asyncio.sleep(self._look_every_s)
            if not more:
                # Not `wait_for`: that of Python 3.11 forgets a cancellation that comes just
                # when the event is set, and what is committed last at shutdown sets it.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._look_every_s):
                        await self._outbox.committed.wait()
                await asyncio.sleep(max(0.0, rest - loop.time()))

    async def relay(self) -> bool:
        """Publish one batch. True if there may be more.

        Positions are stored before anybody is told of them: a listener that comes back with one
        after a crash must find there what it had been told, and nothing else.
        """
        self._outbox.committed.clear()
        # A commit that seemed to fail may have been one: then nobody else finds these any more.
        self._batch = self._batch or await self._outbox.unpublished(_AT_ONCE)
        if not self._batch:
            return False
        positions = await self._outbox.published([seq for seq, _ in self._batch])
        batch, self._batch = self._batch, ()
        for seq, event in batch:
            self._publish(event, positions[seq])
        return len(batch) == _AT_ONCE
