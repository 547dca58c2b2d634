"""Tokens, their groups, and those seen that nobody registered, over the API."""

from datetime import UTC, datetime

import pytest

from voltkeep.domain.accounts import Permission
from voltkeep.domain.identity import (
    DEFAULT_TENANT,
    IdToken,
    Sender,
    StationId,
    TenantId,
    station_id,
)

STATION = station_id("CP1")


async def show(api, value, station=STATION):
    """A station shows a token."""
    at = datetime.now(UTC)
    sender = Sender(station, 0, at)
    return (await api.services.authorization.authorize(sender, IdToken(value))).status


async def test_a_token_is_added_shown_changed_and_removed(api):
    made = await api.request("POST", "/tokens", 201, json={"value": "04Ab", "group": "FLEET"})
    assert (made["value"], made["status"], made["max_active"]) == ("04Ab", "Accepted", 1)

    changed = await api.request("PATCH", "/tokens/04aB", json={"note": "Anna", "blocked": True})
    assert changed == made | {"note": "Anna", "blocked": True, "status": "Blocked"}
    assert await api.request("GET", "/tokens/04AB") == changed
    freed = await api.request("PATCH", "/tokens/04AB", json={"group": None, "blocked": False})
    assert (freed["group"], freed["note"], freed["status"]) == (None, "Anna", "Accepted")

    await api.request("DELETE", "/tokens/04AB", 204)
    await api.request("GET", "/tokens/04AB", 404)


async def test_a_token_is_added_once(api):
    await api.request("POST", "/tokens", 201, json={"value": "T1"})
    await api.request("POST", "/tokens", 409, json={"value": "t1"})


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"value": ""}, 400),
        ({"value": "  "}, 422),
        ({"value": "x" * 256}, 400),
        ({"value": "a\nb"}, 400),
        ({"value": "T", "max_active": -1}, 400),
        ({"value": "T", "expires_at": "2030-01-01T00:00:00"}, 400),
        ({"value": "T", "group_blocked": False}, 400),
        ({"value": "T", "created_at": "2030-01-01T00:00:00Z"}, 400),
        ({"value": "T", "expires_at": "0001-01-01T00:00:00+14:00"}, 400),
    ],
)
async def test_what_is_no_token_is_refused(api, body, status):
    await api.request("POST", "/tokens", status, json=body)


async def test_who_changes_an_old_version_is_told_so(api):
    await api.request("POST", "/tokens", 201, json={"value": "T1"})
    tag = (await api.client.get("/tokens/T1")).headers["etag"]
    await api.request("PATCH", "/tokens/T1", json={"note": "new"})

    await api.request("PATCH", "/tokens/T1", 412, json={"note": "x"}, headers={"If-Match": tag})


async def test_tokens_are_listed_in_pages_and_by_their_group(api):
    for value, group in (("A1", "RED"), ("A2", None), ("B1", "RED")):
        await api.request("POST", "/tokens", 201, json={"value": value, "group": group})

    page = await api.request("GET", "/tokens?limit=2")
    rest = await api.request("GET", f"/tokens?limit=2&cursor={page['next']}")

    assert [each["value"] for each in page["items"] + rest["items"]] == ["A1", "A2", "B1"]
    assert rest["next"] is None
    red = await api.request("GET", "/tokens?group=RED&prefix=b")
    assert [each["value"] for each in red["items"]] == ["B1"]


async def test_a_group_is_renamed_and_blocked_as_a_whole(api):
    for value in ("T1", "T2"):
        await api.request("POST", "/tokens", 201, json={"value": value, "group": "RED"})
    await api.request("POST", "/tokens", 201, json={"value": "T3", "group": "BLUE"})

    await api.request("PATCH", "/token-groups/RED", 409, json={"name": "BLUE"})
    changed = await api.request(
        "PATCH", "/token-groups/RED", json={"name": "GREEN", "blocked": True, "note": "sold"}
    )

    assert changed == {"name": "GREEN", "tokens": 2, "blocked": True, "note": "sold"}
    assert (await api.request("GET", "/tokens/T1"))["status"] == "Blocked"
    # Who comes into a blocked group is blocked, and who leaves it is not.
    joined = await api.request("PATCH", "/tokens/T3", json={"group": "GREEN"})
    assert (joined["status"], joined["blocked"]) == ("Blocked", False)
    left = await api.request("PATCH", "/tokens/T3", json={"group": None})
    assert left["status"] == "Accepted"
    await api.request("GET", "/token-groups/RED", 404)
    groups = await api.request("GET", "/token-groups?limit=1")
    assert ([each["name"] for each in groups["items"]], groups["next"]) == (["GREEN"], None)


