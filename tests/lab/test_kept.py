"""What a run has changed of stations is there for the next one, and nowhere else."""

import asyncio
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from msgspec import json, structs

from tests.lab.csms.running import make, running
from tests.lab.fault import CASES
from tests.lab.spoils import has
from voltkeep.lab.authority import Authority
from voltkeep.lab.bench import Credentials
from voltkeep.lab.kept import KEPT, Kept, forget
from voltkeep.lab.plan import Account, Shown
from voltkeep.lab.run import run
from voltkeep.lab.toml_file import Mistakes
from voltkeep.lab.verdicts import Verdict

CHANGING = ("TC_073", "TC_074", "TC_083", "LAB_16")
GOOD = {Verdict.PASS, Verdict.NOT_APPLICABLE}
NEW = bytes(range(20))


def account(name, **changes):
    return Account(**{"identity": name, "serial_number": name, "key": "ab" * 20} | changes)


ACCOUNTS = {"1": account("LAB-1"), "2": account("LAB-2"), "1-to-2": account("LAB-1-TO-2")}


def credentials(folder, accounts=ACCOUNTS, told=None):
    return Kept.load(folder, accounts).credentials(told or pytest.fail)


async def run_in(folder, tested, cases, profiles=(1, 2, 3)):
    """A run of this folder, as the command does it."""
    plan = tested.plan
    now = credentials(folder, plan.stations)
    return await run(plan, tested.driver, [CASES[id] for id in cases], profiles, credentials=now)


async def test_a_second_run_passes_but_for_what_cannot_be_undone_and_says_what_to_do(tmp_path):
    async with running() as tested:
        first = await run_in(tmp_path, tested, CHANGING)
        second = await run_in(tmp_path, tested, CASES)

    assert [each for each in first if each.verdict not in GOOD] == []
    unclear = [each for each in second if each.verdict not in GOOD]
    assert {(each.case, each.profile, each.verdict) for each in unclear} == {
        ("TC_083", 1, Verdict.INCONCLUSIVE),
        ("TC_083", 2, Verdict.INCONCLUSIVE),
    }
    on_1, on_2 = unclear
    assert "SMALL-1-TO-2" in on_1.remark
    assert "give it profile 1 again in the CSMS" in on_1.remark
    assert "`voltkeep lab forget FOLDER SMALL-1-TO-2`" in on_1.remark
    assert "`voltkeep lab forget FOLDER SMALL-2-TO-3`" in on_2.remark
    assert on_1.log == ()  # it did not connect


async def test_a_station_that_was_lowered_and_forgotten_is_raised_once_more(tmp_path):
    async with running() as tested:
        await run_in(tmp_path, tested, CHANGING, (1,))
        tested.state.stations["SMALL-1-TO-2"].profile = 1
        forget(tmp_path, ["SMALL-1-TO-2"])
        again = await run_in(tmp_path, tested, CHANGING, (1,))

    assert {each.verdict for each in again} == GOOD


@pytest.mark.parametrize("case", ["TC_073", "LAB_16"])
async def test_where_only_the_key_before_lets_in_the_station_goes_on_with_it(tmp_path, case):
    async with running(has(forgets_changes=True)) as tested:
        first, second = await run_in(tmp_path, tested, [case, "TC_001"], (1,))
        [third] = await run_in(tmp_path, tested, ["TC_001"], (1,))

    verdicts = [each.verdict for each in (first, second, third)]
    assert verdicts == [Verdict.FAIL, Verdict.PASS, Verdict.PASS]
    assert any("the key before" in each.text for each in first.log)


async def test_what_is_kept_is_in_no_judgement(tmp_path):
    async with running() as tested:
        judged = await run_in(tmp_path, tested, [*CHANGING, "TC_001"])
        judged += await run_in(tmp_path, tested, [*CHANGING, "TC_001"])
        now = credentials(tmp_path, tested.plan.stations)

    said = repr(judged) + repr(vars(Kept.load(tmp_path, {})))
    assert "SMALL-1" in said
    for each in now.values():
        assert each.key.hex() not in said
        private = each.private_key.splitlines()[1:3]  # the public key follows
        assert not any(line in said for line in private)


