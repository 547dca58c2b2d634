"""Columns that a release added get what rows have that were there before, or are written by it."""

from datetime import timedelta

from msgspec import structs
from sqlalchemy import text
from tests.contract.samples import ALPHA, IN_INDIA, TENANT, record
from tests.store.databases import clock

from voltkeep.services.records import Look
from voltkeep.store import filling, open_store

MANY = 7


def made(kind, **values):
    return [
        structs.replace(record(kind), id=f"{n:04}", **{name: of(n) for name, of in values.items()})
        for n in range(MANY)
    ]


async def test_what_was_there_before_gets_its_columns_filled(database_url, monkeypatch):
    monkeypatch.setattr(filling, "_AT_ONCE", 3)
    ends = {"not_after": lambda n: IN_INDIA + timedelta(days=n)}
    certificates, anchors = made("certificates", **ends), made("anchors", **ends)
    events = made("security_events", type=lambda n: "" if n else "Tampered")
    store = await open_store(database_url, clock=clock)
    async with store.begin() as work:
        for rows, kind in (
            (certificates, work.certificates),
            (anchors, work.anchors),
            (events, work.security_events),
        ):
            for row in rows:
                await kind.put(row)
    assert await store.fill_columns() == 0
    async with store.begin() as work:  # as the release before writes rows
        await work._db.run(text("UPDATE certificates SET not_after = NULL"))
        await work._db.run(text("UPDATE trust_anchors SET not_after = NULL WHERE id > '0002'"))
        await work._db.run(text("UPDATE security_events SET type = NULL"))

    assert await store.fill_columns() == MANY + MANY - 3 + MANY
    assert await store.fill_columns() == 0

    async with store.read() as work:
        look = Look(states=(certificates[0].state,))
        assert await work.certificates.soonest(TENANT, look) == certificates
        assert await work.certificates.get(ALPHA, "0000") == certificates[0]
        assert await work.anchors.soonest(TENANT, Look(states=("trusted",))) == anchors
        look = Look(fields=(("type", "Tampered"),))
        assert await work.security_events.page(TENANT, look) == events[:1]
    await store.close()
