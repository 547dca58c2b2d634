"""The relay of committed events."""

import asyncio
from datetime import UTC, datetime

import pytest

from voltkeep.bus.outbox import Relay
from voltkeep.domain.events import Event, StationAdded
from voltkeep.domain.identity import DEFAULT_TENANT, StationId
from voltkeep.services.ports import StoreUnavailable

ADDED = StationAdded(station=StationId(DEFAULT_TENANT, "CS-1"), at=datetime(2026, 5, 1, tzinfo=UTC))


class EmptyOutbox:
    """Nothing is in it, and all the same something was just committed."""

    def __init__(self) -> None:
        self.committed = asyncio.Event()
        self.looked = asyncio.Event()

    async def unpublished(self, limit: int) -> list[tuple[int, Event]]:
        self.looked.set()
        return []

    async def published(self, seqs) -> dict[int, int]:
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


class LossyOutbox:
    """Its first commit seems to fail, and was made all the same."""

    def __init__(self) -> None:
        self.committed = asyncio.Event()
        self.positions: dict[int, int] = {}

    async def unpublished(self, limit: int) -> list[tuple[int, Event]]:
        return [] if self.positions else [(7, ADDED)]

    async def published(self, seqs) -> dict[int, int]:
        was_lost = not self.positions
        self.positions = dict.fromkeys(seqs, 1)
        if was_lost:
            raise StoreUnavailable("the answer was lost")
        return self.positions


async def test_events_whose_commit_seemed_to_fail_are_told_all_the_same():
    told = []
    relay = Relay(LossyOutbox(), lambda *said: told.append(said), look_every_s=60)

    with pytest.raises(StoreUnavailable):
        await relay.relay()
    assert told == []

    await relay.relay()
    await relay.relay()
    assert told == [(ADDED, 1)]
