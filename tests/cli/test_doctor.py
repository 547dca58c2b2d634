"""`voltkeep doctor`: each thing that can be wrong is found, with what to do about it."""

import os
import socket
import sqlite3
from collections.abc import Iterator

import pytest

from voltkeep.cli import checks
from voltkeep.cli.checks import Finding


@pytest.fixture
def port() -> Iterator[int]:
    """One that another program listens on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken.getsockname()[1]


def findings(voltkeep, *args: str, code: int = 0) -> dict[str, Finding]:
    result = voltkeep("doctor", *args, "--json")
    assert result.code == code, result.err
    return {each["check"]: Finding(**each) for each in result.json}


LISTENERS = ("OCPP", "OCPP_TLS", "OCPP_MTLS", "FILES", "FILES_TLS", "FTP", "HTTP")


@pytest.fixture
def free(monkeypatch, voltkeep) -> None:
    """Port 9000 may be anybody's on this machine."""
    for listener in LISTENERS:
        monkeypatch.setenv(f"VOLTKEEP_{listener}", "127.0.0.1:0")


@pytest.mark.usefixtures("free")
def test_a_new_installation_is_well_and_stays_untouched(voltkeep):
    found = findings(voltkeep)

    assert "bad" not in {each.state for each in found.values()}
    assert "at the first start" in found["data"].found
    assert "at the first start" in found["database"].found
    assert not voltkeep.data.exists()


@pytest.mark.usefixtures("free")
def test_a_used_installation_is_well(voltkeep):
    voltkeep.ok("station", "add", "CS-01")

    found = findings(voltkeep)

    assert found["database"].state == found["secret"].state == found["data"].state == "good"
    assert found["server"].next_step == "Start it: voltkeep serve"
    assert (found["certificate"].state, found["certificate"].found) == (
        "unseen",
        "not looked at: no server listens on `ocpp_tls`",
    )


@pytest.mark.usefixtures("free")
def test_every_name_fits_its_column(voltkeep):
    lines = voltkeep.ok("doctor").lines

    begins = {line[16:22].strip() for line in lines if line[:1].strip()}
    assert begins <= {*map(str, checks.State)}
    assert {line[14:16] for line in lines} == {"  "}


def test_every_finding_that_is_not_good_says_what_to_do(voltkeep, port, monkeypatch):
    monkeypatch.setattr(checks, "_LEAST_FREE_BYTES", 1 << 60)
    args = ("--database", "postgresql://u:hunter2@127.0.0.1:1/none")
    for listener in LISTENERS:
        monkeypatch.setenv(f"VOLTKEEP_{listener}", f"127.0.0.1:{port}")
    monkeypatch.setenv("VOLTKEEP_MAX_CONNECTIONS", "1000000")

    found = findings(voltkeep, *args, code=1)

    bad = {each.check for each in found.values() if each.state == "bad"}
    listeners = {"listener", "TLS listener", "mTLS listener", "files", "files over TLS", "FTP"}
    assert bad == listeners | {"database", "disk"}
    assert found["open files"].state == "advice"
    assert all(each.next_step for each in found.values() if each.state != "good")
    assert not any("hunter2" in each.found for each in found.values())


@pytest.mark.usefixtures("free")
def test_a_secret_that_others_may_read_is_bad(voltkeep):
    voltkeep.ok("station", "add", "CS-01")
    (voltkeep.data / "secret").chmod(0o644)

    found = findings(voltkeep, code=1)

    assert found["secret"].next_step == f"chmod 600 {voltkeep.data / 'secret'}"


@pytest.mark.usefixtures("free")
def test_a_data_directory_that_others_may_enter_is_told(voltkeep):
    voltkeep.ok("station", "add", "CS-01")
    voltkeep.data.chmod(0o755)

    assert findings(voltkeep)["data"].next_step == f"chmod 700 {voltkeep.data}"


def test_a_person_gets_a_line_for_each_and_a_verdict(voltkeep, port, monkeypatch):
    for listener in LISTENERS[1:]:
        monkeypatch.setenv(f"VOLTKEEP_{listener}", "off")
    monkeypatch.setenv("VOLTKEEP_OCPP", f"127.0.0.1:{port}")

    result = voltkeep("doctor")

    assert result.code == 1
    assert any(line.split()[:2] == ["listener", "bad"] for line in result.lines)
    assert "1 check went badly" in result.err


