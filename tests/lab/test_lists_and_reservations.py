"""Local lists and reservations of a case: what a CSMS is free in, and what fails the case."""

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec import json, structs

from tests.lab.test_checks import PLAN
from voltkeep.lab.bench import Bench, Credentials
from voltkeep.lab.driver import Driver
from voltkeep.lab.ocpp16 import reservations
from voltkeep.lab.ocpp16.local_list import ListStatus, sent_differential, sent_full
from voltkeep.lab.ocpp16.reservations import in_a_while, reserved, soon, until
from voltkeep.lab.ocpp16.station import ChargePoint
from voltkeep.lab.plan import Deadlines
from voltkeep.lab.verdicts import Failed


class Script(Driver):
    """A CSMS that sends these CALLs when it is told to do anything, each when answered before."""

    def __init__(self, *calls):
        self.calls = calls
        self.came: asyncio.Queue[Any] = asyncio.Queue()
        self.answers: asyncio.Queue[Any] = asyncio.Queue()
        self.taken = []

    async def perform(self, operation, station, arguments):
        for number, (action, payload) in enumerate(self.calls):
            self.came.put_nowait(json.encode([2, f"c{number}", action, payload]))
            self.taken.append(json.decode(await self.answers.get())[2])

    async def close(self):
        pass

    # As the station's wire.

    async def receive(self, deadline_s):
        async with asyncio.timeout(deadline_s):
            return await self.came.get()

    async def send(self, frame):
        self.answers.put_nowait(frame)


def station_of(script):
    plan = structs.replace(
        PLAN, deadlines=Deadlines(answer_s=5, order_s=5, quiet_s=0.01, idle_s=0.01)
    )
    credentials = {name: Credentials.of(each) for name, each in plan.stations.items()}
    station = ChargePoint(Bench(plan, script, 1, credentials))
    station._wire = script
    return station


def a_list(version, *tokens, kind="Differential", status="Accepted"):
    entries = [{"idTag": token, "idTagInfo": {"status": status}} for token in tokens]
    return "SendLocalList", {
        "listVersion": version,
        "updateType": kind,
        "localAuthorizationList": entries,
    }


VERSION: tuple[str, dict[str, Any]] = ("GetLocalListVersion", {})


@pytest.mark.parametrize("before", [(), (VERSION,)])
async def test_a_csms_may_ask_for_the_version_before_it_sends_a_change(before):
    script = Script(*before, a_list(4, "sibling"))
    station = station_of(script)

    await sent_differential(station, 3)
    await station.bench.finish_orders()

    assert script.taken == [{"listVersion": 3}] * len(before) + [{"status": "Accepted"}]


@pytest.mark.parametrize(
    "calls",
    [
        (VERSION, VERSION, a_list(4, "SIBLING")),
        (("GetLocalListVersion", {"listVersion": 3}), a_list(4, "SIBLING")),
        (a_list(3, "SIBLING"),),
        (a_list(4, "SIBLING", "VALID"),),
        (a_list(4, "VALID"),),
        (a_list(4),),
        (a_list(4, "SIBLING", status="Blocked"),),
        (a_list(4, "SIBLING", kind="Full"),),
    ],
    ids=[
        "asked twice",
        "with a payload",
        "as old",
        "one more",
        "another",
        "none",
        "blocked",
        "full",
    ],
)
async def test_any_other_way_to_send_a_change_fails(calls):
    station = station_of(Script(*calls))

    with pytest.raises(Failed):
        await sent_differential(station, 3)


async def test_a_full_list_may_hold_more_than_was_ordered():
    script = Script(a_list(9, "VALID", "SIBLING", "MORE", kind="Full"))
    station = station_of(script)

    assert await sent_full(station, ListStatus.FAILED) == 9


NOW = datetime.now(UTC)
NO_INFO = {"idTag": "MORE"}