async def test_an_unknown_token_is_seen_adopted_and_no_longer_unknown(api):
    await api.add("CP1")
    assert await show(api, "STRANGER") == "Unknown"
    assert await show(api, "stranger") == "Unknown"

    [seen] = (await api.request("GET", "/unknown-tokens"))["items"]
    assert (seen["value"], seen["times"], seen["status"]) == ("STRANGER", 2, "Unknown")
    assert seen["last_seen_at_station"] == "CP1"
    assert await api.request("GET", f"/unknown-tokens/{seen['id']}") == seen

    adopted = await api.request(
        "POST", f"/unknown-tokens/{seen['id']}/adopt", 201, json={"note": "a guest"}
    )
    assert (adopted["value"], adopted["note"]) == ("STRANGER", "a guest")
    assert await show(api, "STRANGER") == "Accepted"
    assert (await api.request("GET", "/unknown-tokens"))["items"] == []
    await api.request("POST", f"/unknown-tokens/{seen['id']}/adopt", 404, json={})


async def test_a_dismissed_token_stays_off_the_list_when_it_is_seen_again(api):
    await api.add("CP1")
    await show(api, "STRANGER")
    [seen] = (await api.request("GET", "/unknown-tokens"))["items"]

    await api.request("DELETE", f"/unknown-tokens/{seen['id']}", 204)
    await show(api, "STRANGER")

    assert (await api.request("GET", "/unknown-tokens"))["items"] == []
    [kept] = (await api.request("GET", "/unknown-tokens?state=dismissed"))["items"]
    assert kept["times"] == 2


async def test_tokens_of_another_tenant_are_not_there(api):
    other = StationId(TenantId("other"), "CP1")
    await api.add("CP1", tenant=other.tenant)
    await show(api, "STRANGER", other)
    async with api.store.read() as work:
        [theirs] = await work.unknown_tokens.all(other.tenant)

    assert (await api.request("GET", "/unknown-tokens"))["items"] == []
    await api.request("GET", f"/unknown-tokens/{theirs.id}", 404)
    await api.request("POST", f"/unknown-tokens/{theirs.id}/adopt", 404, json={})
    await api.request("DELETE", f"/unknown-tokens/{theirs.id}", 404)


async def test_who_sees_some_sites_only_sees_no_tokens(api):
    client = api.by(await api.key(tenant=DEFAULT_TENANT, sites=("north",)))

    for path in ("/tokens", "/tokens/T1", "/token-groups", "/unknown-tokens"):
        assert (await client.get(path)).status_code == 403


async def test_reading_tokens_needs_its_permission(api):
    client = api.by(await api.key(Permission.READ_STATIONS))

    for path in ("/tokens", "/tokens/T1", "/token-groups", "/unknown-tokens"):
        assert (await client.get(path)).status_code == 403


async def test_a_token_with_a_slash_is_reached_by_its_name(api):
    """OCPP 1.6 idTags may have any printable character."""
    await api.request("POST", "/tokens", 201, json={"value": "a/b"})
    await api.request("POST", "/tokens", 201, json={"value": "a"})

    assert (await api.request("GET", "/tokens/a%2Fb"))["value"] == "a/b"
    changed = await api.request("PATCH", "/tokens/a%2fb", json={"note": "split"})
    assert (changed["value"], changed["note"]) == ("a/b", "split")
    for path in ("/tokens/a/b", "/tokens%2Fa", "/tokens/a%252Fb", "/tokens/a%2Fb/"):
        answer = await api.client.get(path)
        assert answer.status_code == 404 or path.endswith("/"), path
    missing = await api.request("GET", "/tokens/c%2Fd", 404)
    assert missing["instance"].endswith("/tokens/c/d")
    await api.request("DELETE", "/tokens/a%2Fb", 204)
    assert [each["value"] for each in (await api.request("GET", "/tokens"))["items"]] == ["a"]
