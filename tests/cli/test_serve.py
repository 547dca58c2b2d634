"""The server as one starts it, and the command line beside it, on one data directory."""

import asyncio
import contextlib
import json
import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.cli.serving import Installation, Server, installation
from tests.sim.pki import Authority
from voltkeep.cli.demo import demo_settings
from voltkeep.cli.server_lock import find_server
from voltkeep.config import load
from voltkeep.sim import SimStation, StationSpec
from voltkeep.sim.trust import foreign_credentials

__all__ = ["installation"]  # a fixture


@pytest.fixture(params=["sqlite", "postgresql"])
def either(installation: Installation, request, monkeypatch) -> Installation:
    """The same installation on each kind of database."""
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_database")
        installation.env["VOLTKEEP_DATABASE"] = url
        monkeypatch.setenv("VOLTKEEP_DATABASE", url)
    return installation


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
async def test_an_operator_charges_a_car_from_a_shell(either, version):
    """Register, start remotely, see it run, stop it, see what it took."""
    installation = either
    async with installation.serving("--json") as server:
        url = await server.url()
        key = (await installation.json("station", "add", "CS-01"))["key"]
        await installation.json("token", "add", "ANNA")
        spec = StationSpec(id="CS-01", version=version, url=url, password=key, meter_interval_s=1)
        async with SimStation(spec, speed=10) as station:
            await station.booted()
            await station.plug(1)
            command = ("station", "command", "CS-01")

            started = await installation.json(*command, "remote-start", "--token", "ANNA")
            await station.charging(1)
            running = await installation.json("transaction", "list", "--active")
            stopped = await installation.json(*command, "remote-stop")
            await station.until(lambda: station.core.outlets[1].transaction is None)
            await station.settled()
            ended = await installation.json("transaction", "list", "--ended")

        assert (started["accepted"], stopped["accepted"]) == (True, True)
        assert [each["id_token"]["value"] for each in running] == ["ANNA"]
        assert [each["ref"] for each in ended] == [running[0]["ref"]]
        assert ended[0]["remote_start_id"] is not None
        (listed,) = await installation.json("station", "list")
        assert listed["make"]["model"] == "Simulator"
        said = ("station", "tail", "CS-01", "--no-follow", "--last", "500")
        code, out, _ = await installation.run(*said)
        assert code == 0
        assert "BootNotification" in out


async def test_a_command_that_cannot_reach_its_station_says_why(installation):
    await installation.json("station", "add", "CS-01")
    command = ("station", "command", "CS-01", "reset")

    code, _, err = await installation.run(*command)
    assert (code, "voltkeep serve" in err) == (4, True)

    async with installation.serving("--json") as server:
        await server.url()
        code, _, err = await installation.run(*command)
        assert (code, "not connected" in err) == (4, True)


async def test_a_log_says_how_somebody_becomes_administrator_and_no_more(installation):
    async with installation.serving("--json") as server:
        said = json.loads(await server.line("nobody can sign in yet"))
        assert said["command"] == "voltkeep user setup-link"
        assert "vs_" not in str(said)
        link = await installation.json("user", "setup-link")
        assert str(link) not in str(said)


async def test_a_silent_station_is_waited_for_as_long_as_one_says(installation):
    async with installation.serving("--json") as server:
        url = await server.url()
        key = (await installation.json("station", "add", "CS-01"))["key"]
        spec = StationSpec(id="CS-01", version="2.1", url=url, password=key, misbehave=("silent",))
        async with SimStation(spec) as station:
            await station.booted()

            command = ("station", "command", "CS-01", "reset", "--timeout", "0.5")
            code, _, err = await installation.run(*command)

    assert code == 4
    assert "did not answer in time" in err


async def test_what_a_station_says_no_to_has_failed(installation):
    async with installation.serving("--json") as server:
        url = await server.url()
        key = (await installation.json("station", "add", "CS-01"))["key"]
        spec = StationSpec(id="CS-01", version="1.6", url=url, password=key)
        async with SimStation(spec) as station:
            await station.booted()
            raw = ("station", "command", "CS-01", "raw")

            unknown = await installation.run(*raw, "NoSuchAction", "{}")
            forced = await installation.run(*raw, "NoSuchAction", "{}", "--force")
            told = await installation.run(*raw, "GetConfiguration", '{"key":["HeartbeatInterval"]}')
            code, _, err = await installation.run(
                "station", "command", "CS-01", "remote-stop", "--transaction", "12345"
            )

    assert unknown[0] == 1
    assert "Nothing was sent" in unknown[2]
    assert forced[0] == 1
    assert "NotImplemented" in forced[2]
    assert told[0] == 0
    assert '"HeartbeatInterval"' in told[1]
    assert (code, "did not accept" in err) == (1, True)