def test_each_change_is_kept_at_once(tmp_path):
    now = credentials(tmp_path)
    own = Authority(datetime.now(UTC), "O").station("LAB-2")

    now["1"].take_key(NEW)
    assert credentials(tmp_path)["1"].key == NEW
    now["2"].take_certificate(Shown(certificate=own.certificate, private_key=own.private_key))
    assert credentials(tmp_path)["2"].certificate == own.certificate
    assert credentials(tmp_path)["2"].private_key == own.private_key
    now["1-to-2"].raise_to(2)
    assert credentials(tmp_path)["1-to-2"].raised_to == 2

    assert credentials(tmp_path)["2"].key == ACCOUNTS["2"].key_octets
    assert Kept.load(tmp_path, ACCOUNTS).used == ["LAB-1", "LAB-2", "LAB-1-TO-2"]


KILLED = """
import os, pathlib, signal, sys
from voltkeep.lab.kept import Kept
from voltkeep.lab.plan import Account
account = Account(identity="LAB-1", serial_number="LAB-1", key="ab" * 20)
now = Kept.load(pathlib.Path(sys.argv[1]), {"1": account}).credentials(print)
now["1"].take_key(bytes(range(20)))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_run_that_is_killed_loses_nothing(tmp_path):
    done = subprocess.run([sys.executable, "-c", KILLED, tmp_path], check=False, timeout=60)

    assert done.returncode == -signal.SIGKILL
    assert credentials(tmp_path)["1"].key == NEW
    assert [path.name for path in tmp_path.iterdir()] == [KEPT]


def test_a_change_of_the_plan_wins_and_is_told(tmp_path):
    credentials(tmp_path)["1"].take_key(NEW)
    credentials(tmp_path)["2"].take_key(NEW)
    changed = ACCOUNTS | {"1": account("LAB-1", key="cd" * 20)}

    kept = Kept.load(tmp_path, changed)
    assert (kept.used, kept.outdated) == (["LAB-2"], ["LAB-1"])
    now = kept.credentials(pytest.fail)

    assert now["1"].key == bytes.fromhex("cd" * 20)
    assert now["2"].key == NEW
    # It is forgotten, though the plan should say again what it said before.
    assert credentials(tmp_path)["1"].key == ACCOUNTS["1"].key_octets


def test_a_change_is_seen_in_all_that_the_plan_says_of_a_station(tmp_path):
    for name in structs.asdict(ACCOUNTS["1"]):
        credentials(tmp_path)["1"].take_key(NEW)
        changed = {"1": structs.replace(ACCOUNTS["1"], **{name: "another one"})}

        assert Kept.load(tmp_path, changed).outdated, name


def test_a_station_that_is_out_of_the_plan_for_once_is_not_forgotten(tmp_path):
    credentials(tmp_path)["1"].take_key(NEW)
    credentials(tmp_path, {"2": ACCOUNTS["2"]})["2"].take_key(NEW)

    assert credentials(tmp_path)["1"].key == NEW


def test_two_runs_in_a_folder_keep_what_both_have_changed(tmp_path):
    one, other = credentials(tmp_path), credentials(tmp_path)
    one["1"].take_key(NEW)
    other["2"].take_key(NEW)
    one["1-to-2"].raise_to(2)

    assert Kept.load(tmp_path, ACCOUNTS).used == ["LAB-1", "LAB-2", "LAB-1-TO-2"]


def test_a_file_that_is_broken_during_a_run_is_written_anew(tmp_path):
    credentials(tmp_path)["1"].take_key(NEW)
    now = credentials(tmp_path)
    (tmp_path / KEPT).write_bytes(b"{")

    now["2"].take_key(NEW)

    assert Kept.load(tmp_path, ACCOUNTS).used == ["LAB-1", "LAB-2"]


def test_nobody_else_reads_the_file(tmp_path):
    for name in ("1", "2"):
        credentials(tmp_path)[name].take_key(NEW)

        assert (tmp_path / KEPT).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: content[:-20],
        lambda content: content.replace(b"format", b"former"),
        lambda content: content.replace(b'"identity"', b'"NEWKEYNEWKEY"'),
        lambda content: content.replace(b'"certificate": ""', b'"certificate": "NEWKEYNEWKEY"'),
        lambda _: b"",
        lambda _: b"{}",
        lambda _: b"\xff\xfe",
        lambda _: b"[" * 100_000,
    ],
    ids=["cut", "another format", "a field", "no PEM", "empty", "nothing", "binary", "nested"],
)
def test_a_broken_file_is_named_with_what_to_do(tmp_path, spoil):
    credentials(tmp_path)["1"].take_key(NEW)
    (tmp_path / KEPT).write_bytes(spoil((tmp_path / KEPT).read_bytes()))

    with pytest.raises(Mistakes) as broken:
        Kept.load(tmp_path, ACCOUNTS)

    [mistake] = broken.value.found
    assert mistake.path == tmp_path / KEPT
    assert "restore it, or remove it and give the stations the keys of lab.toml" in mistake.text
    assert "NEWKEY" not in str(mistake)


def test_a_key_of_another_certificate_is_a_broken_file(tmp_path):
    one, other = make().accounts["2"], make().accounts["3"]
    own = Shown(certificate=one.certificate, private_key=other.private_key)
    credentials(tmp_path)["1"].take_certificate(own)

    with pytest.raises(Mistakes):
        Kept.load(tmp_path, ACCOUNTS)


def test_a_file_that_cannot_be_read_is_a_mistake(tmp_path):
    (tmp_path / KEPT).mkdir()

    with pytest.raises(Mistakes, match="cannot be read"):
        Kept.load(tmp_path, ACCOUNTS)


def test_a_file_that_cannot_be_written_is_told_and_the_run_goes_on(tmp_path):
    said: list[str] = []
    folder = tmp_path / "folder"
    folder.mkdir()
    now = credentials(folder, told=said.append)
    folder.rmdir()

    now["1"].take_key(NEW)

    assert now["1"].key == NEW
    [words] = said
    assert f"{folder / KEPT} cannot be written: No such file or directory" in words


def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    credentials(tmp_path)["1"].take_key(NEW)
    (tmp_path / f"{KEPT}.{os.getpid()}.new").write_text("that of a process that was killed")
    said: list[str] = []
    now = credentials(tmp_path, told=said.append)

    def full(_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr("os.fsync", full)
        now["2"].take_key(NEW)
    assert "No space left on device" in said[0]
    assert Kept.load(tmp_path, ACCOUNTS).used == ["LAB-1"]
    assert [path.name for path in tmp_path.iterdir()] == [KEPT]
    now["1-to-2"].raise_to(2)
    assert Kept.load(tmp_path, ACCOUNTS).used == ["LAB-1", "LAB-2", "LAB-1-TO-2"]


async def test_a_run_without_a_folder_keeps_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    async with running() as tested, asyncio.timeout(60):
        await run(tested.plan, tested.driver, [CASES["TC_073"]], [1])

    assert list(tmp_path.iterdir()) == []
    assert Credentials.of(ACCOUNTS["1"]).raised_to is None


def test_what_is_forgotten_is_gone_and_the_rest_is_not(tmp_path):
    now = credentials(tmp_path)
    now["1"].take_key(NEW)
    now["1-to-2"].raise_to(2)

    with pytest.raises(KeyError, match="LAB-9"):
        forget(tmp_path, ["LAB-1", "LAB-9"])
    assert forget(tmp_path, ["LAB-1-TO-2"]) == ["LAB-1-TO-2"]
    assert Kept.load(tmp_path, ACCOUNTS).used == ["LAB-1"]
    assert forget(tmp_path) == ["LAB-1"]
    assert list(tmp_path.iterdir()) == []
    assert forget(tmp_path) == []


def test_a_broken_file_can_be_forgotten_as_a_whole_only(tmp_path):
    (tmp_path / KEPT).write_bytes(b"{")

    with pytest.raises(Mistakes):
        forget(tmp_path, ["LAB-1"])
    assert forget(tmp_path) == []
    assert not (tmp_path / KEPT).exists()


def test_the_file_is_json_that_a_person_can_read(tmp_path):
    credentials(tmp_path)["1-to-2"].raise_to(2)

    text = (tmp_path / KEPT).read_text()
    assert len(text.splitlines()) > 5
    assert json.decode(text)["stations"]["1-to-2"]["raised_to"] == 2
