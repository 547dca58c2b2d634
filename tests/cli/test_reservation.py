"""Reservations, local lists and unknown tokens at the command line, answered by a station."""

import json

import pytest

from tests.cli.serving import installation
from voltkeep.domain.identity import IdToken, Sender, station_id
from voltkeep.sim import SimStation, StationSpec
from voltkeep.wiring import now

__all__ = ["installation"]  # a fixture


def seen(voltkeep, *values):
    """A station shows tokens."""

    async def show(app):
        for value in values:
            sender = Sender(station_id("CS-01"), 0, now())
            await app.services.authorization.authorize(sender, IdToken(value))

    voltkeep.ok("station", "add", "CS-01")
    voltkeep.inside(show)


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
async def test_a_station_keeps_a_connector_and_a_list(installation, version):
    async with installation.serving("--json") as server:
        url = f"ws://{json.loads(await server.line('listening'))['ocpp']}/ocpp"
        added = await installation.json("station", "add", "CS-01")
        await installation.json("token", "add", "RFID-1", "--group", "FAMILY")
        spec = StationSpec(id="CS-01", version=version, url=url, password=added["key"])
        async with SimStation(spec) as station:
            await station.booted()
            reserve = ("reservation", "add", "CS-01", "--token", "rfid-1", "--evse", "1")
            assert (await installation.json(*reserve))["status"] == "Accepted"
            [made] = await installation.json("reservation", "list")
            assert (made["state"], made["group"]) == ("active", "FAMILY")
            outlet = station.core.outlets[1]
            assert outlet.reservation is not None
            assert outlet.reservation.id == made["id"]
            await installation.json("reservation", "cancel", "CS-01", str(made["id"]))
            assert outlet.reservation is None

            synced = await installation.json("local-list", "sync", "CS-01")
            assert synced["status"] == "Accepted"
            assert list(station.core.authorizer.listed) == ["rfid-1"]
            sent = ("local-list", "send", "CS-01", "OTHER", "--full", "--version", "9")
            assert (await installation.json(*sent))["accepted"]
            assert (list(station.core.authorizer.listed), station.core.authorizer.version) == (
                ["other"],
                9,
            )
            shown = await installation.json("local-list", "show", "CS-01")
            assert (shown["state"], shown["version"]) == ("by hand", 9)
        assert await installation.json("reservation", "list") == []
        [over] = await installation.json("reservation", "list", "--all")
        assert over["state"] == "cancelled"


def test_a_list_is_kept_where_it_is_wanted(voltkeep):
    voltkeep.ok("station", "add", "CS-01")

    on = voltkeep.ok("local-list", "on", "CS-01", "--group", "FLEET", "--json").json
    assert (on["is_on"], on["groups"]) == (True, ["FLEET"])
    assert voltkeep.ok("local-list", "show", "--json").json == [on]
    assert "FLEET" in voltkeep.ok("local-list", "show", "CS-01").out
    off = voltkeep.ok("local-list", "off", "CS-01", "--json").json
    assert (off["is_on"], off["groups"]) == (False, ["FLEET"])


def test_nothing_is_sent_by_mistake(voltkeep):
    voltkeep.ok("station", "add", "CS-01")

    assert voltkeep("local-list", "send", "CS-01").code == 2
    assert voltkeep("local-list", "send", "CS-01", "T1", "--status", "Perhaps").code == 2


def test_an_unknown_token_is_adopted_or_dismissed(voltkeep):
    seen(voltkeep, "GUEST", "\x1b[31mEVIL")

    listed = voltkeep.ok("token", "unknown", "list", "--json").json
    assert {each["token"] for each in listed} == {"GUEST", "\x1b[31mEVIL"}
    assert "\x1b" not in voltkeep.ok("token", "unknown", "list").out

    voltkeep.ok("token", "unknown", "adopt", "guest", "--note", "a guest")
    assert voltkeep.ok("token", "show", "GUEST", "--json").json["note"] == "a guest"
    voltkeep.ok("token", "unknown", "dismiss", "\x1b[31mEVIL")
    assert voltkeep.ok("token", "unknown", "list", "--json").json == []
    assert len(voltkeep.ok("token", "unknown", "list", "--all", "--json").json) == 1
    missing = voltkeep("token", "unknown", "adopt", "NOBODY")
    assert (missing.code, "token unknown list" in missing.err) == (3, True)


def test_something_of_a_token_is_changed_and_the_rest_stays(voltkeep):
    words = ("--group", "FLEET", "--note", "Anna's", "--expires", "2030-01-01", "--kind", "eMAID")
    voltkeep.ok("token", "add", "T1", *words)

    changed = voltkeep.ok("token", "set", "t1", "--max-active", "3", "--json").json
    assert (changed["max_active"], changed["note"], changed["group"]) == (3, "Anna's", "FLEET")
    assert (changed["token"], changed["kind"]) == ("T1", "eMAID")
    changed = voltkeep.ok("token", "set", "T1", "--no-expiry", "--group", "", "--json").json
    assert (changed["expires_at"], changed["group"], changed["max_active"]) == (None, None, 3)
    assert voltkeep("token", "set", "NOBODY", "--note", "x").code == 3
    assert voltkeep("token", "set", "T1", "--no-expiry", "--expires", "2030-01-01").code == 2


def test_a_group_is_renamed_and_blocked(voltkeep):
    for value in ("T1", "T2"):
        voltkeep.ok("token", "add", value, "--group", "FLEET")

    voltkeep.ok("token", "group", "set", "FLEET", "--name", "VANS", "--blocked")

    [group] = voltkeep.ok("token", "group", "list", "--json").json
    assert (group["name"], group["tokens"], group["blocked"]) == ("VANS", 2, True)
    assert "blocked" in voltkeep.ok("token", "show", "T1").out
    voltkeep.ok("token", "group", "set", "VANS", "--open")
    assert "blocked" not in voltkeep.ok("token", "show", "T1").out
    assert voltkeep("token", "group", "set", "FLEET", "--open").code == 3
    assert voltkeep("token", "group", "set", "VANS").code == 2


def test_what_is_not_there_is_said(voltkeep):
    assert voltkeep("reservation", "list", "--station", "NOWHERE").code == 0
    assert voltkeep("local-list", "show", "NOWHERE").code == 3
    assert voltkeep("local-list", "on", "NOWHERE").code == 3