async def test_who_is_refused_is_told_once_with_what_to_do(installation):
    async with installation.serving("--log-format", "human") as server:
        address = (await server.line("Stations connect to")).split()[3]
        url = address.removesuffix("/STATION")
        async with SimStation(StationSpec(id="CS-01", version="1.6", url=url)):
            line = await server.line("refused, from")

    assert "refused, from 127.0.0.1" in line
    assert "station add CS-01" in line
    assert "refused" not in server.rest


async def test_one_server_holds_a_data_directory(installation):
    async with installation.serving("--json") as server:
        await server.url()
        running = find_server(installation.data)

        code, _, err = await installation.run("serve", "--ocpp", "127.0.0.1:0")

        assert running is not None
        assert running.pid == server.process.pid
        assert code == 1
        assert f"process {server.process.pid}" in err
        assert "--data DIR" in err
    assert find_server(installation.data) is None


async def test_a_killed_server_leaves_its_data_directory_free(installation):
    with contextlib.suppress(AssertionError):
        async with installation.serving("--json", stop=signal.SIGKILL) as server:
            await server.url()
    assert server.process.returncode == -signal.SIGKILL
    assert (installation.data / "server.lock").read_bytes()

    assert find_server(installation.data) is None
    async with installation.serving("--json") as server:
        await server.url()


async def test_a_port_that_is_taken_is_told_with_what_to_change(installation, tmp_path):
    async with installation.serving("--json") as server:
        address = (await server.url()).removeprefix("ws://").removesuffix("/ocpp")

        other = ("serve", "--data", str(tmp_path / "other"), "--ocpp", address)
        code, _, err = await installation.run(*other)

        assert code == 1
        assert f"listens on {address} already" in err
        assert "--ocpp HOST:PORT" in err
        assert "Traceback" not in err


async def test_the_address_to_enter_is_that_of_the_running_server(installation):
    async with installation.serving("--json") as server:
        url = await server.url()

        added = await installation.json("station", "add", "CS-01")

    assert added["url"] == f"{url}/CS-01"


async def test_a_doctor_sees_the_server(installation):
    files = ("--files", "127.0.0.1:0", "--files-tls", "127.0.0.1:0", "--ftp", "127.0.0.1:0")
    async with installation.serving("--json", *files) as server:
        addresses = json.loads(await server.line("listening"))

        found = {each["check"]: each for each in await installation.json("doctor")}

    assert found["server"]["state"] == found["listener"]["state"] == "good"
    assert str(server.process.pid) in found["server"]["found"]
    for check, name in (("files", "files"), ("files over TLS", "files_tls"), ("FTP", "ftp")):
        assert found[check]["state"] == "good"
        assert found[check]["found"] == f"the server answers on {addresses[name]}"


async def test_a_fleet_is_registered_and_let_in(installation):
    async with installation.serving("--json") as server:
        await server.url()

        fleet = ("sim", "run", "--stations", "6", "--register", "--duration", "3")
        status = await installation.json(*fleet)
        code, _, err = await installation.run(
            "sim", "run", "--stations", "1", "--id-prefix", "NOBODY", "--duration", "1"
        )

    assert (status["stations"], status["booted"], status["errors"]) == (6, 6, 0)
    assert code == 4
    assert "--register" in err


async def test_a_fleet_takes_no_key_from_a_station_that_is_not_simulated(installation):
    await installation.json("station", "add", "SIM-0001", "--note", "my own")

    code, _, err = await installation.run("sim", "run", "--stations", "1", "--register")

    assert code == 1
    assert "--id-prefix" in err


async def test_the_demo_charges_cars_and_ends_with_ctrl_c(installation):
    async with installation.serving("--demo", stop=signal.SIGINT) as demo:
        await demo.line(f"--data {installation.data} station list")
        booted = {(await demo.line("booted")).split()[1] for _ in range(10)}
        await demo.line("started charging for DEMO-")
        await demo.line("so far")

    assert booted == {f"DEMO-{number:02d}" for number in range(1, 11)}
    assert "Stopped." in demo.rest
    assert "Traceback" not in demo.rest
    assert "error" not in demo.rest


async def test_the_demo_has_a_data_directory_of_its_own(installation):
    del installation.env["VOLTKEEP_DATA"]
    async with installation.serving("--demo") as demo:
        await demo.line("booted")

    demo_data = Path(installation.env["XDG_DATA_HOME"]) / "voltkeep-demo"
    assert (demo_data / "voltkeep.db").exists()
    assert not (Path(installation.env["XDG_DATA_HOME"]) / "voltkeep").exists()


async def test_the_demo_starts_again_on_what_it_left(installation):
    for _ in range(2):
        async with installation.serving("--demo") as demo:
            await demo.line("booted")

    assert len(await installation.json("station", "list")) == 10


