"""Connectors, what is wanted of them and what is planned, over the API."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.web.api.conftest import running_api
from voltkeep.domain.accounts import Permission
from voltkeep.domain.availability import ConnectorStatus, StatusUpdate
from voltkeep.domain.commands import Outcome
from voltkeep.domain.identity import Evse, Sender, station_id

HOUR = timedelta(hours=1)


def now():
    return datetime.now(UTC)


async def says(api, station, word, *, evse=1, ago=timedelta()):
    at = now() - ago
    update = StatusUpdate(evse=Evse(evse, 1), status=ConnectorStatus(word), raw_status=word, at=at)
    api.services.availability.record(Sender(station_id(station), 1, at), update)
    await api.services.availability.save()


async def connect(api, name):
    station = await api.services.provisioning.get(station_id(name))
    return await api.services.provisioning.connect(
        station, subprotocol="ocpp1.6", remote_address="127.0.0.1"
    )


async def test_a_status_shows_its_age_and_since_when_it_is_stale(api):
    await api.add("CS-1")
    epoch = await connect(api, "CS-1")
    await says(api, "CS-1", "Available", ago=timedelta(minutes=2))
    fresh = (await api.request("GET", "/connectors"))["items"][0]
    assert (fresh["status"], fresh["stale_since"]) == ("Available", None)
    assert 120 <= fresh["age_s"] < 150

    await api.services.provisioning.disconnect(station_id("CS-1"), epoch, "gone")
    stale = (await api.request("GET", "/stations/CS-1/availability"))["connectors"][0]
    assert (stale["stale_because"], stale["status"]) == ("disconnected", "Available")
    assert stale["stale_since"].endswith("Z")


async def test_connectors_are_found_by_status_and_site(api):
    await api.add("CS-1", site="north")
    await api.add("CS-2", site="south")
    await says(api, "CS-1", "Faulted")
    await says(api, "CS-2", "Available")
    found = (await api.request("GET", "/connectors?status=Faulted"))["items"]
    assert [each["station"] for each in found] == ["CS-1"]

    south = api.by(await api.key(sites=("south",)))
    seen = (await south.get("/connectors")).json()["items"]
    assert [each["station"] for each in seen] == ["CS-2"]
    assert (await south.get("/stations/CS-1/availability")).status_code == 404
    assert (await south.get("/stations/CS-1/status-history")).status_code == 404


async def test_what_is_wanted_stands_beside_what_is_said(api):
    await api.add("CS-1")
    api.stations.outcome = Outcome(accepted=True, status="Scheduled")
    await api.services.availability.change(station_id("CS-1"), operative=False, evse=Evse(1))
    shown = await api.request("GET", "/stations/CS-1/availability")
    assert shown["wanted"][0]["state"] == "scheduled"
    assert shown["wanted"][0]["operative"] is False

    await says(api, "CS-1", "Unavailable")
    shown = await api.request("GET", "/stations/CS-1/availability")
    assert (shown["wanted"][0]["state"], shown["wanted"][0]["differs"]) == ("done", False)


async def test_a_window_is_planned_listed_and_taken_back(api):
    await api.add("CS-1")
    window = {
        "operative": False,
        "evse": {"id": 2},
        "due_at": (now() + HOUR).isoformat(),
        "until": (now() + 8 * HOUR).isoformat(),
    }
    made = await api.request("POST", "/stations/CS-1/availability-plans", 201, json=window)
    assert [plan["operative"] for plan in made] == [False, True]
    listed = await api.request("GET", "/availability-plans?state=planned&station=CS-1")
    assert {plan["id"] for plan in listed["items"]} == {plan["id"] for plan in made}

    await api.request("DELETE", f"/stations/CS-1/availability-plans/{made[0]['id']}", 204)
    await api.request("DELETE", f"/stations/CS-1/availability-plans/{made[0]['id']}", 404)
    shown = await api.request("GET", "/stations/CS-1/availability")
    assert [plan["id"] for plan in shown["planned"]] == [made[1]["id"]]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"until": "2020-01-01T00:00:00Z"}, 422),
        ({"due_at": "2026-05-01T22:00:00"}, 400),  # without a zone
        ({"due_at": "9999-12-31T23:59:59Z"}, 400),
        ({"evse": {"id": "one"}}, 400),
        ({"passive": True}, 400),
    ],
)
async def test_a_plan_that_cannot_be_is_refused(api, change, status):
    await api.add("CS-1")
    plan = {"operative": True, "due_at": (now() + HOUR).isoformat()} | change
    await api.request("POST", "/stations/CS-1/availability-plans", status, json=plan)


async def test_a_plan_for_a_time_that_is_past_is_refused_by_its_field(api):
    await api.add("CS-1")
    plan = {"operative": True, "due_at": (now() - HOUR).isoformat()}
    told = await api.request("POST", "/stations/CS-1/availability-plans", 422, json=plan)
    assert [each["field"] for each in told["errors"]] == ["due_at"]


async def test_only_who_may_send_commands_plans():
    async with running_api() as api:
        await api.add("CS-1")
        reader = api.by(await api.key(Permission.READ_STATIONS))
        plan = {"operative": True, "due_at": now().isoformat()}
        answer = await reader.post("/stations/CS-1/availability-plans", json=plan)
        assert answer.status_code == 403
