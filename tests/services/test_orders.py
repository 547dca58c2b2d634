"""Orders: kept before they are sent, settled once, and never sent twice."""

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from msgspec import Raw
from structlog.testing import capture_logs

from tests.gateway.csms import QUICK, STATION, VERSIONS, Csms, clock, until
from voltkeep.domain.asks import RawMessage, Reset, SetChargingProfile, Trigger
from voltkeep.domain.audit import Actor
from voltkeep.domain.commands import ResetKind, Triggered
from voltkeep.domain.events import CommandCompleted
from voltkeep.domain.identity import DEFAULT_TENANT, Evse, station_id
from voltkeep.domain.orders import OrderState, advice
from voltkeep.domain.smart_charging import ChargingProfile, Period, Purpose, Schedule
from voltkeep.services.audit import acting_as
from voltkeep.services.order_keys import KeyReused, Once
from voltkeep.services.order_queue import OrderQueue
from voltkeep.services.orders import (
    BadExpiry,
    OrderConflict,
    UnknownOrder,
)
from voltkeep.services.provisioning import UnknownStation
from voltkeep.services.records import Look

ALICE = Actor(kind="api", name="alice")
RESET = Reset(kind=ResetKind.ON_IDLE)
TRIGGER = Trigger(message=Triggered.HEARTBEAT)
KEY = "4f8c2dsecret4f8c2dsecret4f8c2dsecret4f8c"


@pytest.fixture
async def csms():
    async with Csms() as running:
        await running.add()
        yield running


@asynccontextmanager
async def answering(csms, version="ocpp1.6", answer=None, **options):
    """A station that answers each command alike, and the commands it was given."""
    asked = []
    async with csms.booted(version=version, **options) as station:

        async def live():
            while True:
                frame = json.loads(await station.socket.recv())
                asked.append(frame)
                said = answer if answer is not None else {"status": "Accepted"}
                reply = [3, frame[1], said] if isinstance(said, dict) else [4, frame[1], *said]
                await station.say(reply)

        task = asyncio.create_task(live())
        try:
            yield asked
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def given(csms, ask=RESET, *, station=STATION, seconds=5, **options):
    orders = csms.services.orders
    with acting_as(ALICE):
        order = await orders.give(station, ask, **options)
    return await orders.wait(DEFAULT_TENANT, order.id, seconds)


def until_in(seconds):
    return clock() + timedelta(seconds=seconds)


def queue(csms, **delays):
    """The queue of the CSMS, in no hurry or none at all."""
    none = {"settled": timedelta(0), "unbooted": timedelta(seconds=60)} | delays
    return OrderQueue(csms.store.begin, csms.store.read, csms.services.orders, clock, **none)


async def audited(csms):
    async with csms.store.read() as work:
        return [(e.actor.name, e.deed) for e in await work.audit.last(DEFAULT_TENANT, limit=50)]


@pytest.mark.parametrize("version", VERSIONS)
async def test_an_order_shows_what_was_sent_and_answered(csms, version):
    async with answering(csms, version) as asked:
        order = await given(csms)

    assert (order.state, order.result, order.status) == (OrderState.DONE, "accepted", "Accepted")
    assert (order.command, order.issued_by, order.error) == ("Reset", "alice", "")
    [message] = order.messages
    assert (message.action, json.loads(message.request)) == ("Reset", asked[0][3])
    assert json.loads(message.response) == {"status": "Accepted"}
    assert message.latency_ms is not None
    assert order.given_at <= message.sent_at <= order.done_at
    assert advice(order) == ""


async def test_an_order_is_audited_once_and_told(csms):
    async with answering(csms):
        order = await given(csms)

    deeds = [(who, d.action, d.after, d.result) for who, d in await audited(csms)][1:]
    assert deeds == [("alice", "command.sent", "Reset", "accepted")]
    [event] = [e for e in csms.store.published if isinstance(e, CommandCompleted)]
    assert (event.command_id, event.action, event.result) == (order.id, "Reset", "accepted")


@pytest.mark.parametrize(
    ("answer", "result", "word"),
    [
        ({"status": "Rejected"}, "rejected", "Rejected"),
        (["NotSupported", "never heard of it", {}], "refused", "NotSupported: never heard of it"),
        ({"status": "Maybe"}, "unclear", "not valid"),
    ],
)
async def test_what_a_station_says_against_it_is_told_apart(csms, answer, result, word):
    async with answering(csms, answer=answer):
        order = await given(csms)

    assert (order.state, order.result) == (OrderState.DONE, result)
    assert word in order.status + order.error
    assert advice(order)
    assert order.messages[0].response is not None