@pytest.mark.usefixtures("free")
def test_a_database_that_another_release_upgraded_is_told(voltkeep):
    voltkeep.ok("db", "upgrade")
    database = voltkeep.data / "voltkeep.db"

    connection = sqlite3.connect(database)
    with connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999_future_pre'")
    connection.close()

    assert "newer" in findings(voltkeep, code=1)["database"].found
    result = voltkeep("station", "list")
    assert result.code == 5
    assert "newer" in result.err


def test_a_file_that_is_no_database_is_told(voltkeep):
    voltkeep.data.mkdir()
    (voltkeep.data / "voltkeep.db").write_bytes(b"This was a database once. " * 100)

    result = voltkeep("station", "list")

    assert result.code == 5
    assert "file is not a database" in result.err
    assert "not a database" in findings(voltkeep, code=1)["database"].found


def test_a_database_that_is_not_there_is_told(voltkeep, postgres_database):
    on_none = ("--database", postgres_database + "_none")

    result = voltkeep("station", "list", *on_none)

    assert result.code == 5
    assert "does not exist" in result.err
    assert "does not exist" in findings(voltkeep, *on_none, code=1)["database"].found


def test_the_database_is_upgraded_and_its_status_told(voltkeep):
    before = voltkeep.ok("db", "status", "--json").json
    assert before["current"] is None
    assert before["pending"] == [*before["pending"][:-1], before["head"]]

    assert voltkeep.ok("db", "upgrade", "--json").json["ran"] == before["pending"]
    assert voltkeep.ok("db", "upgrade", "--json").json["ran"] == []

    after = voltkeep.ok("db", "status", "--json").json
    assert (after["current"], after["pending"]) == (before["head"], [])
    assert "Up to date" in voltkeep.ok("db", "status").err


@pytest.mark.usefixtures("free")
def test_the_command_line_works_on_postgresql_too(voltkeep, postgres_database):
    on_postgres = ("--database", postgres_database)

    voltkeep.ok("station", "add", "CS-01", *on_postgres)
    voltkeep.ok("token", "add", "ANNA", *on_postgres)

    assert [each["id"] for each in voltkeep.ok("station", "list", "--json", *on_postgres).json] == [
        "CS-01"
    ]
    assert (
        findings(voltkeep, *on_postgres, "--data", str(voltkeep.data))["database"].state == "good"
    )
    assert not (voltkeep.data / "voltkeep.db").exists()


def test_settings_are_shown_as_a_file_that_can_be_used(voltkeep, tmp_path, monkeypatch):
    monkeypatch.setenv("VOLTKEEP_QUEUE_IN", "7")

    shown = voltkeep.ok("config", "show").out
    file = tmp_path / "settings.toml"
    file.write_text(shown)
    monkeypatch.delenv("VOLTKEEP_QUEUE_IN")

    assert voltkeep.ok("config", "show", "--config", str(file)).out == shown
    assert "queue_in = 7" in shown


def test_the_origin_of_each_setting_is_shown(voltkeep, monkeypatch):
    monkeypatch.setenv("VOLTKEEP_QUEUE_IN", "7")

    lines = voltkeep.ok("config", "show", "--origin").lines
    told = voltkeep.ok("config", "show", "--json").json

    assert [line.split("# ")[1] for line in lines if line.startswith(("data ", "queue_in"))] == [
        "flag --data",
        "variable VOLTKEEP_QUEUE_IN",
    ]
    assert told["queue_in"] == {"value": 7, "origin": "variable VOLTKEEP_QUEUE_IN"}
    assert told["drain_s"]["origin"] == "default"


def test_settings_are_shown_without_passwords(voltkeep, monkeypatch):
    monkeypatch.setenv("VOLTKEEP_SECRET", "ab" * 32)
    monkeypatch.setenv("VOLTKEEP_DATABASE", "postgresql://u:hunter2@h/d")

    for form in ([], ["--json"], ["--origin"]):
        shown = voltkeep.ok("config", "show", *form).out
        assert "hunter2" not in shown
        assert "abab" not in shown


def test_the_environment_of_the_tests_sets_nothing(voltkeep):
    assert [name for name in os.environ if name.startswith("VOLTKEEP_")] == []
