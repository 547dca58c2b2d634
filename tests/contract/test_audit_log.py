"""What every store must do with the audit log."""

import asyncio
from itertools import pairwise

import pytest
from tests.contract.samples import ADA, DEED, IN_INDIA, NOON, OTHER_TENANT, TENANT, after

from voltkeep.domain.audit import GENESIS, SYSTEM, Deed, broken_at
from voltkeep.store.engine import ReadsOnly


def unbroken(entries):
    pairs = [(None, entries[0]), *pairwise(entries)]
    return all(broken_at(before, entry) is None for before, entry in pairs)


async def entries(store, tenant=TENANT):
    async with store.read() as work:
        return await work.audit.since(tenant)


async def test_what_is_read_back_is_what_was_hashed(store):
    """Whatever the time zone, to the microsecond, and with text that no database keeps."""
    strange = Deed(action="station.added", object="A\0\ud800\u202e", after='{"é": 1}')
    async with store.begin() as work:
        await work.audit.append(TENANT, IN_INDIA, ADA, DEED)
        await work.audit.append(TENANT, NOON, SYSTEM, strange)

    first, second = found = await entries(store)
    assert unbroken(found)
    assert (first.seq, first.before_hash, second.seq) == (1, GENESIS, 2)
    assert (first.at, first.actor, first.deed) == (IN_INDIA, ADA, DEED)
    assert (second.actor, second.deed.after) == (SYSTEM, strange.after)
    assert second.deed.object == "A\ufffd?\u202e"


async def test_each_tenant_has_a_chain_of_its_own(store):
    for n in range(4):
        async with store.begin() as work:
            for tenant in (TENANT, OTHER_TENANT):
                await work.audit.append(tenant, after(n), ADA, DEED)

    async with store.read() as work:
        assert await work.audit.tenants() == [OTHER_TENANT, TENANT]
        found = await work.audit.since(TENANT)
        assert [entry.seq for entry in found] == [1, 2, 3, 4]
        assert unbroken(found)
        assert unbroken(await work.audit.since(OTHER_TENANT))
        assert await work.audit.since(TENANT, 1, limit=2) == found[1:3]
        assert await work.audit.last(TENANT, limit=2) == found[2:]
        assert await work.audit.last(TENANT) == found


async def test_a_work_reads_what_it_has_audited_itself(store):
    async with store.begin() as work:
        await work.audit.append(TENANT, NOON, ADA, DEED)
        [entry] = await work.audit.last(TENANT)
        await work.audit.append(TENANT, NOON, ADA, DEED)
        assert await work.audit.tenants() == [TENANT]

    found = await entries(store)
    assert found[0] == entry
    assert unbroken(found)


async def test_a_deed_that_was_not_committed_leaves_neither_entry_nor_gap(store):
    async def fails():
        async with store.begin() as work:
            await work.audit.append(TENANT, NOON, ADA, DEED)
            await work.audit.last(TENANT)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fails()
    async with store.begin() as work:
        await work.audit.append(TENANT, NOON, ADA, DEED)
    assert [entry.seq for entry in await entries(store)] == [1]


async def test_fifty_who_append_at_once_make_one_unbroken_chain(store):
    async def append(n):
        async with store.begin() as work:
            await work.audit.append(TENANT, after(n), ADA, Deed(action="did", object=f"{n}"))
            await work.audit.append(TENANT, after(n), ADA, Deed(action="again", object=f"{n}"))

    await asyncio.gather(*(append(n) for n in range(50)))

    found = await entries(store)
    assert unbroken(found)
    assert sorted(int(entry.deed.object) for entry in found[::2]) == list(range(50))
    assert all(one.deed.object == two.deed.object for one, two in pairwise(found) if one.seq % 2)


async def test_a_work_that_only_reads_appends_nothing(store):
    async with store.read() as work:
        with pytest.raises(ReadsOnly):
            await work.audit.append(TENANT, NOON, ADA, DEED)
