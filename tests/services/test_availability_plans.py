"""Changes of availability: what is wanted is kept, and what is planned is done when it is due."""

import asyncio
from datetime import timedelta

import pytest

from tests.services.here import ALICE, CS, Here
from voltkeep.domain.availability import ConnectorStatus, PlanState, StatusUpdate, WishState
from voltkeep.domain.commands import ChangeAvailability, Outcome
from voltkeep.domain.identity import Evse, Sender
from voltkeep.services.audit import acting_as
from voltkeep.services.availability_plans import BadPlan, UnknownPlan
from voltkeep.services.ports import CommandUnfit, StationOffline, StationRefused, StationSilent
from voltkeep.services.provisioning import UnknownStation

HOUR = timedelta(hours=1)
OFF, ON = ChangeAvailability(operative=False), ChangeAvailability(operative=True)


@pytest.fixture
async def here():
    here = Here()
    await here.add("CS-1")
    await here.connect()
    return here


def commands(here):
    return [command for _, command in here.asked]


async def plan(here, **values):
    defaults = {"operative": False, "due_at": here.now + 10 * HOUR}
    with acting_as(ALICE):
        return await here.services.availability.plans.add(CS, **(defaults | values))


async def states(here):
    async with here.store.read() as work:
        rows = await work.availability_plans.of(CS)
    return {row.id[-1]: row.state for row in rows}


async def wishes(here):
    return [shown.wish for shown in (await here.services.availability.show(CS)).wishes]


async def test_a_window_is_carried_out_at_both_ends(here):
    await plan(here, until=here.now + 18 * HOUR)
    plans = here.services.availability.plans

    await plans.carry_out()
    assert commands(here) == []
    here.later(hours=10, seconds=1)
    await plans.carry_out()
    assert commands(here) == [OFF]
    await plans.carry_out()
    here.later(hours=8)
    await plans.carry_out()
    assert commands(here) == [OFF, ON]
    assert await states(here) == {"a": PlanState.DONE, "b": PlanState.DONE}
    assert ("availability.changed", "alice") in await here.deeds()


async def test_a_plan_survives_a_restart_of_the_server(here):
    await plan(here)
    here.start_server()
    here.later(hours=11)
    await here.services.availability.plans.carry_out()
    assert commands(here) == [OFF]


async def test_a_station_that_is_away_is_asked_once_it_is_back(here):
    await plan(here)
    await here.disconnect()
    here.later(hours=11)
    await here.services.availability.plans.carry_out()
    assert await states(here) == {"a": PlanState.PLANNED}
    here.later(hours=5)
    await here.connect()
    await here.services.availability.plans.carry_out()
    assert (commands(here), await states(here)) == ([OFF], {"a": PlanState.DONE})


async def test_a_window_that_is_over_is_not_begun(here):
    await plan(here, until=here.now + 18 * HOUR)
    await here.disconnect()
    here.later(hours=19)
    await here.services.availability.plans.carry_out()
    await here.connect()
    await here.services.availability.plans.carry_out()
    assert commands(here) == [ON]
    assert await states(here) == {"a": PlanState.EXPIRED, "b": PlanState.DONE}
    assert await here.alerts() == ["availability plan"]


async def test_a_station_that_is_silent_is_asked_again_and_one_that_refuses_is_not(here):
    here.answer = StationSilent("no answer")
    await plan(here)
    here.later(hours=11)
    await here.services.availability.plans.carry_out()
    assert await states(here) == {"a": PlanState.PLANNED}
    here.answer = StationRefused("NotImplemented")
    await here.services.availability.plans.carry_out()
    assert await states(here) == {"a": PlanState.FAILED}
    await here.services.availability.plans.carry_out()
    assert len(commands(here)) == 2


async def test_stations_that_are_away_keep_no_other_waiting(here, monkeypatch):
    monkeypatch.setattr("voltkeep.services.availability_plans._AT_ONCE", 2)
    await plan(here)
    await here.add("AWAY")
    for minutes in range(5):
        due_at = here.now + 10 * HOUR + timedelta(minutes=minutes)
        await here.services.availability.plans.add(
            CS._replace(name="AWAY"), operative=False, due_at=due_at
        )
    here.later(hours=11)
    for _ in range(3):
        await here.services.availability.plans.carry_out()
    assert here.asked == [(CS, OFF)]


async def test_a_plan_that_was_taken_back_is_not_done(here):
    first, second = await plan(here, until=here.now + 18 * HOUR)
    await here.services.availability.plans.cancel(CS, first.id)
    with pytest.raises(UnknownPlan):
        await here.services.availability.plans.cancel(CS, first.id)
    here.later(hours=19)
    await here.services.availability.plans.carry_out()
    assert commands(here) == [ON]
    assert second.operative


