"""`voltkeep station`: the register, as an operator keeps it."""

import base64

import pytest

from tests.cli.conftest import connected
from voltkeep.app import App
from voltkeep.domain.availability import ConnectorStatus, StatusUpdate
from voltkeep.domain.identity import Evse, station_id
from voltkeep.domain.security import Verdict
from voltkeep.domain.stations import Boot, Make
from voltkeep.services.ports import ConnectorRow
from voltkeep.services.security import Knock

HOSTILE = "Evil\x1b[2J\u202eCorp"


def verdict(voltkeep, name: str, password: str) -> Verdict:
    """What the door says to this key."""
    knock = Knock(
        station=station_id(name),
        tls=False,
        user=name,
        password=password.encode(),
        remote_address="192.0.2.1",
    )

    async def ask(app: App) -> Verdict:
        return (await app.services.security.admit(knock)).verdict

    answer: Verdict = voltkeep.inside(ask)
    return answer


def test_a_new_station_gets_a_key_that_opens_the_door(voltkeep):
    added = voltkeep.ok("station", "add", "CS-01", "--json").json

    assert added["url"] == "ws://127.0.0.1:9000/ocpp/CS-01"
    assert added["user"] == "CS-01"
    assert len(bytes.fromhex(added["key"])) == 20
    assert verdict(voltkeep, "CS-01", added["key"]) is Verdict.ADMITTED
    assert verdict(voltkeep, "CS-01", "wrong" * 8) is Verdict.WRONG_PASSWORD


def test_what_to_enter_into_the_station_is_printed(voltkeep):
    result = voltkeep.ok("station", "add", "CS 01")

    assert "ws://127.0.0.1:9000/ocpp/CS%2001" in result.out
    assert "User name  CS 01" in result.out
    assert "not shown again" in result.err
    assert "--ocpp 0.0.0.0:9000" in result.err


def test_a_key_is_stored_as_a_hash_and_never_shown_again(voltkeep):
    key = voltkeep.ok("station", "add", "CS-01", "--json").json["key"]

    for args in (["station", "list"], ["station", "show", "CS-01"]):
        for form in ([], ["--json"]):
            shown = voltkeep.ok(*args, *form).out
            assert key not in shown
            assert "hmac" not in shown
    files = [path.read_bytes() for path in voltkeep.data.iterdir()]
    assert not any(key.encode() in content for content in files)
    assert not any(base64.b16decode(key.upper()) in content for content in files)


@pytest.mark.parametrize("how", ["argument", "stdin"])
def test_a_chosen_key_is_taken(voltkeep, how):
    key = "a key that I chose"
    password, typed = (key, "") if how == "argument" else ("-", f"{key}\n")

    added = voltkeep.ok("station", "add", "CS-01", "--password", password, "--json", typed=typed)

    assert added.json["key"] is None  # who chose it knows it
    assert verdict(voltkeep, "CS-01", key) is Verdict.ADMITTED


def test_a_short_key_is_taken_with_a_warning(voltkeep):
    assert "16 to 40" in voltkeep.ok("station", "add", "CS-01", "--password", "short").err


def test_a_key_where_none_is_used_is_refused(voltkeep):
    args = ("station", "add", "CS-01", "--security-profile", "0", "--password", "a key I chose")

    assert voltkeep(*args).code == 2
    assert voltkeep("station", "show", "CS-01").code == 3


def test_profile_0_has_no_key_and_a_loud_warning(voltkeep):
    result = voltkeep.ok("station", "add", "CS-01", "--security-profile", "0")

    assert "WARNING" in result.err
    assert "Password" not in result.out
    assert voltkeep.ok("station", "show", "CS-01", "--json").json["has_key"] is False


@pytest.mark.parametrize("profile", ["2", "3"])
def test_a_station_is_told_the_address_of_its_profile_and_whom_to_trust(voltkeep, profile):
    result = voltkeep.ok("station", "add", "CS-01", "--security-profile", profile)

    assert f"wss://127.0.0.1:{9441 + int(profile)}/ocpp/CS-01" in result.out
    assert "voltkeep ca export root" in result.err
    assert voltkeep.ok("station", "show", "CS-01", "--json").json["security_profile"] == int(
        profile
    )


def test_an_id_is_taken_once(voltkeep):
    voltkeep.ok("station", "add", "CS-01")

    again = voltkeep("station", "add", "CS-01")

    assert again.code == 1
    assert "registered already" in again.err


@pytest.mark.parametrize("name", ["", "a/b/c", "../x", "x" * 49, "CS\n01", "a%2fb", "CS\x1b[31m"])
def test_a_bad_id_is_refused_and_shown_harmless(voltkeep, name):
    result = voltkeep("station", "add", "--", name)

    assert result.code == 2
    assert "\x1b" not in result.err
    assert "1 to 48 letters" in result.err


def test_another_tenants_station_has_its_address(voltkeep):
    added = voltkeep.ok("station", "add", "fleet/CS-01", "--json").json

    assert added["url"] == "ws://127.0.0.1:9000/ocpp/fleet/CS-01"
    assert [each["id"] for each in voltkeep.ok("station", "list", "--json").json] == ["fleet/CS-01"]