async def test_what_was_sent_is_said_also_when_the_database_is_away_then(csms):
    period = Period(limit_a=16)
    profile = ChargingProfile(
        purpose=Purpose.TX_DEFAULT, schedules=(Schedule(starts_at=clock(), periods=(period,)),)
    )
    ask = SetChargingProfile(profile=profile, evse=Evse(1))
    async with csms.booted() as station:
        with acting_as(ALICE):
            order = await csms.services.orders.give(STATION, ask)
        frame = json.loads(await station.socket.recv())
        with capture_logs() as logged:
            csms.store.is_away = True
            await station.say([3, frame[1], {"status": "Accepted"}])
            await until(lambda: "a command ends" in [each["event"] for each in logged])
        csms.store.is_away = False
        order = await csms.services.orders.wait(DEFAULT_TENANT, order.id, 5)

    assert (order.result, len(order.messages)) == ("failed", 1)
    assert order.error.startswith("the station was sent the message, but")


async def test_a_station_that_is_not_there_fails_the_order_at_once(csms):
    order = await given(csms)

    assert (order.state, order.result, order.messages) == (OrderState.DONE, "offline", ())
    assert "queue_until" in advice(order)


async def test_silence_is_told_and_what_was_sent_is_shown():
    async with Csms(QUICK) as csms:
        await csms.add()
        async with csms.booted():
            order = await given(csms)

    assert order.result == "silent"
    assert [(m.action, m.response, m.result) for m in order.messages] == [
        ("Reset", None, "no answer")
    ]


async def test_an_order_may_have_a_timeout_of_its_own(csms):
    async with csms.booted():
        order = await given(csms, timeout_s=0.05)

    assert order.result == "silent"
    assert order.messages[0].result == "no answer"


async def test_what_cannot_be_said_is_not_sent(csms):
    async with answering(csms) as asked:
        order = await given(csms, RawMessage(action="Reset", payload=Raw(b'{"type":"Nice"}')))
        assert (order.result, asked) == ("unfit", [])
        forced = RawMessage(action="Reset", payload=Raw(b'{"type":"Nice"}'), force=True)
        order = await given(csms, forced)

    assert (order.result, asked[0][3]) == ("accepted", {"type": "Nice"})


async def test_no_order_for_a_station_that_nobody_knows(csms):
    with pytest.raises(UnknownStation):
        await csms.services.orders.give(station_id("NO"), RESET)
    with pytest.raises(UnknownOrder):
        await csms.services.orders.get(DEFAULT_TENANT, "no")


async def test_a_secret_is_kept_sealed_while_it_waits_and_not_at_all_afterwards(csms):
    """A01.FR.09."""
    payload = json.dumps({"key": "AuthorizationKey", "value": KEY}).encode()
    ask = RawMessage(action="ChangeConfiguration", payload=Raw(payload), force=True)
    order = await given(csms, ask, queue_until=until_in(60), seconds=0)
    assert order.sealed is not None
    assert KEY not in repr(csms.store._state)  # whatever there is

    async with answering(csms, answer={"status": "Rejected", "x": KEY}) as asked:
        order = await csms.services.orders.carry_out(await csms.services.orders.claim(order))
    assert asked[0][3]["value"] == KEY
    assert order.sealed is None
    assert KEY not in repr(csms.store._state) + repr(await audited(csms))  # as above
    assert "***" in order.ask
    assert "***" in order.messages[0].request


# Once, however often it is asked.


def once(key="k", request=b"{}", who="alice"):
    return Once(who=who, key=key, request=request)


async def test_the_same_request_makes_one_order(csms):
    async with answering(csms) as asked:
        orders = csms.services.orders
        twins = await asyncio.gather(*(orders.give(STATION, RESET, once=once()) for _ in range(5)))
        for each in twins:
            await orders.wait(DEFAULT_TENANT, each.id, 5)
        assert len({each.id for each in twins}) == len(asked) == 1
        others = [once("other"), once(who="bob")]
        ids = {(await orders.give(STATION, RESET, once=each)).id for each in others}
        assert len(ids - {twins[0].id}) == 2


async def test_a_key_that_comes_with_another_request_is_refused(csms):
    await csms.services.orders.give(STATION, RESET, once=once())

    with pytest.raises(KeyReused):
        await csms.services.orders.give(STATION, TRIGGER, once=once(request=b"other"))


async def test_nothing_is_kept_of_a_request_that_failed(csms):
    """Or its repetition would be told of an order that never was."""
    nobody = station_id("LATER")
    with pytest.raises(UnknownStation):
        await csms.services.orders.give(nobody, RESET, once=once())
    await csms.add("LATER")

    assert (await csms.services.orders.give(nobody, RESET, once=once())).station == nobody


# The queue.


