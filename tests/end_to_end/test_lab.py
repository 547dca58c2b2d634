"""`voltkeep lab run`: against a server of our own, against that of a folder, and called off."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.lab import bad
from voltkeep.lab.kept import Kept
from voltkeep.lab.plan_file import load_plan
from voltkeep.sim.spec import basic

QUICK = "TC_001,tc_013,LAB_01"
FILES = {"report.html", "report.json", "junit.xml"}


class Lab:
    """A laboratory in a process of its own, with its own folder for what is temporary."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.report = folder / "report"
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        self.process: asyncio.subprocess.Process | None = None
        self._output = folder / "output"

    async def start(self, *arguments, **environ):
        command = [sys.executable, "-m", "voltkeep.cli", "lab", "run"]
        with self._output.open("wb") as output:
            self.process = await asyncio.create_subprocess_exec(
                *command,
                *("--report", str(self.report), *arguments),
                stdout=output,
                stderr=subprocess.STDOUT,
                env=os.environ | {"TMPDIR": str(self.temporary)} | environ,
            )

    async def run(self, *arguments, **environ):
        await self.start(*arguments, **environ)
        async with asyncio.timeout(100):
            assert self.process is not None
            return await self.process.wait()

    @property
    def output(self):
        return self._output.read_text()

    async def until(self, holds, *, alive=True):
        async with asyncio.timeout(60):
            while not holds():
                is_over = self.process is None or self.process.returncode is not None
                assert not (alive and is_over), self.output
                await asyncio.sleep(0.02)

    @property
    def servers(self):
        """The processes that work in its temporary folder."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if str(self.temporary).encode() in path.read_bytes():
                    found.append(int(path.parent.name))
        return found

    @property
    def left(self):
        """What it would leave: processes, and names in its temporary folder."""
        return [*self.servers, *(path.name for path in self.temporary.iterdir())]

    async def leaves_nothing(self):
        with contextlib.suppress(TimeoutError):
            await self.until(lambda: not self.left, alive=False)
        assert not self.left

    @property
    def reported(self):
        return {path.name for path in self.report.iterdir()}


@pytest.fixture
async def lab(tmp_path):
    lab = Lab(tmp_path)
    yield lab
    if lab.process is not None and lab.process.returncode is None:
        lab.process.kill()
        await lab.process.wait()
    await lab.leaves_nothing()


async def test_cases_against_ourselves_pass_and_are_reported(lab):
    # What is set for a server of the shell's is not for that of the laboratory.
    foreign = {"VOLTKEEP_DATABASE": "postgresql://nowhere", "VOLTKEEP_CONFIG": "/nowhere.toml"}
    ended = await lab.run("--against", "voltkeep", "--cases", QUICK, "--json", **foreign)

    assert ended == 0, lab.output
    told = json.loads(lab.output)
    judged = {(each["case"], each["profile"]): each["verdict"] for each in told["judgements"]}
    assert len(judged) == 9
    assert set(judged.values()) <= {"pass", "not applicable"}
    assert [judged["TC_013", profile] for profile in (1, 2, 3)] == ["pass"] * 3
    assert lab.reported >= FILES
    assert ET.parse(lab.report / "junit.xml").getroot().tag == "testsuites"
    await lab.leaves_nothing()


async def test_cases_are_played_on_postgresql_too(lab, postgres_database):
    against = ("--against", "voltkeep", "--database", postgres_database)

    assert await lab.run(*against, "--cases", "TC_001", "--profiles", "1") == 0, lab.output
    assert await lab.run(*against, "--cases", "TC_001", "--profiles", "1") == 1
    assert "its database is not empty" in lab.output


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
async def test_a_run_that_is_stopped_reports_what_was_judged_and_stops_its_server(lab, sign):
    await lab.start("--against", "voltkeep")
    await lab.until(lambda: "pass" in lab.output)
    assert lab.servers
    lab.process.send_signal(sign)
    async with asyncio.timeout(60):
        ended = await lab.process.wait()

    assert ended == 130
    assert "The run was stopped" in lab.output
    assert "Traceback" not in lab.output
    report = json.loads((lab.report / "report.json").read_bytes())
    assert any(case["judgements"] for case in report["cases"])
    assert report["stopped"] is True
    security = report["summary"]["functionalities"][:3]
    assert {row["outcome"] for row in security} == {"Incomplete"}
    assert ET.parse(lab.report / "junit.xml").findall("testsuite/testcase/error")
    await lab.leaves_nothing()


async def test_a_laboratory_that_is_killed_leaves_no_server_and_no_key(lab):
    await lab.start("--against", "voltkeep")
    await lab.until(lambda: "pass" in lab.output)
    assert len(lab.left) > len(lab.servers) > 0
    lab.process.send_signal(signal.SIGKILL)
    await lab.process.wait()

    await lab.leaves_nothing()


async def test_a_laboratory_that_is_killed_while_its_server_starts_leaves_nothing(lab):
    await lab.start("--against", "voltkeep")
    await lab.until(lambda: lab.servers)
    lab.process.send_signal(signal.SIGKILL)
    await lab.process.wait()

    await lab.leaves_nothing()


async def test_a_run_that_is_stopped_before_it_began_says_so(lab):
    await lab.start("--against", "voltkeep")
    await lab.until(lambda: lab.servers)
    lab.process.send_signal(signal.SIGINT)
    async with asyncio.timeout(60):
        ended = await lab.process.wait()

    assert ended == 130
    assert "stopped" in lab.output


PLAN = """
[product]
name = "\\u001b[31mBad"
vendor = "Worse"
version = "0"

