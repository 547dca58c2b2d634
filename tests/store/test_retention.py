"""What is old goes, in chunks; what is not stays."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from tests.contract import samples
from tests.contract.samples import ALPHA, ELSEWHERE, exchange
from tests.store.databases import NOW, clock

from voltkeep.config import Settings
from voltkeep.domain.availability import ConnectorStatus, StatusUpdate
from voltkeep.domain.commands import Reset
from voltkeep.domain.events import StationAdded
from voltkeep.domain.identity import Evse, IdToken, Sender
from voltkeep.domain.orders import Order, OrderState
from voltkeep.domain.transactions import Closing
from voltkeep.services.ports import QueuedCommand
from voltkeep.store import open_store, tables
from voltkeep.store.retention import Kept, kept_by

DAY = timedelta(days=1)


@pytest.fixture
async def store(database_url):
    opened = await open_store(database_url, clock=clock)
    opened._retention._chunk = 10
    yield opened
    await opened.close()


async def log(store, *times, station=ALPHA):
    before = store.counters.entries
    for n, at in enumerate(times):
        store.journal.exchange(exchange(f"{n}", station, called_at=at))
    await store.journal.meter_values(samples.sender(), samples.report(samples.meter_value()))
    assert store.counters.entries >= before + len(times) + 1


async def kept(store, station=None):
    async with store.read() as work:
        found = await work.messages.since(0, station=station, limit=1000)
    return [row.exchange.called_at for row in found]


async def test_old_messages_go_and_newer_ones_stay(store):
    old = [NOW - 3 * DAY + timedelta(seconds=n) for n in range(35)]
    new = [NOW - DAY + timedelta(seconds=n) for n in range(35)]
    await log(store, *old, *new)
    await log(store, *old[:5], *new[:5], station=ELSEWHERE)

    assert await store.prune_messages(NOW - 2 * DAY) == 40
    assert await store.prune_messages(NOW - 2 * DAY) == 0

    assert await kept(store, ALPHA) == new
    assert await kept(store, ELSEWHERE) == new[:5]


async def test_times_out_of_order_hide_nothing(store):
    """Logged as they were answered; and for a while the clock was a year ahead."""
    limit = NOW - 2 * DAY
    ahead = [NOW + 365 * DAY] * 25
    mixed = [limit - DAY, limit, limit - timedelta(microseconds=1), NOW]
    await log(store, *ahead, *mixed)

    assert await store.prune_messages(limit) == 2
    assert await kept(store) == [*ahead, limit, NOW]


async def test_where_messages_were_is_forgotten_too(store):
    async def blocks():
        async with store.read() as work:
            return len(await work._db.rows(select(tables.message_log_blocks.c.block)))

    old = [NOW - 3 * DAY] * 1000
    for _ in range(5):
        await log(store, *old)
    await log(store, NOW)
    assert await blocks() == 2

    store._retention._chunk = 1000
    assert await store.prune_messages(NOW - DAY) == 5000
    assert await blocks() == 1
    assert await kept(store, ALPHA) == [NOW]


async def test_published_events_go_after_a_while_and_unpublished_ones_never(store):
    async with store.begin() as work:
        for n in range(25):
            work.emit(StationAdded(station=samples.station().id, at=NOW - timedelta(n)))
    numbered = await store.outbox.unpublished()
    await store.outbox.published([seq for seq, _ in numbered[:20]])

    assert await store.prune_events(NOW) == 0
    assert await store.prune_events(NOW + DAY) == 20
    assert await store.outbox.unpublished() == numbered[20:]


async def test_it_is_known_up_to_where_events_were_forgotten(store):
    for at in (NOW, NOW + DAY):
        async with store.begin() as work:
            work.emit(StationAdded(station=ALPHA, at=at))
    first, second = [seq for seq, _ in await store.outbox.unpublished()]
    position = (await store.outbox.published([first]))[first]

    assert await store.outbox.forgotten(ALPHA.tenant) == 0
    await store.prune_events(NOW + DAY)
    assert await store.outbox.forgotten(ALPHA.tenant) == position

    position = (await store.outbox.published([second]))[second]
    await store.prune_events(NOW + DAY)
    assert await store.outbox.forgotten(ALPHA.tenant) == position
    assert await store.outbox.last() == position


async def test_others_write_between_the_chunks(store):
    await log(store, *[NOW - 3 * DAY] * 200)

    pruning = asyncio.create_task(store.prune_messages(NOW))
    added = 0
    while not pruning.done():
        async with store.begin() as work:
            added += await work.transactions.mark(ALPHA, samples.REF, samples.update(added), NOW)
        await asyncio.sleep(0)
    assert await pruning == 200
    assert added > 3


async def test_old_commands_and_remote_starts_go(store):
    async with store.begin() as work:
        for days in (3, 1):
            at = NOW - days * DAY
            command = QueuedCommand(
                id=f"{days}",
                station=ALPHA,
                command=Reset(),
                issued_by="test",
                created_at=at,
                expires_at=at,
            )
            await work.commands.add(command)
            await work.remote_starts.open(ALPHA, IdToken("CARD"), None, at)

    assert await store.prune_commands(NOW - 2 * DAY) == 2
    async with store.read() as work:
        assert await work.commands.get(ALPHA.tenant, "3") is None
        assert await work.commands.get(ALPHA.tenant, "1") is not None


async def test_old_status_goes(store):
    for days in (3, 1):
        sender = Sender(ALPHA, 1, NOW - days * DAY)
        update = StatusUpdate(
            evse=Evse(1, 1),
            status=ConnectorStatus.AVAILABLE,
            raw_status="Available",
            at=sender.received_at,
        )
        store.journal.status(sender, update)
    await log(store)

    assert await store.prune_status_history(NOW - 2 * DAY) == 1
    assert await store.prune_status_history(NOW - 2 * DAY) == 0


async def ids(store, name):
    async with store.read() as work:
        return {row.id for row in await getattr(work, name).all(limit=1000)}


async def test_old_security_events_refusals_and_acknowledged_alerts_go(store):
    old, new = NOW - 3 * DAY, NOW - DAY
    async with store.begin() as work:
        for n in range(25):
            await work.security_events.add(samples.record("security_events", f"old{n}", at=old))
            await work.refusals.add(samples.record("refusals", f"old{n}", ELSEWHERE, at=old))
            await work.alerts.add(samples.alert(f"old{n}", at=old))
        for name in ("security_events", "refusals", "alerts", "certificates", "logs"):
            await getattr(work, name).add(samples.record(name, "new", at=new))
        await work.alerts.add(samples.alert("open", at=old, state="open"))
        await work.certificates.add(samples.record("certificates", "kept", at=old))

    assert await store.prune_security(NOW - 2 * DAY) == 75
    assert await store.prune_security(NOW - 2 * DAY) == 0

    assert await ids(store, "security_events") == {"new"}
    assert await ids(store, "refusals") == {"new"}
    assert await ids(store, "alerts") == {"new", "open"}
    assert await ids(store, "certificates") == {"new", "kept"}


async def test_of_the_refusals_of_a_tenant_only_the_newest_stay(store):
    """Whoever knocks can make as many as they like."""
    store._retention._refusals_kept = 12
    async with store.begin() as work:
        for n in range(45):
            at = NOW - timedelta(seconds=n)
            await work.refusals.add(samples.record("refusals", f"{n}", at=at))
        await work.refusals.add(samples.record("refusals", "elsewhere", ELSEWHERE, at=NOW - DAY))

    assert await store.prune_security(NOW - 2 * DAY) == 33

    assert await ids(store, "refusals") == {*map(str, range(12)), "elsewhere"}


async def test_old_meter_values_go_with_where_they_were(store):
    for days in (400, 1):
        at = NOW - days * DAY
        for n in range(15):
            value = samples.meter_value((at - samples.NOON).total_seconds() + n * 600)
            await store.journal.meter_values(Sender(ALPHA, 1, at), samples.report(value))

    assert await store._retention.prune_meter_values(NOW - 300 * DAY) == 15
    assert await store._retention.prune_meter_values(NOW - 300 * DAY) == 0

    async with store.read() as work:
        rows = await work.meter_values.of_transaction(ALPHA, samples.REF)
        hours = await work._db.rows(select(tables.meter_value_hours.c.hour))
    assert len(rows) == 15
    assert len(hours) == len(
        {row.value.at.replace(minute=0, second=0, microsecond=0) for row in rows}
    )


async def test_an_hour_that_still_has_values_is_not_forgotten(store):
    """A clock that is years behind: the value is new, the hour it says is not."""
    old = samples.meter_value(-900 * DAY.total_seconds())
    await store.journal.meter_values(Sender(ALPHA, 1, NOW), samples.report(old))

    assert await store._retention.prune_meter_values(NOW - DAY) == 0

    async with store.read() as work:
        assert len(await work.meter_values.of_transaction(ALPHA, samples.REF)) == 1


async def heard(store):
    async with store.read() as work:
        rows = await work._db.rows(select(tables.transaction_events.c.ref))
    return sorted(row.ref for row in rows)


async def transactions(store, **ended):
    async with store.begin() as work:
        for ref, days in ended.items():
            row = samples.transaction(ref, ended_at=None if days is None else NOW - days * DAY)
            await work.transactions.add(row)
            for n in range(2):
                await work.transactions.mark(ALPHA, ref, samples.update(n), NOW)


async def test_transactions_that_ended_long_ago_go_and_those_that_did_not_stay(store):
    await transactions(store, **{f"old{n}": 9 for n in range(25)}, new=1, running=None)
    closing = Closing(at=NOW - 9 * DAY, by="ada", reason="", as_of=NOW, meter_wh=None)
    async with store.begin() as work:
        await work.transactions.add(samples.transaction("closed", closing=closing))

    assert await store._retention.prune_transactions(NOW - 2 * DAY) == 26
    assert await store._retention.prune_transactions(NOW - 2 * DAY) == 0

    async with store.read() as work:
        left = await work.transactions.all()
    assert {row.ref for row in left} == {"new", "running"}
    assert await heard(store) == ["new", "new", "running", "running"]


async def test_what_was_heard_of_old_transactions_goes_and_they_stay(store):
    await transactions(store, **{f"old{n:02}": 9 for n in range(25)}, mid=4, new=1, running=None)

    assert await store._retention.prune_transaction_events(NOW - 5 * DAY) == 50
    assert await store._retention.prune_transaction_events(NOW - 5 * DAY) == 0
    assert await store._retention.prune_transaction_events(NOW - 3 * DAY) == 2

    assert await heard(store) == ["new", "new", "running", "running"]
    async with store.read() as work:
        assert len(await work.transactions.all()) == 28


def order(id, state, at):
    return Order(
        station=ALPHA,
        id=id,
        state=state,
        at=at,
        command="Reset",
        ask="{}",
        actor=samples.ADA,
        issued_by="ada",
        given_at=at,
    )


async def test_only_orders_that_are_over_go(store):
    async with store.begin() as work:
        for state in OrderState:
            await work.orders.add(order(state, state, NOW - 9 * DAY))
        await work.orders.add(order("new", OrderState.DONE, NOW))

    assert await store.prune_commands(NOW - DAY) == 4
    assert await ids(store, "orders") == {"pending", "queued", "running", "new"}


async def test_each_kind_is_kept_as_long_as_it_is_set_and_nothing_for_no_time(store):
    await log(store, NOW - 9 * DAY, NOW)
    await transactions(store, old=9)

    await store.prune(Kept(messages=2 * DAY))

    assert await kept(store) == [NOW]
    assert await heard(store) == ["old", "old"]
    assert kept_by(Settings(data=Path("/nonexistent"), transaction_retention_days=0)) == Kept(
        messages=30 * DAY,
        events=7 * DAY,
        commands=7 * DAY,
        statuses=365 * DAY,
        transaction_events=365 * DAY,
        security=365 * DAY,
        unknown_tokens=90 * DAY,
    )
