"""On a terminal: colours, unless NO_COLOR is set, and the width that there is."""

import contextlib
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine, connected
from voltkeep.app import App
from voltkeep.domain.stations import Boot, Make

ROOT = Path(__file__).parents[2]
COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-9][0-9;]*m")
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def on_a_terminal(voltkeep: CommandLine, *args: str, **variables: str) -> str:
    """What a command writes to a terminal of 100 columns."""
    ours, theirs = pty.openpty()
    env = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    env |= {"PYTHONPATH": str(ROOT / "src"), "TERM": "xterm", "COLUMNS": "100", **variables}
    command = [sys.executable, "-m", "voltkeep.cli", "--data", str(voltkeep.data), *args]
    with subprocess.Popen(
        command, env=env, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE
    ) as process:
        os.close(theirs)
        written = b""
        with contextlib.suppress(OSError):  # the other end is closed
            while part := os.read(ours, 65536):
                written += part
        assert process.wait(60) == 0
    os.close(ours)
    return written.decode()


@pytest.fixture
def station(voltkeep: CommandLine) -> CommandLine:
    """One station, connected, with a name that would clear the screen."""
    voltkeep.ok("station", "add", "CS-01")

    async def boot(app: App) -> None:
        async with app.store.begin() as work:
            sender = await connected(work, "CS-01")
            make = Make(vendor="Evil\x1b[2J[bold]", model="\u202e" + "x" * 200)
            await work.stations.booted(sender.station, Boot(make=make), sender.received_at)

    voltkeep.inside(boot)
    return voltkeep


def test_states_are_coloured(station):
    assert COLOUR.search(on_a_terminal(station, "station", "list"))


def test_no_color_is_heeded(station):
    for args in (("station", "list"), ("station", "show", "CS-01"), ("doctor",)):
        written = on_a_terminal(station, *args, NO_COLOR="1", VOLTKEEP_OCPP="127.0.0.1:0")
        assert not COLOUR.search(written)


@pytest.mark.parametrize("args", [("station", "list"), ("station", "show", "CS-01")])
def test_only_our_own_escapes_reach_the_terminal(station, args):
    written = ESCAPE.sub("", on_a_terminal(station, *args))

    assert "\x1b" not in written
    assert "\u202e" not in written
    assert r"Evil\x1b" in written.replace("\r\n", "")


def test_a_table_fits_the_terminal(station):
    lines = ESCAPE.sub("", on_a_terminal(station, "station", "list")).splitlines()

    assert max(map(len, lines)) <= 100


def test_json_is_the_same_on_a_terminal(station):
    piped = station.ok("station", "list", "--json").out

    assert on_a_terminal(station, "station", "list", "--json").replace("\r\n", "\n") == piped


def test_removing_asks_for_the_name(station):
    """And nothing is removed where nobody can be asked; see test_station."""
    ours, theirs = pty.openpty()
    env = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-m", "voltkeep.cli", "--data", str(station.data)]
    for typed, code in ((b"CS-02\n", 1), (b"CS-01\n", 0)):
        with subprocess.Popen(
            [*command, "station", "remove", "CS-01"],
            env=env,
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            os.write(ours, typed)
            process.communicate(timeout=60)
        assert process.returncode == code
    os.close(ours)
    os.close(theirs)
