"""Commands over the API of a server elsewhere say what they say on its machine."""

import asyncio
import json

import pytest

from tests.cli import serving

installation = serving.installation


@pytest.fixture
async def elsewhere(installation, tmp_path):
    """A server that runs, and a command line that knows its address and a key only."""
    async with installation.serving("--http", "127.0.0.1:0", "--json") as server:
        address = f"http://{json.loads(await server.line('listening'))['http']}"
        scopes = [word for each in SCOPES for word in ("--scope", each)]
        _, token, err = await installation.run("apikey", "add", "afar", *scopes)
        assert token, err
        file = tmp_path / "key"
        file.write_text(token)

        async def afar(*args):
            return await installation.run("--server", address, "--api-key", f"@{file}", *args)

        yield installation, afar


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


async def test_what_works_at_the_server_only_says_so(elsewhere):
    _, afar = elsewhere
    for args in (("ca", "show"), ("db", "status"), ("config", "show")):
        code, _, err = await afar(*args)
        assert (code, "without --server" in err) == (2, True), (args, err)
    code, _, err = await afar("station", "rename", "CP1", "CP2")
    assert "without --server" in err
    code, _, err = await afar("station", "show", "nobody")
    assert "no station is called nobody" in err


def test_a_key_is_not_given_on_the_command_line(voltkeep):
    result = voltkeep("--server", "http://127.0.0.1:9", "--api-key", "vk_1_2", "token", "list")
    assert (result.code, "seen by everybody" in result.err) == (2, True)
    result = voltkeep("--server", "http://127.0.0.1:9", "token", "list")
    assert "VOLTKEEP_API_KEY" in result.err
