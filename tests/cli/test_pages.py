"""What the pages tell people to type can be typed; what they tell first is done for real."""

import re
import shlex
import signal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.cli.serving import Installation, installation
from voltkeep.cli.__main__ import tree
from voltkeep.store.tables import metadata

__all__ = ["installation"]

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^ *```sh\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
CONTINUED = re.compile(r" *\\\n *")
SPAN = re.compile(r"`(voltkeep [^`]+)`")
PROGRAM = re.compile(r"^(?:sudo -u \S+ )?(?:\S*/)?voltkeep(?= |$)")


def typed(page: Path) -> list[str]:
    """The lines of `voltkeep` in a page's blocks of shell, and in its text."""
    text = page.read_text()
    blocks = (CONTINUED.sub(" ", block) for block in BLOCK.findall(text))
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if PROGRAM.match(line)] + SPAN.findall(text)


def arguments(line: str) -> list[str]:
    """What the shell would hand to the program: up to a pipe, a redirection or a comment."""
    words = shlex.split(PROGRAM.sub("", line), comments=True)
    ends = [words.index(word) for word in ("|", ">", "<") if word in words]
    return words[: min(ends, default=len(words))]


ALL = {f"{page.relative_to(ROOT)}: {line}": line for page in PAGES for line in typed(page)}


def test_the_pages_tell_people_what_to_type():
    assert len(ALL) > 60


@pytest.mark.parametrize("line", ALL.values(), ids=ALL)
def test_what_a_page_says_to_type_is_understood(line, monkeypatch):
    monkeypatch.setattr("voltkeep.cli.command.execute", lambda *_: 0)
    args = arguments(line)
    if args[0] == "COMMAND":
        args = ["serve", *args[1:]]

    result = CliRunner().invoke(tree, args)

    # A text may speak of a command without saying all of it.
    errors = re.findall(r"^Error: (?!Missing)(.*)", result.stderr, re.MULTILINE)
    assert errors == []


async def test_the_three_lines_of_the_readme_let_a_station_in(installation: Installation):
    block = next(
        block for block in BLOCK.findall((ROOT / "README.md").read_text()) if "add" in block
    )
    serve, add_station, add_token = (arguments(line) for line in block.splitlines())

    assert serve == ["serve", "--ocpp", "0.0.0.0:9000"]
    async with installation.serving("--json") as server:
        await server.url()
        added = await installation.json(*add_station)
        token = await installation.json(*add_token)

    assert added["key"]
    assert token["is_new"] is True


async def test_the_tutorial_is_true(installation: Installation):
    """Its commands in their order, with what a reader fills in."""
    page = ROOT / "docs" / "tutorial" / "first-station.md"
    _, add, let_charge, simulate, *look, stop, list_, show = (
        arguments(line) for line in typed(page) if line.startswith(".venv")
    )
    async with installation.serving("--log-format", "human") as server:
        await server.line("what happens")
        key = (await installation.json(*add))["key"]
        await installation.json(*let_charge)
        fleet = await installation.start(
            *(key if word == "PASSWORD" else word for word in simulate)
        )
        await server.line("SIM-0001      booted")
        await server.line("started charging for SIM-DRIVER-1")
        await server.line("charges at")
        for args in look[:-1]:
            assert (await installation.run(*args))[1].count("SIM-0001") >= 1
        code, out, _ = await installation.run(*look[-1], "--no-follow")
        assert (code, "StartTransaction" in out) == (0, True)
        await installation.json(*stop)
        await server.line("stopped charging")
        (transaction, *_) = await installation.json(*list_)
        code, out, _ = await installation.run(*show[:-1], transaction["ref"])
        assert (code, "SIM-DRIVER-1" in out) == (0, True)
        fleet.send_signal(signal.SIGINT)
        out_of_fleet, _ = await fleet.communicate()
        assert fleet.returncode == 0
        assert b"1 station" in out_of_fleet


def test_the_page_of_the_database_has_each_table():
    page = (ROOT / "docs" / "reference" / "database.md").read_text()
    rows = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))

    assert rows == {table.name for table in metadata.tables.values()} | {"alembic_version"}
