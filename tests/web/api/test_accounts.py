"""People, API keys and tenants over the API: nobody gets more than they have."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from tests.web.api.people import (
    OTHER,
    PASSWORD,
    active,
    problem,
    setup,
    signed_in,
    user,
)
from voltkeep.domain.accounts import PERMISSIONS, Permission, Role
from voltkeep.domain.days import EVERYWHERE
from voltkeep.domain.identity import TenantId

# Nobody gives what they do not have.


async def test_nobody_gives_a_role_a_site_or_a_tenant_that_is_not_theirs(api):
    ada = await setup(api)
    await ada.post("/tenants", json={"id": "acme"})
    acme = {"voltkeep-tenant": "acme"}
    more: dict[str, Any]
    for name, more in (("max", {}), ("mia", {"sites": ["north"]})):
        body = {"name": name, "role": "administrator", "password": PASSWORD, **more}
        assert (await ada.post("/users", json=body, headers=acme)).status_code == 201
    grants: dict[str, dict[str, Any]] = {"max": {"everywhere": True}, "mia": {"sites": None}}
    for name, beyond in grants.items():
        browser = await signed_in(api, name)
        await browser.post("/me/password", json={"old_password": PASSWORD, "new_password": OTHER})
        body = {"name": "eve", "role": "viewer", "password": PASSWORD, **beyond}
        assert problem(await browser.post("/users", json=body)) == (403, "not-allowed")
        body = {"name": "k", "scopes": ["stations:read"], **beyond}
        assert problem(await browser.post("/api-keys", json=body)) == (403, "not-allowed")
        assert (await browser.get("/users/ada")).status_code == 404
        assert problem(await browser.post("/tenants", json={"id": "eves"})) == (403, "not-allowed")
        answer = await browser.get("/users", headers={"voltkeep-tenant": "default"})
        assert problem(answer) == (403, "not-allowed")
    mia = await signed_in(api, "mia", OTHER)
    for path in ("/users/max", "/users/max/sessions"):
        assert problem(await mia.delete(path)) == (403, "not-allowed")
    body = {"name": "eve", "role": "viewer", "password": PASSWORD, "sites": ["north", "south"]}
    assert problem(await mia.post("/users", json=body)) == (403, "not-allowed")
    assert (await mia.post("/users", json=body | {"sites": ["north"]})).status_code == 201


async def test_a_key_that_may_write_accounts_gives_no_more_than_its_scopes(api):
    ada = await setup(api)
    weak = api.by(await api.key(Permission.WRITE_ACCOUNTS, Permission.READ_STATIONS))
    body = {"name": "eve", "role": "viewer", "password": PASSWORD}
    assert problem(await weak.post("/users", json=body)) == (403, "not-allowed")
    key = {"name": "k", "scopes": ["stations:write"]}
    assert problem(await weak.post("/api-keys", json=key)) == (403, "not-allowed")
    assert problem(await weak.put("/users/ada/password", json={"password": OTHER})) == (
        403,
        "not-allowed",
    )
    assert problem(await weak.delete("/users/ada/second-factor")) == (403, "not-allowed")
    assert (await weak.post("/api-keys", json=key | {"scopes": ["stations:read"]})).is_success
    assert (await ada.get("/me")).status_code == 200


async def test_what_is_not_theirs_to_say_is_refused_by_its_name(api):
    """Mass assignment: `reference/security.md` 2.8, 70."""
    ada = await setup(api)
    body = {"name": "eve", "role": "viewer", "password": PASSWORD}
    for field in ("tenant", "state", "permissions", "password_hash", "is_admin", "id", "issuer"):
        answer = await ada.post("/users", json=body | {field: "x"})
        assert answer.status_code == 400, field
        assert field in answer.text
        assert (await ada.patch("/users/ada", json={field: "x"})).status_code == 400, field
        key = {"name": "k", "scopes": ["stations:read"], field: "x"}
        assert (await ada.post("/api-keys", json=key)).status_code == 400, field


async def test_the_last_administrator_stays(api):
    ada = await setup(api)
    for answer in (
        await ada.delete("/users/ada"),
        await ada.patch("/users/ada", json={"disabled": True}),
        await ada.patch("/users/ada", json={"role": "viewer"}),
        await ada.patch("/users/ada", json={"sites": ["north"]}),
    ):
        assert problem(answer) == (409, "last-administrator")
    await user(api, ada, "grace", Role.ADMINISTRATOR, everywhere=True)
    assert (await ada.delete("/users/ada")).status_code == 204
    assert (await ada.get("/me")).status_code == 401


async def test_nobody_takes_their_own_account_over_without_the_password(api):
    ada = await setup(api)
    answer = await ada.put("/users/ada/password", json={"password": OTHER})
    assert problem(answer) == (403, "not-allowed")
    assert problem(await ada.delete("/users/ada/second-factor")) == (403, "not-allowed")


async def test_a_role_changed_counts_at_once(api):
    ada = await setup(api)
    grace = await active(api, ada, "grace", Role.ENGINEER)
    assert (await grace.post("/stations", json={"id": "CP1"})).status_code == 201
    await ada.patch("/users/grace", json={"role": "viewer"})
    assert problem(await grace.post("/stations", json={"id": "CP2"})) == (403, "not-allowed")


def test_each_role_may_what_the_one_before_it_may():
    roles = list(Role)
    for less, more in pairwise(roles):
        assert PERMISSIONS[less] < PERMISSIONS[more]
    assert PERMISSIONS[Role.ADMINISTRATOR] == frozenset(Permission)


# API keys.


async def test_a_key_is_told_once_and_worth_nothing_when_revoked(api):
    body = {"name": "billing", "scopes": ["stations:read"]}
    made = await api.request("POST", "/api-keys", 201, json=body)
    program = api.by(made["token"])
    assert (await program.get("/stations")).status_code == 200
    listed = await api.request("GET", "/api-keys")
    assert made["token"] not in str(listed)
    secret = made["token"].rpartition("_")[2]
    async with api.store.read() as work:
        assert secret not in str(await work.api_keys.all())
        assert secret not in str(await work.audit.last("default"))

    revoked = await api.request("DELETE", f"/api-keys/{made['key']['id']}")
    assert revoked["state"] == "revoked"
    assert (await program.get("/stations")).status_code == 401


async def test_keys_that_are_not_are_told_alike(api):
    token = await api.key(Permission.READ_STATIONS)
    known = token.split("_")[1]
    until = datetime.now(UTC) + timedelta(hours=1)
    expiring = await api.key(Permission.READ_STATIONS, expires_at=until)
    assert (await api.by(expiring).get("/stations")).status_code == 200
    api.services.accounts._clock = lambda: until
    answers = [
        (await api.by(shown).get("/stations")).json()["detail"]
        for shown in (
            expiring,
            f"vk_{known}_{'0' * 64}",
            f"vk_{'0' * 32}_{'0' * 64}",
            token[:-1],
            token.upper(),
            token + "0",
            "",
            "vk_",
            "x" * 5000,
        )
    ]
    assert set(answers) == {"this API key is not valid"}


async def test_a_made_up_id_costs_no_read(api, monkeypatch):
    def none():
        raise AssertionError("it was read")

    monkeypatch.setattr(api.services.accounts, "_read", none)
    assert (await api.by(f"vk_{'0' * 32}_{'0' * 64}").get("/me")).status_code == 401


async def test_a_key_that_was_read_a_moment_ago_is_not_read_again(api, monkeypatch):
    program = api.by(await api.key(Permission.READ_STATIONS))
    assert (await program.get("/me")).status_code == 200

    def none():
        raise AssertionError("it was read")

    monkeypatch.setattr(api.services.accounts, "_read", none)
    assert (await program.get("/me")).status_code == 200


async def test_when_a_key_was_used_is_kept(api):
    made = await api.request(
        "POST", "/api-keys", 201, json={"name": "k", "scopes": ["stations:read"]}
    )
    await api.by(made["token"]).get("/me")
    await api.services.accounts.save_uses()
    shown = await api.request("GET", f"/api-keys/{made['key']['id']}")
    assert shown["last_used_from"] == "127.0.0.1"
    assert shown["last_used_at"]


async def test_a_key_that_expired_before_it_was_made_is_refused(api):
    body = {"name": "k", "scopes": ["stations:read"], "expires_at": "2020-01-01T00:00:00Z"}
    refused = await api.request("POST", "/api-keys", 422, json=body)
    assert refused["errors"][0]["field"] == "expires_at"


# Tenants.


async def test_a_tenant_is_added_chosen_and_removed_when_it_is_empty(api):
    await api.request("POST", "/tenants", 201, json={"id": "acme", "title": "Acme Ltd"})
    await api.request("POST", "/tenants", 409, json={"id": "acme"})
    await api.request("POST", "/tenants", 422, json={"id": "a/b"})
    ids = [each["id"] for each in (await api.request("GET", "/tenants"))["items"]]
    assert ids == ["default", "acme"]
    acme = {"voltkeep-tenant": "acme"}
    await api.request("POST", "/stations", 201, json={"id": "CP1"}, headers=acme)
    await api.request("GET", "/stations/CP1", 404)
    in_use = await api.request("DELETE", "/tenants/acme", 409)
    assert "stations" in in_use["detail"]
    await api.request("DELETE", "/stations/CP1", 204, headers=acme)
    async with api.store.begin() as work:
        today = datetime.now(UTC).date()
        await work.days.add(TenantId("acme"), {(EVERYWHERE, "energy_wh", today): 5})
    await api.request("DELETE", "/tenants/acme", 204)
    await api.request("DELETE", "/tenants/acme", 404)
    await api.request("GET", "/stations", 404, headers=acme)
    await api.request("GET", "/stations", 404, headers={"voltkeep-tenant": "../x"})
    await api.request("POST", "/tenants", 201, json={"id": "acme"})
    again = await api.request("GET", "/statistics/days", headers=acme)
    assert sum(day["energy_wh"] for day in again["days"]) == 0


async def test_people_and_keys_of_a_tenant_see_their_own_only(api):
    ada = await setup(api)
    await ada.post("/tenants", json={"id": "acme"})
    acme = {"voltkeep-tenant": "acme"}
    body = {"name": "max", "role": "administrator", "password": PASSWORD}
    await ada.post("/users", json=body, headers=acme)
    max_ = await signed_in(api, "max")
    await max_.post("/me/password", json={"old_password": PASSWORD, "new_password": OTHER})
    assert [each["id"] for each in (await max_.get("/users")).json()["items"]] == ["max"]
    # Asking for those who are everywhere shows them only to those who are.
    assert [each["id"] for each in (await max_.get("/users?everywhere=true")).json()["items"]] == [
        "max"
    ]
    assert [each["id"] for each in (await ada.get("/users?everywhere=true")).json()["items"]] == [
        "ada"
    ]
    assert (await max_.get("/tenants")).json()["items"] == [{"id": "acme", "title": ""}]
    assert (await max_.get("/api-keys")).json()["items"] == []


# What is done is known.


async def test_what_is_done_to_accounts_is_audited_and_no_secret_with_it(api):
    ada = await setup(api)
    grace = await active(api, ada, "grace")
    await ada.patch("/users/grace", json={"role": "viewer"})
    made = (await ada.post("/api-keys", json={"name": "k", "scopes": ["stations:read"]})).json()
    await ada.delete(f"/api-keys/{made['key']['id']}")
    await grace.post("/sign-out")
    await ada.delete("/users/grace")
    async with api.store.read() as work:
        entries = await work.audit.last("default", limit=50)
    done = [(each.actor.name, each.deed.action) for each in entries]
    for expected in (
        ("ada", "user.added"),
        ("ada", "user.signed-in"),
        ("grace", "user.signed-in"),
        ("grace", "user.password-changed"),
        ("ada", "user.changed"),
        ("ada", "api-key.created"),
        ("ada", "api-key.revoked"),
        ("grace", "session.revoked"),
        ("ada", "user.removed"),
    ):
        assert expected in done, (expected, done)
    text = str(entries)
    for secret in (PASSWORD, OTHER, made["token"].rpartition("_")[2], ada.cookies["voltkeep"]):
        assert secret not in text
