"""What every store must do with transactions."""

import pytest
from tests.contract import samples
from tests.contract.samples import (
    ALPHA,
    BETA,
    ELSEWHERE,
    EVSE,
    FULL_TRANSACTION,
    NOON,
    OTHER_TENANT,
    REF,
    TENANT,
    TOKEN,
    after,
    transaction,
    update,
)

from voltkeep.domain.authorization import Authorization
from voltkeep.domain.availability import ConnectorStatus
from voltkeep.domain.identity import Evse, IdToken
from voltkeep.domain.transactions import Closing, Phase, Transaction


async def add(store, *transactions):
    async with store.begin() as work:
        for each in transactions:
            assert await work.transactions.add(each)


async def test_a_transaction_is_stored_whole(store):
    bare = Transaction(station=BETA, ref=REF, first_heard_at=NOON, last_heard_at=NOON)
    await add(store, FULL_TRANSACTION, bare)

    async with store.read() as work:
        assert await work.transactions.get(ALPHA, FULL_TRANSACTION.ref) == FULL_TRANSACTION
        assert await work.transactions.get(BETA, REF) == bare
        assert await work.transactions.get(ALPHA, REF) is None


async def test_what_is_known_of_a_transaction_is_replaced(store):
    await add(store, transaction())

    async with store.begin() as work:
        found = await work.transactions.get(ALPHA, REF)
        found.apply(
            update(phase=Phase.ENDED, at=after(60), stop_reason="Local", id_token=TOKEN), after(61)
        )
        await work.transactions.save(found)
    async with store.read() as work:
        assert await work.transactions.get(ALPHA, REF) == found
        assert found.stop_reason == "Local"


async def test_a_row_changes_only_when_it_is_saved(store):
    await add(store, transaction())

    async with store.begin() as work:
        (await work.transactions.get(ALPHA, REF)).stop_reason = "changed in passing"
    async with store.read() as work:
        assert (await work.transactions.get(ALPHA, REF)).stop_reason is None


async def test_a_name_is_one_transaction_of_a_station(store):
    await add(store, transaction(), transaction(station=BETA), transaction(station=ELSEWHERE))

    async with store.begin() as work:
        assert not await work.transactions.add(transaction(group="another"))
    async with store.read() as work:
        assert (await work.transactions.get(ALPHA, REF)).group == "family"


async def test_a_start_said_twice_is_one_transaction(store):
    await add(store, transaction("1", start_key="s"), transaction("1", BETA, start_key="s"))

    async with store.begin() as work:
        assert not await work.transactions.add(transaction("2", start_key="s"))
        found = await work.transactions.started_as(ALPHA, "s")
        assert (found.station, found.ref) == (ALPHA, "1")
        assert await work.transactions.started_as(ALPHA, "another") is None
        assert await work.transactions.started_as(ELSEWHERE, "s") is None


async def test_numbers_are_told_once(store):
    """Even those of a work that failed."""
    numbers = []

    async def take(count, fails):
        async with store.begin() as work:
            numbers.extend([await work.transactions.next_number() for _ in range(count)])
            if fails:
                raise ZeroDivisionError

    for _ in range(3):
        await take(70, fails=False)
        with pytest.raises(ZeroDivisionError):
            await take(2, fails=True)
    assert len(set(numbers)) == len(numbers) == 216
    assert min(numbers) == 1


async def test_an_update_is_heard_once(store):
    async with store.begin() as work:
        heard = work.transactions.mark
        assert await heard(ALPHA, REF, update(1), NOON)
        assert not await heard(ALPHA, REF, update(1), after(1))
        assert await heard(ALPHA, REF, update(1, at=after(1)), after(1))  # it lost count
        assert await heard(ALPHA, REF, update(2), NOON)
        assert await heard(ALPHA, "another", update(1), NOON)
        assert await heard(BETA, REF, update(1), NOON)
        assert await heard(ALPHA, REF, update(None, phase=Phase.STARTED), NOON)
        assert await heard(ALPHA, REF, update(None, phase=Phase.ENDED), NOON)
        assert not await heard(ALPHA, REF, update(None, phase=Phase.ENDED, at=after(9)), NOON)


async def active(store, token=TOKEN, tenant=TENANT):
    async with store.begin() as work:
        return await work.transactions.active_with(tenant, token)


async def test_a_token_has_the_transactions_that_it_was_accepted_for_and_that_run(store):
    await add(
        store,
        transaction("runs"),
        transaction("on another EVSE", evse=Evse(2)),
        transaction("elsewhere", BETA),
        transaction("nobody knows where", evse=None),
        transaction("nor here", evse=None),
        transaction("of another tenant", ELSEWHERE),
        transaction("ended", evse=Evse(3), ended_at=after(1)),
        transaction("refused", evse=Evse(4), authorization=Authorization.BLOCKED),
        transaction("of another", evse=Evse(5), id_token=IdToken("OTHER")),
        transaction("of nobody", evse=Evse(6), id_token=None, authorization=None),
    )

    assert await active(store) == 5
    assert await active(store, IdToken(TOKEN.value.upper(), "Central")) == 5
    assert await active(store, tenant=OTHER_TENANT) == 1
    assert await active(store, IdToken("unheard of")) == 0


async def test_only_the_latest_transaction_of_an_evse_runs(store):
    """Whosoever it is: the car before it has left, and we were not told."""
    await add(
        store,
        transaction("1"),
        transaction("2", evse=Evse(EVSE.id, 9), first_heard_at=after(1)),
        transaction("3", evse=Evse(2)),
        transaction("4", evse=Evse(2), first_heard_at=after(1), id_token=IdToken("OTHER")),
        transaction("5", evse=Evse(3)),
        transaction("6", evse=Evse(3)),
        transaction("7", evse=Evse(4)),
        transaction("8", evse=Evse(4), first_heard_at=after(1), ended_at=after(2)),
    )

    assert await active(store) == 3
    assert await active(store, IdToken("OTHER")) == 1