def test_the_list_tells_how_each_station_is(voltkeep):
    voltkeep.ok("station", "add", "CS-01")
    voltkeep.ok("station", "add", "CS-02", "--pending")

    async def occupy(app: App) -> None:
        async with app.store.begin() as work:
            sender = await connected(work, "CS-01")
            station, at = sender.station, sender.received_at
            make = Make(vendor=HOSTILE, model="M1", firmware="1.2")
            await work.stations.booted(station, Boot(make=make), at)
            await work.stations.seen({station: at})
            update = StatusUpdate(
                evse=Evse(1, 1), status=ConnectorStatus.OCCUPIED, raw_status="Preparing", at=at
            )
            row = ConnectorRow(station=station, update=update, received_at=at)
            await work.connectors.save([row])

    voltkeep.inside(occupy)

    lines = voltkeep.ok("station", "list").lines
    only = voltkeep.ok("station", "list", "--connected", "--json").json

    assert lines[1].split("  ")[0] == "CS-01"
    for part in (
        "connected",
        "0 s ago",
        "ocpp-of-a-test",
        r"Evil\x1b[2J\u202eCorp M1",
        "Preparing",
    ):
        assert part in lines[1]
    assert "pending" in lines[2]
    assert [each["id"] for each in only] == ["CS-01"]
    assert only[0]["connectors"][0]["raw_status"] == "Preparing"


def test_without_stations_the_list_says_what_to_do(voltkeep):
    result = voltkeep.ok("station", "list")

    assert result.out == ""
    assert "voltkeep station add" in result.err
    assert voltkeep.ok("station", "list", "--json").json == []


def test_a_renamed_station_keeps_its_key(voltkeep):
    key = voltkeep.ok("station", "add", "CS-01", "--json").json["key"]

    result = voltkeep.ok("station", "rename", "CS-01", "GARAGE-01")

    assert "ws://127.0.0.1:9000/ocpp/GARAGE-01" in result.err
    assert voltkeep("station", "show", "CS-01").code == 3
    assert verdict(voltkeep, "GARAGE-01", key) is Verdict.ADMITTED


def test_a_name_that_is_taken_is_not_given_again(voltkeep):
    voltkeep.ok("station", "add", "CS-01")
    voltkeep.ok("station", "add", "CS-02")

    assert voltkeep("station", "rename", "CS-01", "CS-02").code == 1
    assert len(voltkeep.ok("station", "list", "--json").json) == 2


def test_a_station_is_removed_only_when_somebody_means_it(voltkeep):
    voltkeep.ok("station", "add", "CS-01")

    refused = voltkeep("station", "remove", "CS-01")

    assert refused.code == 2
    assert "--yes" in refused.err
    voltkeep.ok("station", "remove", "CS-01", "--yes")
    assert voltkeep("station", "remove", "CS-01", "--yes").code == 3


def test_a_new_key_ends_the_old_one(voltkeep):
    old = voltkeep.ok("station", "add", "CS-01", "--json").json["key"]

    result = voltkeep.ok("station", "rotate-key", "CS-01", "--json")

    assert verdict(voltkeep, "CS-01", old) is Verdict.WRONG_PASSWORD
    assert verdict(voltkeep, "CS-01", result.json["key"]) is Verdict.ADMITTED
    assert "enter it into the station" in result.err


def test_what_is_set_is_shown(voltkeep):
    voltkeep.ok("station", "add", "CS-01")

    voltkeep.ok("station", "set", "CS-01", "--security-profile", "0", "--passive")
    voltkeep.ok("station", "set", "CS-01", "--registration", "rejected")

    shown = voltkeep.ok("station", "show", "CS-01", "--json").json
    assert (shown["security_profile"], shown["passive"]) == (0, True)
    assert shown["registration"] == "Rejected"
    voltkeep.ok("station", "accept", "CS-01")
    assert voltkeep.ok("station", "show", "CS-01", "--json").json["registration"] == "Accepted"
    voltkeep.ok("station", "reject", "CS-01")
    assert voltkeep.ok("station", "show", "CS-01", "--json").json["registration"] == "Rejected"


def test_setting_nothing_says_what_there_is_to_set(voltkeep):
    voltkeep.ok("station", "add", "CS-01")

    result = voltkeep("station", "set", "CS-01")

    assert result.code == 2
    assert "--security-profile" in result.err


@pytest.mark.parametrize(
    "command",
    [
        ("show", "NO"),
        ("rename", "NO", "NEW"),
        ("remove", "NO", "--yes"),
        ("rotate-key", "NO"),
        ("set", "NO", "--passive"),
        ("accept", "NO"),
        ("reject", "NO"),
        ("tail", "NO", "--no-follow"),
        ("command", "NO", "reset"),
        ("command", "NO", "remote-start", "--token", "T"),
        ("command", "NO", "remote-stop"),
        ("command", "NO", "trigger", "heartbeat"),
        ("command", "NO", "raw", "Heartbeat"),
    ],
    ids=" ".join,
)
def test_an_unknown_station_is_told_from_other_failures(voltkeep, command):
    result = voltkeep("station", *command)

    assert result.code == 3
    assert "No station is called NO." in result.err
    assert "voltkeep station list" in result.err
