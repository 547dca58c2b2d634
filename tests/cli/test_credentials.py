"""`voltkeep station rotate-key` and `raise-profile`, and `voltkeep campaign`, as one types them."""

import asyncio
import threading
from contextlib import contextmanager

import pytest

from tests.cli.conftest import connected
from tests.cli.test_station import verdict
from voltkeep.app import App
from voltkeep.bus import commands
from voltkeep.config import Settings
from voltkeep.domain.commands import (
    Outcome,
    RawCommand,
    SetKey,
    SetNetworkProfile,
    UseNetworkProfile,
)
from voltkeep.domain.security import Verdict
from voltkeep.services.ports import StationSilent
from voltkeep.wiring import now

YES, NO = Outcome(accepted=True, status="Accepted"), Outcome(accepted=False, status="Rejected")
REBOOT = Outcome(accepted=True, status="RebootRequired")
NOTHING_TO_SAY = Outcome(accepted=True)


@pytest.fixture
def station(voltkeep):
    """A station that was connected before; its key is what the test gets."""
    key = voltkeep.ok("station", "add", "CS-01", "--json").json["key"]

    async def connect(app: App) -> None:
        async with app.store.begin() as work:
            await connected(work, "CS-01")

    voltkeep.inside(connect)
    return key


@contextmanager
def answering(voltkeep, answers):
    """A server beside, whose stations answer by kind of command. Yields what they were asked."""
    asked: list[object] = []
    stop = threading.Event()

    class Answering:
        async def send(self, station, command, timeout=None):
            asked.append(command)
            answer = answers.get(type(command), NOTHING_TO_SAY)
            if isinstance(answer, Exception):
                raise answer
            return answer

    async def serve() -> None:
        app = App(Settings(data=voltkeep.data))
        async with app.running(serve=False):
            desk = commands.CommandDesk(
                app.store.begin,
                app.store.read,
                Answering(),
                now,
                app._seal,
            )
            task = asyncio.create_task(desk.run(look_every_s=0.02))
            await asyncio.to_thread(stop.wait)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    server = threading.Thread(target=lambda: asyncio.run(serve()))
    server.start()
    try:
        yield asked
    finally:
        stop.set()
        server.join()


def trust(voltkeep):
    return voltkeep.ok("station", "show", "CS-01", "--json").json["trust"]


def test_a_key_is_sent_to_the_station_and_shown_once(voltkeep, station):
    """A01.FR.02, FR.03, FR.09."""
    with answering(voltkeep, {SetKey: YES}) as asked:
        result = voltkeep.ok("station", "rotate-key", "CS-01", "--json")

    key = result.json["key"]
    assert asked == [SetKey(key=key)]
    assert result.json["stage"] == "accepted"
    assert verdict(voltkeep, "CS-01", key) is Verdict.ADMITTED
    assert verdict(voltkeep, "CS-01", station) is Verdict.WRONG_PASSWORD
    files = [path.read_bytes() for path in voltkeep.data.iterdir() if path.is_file()]
    assert not any(key.encode() in content for content in files)


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (NO, 1, "--local"),
        (REBOOT, 0, "once it has restarted"),
        (StationSilent("x"), 4, "Both keys count"),
    ],
    ids=["rejected", "reboot", "silent"],
)
def test_how_the_station_took_its_key_is_said(voltkeep, station, answer, code, words):
    """A01.FR.04."""
    with answering(voltkeep, {SetKey: answer}):
        result = voltkeep("station", "rotate-key", "CS-01")

    assert result.code == code
    assert words in result.err
    assert ("Password" in result.out) is (answer is not NO)
    assert verdict(voltkeep, "CS-01", station) is Verdict.ADMITTED


def test_without_a_server_nothing_is_changed(voltkeep, station, monkeypatch):
    monkeypatch.setattr(commands, "_TAKE_WITHIN_S", 0.1)

    result = voltkeep("station", "rotate-key", "CS-01")

    assert result.code == 4
    assert "voltkeep serve" in result.err
    assert trust(voltkeep)["has_next_key"] is False
    assert verdict(voltkeep, "CS-01", station) is Verdict.ADMITTED


def test_a_key_may_be_set_here_only(voltkeep, station):
    result = voltkeep.ok("station", "rotate-key", "CS-01", "--local", "--json")

    assert verdict(voltkeep, "CS-01", result.json["key"]) is Verdict.ADMITTED
    assert "enter it into the station" in result.err


