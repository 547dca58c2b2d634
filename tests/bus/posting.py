"""The service of webhooks over a store, with what sends: it can be killed and begun again."""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

from tests.contract.samples import TENANT
from voltkeep.bus.local import LocalBus
from voltkeep.bus.outbound import CheckedOutbound
from voltkeep.bus.outward import Outward
from voltkeep.domain.accounts import Permission
from voltkeep.domain.webhooks import DeliveryState
from voltkeep.services.records import Look
from voltkeep.services.webhooks import SealedSecrets, WebhookService, WebhookWords

ALL = frozenset(Permission)


class Post:
    """A store, the service, and what runs beside the relay: it can be killed and begun again."""

    def __init__(self, store):
        self.store = store
        self.ahead = timedelta()
        seal = SealedSecrets(b"k" * 32)
        self.outbound = CheckedOutbound([ip_network("127.0.0.0/8")])
        self.service = WebhookService(
            store.begin, store.read, self.clock, self.outbound, seal, store.outbox.last
        )
        self._tasks = []

    def clock(self):
        return datetime.now(UTC) + self.ahead

    async def start(self):
        self.bus = LocalBus()
        self.outward = Outward(
            self.store, self.bus, self.service.courier, self.clock, look_every_s=60
        )
        await self.outward.open()
        self._tasks = [asyncio.create_task(run()) for _, run in self.outward.jobs()]

    async def kill(self):
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def add(self, url, permissions=ALL, **words):
        webhook, secret = await self.service.add(
            TENANT, WebhookWords(url=url, **words), permissions
        )
        return webhook.id, secret

    async def emit(self, *events):
        async with self.store.begin() as work:
            for event in events:
                work.emit(event)

    async def later(self, **by):
        """Time goes on, and the lines look what is due."""
        self.ahead += timedelta(**by)
        for line in self.outward.webhooks._lines.values():
            line.wake()

    async def until(self, is_so):
        """Wait until a webhook or its deliveries are as said."""
        async with asyncio.timeout(20):
            while not (found := await is_so()):  # noqa: ASYNC110  # the database tells nobody
                await asyncio.sleep(0.02)
        return found

    async def deliveries(self, id, *progress):
        look = Look(oldest_first=True, limit=100)
        return await self.service.deliveries(TENANT, id, look, progress or tuple(DeliveryState))

    async def settled(self, id, count, progress=DeliveryState.DELIVERED):
        async def are():
            found = await self.deliveries(id, progress)
            return found if len(found) >= count else None

        return await self.until(are)


@asynccontextmanager
async def posting(store):
    post = Post(store)
    await post.start()
    try:
        yield post
    finally:
        await post.kill()