async def test_the_evse_where_one_is_about_to_start_counts_for_nothing(store):
    """What ran there has ended unheard: the same car cannot be plugged in twice."""
    await add(
        store,
        transaction("1", evse=Evse(1, 1)),
        transaction("2", evse=Evse(2)),
        transaction("3", evse=None),
        transaction("4", BETA, evse=Evse(1)),
    )

    async with store.begin() as work:
        for place, count in (
            ((ALPHA, Evse(1)), 3),
            ((ALPHA, Evse(1, 2)), 3),
            ((ALPHA, Evse(9)), 4),
            ((BETA, Evse(1)), 3),
            ((ALPHA, None), 4),
            (None, 4),
        ):
            found = await work.transactions.active_with(TENANT, TOKEN, except_at=place)
            assert found == count, place


def key(row):
    return (row.first_heard_at, row.station, row.ref)


async def test_transactions_are_listed_by_when_they_were_heard_of_in_pages(store):
    rows = [
        transaction(f"{n}", station, evse=Evse(n), first_heard_at=after(n // 2), ended_at=ended)
        for station in (ALPHA, BETA, ELSEWHERE)
        for n, ended in ((1, None), (2, after(9)), (3, None), (4, None))
    ]
    await add(store, *rows)
    newest_first = sorted(rows, key=key, reverse=True)

    async with store.read() as work:
        assert await work.transactions.all() == newest_first
        found, page = [], await work.transactions.all(limit=5)
        while page:
            found += page
            page = await work.transactions.all(before=key(page[-1]), limit=5)
        assert found == newest_first
        of_one = await work.transactions.all(station=ALPHA, before=key(rows[3]), active=True)
        assert [row.ref for row in of_one] == ["3", "1"]
        of_tenant = await work.transactions.all(TENANT, active=False, limit=1)
        assert [key(row) for row in of_tenant] == [key(rows[5])]
        assert await work.transactions.all(OTHER_TENANT, station=ALPHA) == []


async def test_meter_values_are_stored_whole_and_in_order_of_time(store):
    full, other = samples.FULL_METER_VALUE, samples.meter_value(-5)
    async with store.begin() as work:
        await work.store_meter_values(samples.sender(), samples.report())
        await work.store_meter_values(samples.sender(), samples.report(full, other))
        await work.store_meter_values(samples.sender(), samples.report(full, ref=None))

    async with store.read() as work:
        found = await work.meter_values.of_transaction(ALPHA, REF)
        assert [row.value for row in found] == sorted([full, other], key=lambda value: value.at)
        assert {(row.station, row.evse, row.ref, row.received_at) for row in found} == {
            (ALPHA, EVSE, REF, NOON)
        }
        assert await work.meter_values.of_transaction(BETA, REF) == []


async def test_a_meter_value_said_again_is_stored_once(store):
    """Later, too; but two that differ at one instant are both kept."""
    value, another = samples.meter_value(energy_wh=1), samples.meter_value(energy_wh=2)
    for at in (NOON, after(60)):
        async with store.begin() as work:
            await work.store_meter_values(samples.sender(at=at), samples.report(value, another))
            await work.store_meter_values(samples.sender(at=at), samples.report(value))

    async with store.read() as work:
        found = await work.meter_values.of_transaction(ALPHA, REF)
        assert sorted(row.value.energy_wh for row in found) == [1, 2]
        assert {row.received_at for row in found} == {NOON}


async def test_what_a_person_has_closed_is_not_active(store):
    closing = Closing(at=after(9), by="alice", reason="", as_of=NOON, meter_wh=None)
    await add(store, transaction(closing=closing), transaction("tx-2", evse=Evse(2, 1)))

    async with store.read() as work:
        assert await work.transactions.active_with(TENANT, TOKEN) == 1
        active = await work.transactions.all(TENANT, active=True)
        assert [each.ref for each in active] == ["tx-2"]
        over = await work.transactions.all(TENANT, active=False)
        assert [each.closing for each in over] == [closing]


async def suspects(store, *, silent_since=NOON, **page):
    async with store.read() as work:
        found = await work.transactions.suspects(silent_since, **page)
        return [each.ref for each in found]


async def test_open_transactions_that_may_never_have_ended_are_among_the_suspects(store):
    elsewhere = {"station": BETA, "last_heard_at": after(-60)}
    await add(
        store,
        transaction("followed"),
        transaction("next", first_heard_at=after(60), last_heard_at=after(60)),
        transaction("freed", evse=Evse(3)),
        transaction("ended", ended_at=after(1), evse=Evse(3)),
        transaction("silent", **elsewhere),
    )
    async with store.begin() as work:
        await work.stations.add(samples.station())
        await work.connectors.save(
            [samples.connector(Evse(3, 1), status=ConnectorStatus.AVAILABLE)]
        )

    found = await suspects(store)
    assert {"followed", "freed", "silent"} <= set(found)
    assert "ended" not in found
    assert await suspects(store, limit=1) == found[:1]
    rest = await suspects(store, after=(ALPHA, found[0]))
    assert rest == found[1:]


async def test_the_next_on_the_same_evse_is_the_newer(store):
    await add(
        store,
        first := transaction("first"),
        transaction("elsewhere", evse=Evse(9), first_heard_at=after(1)),
        transaction("third", first_heard_at=after(3)),
        transaction("second", first_heard_at=after(2)),
        last := transaction("last", evse=None, first_heard_at=after(4)),
    )
    async with store.read() as work:
        assert (await work.transactions.newer(first)).ref == "second"
        assert await work.transactions.newer(last) is None
