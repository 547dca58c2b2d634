"""What holds for every command: help, common options, exit codes, nothing but words on failure."""

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from voltkeep.cli.__main__ import tree
from voltkeep.cli.command import ANYHOW, EVERYWHERE, Run, execute
from voltkeep.cli.errors import ExitCode, Failure
from voltkeep.services.ports import (
    CommandUnfit,
    StationBusy,
    StationOffline,
    StationRefused,
    StationSilent,
    StoreUnavailable,
)

ROOT = Path(__file__).parents[2]


def commands(group=None, names: tuple[str, ...] = ()):
    """Each command with its names, as one would type them."""
    group = group or typer.main.get_command(tree)
    for name, each in group.commands.items():
        if hasattr(each, "commands"):
            yield from commands(each, (*names, name))
        else:
            yield (*names, name), each


COMMANDS = dict(commands())
each_command = pytest.mark.parametrize("names", COMMANDS, ids=" ".join)


def test_the_tree_has_what_was_promised():
    promised = {
        ("serve",),
        *(("station", verb) for verb in ("add", "list", "show", "rename", "remove")),
        *(("station", verb) for verb in ("rotate-key", "set", "accept", "reject", "tail")),
        *(
            ("station", "command", verb)
            for verb in ("remote-start", "remote-stop", "reset", "trigger", "raw")
        ),
        *(("token", verb) for verb in ("add", "list", "show", "block", "unblock", "remove")),
        *(("transaction", verb) for verb in ("list", "show", "export")),
        ("db", "upgrade"),
        ("db", "status"),
        ("sim", "run"),
        ("doctor",),
        ("config", "show"),
        ("version",),
    }

    assert promised <= set(COMMANDS)


@each_command
def test_a_command_accepts_what_every_command_accepts(names):
    options = {parameter.name for parameter in COMMANDS[names].params}

    assert set(ANYHOW if names[0] == "lab" else EVERYWHERE) == options & set(EVERYWHERE)


@each_command
def test_a_command_and_its_options_say_what_they_are_for(names):
    command = COMMANDS[names]

    assert command.help
    assert command.help.splitlines()[0].endswith((".", ":"))
    undescribed = [each.name for each in command.params if not getattr(each, "help", None)]
    assert undescribed == []


@each_command
def test_help_is_given(names):
    args = (
        [*names, "--help"]
        if names[:2] != ("station", "command")
        else [*names[:2], "X", names[2], "--help"]
    )
    result = CliRunner().invoke(tree, args)

    assert result.exit_code == 0
    assert "Usage: " in result.stdout


def test_help_comes_at_once_because_nothing_heavy_is_imported():
    """Typing is interactive: 0.3 s are the limit, and what costs them is named here."""
    script = (
        "import sys; sys.argv = ['voltkeep', '--help']\n"
        "from voltkeep.cli.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'sqlalchemy', 'alembic', 'asyncpg', 'websockets', 'rich', 'structlog'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    env = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True
    )

    assert done.stderr.strip() == "[]"


def test_options_may_stand_before_or_after_the_command(tmp_path):
    before = CliRunner().invoke(tree, ["--data", str(tmp_path), "--json", "config", "show"])
    after = CliRunner().invoke(tree, ["config", "show", "--data", str(tmp_path), "--json"])
    both = CliRunner().invoke(tree, ["--data", "/x", "config", "show", "--data", str(tmp_path)])

    assert json.loads(before.stdout) == json.loads(after.stdout)
    assert str(tmp_path) in both.stdout


def ending(error: BaseException, capsys, *, as_json: bool = False, debug: bool = False):
    """How a command ends that raises this."""

    async def action(run: Run) -> None:
        raise error

    code = execute(Run({"json": as_json, "debug": debug}, {}), action, {}, lambda _: None)
    return code, capsys.readouterr()


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (Failure("No.", "Do this."), ExitCode.FAILED, "Do this."),
        (StationOffline("CS-01 is not connected"), ExitCode.UNREACHABLE, "station show"),
        (StationSilent("CS-01"), ExitCode.UNREACHABLE, "station tail"),
        (StationBusy("CS-01"), ExitCode.UNREACHABLE, "Try again"),
        (StationRefused("NotSupported", "no"), ExitCode.FAILED, "NotSupported: no"),
        (CommandUnfit("no such message in its protocol"), ExitCode.FAILED, "--force"),
        (StoreUnavailable("it is away"), ExitCode.DATABASE, "voltkeep doctor"),
        (ZeroDivisionError("secret"), ExitCode.FAILED, "--debug"),
        (KeyboardInterrupt(), ExitCode.INTERRUPTED, ""),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_an_end_has_a_code_and_words_and_no_traceback(error, code, told, capsys):
    ended, written = ending(error, capsys)

    assert ended == code
    assert told in written.err
    assert "Traceback" not in written.err
    assert written.out == ""