[laboratory]
name = "Test"

[csms.urls]
1 = "{url}"

[stations.1]
identity = "LAB-1"
serial_number = "LAB-1"
key = "000102030405060708090a0b0c0d0e0f"

[tokens]
valid = "A"
expired = "B"
blocked = "C"
unknown = "D"
parent = "E"
sibling = "F"

[deadlines]
connection_s = 20
"""
DRIVER = 'base_url = "http://127.0.0.1:9"\n'


async def test_a_run_goes_by_what_an_earlier_one_has_changed(lab):
    headers = set()

    async def talk(socket):
        headers.add(socket.request.headers["Authorization"])
        await bad.answers(bad.right)(socket)

    async with bad.speaking(talk) as url:
        (lab.folder / "lab.toml").write_text(PLAN.format(url=url))
        (lab.folder / "driver.toml").write_text(DRIVER)
        plan, _ = load_plan(lab.folder / "lab.toml")
        now = Kept.load(lab.folder, plan.stations).credentials(pytest.fail)
        now["1"].take_key(b"another key of it")
        await lab.run(str(lab.folder), "--cases", "TC_001")

    assert headers == {basic("LAB-1", b"another key of it")}
    assert "used for LAB-1," in lab.output


async def test_a_csms_of_a_folder_that_fails_ends_in_a_report_and_an_exit_code(lab):
    async with bad.speaking(bad.closes) as url:
        (lab.folder / "lab.toml").write_text(PLAN.format(url=url))
        (lab.folder / "driver.toml").write_text(DRIVER)
        ended = await lab.run(str(lab.folder), "--cases", "TC_001,TC_086")

    assert ended == 1, lab.output
    assert "no <b>way</b>" in lab.output
    assert "\x1b" not in lab.output
    assert "1 of 2 judgements did not pass" in lab.output
    assert lab.reported >= FILES


async def test_a_mistake_in_a_folder_is_told_with_its_line_before_anything_runs(lab):
    (lab.folder / "lab.toml").write_text(PLAN.format(url="wss://csms.example"))
    (lab.folder / "driver.toml").write_text(DRIVER + "[operations.rest]\n")
    ended = await lab.run(str(lab.folder))

    assert ended == 2
    assert "lab.toml:11: " in lab.output
    assert "driver.toml:2: " in lab.output
    assert "nothing was tested" in lab.output
    assert not lab.report.exists()


async def test_the_report_of_an_earlier_run_is_gone_though_this_one_plays_nothing(lab):
    lab.report.mkdir()
    for name in FILES:
        (lab.report / name).write_text("all passed")
    (lab.folder / "lab.toml").write_text("")
    (lab.folder / "driver.toml").write_text(DRIVER)

    assert await lab.run(str(lab.folder)) == 2
    assert lab.reported == set()


async def test_a_run_in_which_nothing_passed_is_no_success(lab):
    (lab.folder / "lab.toml").write_text(PLAN.format(url="ws://127.0.0.1:9"))
    (lab.folder / "driver.toml").write_text(DRIVER)

    assert await lab.run(str(lab.folder), "--cases", "TC_087") == 1
    assert "Nothing passed" in lab.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "What is to be tested?"),
        (("FOLDER", "--against", "voltkeep"), "What is to be tested?"),
        (("FOLDER", "--cases", "TC_001,TC_999*"), "TC_999* names no case"),
        (("FOLDER", "--profiles", "1,4"), "1,4 is no list of security profiles"),
        (("FOLDER", "--profiles", "2"), "security profile 2"),
        (("FOLDER", "--report", "/dev/null/report"), "The report cannot go into"),
    ],
)
async def test_a_command_that_cannot_be_meant_is_refused(lab, arguments, words):
    (lab.folder / "lab.toml").write_text(PLAN.format(url="ws://127.0.0.1:9"))
    (lab.folder / "driver.toml").write_text(DRIVER)
    given = [str(lab.folder) if each == "FOLDER" else each for each in arguments]

    assert await lab.run(*given) == 2, lab.output
    assert words in lab.output