async def test_a_log_that_nobody_reads_any_more_hurts_no_station(installation):
    async with installation.serving("--json") as server:
        url = await server.url()
        key = (await installation.json("station", "add", "CS-01"))["key"]
        server.close_log()

        async with SimStation(StationSpec(id="CS-01", version="1.6", url=url, password=key)) as cs:
            await cs.booted()


async def test_a_second_signal_ends_it_at_once(installation):
    """SIGINT and SIGTERM, since two of one kind may arrive as one."""
    process = await installation.start("serve", "--ocpp", "127.0.0.1:0", "--json")
    await Server(process).url()

    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)

    async with asyncio.timeout(20):
        await process.communicate()
    assert process.returncode == 130


async def test_a_start_without_permission_to_upgrade_says_what_to_run(installation):
    code, _, err = await installation.run("serve", "--no-auto-upgrade", "--ocpp", "127.0.0.1:0")

    assert code == 5
    assert "voltkeep db upgrade" in err
    assert (await installation.run("db", "upgrade"))[0] == 0
    async with installation.serving("--no-auto-upgrade", "--json") as server:
        await server.url()


async def test_a_fleet_comes_in_over_tls(installation, tmp_path):
    """Security profile 2, with our own root; and not with another one."""
    other = tmp_path / "other.pem"
    other.write_text(Authority("Other").pem)
    async with installation.serving("--json", "--ocpp-tls", "127.0.0.1:0") as server:
        await server.url()
        fleet = ("sim", "run", "--stations", "3", "--security-profile", "2", "--duration", "3")

        status = await installation.json(*fleet, "--register")
        code, _, err = await installation.run(*fleet, "--ca", str(other))
        careless = await installation.run(*fleet, "--ca", str(other), "--insecure", "--register")
        running = find_server(installation.data)
        assert running is not None
        port = running.ocpp_tls.rpartition(":")[2]
        by_url = ("--url", f"wss://localhost:{port}/ocpp", "--register")
        named = await installation.json("sim", "run", "--duration", "3", *by_url)

    assert (status["booted"], status["errors"]) == (3, 0)
    assert (code, "certificate verify failed" in err) == (4, True)
    assert careless[0] == 0
    assert named["booted"] == 10
    assert "believe any server" in careless[2]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--security-profile", "3"), "{id}"),
        (("--certificate", "x.pem"), "--key"),
        (("--ca", "no-such-file.pem"), "no-such-file.pem"),
        (("--ca", "{files}/f.key"), "f.key holds no certificate"),
        (("--certificate", "{files}/f.pem", "--key", "{files}/f.pem"), "f.pem holds no private"),
        (("--certificate", "{files}/f.key", "--key", "{files}/f.key"), "f.key holds no cert"),
        (("--certificate", "{files}/f.pem", "--key", "{files}/g.key"), "g.key is not the key of"),
        (("--url", "https://127.0.0.1:1/ocpp"), "ws://"),
        (("--url", "csms.example"), "ws://"),
    ],
)
def test_what_a_fleet_lacks_for_tls_is_told(voltkeep, tmp_path, given, said):
    for name in "fg":
        certificate, key = foreign_credentials(name, datetime.now(UTC))
        (tmp_path / f"{name}.pem").write_text(certificate)
        (tmp_path / f"{name}.key").write_text(key)
    words = [each.replace("{files}", str(tmp_path)) for each in given]

    result = voltkeep("sim", "run", "--url", "wss://127.0.0.1:1/ocpp", *words)

    assert (result.code, said in result.err) == (2, True), result.err


async def test_tls_at_the_wrong_port_is_told_as_that(installation):
    """And not as a key that is wrong."""
    fleet = ("sim", "run", "--stations", "1", "--duration", "1", "--insecure", "--url")
    async with installation.serving("--json", "--ocpp-tls", "127.0.0.1:0") as server:
        at = json.loads(await server.line("listening"))
        told = [
            await installation.run(*fleet, f"wss://{at['ocpp']}/ocpp"),
            await installation.run(*fleet, f"ws://{at['ocpp_tls']}/ocpp"),
        ]

    for code, out, err in told:
        assert (code, "Is that the port for TLS" in err) == (4, True), err
        assert "registered" not in err
        assert "()" not in out + err


def test_a_demo_listens_only_where_it_needs_to_or_was_told_to():
    """Whatever else runs on this machine has its ports."""
    home = {"HOME": "/nowhere", "VOLTKEEP_FILES": "127.0.0.1:0"}

    settings = demo_settings(load({"ocpp_tls": "127.0.0.1:0"}, home, None))

    assert (settings.ocpp, settings.ocpp_mtls, settings.files_tls) == (
        "127.0.0.1:9000",
        "off",
        "off",
    )
    assert (settings.ocpp_tls, settings.files) == ("127.0.0.1:0", "127.0.0.1:0")