async def test_plans_that_cannot_be_are_refused(here):
    for values in (
        {"until": here.now},
        {"until": here.now + 9 * HOUR},
        {"due_at": here.now + timedelta(days=4000)},
    ):
        with pytest.raises(BadPlan):
            await plan(here, **values)
    with pytest.raises(UnknownStation):
        await here.services.availability.plans.add(
            CS._replace(name="NOBODY"), operative=True, due_at=here.now
        )


async def test_what_is_wanted_survives_a_restart(here):
    with acting_as(ALICE):
        await here.services.availability.change(CS, operative=False, evse=Evse(1))
    here.start_server()
    [wish] = await wishes(here)
    assert (wish.operative, wish.evse, wish.state) == (False, Evse(1), WishState.DONE)
    assert wish.asked_by == "alice"


async def test_what_is_scheduled_is_settled_by_what_the_station_says_then(here):
    here.answer = Outcome(accepted=True, status="Scheduled")
    await here.services.availability.change(CS, operative=False, evse=Evse(1))
    here.start_server()
    availability = here.services.availability
    at = here.later(minutes=30)
    for word, state in (("Occupied", WishState.SCHEDULED), ("Unavailable", WishState.DONE)):
        update = StatusUpdate(evse=Evse(1, 1), status=ConnectorStatus(word), raw_status=word, at=at)
        availability.record(Sender(CS, 1, at), update)
        await availability.save()
        assert [wish.state for wish in await wishes(here)] == [state]
        at = here.later(minutes=1)


async def test_many_scheduled_wishes_are_settled_too(here, monkeypatch):
    monkeypatch.setattr("voltkeep.services.availability._FEW_WISHES", 1)
    here.answer = Outcome(accepted=True, status="Scheduled")
    for number in (1, 2, 3):
        await here.services.availability.change(CS, operative=False, evse=Evse(number))
    for number in (1, 2, 3):
        update = StatusUpdate(
            evse=Evse(number, 1),
            status=ConnectorStatus.UNAVAILABLE,
            raw_status="Unavailable",
            at=here.now,
        )
        here.services.availability.record(Sender(CS, 1, here.now), update)
    await here.services.availability.save()
    assert {wish.state for wish in await wishes(here)} == {WishState.DONE}


@pytest.mark.parametrize("failure", [StationOffline(""), CommandUnfit(""), StationRefused("x")])
async def test_what_was_not_asked_is_not_wanted(here, failure):
    await here.services.availability.change(CS, operative=False)
    before = await wishes(here)
    here.answer = failure
    for evse in (None, Evse(2)):
        with pytest.raises(type(failure)):
            await here.services.availability.change(CS, operative=True, evse=evse)
    assert await wishes(here) == before


async def test_the_last_wish_counts(here):
    here.answer = Outcome(accepted=False, status="Rejected")
    await here.services.availability.change(CS, operative=False)
    here.answer = StationSilent("no answer")
    with pytest.raises(StationSilent):
        await here.services.availability.change(CS, operative=True)
    [wish] = await wishes(here)
    assert (wish.operative, wish.state) == (True, WishState.UNANSWERED)


async def test_an_answer_to_an_older_wish_changes_no_newer_one(here):
    """The first is still on its way when somebody wants it otherwise."""
    send, is_asked, may_answer = here.send, asyncio.Event(), asyncio.Event()

    async def slow(station, command, timeout=None):
        if not command.operative:
            is_asked.set()
            await may_answer.wait()
            return Outcome(accepted=False, status="Rejected")
        return await send(station, command, timeout)

    here.send = slow
    first = asyncio.create_task(here.services.availability.change(CS, operative=False))
    await is_asked.wait()
    here.later(seconds=1)
    await here.services.availability.change(CS, operative=True)
    may_answer.set()
    await first
    [wish] = await wishes(here)
    assert (wish.operative, wish.state) == (True, WishState.DONE)


@pytest.mark.parametrize(
    ("times", "field"),
    [
        ({"due_at": timedelta(seconds=-1)}, "due_at"),
        ({"due_at": timedelta(days=-3), "until": HOUR}, "due_at"),
        ({"due_at": HOUR, "until": HOUR}, "until"),
        ({"due_at": HOUR, "until": timedelta(days=9999)}, "until"),
    ],
)
async def test_a_plan_is_for_a_time_to_come(here, times, field):
    with pytest.raises(BadPlan) as refused:
        await plan(here, **{name: here.now + after for name, after in times.items()})

    assert refused.value.field == field
    assert await states(here) == {}