def test_a_chosen_key_is_never_sent(voltkeep, station):
    voltkeep.ok("station", "rotate-key", "CS-01", "--password", "a key that I chose")

    assert verdict(voltkeep, "CS-01", "a key that I chose") is Verdict.ADMITTED


def test_whoever_forces_a_message_is_told_what_that_may_do(voltkeep, station):
    warned = Outcome(accepted=True, status="Accepted", warning="it may be locked out")
    raw = ("station", "command", "CS-01", "raw", "ChangeConfiguration", "{}", "--force")

    with answering(voltkeep, {RawCommand: warned}) as asked:
        assert "Warning: it may be locked out" in voltkeep.ok(*raw).err
        assert "Warning: it may be locked out" in voltkeep.ok(*raw, "--json").err
    assert all(each.force for each in asked)


def test_two_keys_that_count_are_shown_without_their_hashes(voltkeep, station):
    with answering(voltkeep, {SetKey: StationSilent("x")}):
        voltkeep("station", "rotate-key", "CS-01")

    shown = voltkeep.ok("station", "show", "CS-01").out
    assert "two, until it connects again" in shown
    for form in ([], ["--json"]):
        for what in (["show", "CS-01"], ["list"]):
            assert "hmac" not in voltkeep.ok("station", *what, *form).out
    assert trust(voltkeep)["has_next_key"] is True


def test_a_profile_is_raised_and_shown_as_asked_for(voltkeep, station):
    """A05."""
    with answering(voltkeep, {SetNetworkProfile: YES, UseNetworkProfile: REBOOT}) as asked:
        result = voltkeep.ok("station", "raise-profile", "CS-01", "--slots", "2,1")

    assert [type(each) for each in asked] == [SetNetworkProfile, UseNetworkProfile]
    assert asked[1].slots == (2, 1)
    assert "station command CS-01 reset" in result.err
    assert "root certificate" in result.err
    assert "1, asked to use 2" in voltkeep.ok("station", "show", "CS-01").out

    voltkeep.ok("station", "raise-profile", "CS-01", "--cancel")
    assert trust(voltkeep)["next_profile"] is None


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["--to", "3"], 1, "voltkeep campaign start profile 3"),
        (["--to", "1"], 1, "has security profile 1 already"),
        (["--slots", "x"], 2, "--slots 2,1"),
        (["--cancel"], 1, "was not asked"),
    ],
)
def test_what_cannot_be_raised_is_said_with_what_to_do(voltkeep, station, args, code, words):
    result = voltkeep("station", "raise-profile", "CS-01", *args)

    assert result.code == code
    assert words in result.err


def test_a_profile_the_station_rejects_is_said(voltkeep, station):
    with answering(voltkeep, {SetNetworkProfile: NO}):
        result = voltkeep("station", "raise-profile", "CS-01")

    assert result.code == 1
    assert "does not take security profile 2: Rejected" in result.err


def test_a_campaign_is_started_shown_halted_resumed_and_cancelled(voltkeep, station):
    voltkeep.ok("station", "add", "CS-02", "--security-profile", "2")

    id = voltkeep.ok("campaign", "start", "profile", "2", "--all", "--json").json["id"]
    shown = voltkeep.ok("campaign", "show", id, "--json").json
    assert (shown["state"], shown["target"]) == ("running", 2)
    assert {state: n for state, n in shown["stations"].items() if n} == {"waiting": 1, "skipped": 1}
    assert "running" in voltkeep.ok("campaign", "list").out

    assert id in voltkeep("campaign", "start", "profile", "2", "CS-01").err
    voltkeep.ok("campaign", "halt", id)
    assert "halted" in voltkeep.ok("campaign", "show", id).out
    voltkeep.ok("campaign", "resume", id, "--retry")
    voltkeep.ok("campaign", "cancel", id)
    assert voltkeep.ok("campaign", "list", "--json").json[0]["state"] == "cancelled"


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["start", "profile", "2"], 2),
        (["start", "profile", "2", "--all", "CS-01"], 2),
        (["start", "profile", "2", "CS-01", "other/CS-02"], 2),
        (["start", "profile", "2", "NO"], 3),
        (["show", "no"], 3),
        (["halt", "no"], 3),
    ],
)
def test_a_campaign_that_cannot_be_is_refused(voltkeep, args, code):
    assert voltkeep("campaign", *args).code == code
