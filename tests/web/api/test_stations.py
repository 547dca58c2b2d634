"""The register of stations over the API."""

import pytest

from voltkeep.domain.accounts import Permission
from voltkeep.domain.audit import AuditEntry


async def test_a_station_is_added_shown_changed_and_removed(api):
    await api.request("POST", "/sites", 201, json={"id": "north"})
    made = await api.request("POST", "/stations", 201, json={"id": "CP 1", "site": "north"})
    assert (made["id"], made["site"], made["security_profile"]) == ("CP 1", "north", 1)

    changed = await api.request(
        "PATCH", "/stations/CP%201", json={"note": "by the door", "passive": True}
    )
    assert changed == made | {"note": "by the door", "passive": True}
    assert await api.request("GET", "/stations/CP%201") == changed

    await api.request("DELETE", "/stations/CP%201", 204)
    problem = await api.request("GET", "/stations/CP%201", 404)
    assert problem["type"] == "urn:voltkeep:problem:not-found"


async def test_nobody_gets_in_without_a_key(api):
    answer = await api.by(None).get("/stations/CP1")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Bearer"

    answer = await api.by("vk_nonsense").get("/stations/CP1")
    assert (answer.status_code, answer.json()["status"]) == (401, 401)


async def test_a_key_does_what_its_scopes_are(api):
    await api.add("CP1")
    reader = api.by(await api.key(Permission.READ_STATIONS))
    assert (await reader.get("/stations/CP1")).status_code == 200
    refused = await reader.delete("/stations/CP1")
    assert (refused.status_code, refused.json()["detail"]) == (
        403,
        "this needs the permission stations:write",
    )


async def test_what_is_wrong_with_a_body_is_said_by_the_name_of_the_field(api):
    for body, field in (
        ({"id": 7}, "id"),
        ({"id": "CP1", "security_profile": 9}, "security_profile"),
        ({"id": "CP1", "key_hash": "x"}, "key_hash"),
        ({"id": "CP1", "note": "x" * 2001}, "note"),
        ({}, "id"),
    ):
        problem = await api.request("POST", "/stations", 400, json=body)
        assert field in problem["detail"], problem
        assert problem["instance"] == "/api/v1/stations"
    problem = await api.request("POST", "/stations", 400, content=b"{")
    assert "not JSON" in problem["detail"]


async def test_a_name_that_no_address_can_carry_is_refused(api):
    problem = await api.request("POST", "/stations", 422, json={"id": "a/b"})
    assert "not a station id" in problem["detail"]
    await api.request("POST", "/stations", 201, json={"id": "CP1"})
    await api.request("POST", "/stations", 409, json={"id": "CP1"})


async def test_a_body_that_is_too_large_is_refused(api):
    await api.request("POST", "/stations", 413, content=b'{"id":"' + b"x" * 1024 * 1024 + b'"}')


async def test_a_parameter_that_there_is_not_is_said(api):
    await api.add("CP1")
    problem = await api.request("GET", "/stations/CP1?colour=red", 400)
    assert problem["errors"][0]["field"] == "colour"


async def test_who_changes_an_old_version_is_told_so(api):
    await api.add("CP1")
    seen = (await api.client.get("/stations/CP1")).headers["etag"]
    first = await api.client.patch(
        "/stations/CP1", json={"note": "one"}, headers={"if-match": seen}
    )
    assert first.status_code == 200
    late = await api.client.patch("/stations/CP1", json={"note": "two"}, headers={"if-match": seen})
    assert (late.status_code, late.json()["type"]) == (
        412,
        "urn:voltkeep:problem:changed-meanwhile",
    )
    again = await api.client.patch(
        "/stations/CP1", json={"note": "two"}, headers={"if-match": first.headers["etag"]}
    )
    assert again.json()["note"] == "two"


async def test_a_deed_over_the_api_is_audited_as_that_of_the_key(api):
    await api.request("POST", "/stations", 201, json={"id": "CP1"})
    async with api.store.read() as work:
        entry: AuditEntry = (await work.audit.last(api.settings and "default"))[-1]
    assert (entry.deed.action, entry.actor.kind, entry.actor.name) == (
        "station.added",
        "api",
        "test",
    )


async def test_a_list_comes_in_pages_in_either_order(api):
    await api.add(*(f"CP-{number:02d}" for number in range(7)), site="north")
    await api.add("other", site="south")
    for sort in ("name", "-name"):
        seen, query = [], {"limit": 3, "sort": sort, "prefix": "CP-", "site": "north"}
        while True:
            page = await api.request("GET", "/stations", params=query)
            seen += [each["id"] for each in page["items"]]
            if page["next"] is None:
                break
            query["cursor"] = page["next"]
        assert seen == sorted(seen, reverse=sort == "-name")
        assert len(seen) == 7


async def test_a_cursor_is_of_one_list_its_filters_and_its_tenant_only(api):
    await api.add("A", "B", "C")
    cursor = (await api.request("GET", "/stations?limit=1"))["next"]
    await api.request("GET", "/stations", params={"limit": 2, "cursor": cursor})
    for params in (
        {"cursor": cursor, "sort": "-name"},
        {"cursor": cursor, "passive": False},
        {"cursor": cursor[:-4] + "AAAA"},
        {"cursor": "x" * 3000},
        {"cursor": "é"},
        {"cursor": ""},
    ):
        problem = await api.request("GET", "/stations", 400, params=params)
        assert problem["errors"][0]["field"] == "cursor"


async def test_limits_and_filters_that_cannot_be_are_refused_by_name(api):
    for query, field in (
        ("limit=1e9", "limit"),
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("sort=colour", "sort"),
        ("registration=Maybe", "registration"),
        ("last_heard_since=yesterday", "last_heard_since"),
    ):
        problem = await api.request("GET", f"/stations?{query}", 400)
        assert problem["errors"][0]["field"] == field, problem


@pytest.mark.parametrize(
    "url", ["", "file:///etc/passwd", "http://10.1.1.1/x", "https://127.0.0.1"]
)
async def test_unknown_tokens_are_asked_about_outside_only(api, url):
    await api.add("CP1")
    policy = {"unknown_tokens": "ask", "unknown_tokens_url": url}

    told = await api.request("PATCH", "/stations/CP1", 422, json={"policy": policy})

    assert [each["field"] for each in told["errors"]] == ["policy.unknown_tokens_url"]
    assert (await api.request("GET", "/stations/CP1"))["policy"] == {}
