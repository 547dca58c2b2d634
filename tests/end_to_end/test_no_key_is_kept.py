"""A01.FR.06 to 09: no key can be read in what a running server keeps and writes."""

import base64
import json

import pytest

from tests.end_to_end.server import CommandFailed, Server
from voltkeep.sim import SimStation, StationSpec

CHOSEN, GUESSED, FORCED = "a key that I chose", "a key that is wrong", "6e" * 20
NAMES = {"1.6": "OLD", "2.0.1": "NEW"}
BY_HAND = {
    "1.6": ("ChangeConfiguration", {"key": "AuthorizationKey", "value": FORCED}),
    "2.0.1": (
        "SetVariables",
        {
            "setVariableData": [
                {
                    "component": {"name": "SecurityCtrlr"},
                    "variable": {"name": "BasicAuthPassword"},
                    "attributeValue": FORCED,
                }
            ]
        },
    ),
}


@pytest.fixture
async def server(tmp_path):
    server = Server(tmp_path / "data")
    await server.prepare([])
    await server.start()
    yield server
    server.stop()


def forms(name, key):
    """What a key may look like: as it is, as its octets, and in an HTTP Basic header."""
    passwords = [key.encode()]
    if set(key) <= set("0123456789abcdef"):
        passwords += [bytes.fromhex(key), key.upper().encode()]
    for password in passwords:
        yield password
        yield base64.b64encode(password).rstrip(b"=")
        yield base64.b64encode(name.encode() + b":" + password).rstrip(b"=")


def kept(server):
    """All that the server and the commands beside it have written, by file."""
    files = {path: path.read_bytes() for path in server.settings.data.rglob("*") if path.is_file()}
    return files | {"log": server.output().encode()}


async def used(server, version, name):
    """Let a station use keys in every way there is; all of them."""
    generated = (await server.voltkeep("station", "add", name))["key"]
    password = bytes.fromhex(generated) if version == "1.6" else generated
    spec = {"id": name, "version": version, "url": server.urls[1]}
    async with SimStation(StationSpec(**spec, password=GUESSED)) as guessing:
        await guessing.until(lambda: guessing.core.link.refusals > 0)
    async with SimStation(StationSpec(**spec, password=password)) as station:
        await station.booted()
        rotated = (await server.voltkeep("station", "rotate-key", name))["key"]
        action, payload = BY_HAND[version]
        raw = ("station", "command", name, "raw", action, json.dumps(payload))
        with pytest.raises(CommandFailed, match="rotate-key"):
            await server.say(*raw)
        await server.say(*raw, "--force")
    await server.voltkeep("station", "rotate-key", name, "--local", "--password", CHOSEN)
    async with SimStation(StationSpec(**spec, password=CHOSEN)) as station:
        await station.booted()
    return {generated, rotated, FORCED, CHOSEN, GUESSED}


async def test_no_key_is_in_the_database_its_log_or_the_servers(server):
    """Generated, rotated, sent by hand, typed and guessed; while it runs and after it."""
    keys = {(name, key) for v, name in NAMES.items() for key in await used(server, v, name)}
    assert len({key for _, key in keys}) == 2 * 2 + 3  # A01.FR.06, FR.07: no two are alike

    written = kept(server)
    assert any(path != "log" and path.name.endswith("-wal") for path in written)
    assert server.stop() == 0
    for files in (written, kept(server)):
        everything = b"".join(files.values())
        for action, _ in BY_HAND.values():
            assert action.encode() in everything  # or this would look in the wrong place
        found = [
            (str(path), key)
            for path, content in files.items()
            for name, key in keys
            for form in forms(name, key)
            if form in content
        ]
        assert found == []
