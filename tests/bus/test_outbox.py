"""The relay of committed events."""

import asyncio

from voltkeep.bus.outbox import Relay
from voltkeep.domain.events import Event


class EmptyOutbox:
    """Nothing is in it, and all the same something was just committed."""

    def __init__(self) -> None:
        self.committed = asyncio.Event()
        self.looked = asyncio.Event()

    async def unpublished(self, limit: int) -> list[tuple[int, Event]]:
        self.looked.set()
        return []

    async def published(self, seqs) -> None:
        raise AssertionError("nothing was published")


async def test_a_relay_stops_when_told_even_as_an_event_is_committed():
    """The last work of a server that stops commits, and then its jobs are cancelled."""
    outbox = EmptyOutbox()
    relay = asyncio.create_task(Relay(outbox, print, look_every_s=60).run())
    await outbox.looked.wait()
    await asyncio.sleep(0)

    outbox.committed.set()
    relay.cancel()

    done, _ = await asyncio.wait({relay}, timeout=5)
    assert relay in done
    assert relay.cancelled()
