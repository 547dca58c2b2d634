"""`voltkeep user`, `apikey` and `tenant`: who is at a shell may do everything."""

import pytest

from voltkeep.services.sessions import Visit
from voltkeep.services.sign_in import Credentials


def signs_in(voltkeep, name, password):
    async def work(app):
        shown = Credentials(name, password)
        return await app.services.people.sign_in.sign_in(shown, Visit("192.0.2.1", "a browser"))

    return voltkeep.inside(work)


def test_a_person_is_added_with_a_password_that_is_shown_once(voltkeep):
    made = voltkeep.ok("user", "add", "Ada", "--role", "engineer", "--site", "north", "--json").json
    assert (made["id"], made["role"], made["sites"]) == ("ada", "engineer", ["north"])
    assert made["must_change_password"] is True

    signs_in(voltkeep, "ADA", made["password"])

    listed = voltkeep.ok("user", "list", "--json").json
    assert [each["name"] for each in listed] == ["Ada"]
    assert listed[0]["last_sign_in_at"]
    assert made["password"] not in voltkeep.ok("user", "list").out
    assert voltkeep("user", "add", "ada").code == 1


def test_a_password_may_come_from_stdin_and_must_be_a_good_one(voltkeep):
    assert voltkeep("user", "add", "ada", "--password-stdin", typed="short\n").code == 2
    assert voltkeep("user", "add", "ada", "--password-stdin").code == 2
    made = voltkeep.ok("user", "add", "ada", "--password-stdin", typed="seven green trams\n")
    assert "trams" not in made.out + made.err
    signs_in(voltkeep, "ada", "seven green trams")


def test_a_person_is_changed_disabled_and_removed(voltkeep):
    voltkeep.ok("user", "add", "ada", "--everywhere", "--role", "administrator")
    voltkeep.ok("user", "add", "grace", "--site", "north")
    voltkeep.ok("user", "set-role", "grace", "operator")
    grace = voltkeep.ok("user", "set-role", "grace", "operator", "--all-sites", "--json").json
    assert (grace["role"], grace["sites"], grace["tenant"]) == ("operator", None, "default")
    assert voltkeep.ok("user", "disable", "grace", "--json").json["state"] == "disabled"
    assert "grace is active" in voltkeep.ok("user", "enable", "grace").out
    assert voltkeep("user", "set-role", "grace", "king").code == 2
    assert voltkeep("user", "remove", "grace").code == 2
    voltkeep.ok("user", "remove", "grace", "--yes")
    assert voltkeep("user", "disable", "grace").code == 3
    last = voltkeep("user", "disable", "ada")
    assert (last.code, "make somebody else an administrator first" in last.err) == (1, True)


def test_sessions_are_shown_and_ended(voltkeep):
    password = voltkeep.ok("user", "add", "ada", "--json").json["password"]
    signs_in(voltkeep, "ada", password)
    signs_in(voltkeep, "ada", password)
    shown = voltkeep.ok("user", "sessions", "ada")
    assert len(shown.lines) == 3
    assert "a browser" in shown.out
    assert voltkeep.ok("user", "revoke", "Ada", "--json").json == {"sessions": 2}
    assert voltkeep.ok("user", "sessions", "ada", "--json").json == []


def test_a_new_password_ends_sessions(voltkeep):
    password = voltkeep.ok("user", "add", "ada", "--json").json["password"]
    signs_in(voltkeep, "ada", password)
    new = voltkeep.ok("user", "set-password", "ada", "--json").json["password"]
    assert voltkeep.ok("user", "sessions", "ada", "--json").json == []
    signs_in(voltkeep, "ada", new)
    voltkeep.ok("user", "reset-totp", "ada")


def test_a_link_makes_an_administrator(voltkeep):
    made = voltkeep.ok("user", "setup-link", "--json").json
    assert made["link"] == f"http://127.0.0.1:8080/setup#{made['token']}"

    async def work(app):
        visit = Visit("192.0.2.1")
        people = app.services.people
        return await people.sign_in.set_up(made["token"], "ada", "seven green trams", visit)

    assert voltkeep.inside(work).user.role == "administrator"
    assert voltkeep.ok("user", "list", "--everywhere", "--json").json[0]["id"] == "ada"
    assert voltkeep.ok("user", "list", "--json").json == []


def test_a_key_is_made_listed_and_revoked(voltkeep):
    made = voltkeep.ok("apikey", "add", "billing", "--scope", "transactions:read", "--json").json
    assert made["token"].startswith(f"vk_{made['id']}_")
    assert made["scopes"] == ["transactions:read"]
    listed = voltkeep.ok("apikey", "list")
    assert "billing" in listed.out
    assert made["token"] not in listed.out

    async def principal(app):
        return await app.services.accounts.principal_of_key(made["token"], None, "192.0.2.1")

    assert voltkeep.inside(principal).actor.name == "billing"
    voltkeep.ok("apikey", "revoke", made["id"])
    assert voltkeep.ok("apikey", "list", "--json").json[0]["state"] == "revoked"
    with pytest.raises(Exception, match="not valid"):
        voltkeep.inside(principal)


def test_a_key_may_have_what_a_role_has_and_nothing_else(voltkeep):
    made = voltkeep.ok("apikey", "add", "all", "--role", "viewer", "--everywhere", "--json").json
    assert made["tenant"] is None
    assert "stations:read" in made["scopes"]
    for bad in (("--scope", "stations:own"), ("--role", "king"), ()):
        assert voltkeep("apikey", "add", "x", *bad).code == 2
    past = voltkeep("apikey", "add", "x", "--role", "viewer", "--expires", "2020-01-01")
    assert past.code == 2
    assert voltkeep("apikey", "revoke", "nonsense").code == 3


def test_a_tenant_is_added_used_and_removed(voltkeep):
    voltkeep.ok("tenant", "add", "acme", "--title", "Acme Ltd")
    assert voltkeep("tenant", "add", "acme").code == 1
    assert voltkeep("tenant", "add", "a/b").code == 2
    assert voltkeep.ok("tenant", "list", "--json").json == [
        {"tenant": "default", "title": ""},
        {"tenant": "acme", "title": "Acme Ltd"},
    ]
    voltkeep.ok("user", "add", "max", "--tenant", "acme")
    assert voltkeep("tenant", "remove", "acme", "--yes").code == 1
    voltkeep.ok("user", "remove", "max", "--yes")
    voltkeep.ok("tenant", "remove", "acme", "--yes")
    assert voltkeep("tenant", "remove", "acme", "--yes").code == 3
    assert voltkeep("user", "add", "max", "--tenant", "nowhere").code == 3


def test_what_a_shell_does_is_audited_without_secrets(voltkeep):
    password = voltkeep.ok("user", "add", "ada", "--json").json["password"]
    token = voltkeep.ok("apikey", "add", "k", "--role", "viewer", "--json").json["token"]
    link = voltkeep.ok("user", "setup-link", "--json").json["token"]
    shown = voltkeep.ok("audit", "list", "--json").out
    for action in ("user.added", "api-key.created", "setup-link.made"):
        assert action in shown
    for secret in (password, token.rpartition("_")[2], link):
        assert secret not in shown
