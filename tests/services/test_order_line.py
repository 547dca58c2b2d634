"""Orders in line: what has not been sent is never said to have been, and the line has an end."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from msgspec import structs

from tests.gateway.csms import QUICK, STATION, Csms, clock
from voltkeep.domain.asks import ClearCache
from voltkeep.domain.audit import SYSTEM
from voltkeep.domain.identity import DEFAULT_TENANT
from voltkeep.domain.orders import UNSENT, Order, OrderMessage, OrderState, advice
from voltkeep.services.order_limits import Line, TooManyWait
from voltkeep.services.orders import OrderConflict

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def order(**values):
    known = {
        "station": STATION,
        "id": "1",
        "state": OrderState.DONE,
        "at": NOON,
        "command": "ClearCache",
        "ask": '{"command":"ClearCache"}',
        "actor": SYSTEM,
        "issued_by": "x",
        "given_at": NOON,
    }
    return Order(**(known | values))


def message(result):
    return OrderMessage(action="ClearCache", request="{}", sent_at=NOON, result=result)


async def test_the_time_for_an_answer_begins_when_the_command_is_sent():
    async with Csms(replace(QUICK, call_timeout_s=5)) as csms:
        await csms.add()
        await csms.services.orders.start()
        async with csms.booted() as station:
            orders = csms.services.orders
            given = [await orders.give(STATION, ClearCache(), timeout_s=0.2) for _ in range(4)]
            for _ in range(3):
                await station.hear()  # and say nothing
            last = await station.hear()
            await station.say([3, last[1], {"status": "Accepted"}])
            done = [await orders.wait(DEFAULT_TENANT, each.id, 5) for each in given]

    assert [each.result for each in done] == ["silent", "silent", "silent", "accepted"]


async def test_what_never_left_the_line_is_busy_and_not_silent(monkeypatch):
    monkeypatch.setattr("voltkeep.services.orders.LONGEST_S", 0.2)
    async with Csms(replace(QUICK, call_timeout_s=5)) as csms:
        await csms.add()
        await csms.services.orders.start()
        async with csms.booted() as station:
            orders = csms.services.orders
            first = await orders.give(STATION, ClearCache(), timeout_s=3)
            await station.hear()
            second = await orders.give(STATION, ClearCache(), timeout_s=3)
            done = await orders.wait(DEFAULT_TENANT, second.id, 5)
            await orders.wait(DEFAULT_TENANT, first.id, 0)

    assert (done.result, done.messages[0].result) == ("busy", "not sent")
    assert "nothing was sent" in advice(done)


async def test_so_many_may_wait_for_a_station_and_in_all():
    async with Csms(QUICK) as csms:
        await csms.add()
        orders = csms.services.orders
        until = clock() + timedelta(hours=1)
        orders.line = Line(for_a_station=3)
        for _ in range(3):
            await orders.give(STATION, ClearCache(), queue_until=until)
        with pytest.raises(TooManyWait, match="3 commands wait for"):
            await orders.give(STATION, ClearCache(), queue_until=until)
        orders.line = Line(in_all=3)
        with pytest.raises(TooManyWait, match="3 commands wait for stations"):
            await orders.give(STATION, ClearCache(), queue_until=until)


async def test_a_command_past_its_time_reads_as_expired_before_anybody_settles_it():
    async with Csms(QUICK) as csms:
        await csms.add()
        orders = csms.services.orders
        given = await orders.give(
            STATION, ClearCache(), queue_until=clock() + timedelta(seconds=0.05)
        )
        await asyncio.sleep(0.06)

        read = await orders.get(DEFAULT_TENANT, given.id)

        assert (read.state, read.result, read.done_at) == ("expired", "expired", given.queue_until)
        assert "nothing was sent" in advice(read)
        with pytest.raises(OrderConflict, match="expired"):
            await orders.cancel(DEFAULT_TENANT, given.id)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"result": "rejected", "status": "Rejected"}, "its state or its settings forbid it"),
        ({"result": "rejected", "status": "NotSupported"}, "does not support"),
        ({"result": "rejected", "status": "UnknownVendorId"}, "messages of this vendor"),
        ({"result": "rejected", "status": "Unknown"}, "does not have"),
        ({"result": "rejected", "status": "NotFound"}, "does not have"),
        ({"result": "rejected", "status": "Occupied"}, "not free"),
        ({"result": "unfit"}, "`action`, `payload`"),
        ({"result": "unfit", "ask": '{"command":"RawMessage"}'}, "With `force`"),
        ({"result": "impossible"}, "the error says why. Nothing was sent"),
        ({"result": "impossible", "messages": (message("ok"),)}, "What was sent before"),
        ({"state": OrderState.INTERRUPTED}, "may have done"),
        ({"state": OrderState.INTERRUPTED, "messages": (message("no answer"),)}, "may have done"),
        ({"state": OrderState.INTERRUPTED, "messages": (message("not sent"),)}, "before anything"),
        ({"state": OrderState.INTERRUPTED, "error": UNSENT}, "before anything was sent"),
    ],
)
def test_advice_is_given_by_what_happened(values, words):
    assert words in advice(order(**values))


def test_only_one_no_is_said_to_be_a_matter_of_state():
    no = order(result="rejected", status="NotSupported")

    assert "forbid" not in advice(no)
    assert "forbid" in advice(structs.replace(no, status="Rejected"))