async def test_an_order_waits_for_its_station_and_is_carried_out_in_its_turn(csms):
    kinds = [RESET, TRIGGER, RESET]
    waiting = [await given(csms, ask, queue_until=until_in(60), seconds=0) for ask in kinds]
    assert {order.state for order in waiting} == {OrderState.QUEUED}
    held = queue(csms)
    held.wake(STATION)
    await until(lambda: not held._draining)  # nothing to do yet

    async with answering(csms) as asked:
        held.wake(STATION)
        done = [await csms.services.orders.wait(DEFAULT_TENANT, o.id, 5) for o in waiting]

    assert [frame[2] for frame in asked] == ["Reset", "TriggerMessage", "Reset"]
    assert {order.result for order in done} == {"accepted"}
    assert {order.issued_by for order in done} == {"alice"}


async def test_a_station_that_has_not_booted_is_not_asked_yet(csms):
    order = await given(csms, queue_until=until_in(60), seconds=0)
    held = queue(csms)

    async with csms.connected() as station:
        held.wake(STATION)
        assert (await csms.services.orders.wait(DEFAULT_TENANT, order.id, 0.3)).state == "queued"
        assert await station.is_alive()
        held = queue(csms, unbooted=timedelta(0))
        held.wake(STATION)
        assert (await station.hear())[2] == "Reset"


async def test_an_order_past_its_time_is_not_sent(csms):
    order = await given(csms, queue_until=until_in(0.1), seconds=0.2)
    held = queue(csms)

    await held.sweep()

    order = await csms.services.orders.get(DEFAULT_TENANT, order.id)
    assert (order.state, order.result) == (OrderState.EXPIRED, "expired")
    async with answering(csms) as asked:
        held.wake(STATION)
        await until(lambda: not held._draining)  # it has looked
    assert asked == []


async def test_an_order_that_waits_can_be_cancelled_and_no_other(csms):
    orders = csms.services.orders
    order = await given(csms, queue_until=until_in(60), seconds=0)

    with acting_as(Actor(kind="api", name="bob")):
        order = await orders.cancel(DEFAULT_TENANT, order.id)

    assert (order.state, "bob" in order.error) == (OrderState.CANCELLED, True)
    assert (await audited(csms))[-1][0] == "bob"
    assert await orders.claim(order) is None
    with pytest.raises(OrderConflict):
        await orders.cancel(DEFAULT_TENANT, order.id)
    with pytest.raises(UnknownOrder):
        await orders.cancel(DEFAULT_TENANT, "no")


async def test_a_station_of_the_same_name_does_not_inherit_what_waits(csms):
    order = await given(csms, queue_until=until_in(60), seconds=0)
    await csms.services.provisioning.remove(STATION)
    await csms.add()

    assert await csms.services.orders.claim(order) is None
    found = await csms.services.orders.get(DEFAULT_TENANT, order.id)
    assert found.state is OrderState.CANCELLED


@pytest.mark.parametrize("days", [-1, 91])
async def test_nothing_waits_from_the_past_or_for_ever(csms, days):
    with pytest.raises(BadExpiry):
        await csms.services.orders.give(STATION, RESET, queue_until=clock() + timedelta(days=days))


async def test_what_a_crash_interrupts_is_told_and_not_sent_again(csms):
    orders = csms.services.orders
    await orders.start()
    order = await given(csms, queue_until=until_in(60), seconds=0)
    await orders.claim(order)  # and then the process dies

    assert await orders.start() == 1

    found = await orders.get(DEFAULT_TENANT, order.id)
    assert (found.state, found.result) == (OrderState.INTERRUPTED, "interrupted")
    assert "may have done" in advice(found)
    async with answering(csms) as asked:
        held = queue(csms)
        held.wake(STATION)
        await until(lambda: not held._draining)  # it has looked
    assert asked == []


async def test_a_passive_station_is_sent_what_a_person_asks_for(csms):
    await csms.services.provisioning.set_passive(STATION, passive=True)

    async with answering(csms):
        assert (await given(csms)).result == "accepted"


async def test_orders_are_found_by_what_they_are(csms):
    await csms.add("CS-2")
    for station in (STATION, station_id("CS-2"), STATION):
        await given(csms, station=station)
    page = csms.services.orders.page

    assert len(await page(DEFAULT_TENANT, Look(station="CS-1"))) == 2
    assert len(await page(DEFAULT_TENANT, Look(fields=(("result", "offline"),)))) == 3
    assert len(await page(DEFAULT_TENANT, Look(fields=(("issued_by", "bob"),)))) == 0


async def test_what_became_of_an_order_follows_its_station_to_another_name(csms):
    async with csms.booted() as station:
        with acting_as(ALICE):
            order = await csms.services.orders.give(STATION, RESET)
        frame = await station.hear()
        await csms.services.provisioning.rename(STATION, station_id("NEW"))
        await station.say([3, frame[1], {"status": "Accepted"}])
        done = await csms.services.orders.wait(DEFAULT_TENANT, order.id, 5)

    found = await csms.services.orders.page(DEFAULT_TENANT, Look())
    assert [(each.station.name, each.state) for each in found] == [("NEW", "done")]
    assert done.station.name == "NEW"
