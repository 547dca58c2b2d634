"""Commands over the API of a server elsewhere say what they say on its machine."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from tests.cli import serving
from tests.cli.conftest import CommandLine, connected
from tests.cli.test_order import registered
from voltkeep.sim import SimStation

installation = serving.installation


@pytest.fixture
async def elsewhere(installation, tmp_path):
    """A server that runs, and a command line that knows its address and a key only."""
    async with serving_afar(installation, tmp_path, *SCOPES) as (afar, _):
        yield installation, afar


class Manned(NamedTuple):
    """A server elsewhere with a station; ``told`` is what a command says to a program."""

    installation: serving.Installation
    afar: Callable[..., Awaitable[tuple[int, str, str]]]
    told: Callable[..., Awaitable[Any]]
    station: SimStation


@pytest.fixture
async def manned(installation, tmp_path):
    """As `elsewhere`, with a station that is connected, and a key that may do everything."""
    async with serving_afar(installation, tmp_path) as (afar, url):

        async def told(*args):
            code, out, err = await afar(*args, "--json")
            assert code == 0, (args, err)
            return json.loads(out)

        async with await registered(installation, url) as station:
            await station.booted()
            yield Manned(installation, afar, told, station)


@asynccontextmanager
async def serving_afar(installation, tmp_path, *scopes):
    async with installation.serving("--http", "127.0.0.1:0", "--json") as server:
        listening = json.loads(await server.line("listening"))
        words = [word for each in scopes for word in ("--scope", each)]
        words = words or ["--role", "administrator", "--everywhere"]
        _, token, err = await installation.run("apikey", "add", "afar", *words)
        assert token, err
        file = tmp_path / "key"
        file.write_text(token)
        given = ("--server", f"http://{listening['http']}", "--api-key", f"@{file}")

        async def afar(*args):
            return await installation.run(*given, *args)

        yield afar, f"ws://{listening['ocpp']}/ocpp"


async def alike(installation, afar, *asked):
    """That both say the same; what they say."""
    here, there = await installation.run(*asked), await afar(*asked)
    assert there[:2] == here[:2], (asked, there[2])
    return there[1]


SCOPES = (
    *("stations:read", "stations:write", "tokens:read", "tokens:write", "security:write"),
    *("transactions:read", "commands:send", "events:read"),
)


async def test_stations_tokens_and_sites_are_kept_from_afar(elsewhere):
    installation, afar = elsewhere
    for args in (
        ("site", "add", "north", "--country", "DE"),
        ("token", "add", "04AABBCC", "--group", "FLEET"),
        ("token", "set", "04AABBCC", "--note", "Ann"),
        ("token", "block", "04AABBCC"),
    ):
        code, _, err = await afar(*args)
        assert code == 0, (args, err)
    await installation.run("station", "add", "CP1")
    code, _, err = await afar("station", "set", "CP1", "--site", "north", "--passive")
    assert code == 0, err
    for asked in (
        ("station", "list"),
        ("station", "show", "CP1"),
        ("token", "list"),
        ("token", "list", "--json"),
        ("site", "list", "--json"),
        ("site", "show", "north"),
        ("transaction", "list", "--json"),
        ("export", "tokens"),
        ("export", "stations", "--format", "jsonl"),
    ):
        here, there = await installation.run(*asked), await afar(*asked)
        assert there[:2] == here[:2], (asked, there[2])


async def test_what_the_api_keeps_to_itself_is_all_that_differs(elsewhere):
    installation, afar = elsewhere
    await installation.run("station", "add", "CP1")
    here = json.loads((await installation.run("station", "list", "--json"))[1])[0]
    there = json.loads((await afar("station", "list", "--json"))[1])[0]
    assert {name for name in here if here[name] != there[name]} <= {"epoch", "trust"}


async def test_events_are_followed_from_afar(elsewhere):
    installation, afar = elsewhere
    await installation.run("station", "add", "CP1")
    async with asyncio.timeout(20):
        while True:  # until the server has read what was told beside it
            asked = ("event", "tail", "--type", "station.*", "--after", "0", "--no-follow")
            code, out, err = await afar(*asked)
            assert code == 0, err
            if out:
                break
            await asyncio.sleep(0.2)
    assert json.loads(out.splitlines()[0])["station"] == "CP1"
    code, _, err = await installation.run("event", "tail")
    assert (code, "--server" in err) == (2, True)


async def test_a_file_is_taken_in_from_afar(elsewhere, tmp_path):
    _, afar = elsewhere
    file = tmp_path / "tokens.csv"
    file.write_text("value,group\n04AA,A\n04BB,B\n")
    code, out, err = await afar("import", "tokens", str(file), "--json")
    assert code == 0, err
    assert (json.loads(out)["state"], json.loads(out)["added"]) == ("done", 2)


async def test_a_station_is_commanded_from_afar(manned):
    installation, afar, told, _ = manned
    said = await told("station", "command", "CS-01", "trigger", "heartbeat")
    assert (said["status"], said["order"]["messages"][0]["action"]) == (
        "Accepted",
        "TriggerMessage",
    )
    asked = ("station", "command", "CS-01", "raw", "ClearCache", "{}")
    raw = await told(*asked)
    assert (raw["command"], raw["response"]) == ("ClearCache", {"status": "Accepted"})
    assert raw["order"]["ask"]["action"] == "ClearCache"
    queued = await told("station", "command", "CS-01", "clear-cache", "--queue", "1")
    assert (queued["result"], queued["queue_until"] is not None) == ("accepted", True)
    code, _, err = await afar("station", "command", "CS-01", "raw", "NoSuchMessage")
    assert code == 1, err
    await installation.run("station", "add", "AWAY")
    code, _, err = await afar("station", "command", "AWAY", "reset")
    assert (code, "not connected" in err) == (4, True)
    waiting = await told("station", "command", "AWAY", "reset", "--queue", "1")
    assert waiting["state"] == "queued"
    code, _, err = await afar("station", "command", "CS-01", "remote-stop")
    assert (code, "No transaction runs" in err) == (3, True)


async def test_a_transaction_is_shown_and_closed_from_afar(manned):
    installation, afar, told, station = manned
    await told("token", "add", "04AABBCC")
    await station.plug(1)
    _, _, err = await afar("station", "command", "CS-01", "remote-start", "--token", "04AABBCC")
    assert "not registered" not in err
    _, _, err = await afar("station", "command", "CS-01", "remote-start", "--token", "nobody")
    assert "not registered" in err
    async with asyncio.timeout(20):
        while True:  # until the driver's car has begun
            if found := await told("transaction", "list", "--active"):
                break
            await asyncio.sleep(0.1)
    ref = found[0]["ref"]
    assert (await told("token", "show", "04AABBCC"))["active"] == 1
    assert json.loads(await alike(installation, afar, "transaction", "unended", "--json")) == []
    await told("transaction", "close", "CS-01", ref, "--reason", "a test")
    shown = await told("transaction", "show", "CS-01", ref)
    here = await installation.json("transaction", "show", "CS-01", ref)
    assert shown["closed"] == here["closed"]
    assert {row["at"] for row in shown["meter_values"]} <= {
        row["at"] for row in here["meter_values"]
    }
    assert (await afar("transaction", "show", "CS-01", "none"))[0] == 3


async def test_a_station_is_registered_from_afar_and_told_where_it_connects(manned):
    _, afar, told, _ = manned
    made = await told("station", "add", "NEW", "--pending")
    assert len(made["key"]) == 40
    assert made["url"].startswith("ws://")
    assert made["url"].endswith("/NEW")
    again = await told("station", "rotate-key", "NEW")
    assert (again["url"], again["key"] != made["key"]) == (made["url"], True)
    code, _, err = await afar("station", "rotate-key", "NEW", "--password", "correct horse battery")
    assert code == 0, err
    code, _, err = await afar("station", "add", "SAID", "--password", "short")
    assert (code, "16" in err) == (2, True)
    chosen = await told("station", "add", "SAID", "--password", "correct horse battery")
    assert (chosen["url"], chosen["key"]) == (None, None)
    code, _, err = await afar("station", "add", "NEW")
    assert (code, "already" in err) == (1, True)
    rotated = await told("station", "rotate-key", "CS-01")
    assert (rotated["stage"], rotated["key"]) == ("accepted", None)


async def test_a_connector_is_kept_and_limited_from_afar(manned):
    installation, afar, told, _ = manned
    reserved = await told("reservation", "add", "CS-01", "--token", "04AA", "--evse", "1")
    assert reserved["status"] == "Accepted"
    [kept] = json.loads(await alike(installation, afar, "reservation", "list", "--json"))
    await told("reservation", "cancel", "CS-01", str(kept["id"]))
    assert json.loads(await alike(installation, afar, "reservation", "list", "--json")) == []
    await alike(installation, afar, "reservation", "list", "--all", "--json")

    profile = ("charging-profile", "set", "CS-01", "--evse", "1", "--limit", "16A")
    assert (await told(*profile))["accepted"]
    for more in ((), ("--all",)):
        asked = ("charging-profile", "list", "CS-01", *more, "--json")
        [held] = json.loads(await alike(installation, afar, *asked))
        assert held["profile"]["schedules"][0]["periods"][0]["limit_a"] == 16
    whole = await told("charging-profile", "composite", "CS-01", "--evse", "1", "--unit", "A")
    assert whole["computed"]["steps"][0]["limit_a"] == 16
    local = ("charging-profile", "composite", "CS-01", "--local", "--evse", "1", "--unit", "A")
    assert (await told(*local))["computed"]["steps"][0]["limit_a"] == 16
    assert (await told("charging-profile", "report", "CS-01"))["accepted"]
    assert (await told("charging-profile", "clear", "CS-01", "--all"))["accepted"]
    assert await told("charging-profile", "list", "CS-01") == []


async def test_a_local_list_is_kept_from_afar(manned):
    installation, afar, told, _ = manned
    await told("token", "add", "04AA", "--group", "FLEET")
    assert (await told("local-list", "on", "CS-01", "--group", "FLEET"))["groups"] == ["FLEET"]
    assert (await told("local-list", "sync", "CS-01", "--full"))["accepted"]
    for asked in (("local-list", "show", "CS-01"), ("local-list", "show", "--json")):
        await alike(installation, afar, *asked)
    assert (await told("local-list", "send", "CS-01", "04BB", "--full"))["accepted"]
    assert (await told("local-list", "off", "CS-01"))["is_on"] is False


async def test_a_station_is_configured_from_afar(manned):
    installation, afar, told, _ = manned
    name = "OCPPCommCtrlr.HeartbeatInterval"
    [written] = await told("configuration", "write", "CS-01", f"{name}=77")
    assert (written["variable"], written["status"]) == (name, "Accepted")
    [said] = await told("configuration", "read", "CS-01", name)
    assert said["value"] == "77"
    code, out, _ = await afar("configuration", "write", "CS-01", "No.Such=1", "--json")
    assert (code, json.loads(out)[0]["status"]) == (1, "UnknownComponent")
    report = await told("configuration", "read", "CS-01")
    assert report["state"] == "complete"
    await alike(installation, afar, "configuration", "show", "CS-01")
    await alike(installation, afar, "configuration", "show", "CS-01", name, "--json")

    await told("configuration", "template", "add", "depot", f"{name}=66", "--make", "Acme/One")
    await told("configuration", "template", "add", "depot", f"{name}=65", "--replace")
    code, _, err = await afar("configuration", "template", "assign", "depot", "CS-01")
    assert code == 0, err
    for asked in (
        ("configuration", "template", "list", "--json"),
        ("configuration", "template", "show", "depot", "--json"),
        ("configuration", "drift", "--json"),
        ("configuration", "drift", "CS-01", "--template", "depot"),
    ):
        await alike(installation, afar, *asked)
    assert (await told("configuration", "drift", "CS-01"))[0]["drift"][0]["wanted"] == "65"
    applied = await told("configuration", "apply", "--all")
    assert [each["status"] for each in applied["written"]] == ["Accepted"]
    assert (await told("configuration", "drift", "CS-01"))[0]["drift"] == []
    code, _, err = await afar("configuration", "template", "remove", "depot")
    assert code == 0, err
    assert (await afar("configuration", "template", "show", "depot"))[0] == 3


async def test_availability_is_planned_from_afar(manned):
    installation, afar, told, _ = manned
    done = await told("station", "command", "CS-01", "inoperative", "--evse", "1")
    assert done["accepted"]
    at = f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%dT%H:%M}"
    plans = await told("availability", "plan", "CS-01", "operative", "--at", at)
    here = await installation.json("availability", "show", "CS-01")
    there = await told("availability", "show", "CS-01")
    assert there["wanted"] == here["wanted"]
    assert there["planned"] == here["planned"] == plans
    gone = await told("availability", "cancel", "CS-01", plans[0]["id"])
    assert (gone["id"], gone["state"]) == (plans[0]["id"], "cancelled")
    assert (await afar("availability", "cancel", "CS-01", "none"))[0] == 3


async def test_people_keys_and_tenants_are_looked_after_from_afar(manned):
    installation, afar, told, _ = manned
    made = await told("user", "add", "Ada", "--role", "operator", "--site", "north")
    assert (made["role"], made["sites"], bool(made["password"])) == ("operator", ["north"], True)
    assert (await told("user", "set-role", "ada", "engineer", "--all-sites"))["sites"] is None
    for args in (("disable",), ("enable",), ("set-password",), ("reset-totp",)):
        assert (await told("user", *args, "ada"))["name"] == "Ada"
    for asked in (
        ("user", "list", "--json"),
        ("user", "list"),
        ("user", "sessions", "ada", "--json"),
        ("tenant", "list", "--json"),
    ):
        await alike(installation, afar, *asked)
    assert (await told("user", "revoke", "ada")) == {"sessions": 0}
    await told("user", "remove", "ada", "--yes")
    assert (await afar("user", "remove", "ada", "--yes"))[0] == 3
    code, _, err = await afar("user", "setup-link")
    assert (code, "without --server" in err) == (2, True)

    key = await told("apikey", "add", "billing", "--scope", "transactions:read")
    assert key["token"]
    assert (await told("apikey", "revoke", key["id"]))["state"] == "revoked"
    here = await installation.json("apikey", "list")
    assert await told("apikey", "list") == here
    [everywhere] = await told("apikey", "list", "--everywhere")
    assert everywhere["name"] == "afar"

    assert (await told("tenant", "add", "acme", "--title", "Acme Ltd"))["title"] == "Acme Ltd"
    await told("token", "add", "04AA", "--tenant", "acme")
    await alike(installation, afar, "token", "list", "--tenant", "acme")
    assert (await afar("tenant", "remove", "acme", "--yes"))[0] == 1
    await told("token", "remove", "04AA", "--tenant", "acme", "--yes")
    await told("tenant", "remove", "acme", "--yes")


async def test_what_matters_for_security_is_read_from_afar(manned):
    installation, afar, told, _ = manned
    await told("station", "add", "CS-02")

    async def tamper(app):
        async with app.store.begin() as work:
            sender = await connected(work, "CS-02")
        happened = datetime.now(UTC)
        await app.services.security_events.report(
            sender, "TamperDetectionActivated", happened, None
        )

    await asyncio.to_thread(CommandLine(installation.data).inside, tamper)
    assert [each["state"] for each in await told("security", "events")] == ["critical"]
    assert (await afar("security", "events", "--station", "CS-9"))[0] == 3
    for asked in (
        ("security", "events", "--json"),
        ("security", "events", "--critical"),
        ("security", "alerts", "--json"),
    ):
        await alike(installation, afar, *asked)
    [found] = await told("security", "alerts")
    assert (await told("security", "acknowledge", found["id"]))["state"] == "acknowledged"
    await alike(installation, afar, "security", "alerts", "--all", "--json")

    for more in ((), ("--object", "S-01"), ("--limit", "2")):
        await alike(installation, afar, "audit", "list", *more)
    entry = (await told("audit", "list", "--actor", "afar"))[-1]
    assert entry["deed"]["action"] == "alert.acknowledged"
    code, _, err = await afar("audit", "verify")
    assert (code, "without --server" in err) == (2, True)


async def test_campaigns_are_walked_from_afar(manned):
    installation, afar, told, _ = manned
    terms = ("--window", "22:00-04:30", "--at-once", "1", "--canaries", "1", "--ask")
    begun = await told("campaign", "start", "profile", "2", "--all", *terms)
    assert (begun["target"], begun["window"]["end"]) == (2, "04:30:00")
    id = begun["id"]
    assert (await told("campaign", "halt", id))["state"] == "halted"
    shown = await told("campaign", "show", id)
    here = await installation.json("campaign", "show", id)
    assert shown == here
    await alike(installation, afar, "campaign", "list", "--json")
    assert (await told("campaign", "resume", id, "--retry"))["state"] in {"running", "filling"}
    code, _, err = await afar("campaign", "go-on", id)
    assert code == 1, err
    assert (await told("campaign", "cancel", id))["state"] in {"cancelling", "cancelled"}
    assert (await afar("campaign", "show", "none"))[0] == 3


async def test_webhooks_are_kept_from_afar(manned):
    installation, afar, told, _ = manned
    made = await told("webhook", "add", "https://a.example.com/hook", "--type", "transaction.*")
    id = made["id"]
    assert made["secret"]
    assert (await told("webhook", "rotate", id))["secret"] != made["secret"]
    assert (await told("webhook", "disable", id))["state"] == "disabled"
    assert (await told("webhook", "enable", id, "--from-now"))["state"] == "enabled"
    for asked in (
        ("webhook", "list", "--json"),
        ("webhook", "show", id),
        ("webhook", "deliveries", id, "--json"),
        ("webhook", "deliveries", id, "--state", "failed"),
    ):
        await alike(installation, afar, *asked)
    again = await told("webhook", "redeliver", id, "--failed-since", "2026-01-01")
    assert again == {"count": 0}
    code, _, err = await afar("webhook", "remove", id, "--yes")
    assert code == 0, err
    assert (await afar("webhook", "show", id))[0] == 3


async def test_what_works_at_the_server_only_says_so(elsewhere):
    installation, afar = elsewhere
    for args in (("ca", "show"), ("db", "status"), ("config", "show")):
        code, _, err = await afar(*args)
        assert (code, "without --server" in err) == (2, True), (args, err)
    await installation.run("station", "add", "CP1")
    for words in (
        ("station", "rename", "CP1", "CP2"),
        ("station", "release", "CP1"),
        ("station", "explain", "CP1"),
        ("station", "raise-profile", "CP1"),
        ("station", "tail", "CP1", "--no-follow"),
        ("token", "unknown", "list"),
        ("transaction", "export"),
        ("user", "setup-link"),
        ("audit", "verify"),
        ("audit", "head"),
        ("token", "group", "list"),
        ("log", "list"),
        ("firmware", "list"),
        ("certificate", "list"),
    ):
        code, _, err = await afar(*words)
        assert (code, "without --server" in err) == (2, True), (words, err)
    code, _, err = await afar("station", "show", "nobody")
    assert "no station is called nobody" in err


def test_a_key_is_not_given_on_the_command_line(voltkeep):
    result = voltkeep("--server", "http://127.0.0.1:9", "--api-key", "vk_1_2", "token", "list")
    assert (result.code, "seen by everybody" in result.err) == (2, True)
    result = voltkeep("--server", "http://127.0.0.1:9", "token", "list")
    assert "VOLTKEEP_API_KEY" in result.err