@pytest.mark.parametrize(
    ("tokens", "version", "more", "words"),
    [
        (("VALID",), 1, [], "an entry of SIBLING"),
        (("VALID", "SIBLING", "valid"), 1, [], "each idTag once"),
        (("VALID", "SIBLING"), 1, [NO_INFO], "idTagInfo of more"),
        (("VALID", "SIBLING"), 0, [], "listVersion above 0"),
        (("VALID", "SIBLING"), -1, [], "listVersion above 0"),
    ],
    ids=["one less", "one twice", "one without idTagInfo", "version 0", "version -1"],
)
async def test_a_full_list_has_each_token_once_says_what_of_it_and_has_a_version(
    tokens, version, more, words
):
    action, payload = a_list(version, *tokens, kind="Full")
    payload["localAuthorizationList"] += more
    station = station_of(Script((action, payload)))

    with pytest.raises(Failed, match=words):
        await sent_full(station, ListStatus.ACCEPTED)


def a_reservation(expires_at, **more):
    given = {"connectorId": 1, "idTag": "valid", "reservationId": 5}
    return "ReserveNow", given | {"expiryDate": expires_at.isoformat()} | more


@pytest.mark.parametrize("more", [{}, {"parentIdTag": "parent"}])
async def test_a_csms_may_say_the_group_that_it_knows_a_token_to_be_of(more):
    at = datetime.now(UTC)

    came = await reserved(station_of(Script(a_reservation(at, **more))), expires_at=at)

    assert came.reservation_id == 5


@pytest.mark.parametrize(
    ("more", "for_group"),
    [
        ({"parentIdTag": "OTHER"}, False),
        ({}, True),
        ({"connectorId": 0}, False),
        ({"idTag": "SIBLING"}, False),
        ({"expiryDate": "2020-01-01T00:00:00Z"}, False),
        ({"expiryDate": (NOW + timedelta(seconds=90)).isoformat()}, False),
    ],
    ids=["another group", "no group", "connector", "token", "another year", "another minute"],
)
async def test_a_reservation_is_the_one_that_was_ordered(more, for_group):
    station = station_of(Script(a_reservation(NOW, **more)))

    with pytest.raises(Failed):
        await reserved(station, expires_at=NOW, for_group=for_group)


async def test_a_station_tells_that_it_is_there_until_its_reservation_expires(monkeypatch):
    clock, slept, beats = [NOW], [], []

    async def sleep(seconds):
        slept.append(round(seconds))
        clock[0] += timedelta(seconds=seconds)

    async def is_served(station):
        beats.append(station)

    monkeypatch.setattr(reservations, "asyncio", SimpleNamespace(sleep=sleep))
    monkeypatch.setattr(reservations, "datetime", SimpleNamespace(now=lambda _: clock[0]))
    monkeypatch.setattr(reservations, "is_served", is_served)
    station = station_of(Script())
    await until(station, NOW + timedelta(seconds=50))
    await until(station, NOW - timedelta(hours=1))

    assert slept == [20, 20, 10]
    assert beats == [station] * 2


@pytest.mark.parametrize("seconds", [1, 2, 59])
def test_a_short_reservation_ends_in_as_many_seconds(seconds):
    away = soon(bench_of(seconds)) - datetime.now(UTC)

    assert away <= timedelta(seconds=seconds)


@pytest.mark.parametrize("seconds", [60, 61, 300])
def test_a_longer_reservation_ends_with_a_whole_minute(seconds):
    before = datetime.now(UTC)
    at = soon(bench_of(seconds))

    assert (at.second, at.microsecond) == (0, 0)
    assert timedelta(0) < at - before - timedelta(seconds=seconds) <= timedelta(seconds=61)


def test_a_reservation_that_is_to_last_outlasts_its_order():
    bench = bench_of(2)
    before = datetime.now(UTC)
    at = in_a_while(bench)

    assert (at.second, at.microsecond) == (0, 0)
    assert at - before > timedelta(seconds=bench.plan.deadlines.order_s + 60)


def bench_of(seconds):
    return Bench(structs.replace(PLAN, reservation_s=seconds), None, 1, {})
