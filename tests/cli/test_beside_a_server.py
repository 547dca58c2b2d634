"""A shell tells stations where the running server is, whatever its own settings say."""

import asyncio
import json

import pytest

from tests.cli.serving import Installation, installation
from voltkeep.app import App
from voltkeep.cli.server_lock import find_server
from voltkeep.config import Settings
from voltkeep.domain.stations import SecurityProfile
from voltkeep.sim import SimStation, StationSpec

__all__ = ["installation"]  # a fixture

EVERYTHING = ("ocpp_tls", "ocpp_mtls", "files", "files_tls")
PUBLIC = "csms.example.com"


def flags(*names: str) -> list[str]:
    given: list[str] = []
    for name in names:
        given += [f"--{name.replace('_', '-')}", "127.0.0.1:0"]
    return given


async def told(installation: Installation, last: str) -> str:
    """All that went over the line, once this is in the log too: it is written a little later."""
    tail = ("station", "tail", "CS-01", "--no-follow", "--last", "100", "--json")
    async with asyncio.timeout(30):
        while True:
            code, out, err = await installation.run(*tail)
            assert code == 0, err
            if last in out:
                return out.replace("\\/", "/")


async def test_addresses_that_stations_are_told_are_the_servers(installation):
    """Its flags count, and not what the shell has from its own variables or by default."""
    started = (*flags(*EVERYTHING), "--public-host", PUBLIC, "--cpo-name", "Sparks")
    async with installation.serving("--json", *started) as server:
        at = json.loads(await server.line("listening"))
        port = {name: at[name].rpartition(":")[2] for name in ("ocpp", *EVERYTHING)}
        added = await installation.json("station", "add", "CS-01")
        spec = StationSpec(
            id="CS-01", version="2.1", url=f"ws://{at['ocpp']}/ocpp", password=added["key"]
        )
        async with SimStation(spec) as station:
            await station.booted()
            await installation.run("log", "request", "CS-01")
            await installation.run("log", "request", "CS-01", "--via", "https")
            await installation.run("station", "raise-profile", "CS-01")
            said = await told(installation, "SetNetworkProfile")
        explained = await installation.json("station", "explain", "CS-01")
        third = await installation.json("station", "add", "CS-03", "--security-profile", "3")
        doctor = {each["check"]: each["found"] for each in await installation.json("doctor")}
        running = find_server(installation.data)

    assert added["url"] == f"ws://{PUBLIC}:{port['ocpp']}/ocpp/CS-01"
    assert third["url"] == f"wss://{PUBLIC}:{port['ocpp_mtls']}/ocpp/CS-03"
    assert f"http://{PUBLIC}:{port['files']}/upload/" in said
    assert f"https://{PUBLIC}:{port['files_tls']}/upload/" in said
    assert f'"wss://{PUBLIC}:{port["ocpp_tls"]}/ocpp"' in said.replace('\\"', '"')
    assert f":{port['ocpp']}/ocpp/CS-01" in json.dumps(explained)
    assert doctor["mTLS listener"] == f"the server answers on {at['ocpp_mtls']}"
    assert running is not None
    assert running.cpo_name == "Sparks"


async def test_a_listener_that_serves_both_profiles_is_told_for_both(installation):
    started = (*flags("ocpp_tls"), "--ocpp-tls-client-certificates")
    async with installation.serving("--json", *started) as server:
        at = json.loads(await server.line("listening"))
        added = await installation.json("station", "add", "CS-03", "--security-profile", "3")

    assert added["url"] == f"wss://{at['ocpp_tls']}/ocpp/CS-03"


async def test_settings_are_shown_as_the_shell_has_them(installation):
    """`config show` is about one's own."""
    async with installation.serving("--json", "--public-host", PUBLIC) as server:
        await server.url()
        shown = await installation.json("config", "show")

    assert shown["public_host"]["value"] == ""


@pytest.mark.parametrize("profile", [1, 2, 3])
async def test_a_server_on_any_free_port_tells_stations_which(tmp_path, profile):
    """Its own services, as a campaign asks them, without a shell."""
    free = dict.fromkeys(("ocpp", *EVERYTHING), "127.0.0.1:0")
    app = App(Settings(data=tmp_path / "data", ftp="off", **free))
    async with app.running(serve=True):
        addresses = app.services.addresses
        base = addresses.base(SecurityProfile(profile))
        files = addresses.files()

    assert ":0/" not in base
    assert base.startswith("ws://127.0.0.1:" if profile == 1 else "wss://127.0.0.1:")
    assert set(files) == {"files", "files_tls"}
    assert all(not each.endswith(":0") for each in files.values())
