"""`voltkeep token`: who may charge."""

import pytest


def test_a_token_is_added_and_shown(voltkeep):
    voltkeep.ok(
        "token",
        *("add", "04A2B3C4", "--group", "FLEET", "--max-active", "2", "--note", "Anna's card"),
        *("--expires", "2030-01-01"),
    )

    shown = voltkeep.ok("token", "show", "04a2b3c4", "--json").json
    assert (shown["token"], shown["kind"], shown["group"]) == ("04A2B3C4", "ISO14443", "FLEET")
    assert (shown["expires_at"], shown["max_active"]) == ("2030-01-01T00:00:00Z", 2)
    assert (shown["note"], shown["active"], shown["blocked"]) == ("Anna's card", 0, False)
    assert "0 of 2 at once" in voltkeep.ok("token", "show", "04A2B3C4").out


def test_adding_it_again_changes_it(voltkeep):
    assert voltkeep.ok("token", "add", "T1", "--json").json["is_new"] is True

    assert voltkeep.ok("token", "add", "t1", "--note", "x", "--json").json["is_new"] is False

    assert [each["note"] for each in voltkeep.ok("token", "list", "--json").json] == ["x"]


def test_the_list_tells_the_state_of_each(voltkeep):
    voltkeep.ok("token", "add", "GOOD")
    voltkeep.ok("token", "add", "LATE", "--expires", "2020-01-01")
    voltkeep.ok("token", "add", "STOP", "--blocked")

    lines = voltkeep.ok("token", "list").lines

    assert [line.split()[2] for line in lines[1:]] == ["accepted", "expired", "blocked"]


def test_a_token_is_blocked_and_let_in_again(voltkeep):
    voltkeep.ok("token", "add", "T1", "--group", "G")

    assert voltkeep.ok("token", "block", "T1", "--json").json["blocked"] is True
    unblocked = voltkeep.ok("token", "unblock", "T1", "--json").json

    assert (unblocked["blocked"], unblocked["group"]) == (False, "G")


def test_a_token_is_removed_only_when_somebody_means_it(voltkeep):
    voltkeep.ok("token", "add", "T1")

    assert voltkeep("token", "remove", "T1").code == 2
    voltkeep.ok("token", "remove", "T1", "--yes")

    assert voltkeep.ok("token", "list", "--json").json == []


def test_tenants_have_their_own_tokens(voltkeep):
    voltkeep.ok("token", "add", "T1", "--tenant", "fleet")

    assert voltkeep("token", "show", "T1").code == 3
    voltkeep.ok("token", "show", "T1", "--tenant", "fleet")


@pytest.mark.parametrize("command", [("show",), ("block",), ("unblock",), ("remove", "--yes")])
def test_an_unknown_token_is_told_from_other_failures(voltkeep, command):
    result = voltkeep("token", command[0], "NO", *command[1:])

    assert result.code == 3
    assert "voltkeep token list" in result.err


@pytest.mark.parametrize("value", ["", "  ", "a\nb", "\x1b[31m", "x" * 256])
def test_what_is_no_token_is_refused(voltkeep, value):
    assert voltkeep("token", "add", "--", value).code == 2


def test_a_token_too_long_for_old_stations_is_taken_with_a_warning(voltkeep):
    assert "20 characters" in voltkeep.ok("token", "add", "x" * 21).err
    assert voltkeep.ok("token", "add", "x" * 20).err == ""


def test_without_tokens_the_list_says_what_to_do(voltkeep):
    assert "voltkeep token add" in voltkeep.ok("token", "list").err
