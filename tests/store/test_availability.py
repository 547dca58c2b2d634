"""Old plans of availability go; what is still to be done stays, however old."""

from datetime import timedelta

from tests.contract import samples
from tests.contract.samples import ALPHA
from tests.store.databases import NOW, clock

from voltkeep.store import open_store

DAY = timedelta(days=1)


async def test_only_plans_that_are_over_go(database_url):
    store = await open_store(database_url, clock=clock)
    async with store.begin() as work:
        for n, state in enumerate(("done", "planned", "expired")):
            old = samples.record("availability_plans", f"{n}", at=NOW - 9 * DAY, state=state)
            await work.availability_plans.add(old)

    assert await store.prune_commands(NOW - DAY) == 2
    async with store.read() as work:
        assert [each.id for each in await work.availability_plans.of(ALPHA)] == ["1"]
    await store.close()
