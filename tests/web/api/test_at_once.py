"""Requests that come at once: nobody overwrites what another has done, on either database."""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.store.databases import (
    migrated_database,
    migrated_file,
    migrated_postgres_url,
    sqlite_url,
)
from tests.web.api.conftest import EVERYTHING, running_api
from voltkeep.domain.accounts import Role
from voltkeep.domain.identity import DEFAULT_TENANT, station_id
from voltkeep.services.users import NewUser
from voltkeep.store import open_store

__all__ = ["migrated_database", "migrated_file", "migrated_postgres_url", "sqlite_url"]

CP1 = station_id("CP1")
COMMANDS = "/stations/CP1/commands?wait=20"
EDITS = 12


@pytest.fixture(params=["sqlite_url", "migrated_postgres_url"], ids=["sqlite", "postgresql"])
def url(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
async def real(url):
    """The API over a database."""
    store = await open_store(url, clock=lambda: datetime.now(UTC))
    async with running_api(store) as api:
        yield api
    await store.close()


async def add_station(api):
    await api.add("CP1")
    return "/stations/CP1"


async def add_token(api):
    await api.request("POST", "/tokens", json={"value": "AB12"}, expect=201)
    return "/tokens/AB12"


async def add_group(api):
    token = {"value": "AB12", "group": "FLEET"}
    await api.request("POST", "/tokens", json=token, expect=201)
    return "/token-groups/FLEET"


async def add_site(api):
    await api.request("POST", "/sites", json={"id": "north"}, expect=201)
    return "/sites/north"


async def add_user(api):
    user = NewUser(name="kim", role=Role.OPERATOR, tenant=DEFAULT_TENANT)
    await api.services.people.users.add(EVERYTHING, user)
    return "/users/kim"


async def add_webhook(api):
    words = {"url": "https://example.com/hook"}
    made = await api.request("POST", "/webhooks", json=words, expect=201)
    return f"/webhooks/{made['webhook']['id']}"


async def add_template(api):
    template = {"name": "basic", **content(0)}
    await api.request("POST", "/configuration/templates", json=template, expect=201)
    return "/configuration/templates/basic"


async def add_list(api):
    await api.add("CP1")
    return "/stations/CP1/local-list"


def content(number):
    value = {"variable": "OCPPCommCtrlr.HeartbeatInterval", "value": "60"}
    return {"values": [value], "note": f"edit {number}"}


def note(number):
    return {"note": f"edit {number}"}


DOCUMENTS = {
    "station": (add_station, "PATCH", note),
    "registration": (add_station, "PATCH", lambda _: {"registration": "Rejected"}),
    "token": (add_token, "PATCH", note),
    "group": (add_group, "PATCH", note),
    "site": (add_site, "PATCH", note),
    "user": (add_user, "PATCH", lambda number: {"sites": [f"site-{number}"]}),
    "webhook": (add_webhook, "PATCH", lambda number: {"description": f"edit {number}"}),
    "template": (add_template, "PUT", content),
    "list": (add_list, "PATCH", lambda number: {"groups": [f"group-{number}"]}),
}


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_of_edits_of_one_version_one_is_taken(real, name):
    make, method, edit = DOCUMENTS[name]
    path = await make(real)
    seen = await real.client.get(path)
    headers = {"if-match": seen.headers["etag"]}

    answers = await asyncio.gather(
        *(real.client.request(method, path, json=edit(n), headers=headers) for n in range(EDITS))
    )

    assert Counter(each.status_code for each in answers) == {200: 1, 412: EDITS - 1}
    taken = next(each for each in answers if each.status_code == 200)
    assert (await real.client.get(path)).json() == taken.json()
    refused = next(each for each in answers if each.status_code == 412).json()
    assert refused["errors"][0]["field"] == "If-Match"


async def test_edits_of_different_fields_are_both_kept(real):
    await add_token(real)
    edits: list[dict[str, Any]] = [
        {"note": "the van"},
        {"max_active": 3},
        {"blocked": True},
        {"group": "FLEET"},
    ]

    answers = await asyncio.gather(
        *(real.client.patch("/tokens/AB12", json=edit) for edit in edits)
    )

    assert [each.status_code for each in answers] == [200] * len(edits)
    kept = await real.request("GET", "/tokens/AB12")
    assert {name: kept[name] for edit in edits for name in edit} == {
        name: value for edit in edits for name, value in edit.items()
    }


async def test_edits_of_different_fields_of_a_webhook_are_both_kept(real):
    path = await add_webhook(real)
    edits: list[dict[str, Any]] = [
        {"description": "ours"},
        {"types": ["transaction.*"]},
        {"url": "https://example.com/other"},
        {"full_tokens": True},
    ]

    answers = await asyncio.gather(*(real.client.patch(path, json=edit) for edit in edits))

    assert [each.status_code for each in answers] == [200] * len(edits), answers[1].text
    kept = await real.request("GET", path)
    assert {name: kept[name] for edit in edits for name in edit} == {
        name: value for edit in edits for name, value in edit.items()
    }


async def test_of_registrations_of_one_token_one_is_taken(real):
    tokens = [{"value": "AB12", "blocked": n % 2 == 1, "note": str(n)} for n in range(20)]

    answers = await asyncio.gather(*(real.client.post("/tokens", json=each) for each in tokens))

    assert Counter(each.status_code for each in answers) == {201: 1, 409: 19}
    taken = next(each for each in answers if each.status_code == 201)
    assert await real.request("GET", "/tokens/AB12") == taken.json()


async def test_of_edits_of_a_site_the_later_is_on_top(real):
    path = await add_site(real)
    edits = [{"note": "barrier"}, {"name": "Car park"}, {"country": "DE"}]

    answers = await asyncio.gather(*(real.client.patch(path, json=each) for each in edits))

    assert [each.status_code for each in answers] == [200, 200, 200]
    kept = await real.request("GET", path)
    assert (kept["note"], kept["name"], kept["country"]) == ("barrier", "Car park", "DE")


async def test_of_edits_of_a_group_and_of_a_new_list_none_is_lost(real):
    path = await add_group(real)
    await real.add("CP1")
    edits: list[tuple[str, dict[str, Any]]] = [
        (path, {"note": "vans"}),
        (path, {"blocked": True}),
        ("/stations/CP1/local-list", {"on": True}),
        ("/stations/CP1/local-list", {"groups": ["FLEET"]}),
    ]

    answers = await asyncio.gather(*(real.client.patch(at, json=edit) for at, edit in edits))

    assert [each.status_code for each in answers] == [200] * len(edits)
    for at, edit in edits:
        kept = await real.request("GET", at)
        assert {name: kept[name] for name in edit} == edit
    assert (await real.request("GET", "/tokens/AB12"))["group_blocked"] is True


async def test_of_groups_that_take_one_name_one_gets_it(real):
    for n in range(6):
        token = {"value": f"T{n}", "group": f"G{n}"}
        await real.request("POST", "/tokens", json=token, expect=201)

    answers = await asyncio.gather(
        *(real.client.patch(f"/token-groups/G{n}", json={"name": "ALL"}) for n in range(6))
    )

    assert Counter(each.status_code for each in answers) == {200: 1, 409: 5}


async def test_who_joins_a_group_as_it_is_blocked_is_blocked(real):
    await add_group(real)
    for n in range(10):
        await real.request("POST", "/tokens", json={"value": f"T{n}"}, expect=201)

    answers = await asyncio.gather(
        *(real.client.patch(f"/tokens/T{n}", json={"group": "FLEET"}) for n in range(5)),
        real.client.patch("/token-groups/FLEET", json={"blocked": True}),
        *(real.client.patch(f"/tokens/T{n}", json={"group": "FLEET"}) for n in range(5, 10)),
    )

    assert {each.status_code for each in answers} == {200}
    page = await real.request("GET", "/tokens")
    assert {each["group_blocked"] for each in page["items"]} == {True}
    assert len(page["items"]) == 11


def profile(level):
    schedule = {"starts_at": "2026-01-01T00:00:00Z", "periods": [{"limit_a": 16}]}
    words = {"purpose": "TxDefaultProfile", "stack_level": level, "schedules": [schedule]}
    return {"command": "SetChargingProfile", "evse": {"id": 1}, "profile": words}


async def test_profiles_sent_at_once_have_ids_of_their_own(real):
    await real.add("CP1")

    answers = await asyncio.gather(
        *(real.client.post(COMMANDS, json=profile(level)) for level in range(8))
    )

    assert [each.json()["result"] for each in answers] == ["accepted"] * 8
    ids = [command.profile.id for _, command in real.stations.asked]
    assert sorted(ids) == list(range(1, 9))
    assert len(await real.services.smart_charging.profiles(CP1, live=True)) == 8


async def test_of_profiles_sent_at_once_that_replace_each_other_one_is_left(real):
    await real.add("CP1")

    answers = await asyncio.gather(
        *(real.client.post(COMMANDS, json=profile(1)) for _ in range(16))
    )

    assert [each.json()["result"] for each in answers] == ["accepted"] * 16
    assert len(await real.services.smart_charging.profiles(CP1, live=True)) == 1
