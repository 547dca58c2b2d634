"""Commands that travel through the database: there and back, and no secret on the way."""

import asyncio
import itertools
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from msgspec import Raw, json

from voltkeep.bus import commands
from voltkeep.bus.commands import CommandDesk, NobodyServes, QueuedStations
from voltkeep.bus.sealing import Seal
from voltkeep.dialects.masking import masked
from voltkeep.domain.commands import GetLog, Outcome, RawCommand, Reset, SetKey
from voltkeep.domain.diagnostics import LogKind
from voltkeep.domain.identity import station_id
from voltkeep.services.ports import (
    CommandUnfit,
    StationBusy,
    StationLeft,
    StationOffline,
    StationRefused,
    StationSilent,
    StationUnclear,
    StationUnreachable,
)
from voltkeep.store import MemoryStore

STATION = station_id("CS-1")
KEY = "4f8c2dsecret4f8c2dsecret4f8c2dsecret4f8c"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ASKED_FOR_KEYS = RawCommand(action="GetConfiguration", payload=Raw(b"{}"))
KEYS_TOLD = json.encode({"configurationKey": [{"key": "AuthorizationKey", "value": KEY}]})


def clock():
    return NOW


def seal(secret=b"0"):
    return Seal(secret * 32, masked)


class Answering:
    """A station that answers each command alike, and remembers what it was asked."""

    def __init__(self, answer=None):
        self.answer = answer or Outcome(accepted=True, status="Accepted")
        self.asked = []

    async def send(self, station, command, timeout=None):
        self.asked.append(command)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class History(MemoryStore):
    """Everything that was ever committed, as text."""

    def __init__(self):
        super().__init__()
        self.text = ""

    def _commit(self, draft, emitted):
        super()._commit(draft, emitted)
        self.text += repr(self._state) + repr(self.published)

    def row(self):
        return next(iter(self._state.commands.values()))


@asynccontextmanager
async def served(store, stations, secret=b"0"):
    desk = CommandDesk(store.begin, store.read, stations, clock, seal(secret))
    task = asyncio.create_task(desk.run(look_every_s=0.001))
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def asking(store):
    return QueuedStations(store.begin, store.read, clock, seal(), "alice")


async def test_a_key_crosses_the_database_encrypted_and_is_not_kept():
    """A01.FR.09."""
    store, station = History(), Answering()

    async with served(store, station):
        outcome = await asking(store).send(STATION, SetKey(key=KEY))

    assert outcome.accepted
    assert station.asked == [SetKey(key=KEY)]
    assert KEY not in store.text
    assert "gAAAA" in store.text  # it was there, in a form that only the secret opens
    row = store.row()
    assert (row.command, row.sealed, row.result) == (SetKey(key="***"), None, "accepted")


@pytest.mark.parametrize(
    "command",
    [
        RawCommand(
            action="ChangeConfiguration",
            payload=Raw(json.encode({"key": "AuthorizationKey", "value": KEY})),
        ),
        GetLog(kind=LogKind.SECURITY, request_id=1, location=f"http://x/{KEY}"),
    ],
    ids=["by hand", "an address that opens"],
)
async def test_other_commands_with_secrets_are_sealed_as_well(command):
    store, station = History(), Answering()

    async with served(store, station):
        await asking(store).send(STATION, command)

    assert station.asked == [command]
    assert KEY not in store.text


async def test_a_command_without_secrets_can_be_read():
    store = History()

    async with served(store, Answering()):
        await asking(store).send(STATION, Reset())

    assert store.row().command == Reset()
    assert "gAAAA" not in store.text


async def test_what_a_station_tells_is_read_by_who_asked_and_by_nobody_else():
    store = History()

    async with served(store, Answering(Outcome(accepted=True, response=Raw(KEYS_TOLD)))):
        outcome = await asking(store).send(STATION, ASKED_FOR_KEYS)

    assert bytes(outcome.response) == KEYS_TOLD
    assert KEY not in store.text


@pytest.mark.parametrize(
    "answer",
    [
        StationRefused("PropertyConstraintViolation", f"{KEY} is too long"),
        Outcome(accepted=False, response=Raw(json.encode({"statusInfo": KEY}))),
    ],
    ids=["error", "answer"],
)
async def test_a_station_that_repeats_its_key_does_not_give_it_away(answer):
    store = History()

    async with served(store, Answering(answer)):
        try:
            await asking(store).send(STATION, SetKey(key=KEY))
        except StationRefused as refused:
            assert KEY not in str(refused)  # noqa: PT017  # the other case is an outcome

    assert KEY not in store.text


async def test_a_server_with_another_secret_says_so_and_sends_nothing():
    store, station = History(), Answering()

    async with served(store, station, secret=b"1"):
        with pytest.raises(CommandUnfit, match="another secret"):
            await asking(store).send(STATION, SetKey(key=KEY))

    assert station.asked == []
    assert store.row().sealed is None


@pytest.mark.parametrize(
    "failure",
    [
        StationOffline("x"),
        StationLeft("x"),
        StationSilent("x"),
        StationBusy("x"),
        StationRefused("NotSupported", "x"),
        StationUnclear("FormationViolation", "x"),
        CommandUnfit("x"),
        StationUnreachable("x"),
    ],
    ids=lambda failure: failure.result,
)
async def test_a_failure_arrives_as_what_it_was(failure):
    store = History()

    async with served(store, Answering(failure)):
        with pytest.raises(type(failure)) as caught:
            await asking(store).send(STATION, Reset())

    assert type(caught.value) is type(failure)
    assert str(caught.value) == str(failure)
    assert caught.value.may_have_arrived == failure.may_have_arrived


async def test_a_command_nobody_took_is_not_carried_out_later(monkeypatch):
    monkeypatch.setattr(commands, "_TAKE_WITHIN_S", 0.0)
    store = History()

    with pytest.raises(NobodyServes) as caught:
        await asking(store).send(STATION, SetKey(key=KEY))

    assert not caught.value.may_have_arrived
    assert KEY not in store.text
    assert store.row().sealed is None
    async with store.begin() as work:
        assert await work.commands.take(NOW) == []


async def test_a_command_taken_at_the_last_moment_may_have_arrived(monkeypatch):
    """Or a key that the station has taken would be forgotten here."""
    monkeypatch.setattr(commands, "_TAKE_WITHIN_S", 0.0)
    store = History()
    reads = itertools.count()
    read = store.read

    @asynccontextmanager
    async def late():
        async with read() as work:
            yield work
        if next(reads) == 0:
            async with store.begin() as work:
                assert len(await work.commands.take(NOW)) == 1

    asked = QueuedStations(store.begin, late, clock, seal(), "alice")

    with pytest.raises(StationSilent) as caught:
        await asked.send(STATION, SetKey(key=KEY))
    assert caught.value.may_have_arrived
