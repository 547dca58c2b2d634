"""`voltkeep audit`: who did what, and whether somebody changed it."""

import os
import pwd
import sqlite3

import pytest


@pytest.fixture
def filled(voltkeep):
    voltkeep.ok("station", "add", "CS-1")
    voltkeep.ok("token", "add", "04A2B3C4D5E680")
    voltkeep.ok("token", "block", "04A2B3C4D5E680")
    return voltkeep


def change(voltkeep, statement):
    """As somebody does who may write to the database, and to its schema."""
    with sqlite3.connect(voltkeep.data / "voltkeep.db") as database:
        for deed in ("update", "delete"):
            database.execute(f"DROP TRIGGER audit_log_refuses_{deed}")
        database.execute(statement)
    database.close()


def test_what_is_done_at_a_shell_is_done_by_who_sits_there(filled, monkeypatch):
    """Whatever the environment says."""
    monkeypatch.setenv("LOGNAME", "mallory")
    monkeypatch.setenv("USER", "mallory")
    filled.ok("token", "unblock", "04A2B3C4D5E680")

    entries = filled.ok("audit", "list", "--json").json
    user = pwd.getpwuid(os.getuid()).pw_name
    assert {(each["actor"]["kind"], each["actor"]["name"]) for each in entries} == {("cli", user)}
    assert [each["deed"]["action"] for each in entries][-3:] == [
        "token.added",
        "token.blocked",
        "token.unblocked",
    ]


def test_who_became_root_is_named(filled, monkeypatch):
    monkeypatch.setattr("os.getuid", lambda: 0)
    monkeypatch.setenv("SUDO_USER", "ada")
    filled.ok("token", "unblock", "04A2B3C4D5E680")

    [entry] = filled.ok("audit", "list", "--limit", "1", "--json").json
    assert (entry["actor"]["name"], entry["actor"]["authenticated_by"]) == ("root", "sudo by ada")


def test_the_list_is_filtered(filled):
    def actions(*args):
        return [each["deed"]["action"] for each in filled.ok("audit", "list", "--json", *args).json]

    assert actions("--object", "CS-1")[0] == "station.added"
    assert actions("--object", "E680") == ["token.added", "token.blocked"]
    assert actions("--limit", "1") == ["token.blocked"]
    assert actions("--actor", "nobody") == []
    assert actions("--since", "2100-01-01") == []
    assert actions("--tenant", "acme") == []
    assert "token.blocked" in filled.ok("audit", "list").lines[-1]
    assert "04A2B3C4" not in filled.ok("audit", "list").out
    assert "Nothing was done" in filled.ok("audit", "list", "--actor", "nobody").err


def test_a_log_that_nobody_touched_is_whole(filled):
    assert "is whole" in filled.ok("audit", "verify").out
    assert filled.ok("audit", "verify", "--json").json["problems"] == []
    filled.ok("audit", "verify", "--tenant", "default")


def test_an_entry_that_was_changed_is_told_and_fails(filled):
    change(filled, """UPDATE audit_log SET deed = replace(deed, 'CS-1', 'CS-9') WHERE seq = 1""")

    result = filled("audit", "verify")
    assert result.code == 1
    assert result.lines == ["default, entry 1: its content is not what its hash says."]
    assert "1 problem" in result.err
    assert filled("audit", "verify", "--json").json["problems"][0]["seq"] == 1


def test_an_end_that_was_cut_off_is_found_with_a_head_kept_elsewhere(filled):
    [head] = filled.ok("audit", "head", "--json").json
    known = f"{head['seq']}:{head['hash']}"
    assert known in filled.ok("audit", "head").out
    filled.ok("audit", "verify", "--head", known)
    change(filled, f"DELETE FROM audit_log WHERE seq = {head['seq']}")

    filled.ok("audit", "verify")
    result = filled("audit", "verify", "--head", known)
    assert result.code == 1
    assert f"the log ended at {head['seq']} once" in result.out


@pytest.mark.parametrize("head", ["", "1", "1:abc", "x:" + "0" * 64, "-1:" + "0" * 64])
def test_what_is_no_head_is_refused(filled, head):
    assert filled("audit", "verify", f"--head={head}").code == 2


def test_an_empty_log_has_no_head(voltkeep):
    assert "empty" in voltkeep.ok("audit", "head").err
    assert voltkeep.ok("audit", "verify").out == "The audit log is whole: 0 entries.\n"