def test_a_traceback_is_shown_to_whoever_asks(capsys):
    _, written = ending(ZeroDivisionError("x"), capsys, debug=True)

    assert "Traceback" in written.err


def test_with_json_a_failure_is_json_too(capsys):
    _, written = ending(StationOffline("x"), capsys, as_json=True)

    told = json.loads(written.err)
    assert told["error"] == "unreachable"
    assert written.out == ""


def test_hostile_words_in_a_failure_are_escaped(capsys):
    _, written = ending(StationRefused("\x1b[2J", "\u202e"), capsys)

    assert r"\x1b[2J: \u202e" in written.err


def test_a_reader_that_has_enough_is_no_failure(tmp_path):
    env = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        f"{sys.executable} -m voltkeep.cli config show --data {tmp_path} | head -n 1; "
        "echo ${PIPESTATUS[0]}",
        env=env,
        capture_output=True,
        text=True,
        shell=True,
        executable="/bin/bash",
        check=True,
    )

    assert done.stdout.splitlines()[-1] == "0"
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("nonsense",), "No such command"),
        (("station", "lst"), "No such command"),
        (("token", "add"), "Missing argument"),
        (("token", "list", "--limt", "3"), "No such option"),
        (("station", "command", "X", "trigger", "nonsense"), "heartbeat"),
    ],
    ids=str,
)
def test_a_wrong_use_is_told_as_such(args, told, voltkeep):
    result = voltkeep(*args)

    assert result.code == ExitCode.USAGE
    assert told in result.err


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("nonsense",), "No such command 'nonsense'."),
        (("station",), "A command is missing."),
        (("token", "add"), "Missing argument 'TOKEN'."),
        (("transaction", "list", "--limit", "x"), "'--limit': it is no whole number."),
        (("transaction", "list", "--limit", "0"), "'--limit': it must be at least 1."),
        (("sim", "run", "--connectors", "17"), "'--connectors': it can be at most 16."),
        (("sim", "run", "--speed", "fast"), "'--speed': it is no number."),
        (("certificate", "revoke", "1", "--reason", "x"), "'--reason': 'x' is not one of"),
    ],
    ids=str,
)
def test_a_wrong_use_is_told_to_programs_as_json(args, told, voltkeep):
    result = voltkeep("--json", *args)

    said = json.loads(result.err)
    assert result.code == ExitCode.USAGE
    assert said["error"] == "usage"
    assert told in said["message"]
    assert "--help` tells" in said["next_step"]
    assert result.out == ""


def test_a_wrong_value_is_told_to_people_in_the_same_words(voltkeep):
    said = voltkeep("transaction", "list", "--limit", "0").err

    assert "'--limit': it must be at least 1." in said
    assert "Input should" not in said
    assert "Value error" not in voltkeep("certificate", "revoke", "1", "--reason", "x").err


def test_a_bad_setting_is_told_before_anything_is_done(voltkeep, monkeypatch):
    monkeypatch.setenv("VOLTKEEP_OCPP", "nowhere")

    result = voltkeep("station", "list")

    assert result.code == ExitCode.USAGE
    assert "HOST:PORT" in result.err
    assert not voltkeep.data.exists()


def test_a_database_that_is_away_is_told_from_other_failures(voltkeep):
    began = time.monotonic()
    result = voltkeep("station", "list", "--database", "postgresql://u:hunter2@127.0.0.1:1/none")

    assert result.code == ExitCode.DATABASE
    assert "hunter2" not in result.err
    assert time.monotonic() - began < 30


def test_version_is_told(voltkeep):
    assert voltkeep.ok("version").out.startswith("voltkeep ")
    assert voltkeep.ok("version", "--json").json.keys() == {"voltkeep", "python"}
    assert CliRunner().invoke(tree, ["--version"]).stdout.startswith("voltkeep ")


def test_a_command_has_its_own_loop():
    """`execute` leaves none behind, or the next one in the process would fail."""
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()


def test_a_count_in_each_second_is_no_number_of_seconds(voltkeep):
    help_ = " ".join(voltkeep.ok("serve", "--help").out.split())

    assert "--upgrades-per-s N" in help_
    assert "--handshake-timeout-s SECONDS" in help_ or "--call-timeout-s SECONDS" in help_
