"""Plays a story: a conversation between stations and the CSMS, in a text file.

A story is a file of this directory, named for what happens and for the version spoken:
``.ocpp1.6``, ``.ocpp2.0.1``, ``.ocpp2.1``, or ``.ocpp2`` for one that both of them tell alike. A
``.told`` file of that name has what the system must tell of it, whichever version was spoken.

::

    # tc TC_001_CSMS                       the certification cases it covers; other # are for people
    voltkeep knows RFID-1 group G          what an operator does: see `Story._operator`
    < Heartbeat {}                         the station says, or ``< {...}`` answers our request
    > {"currentTime":"2026-01-01T12:00:00Z"}        we answer, or ``> Action {...}`` ask
    > error SecurityError                  a CALLERROR, from either side
    CS-2 < Heartbeat {}                    another station than CS-1
    CS-1 drops, CS-1 returns               its connection ends, and there is a new one
    CS-1 returns with $key over TLS        let in at the door with that key, or ``is refused``
    CS-1 has $csr: a request of SN-1 for Acme       see `certificates.made`

``"$name"`` in what we say stands for whatever it is the first time, and for the same afterwards.
The clock stands still at noon, until somebody waits: see `drivers`.
"""

import asyncio
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from msgspec import Raw

from tests.services.authority import authority as real_authority
from tests.stories import certificates, configuration, credentials, drivers
from tests.stories import files as transfers
from tests.stories.told import told
from voltkeep.config import Settings
from voltkeep.dialects import DIALECTS
from voltkeep.dialects.dialect import Dialect
from voltkeep.domain.authorization import Token
from voltkeep.domain.commands import (
    Command,
    CompositeTold,
    EntriesLeftOut,
    Outcome,
    ResetKind,
    Triggered,
)
from voltkeep.domain.events import Event
from voltkeep.domain.identity import Evse, IdToken, Sender, StationId, TransactionRef, station_id
from voltkeep.domain.security import Verdict
from voltkeep.domain.stations import Registration, Station
from voltkeep.ocpp.errors import Refusal
from voltkeep.ocpp.session import CallAnswered, CallFailed, CallReceived, Replayed, Session
from voltkeep.services.ports import StationLeft, StationRefused, StationUnreachable
from voltkeep.services.settlement import Admission
from voltkeep.store.memory import MemoryStore
from voltkeep.wiring import make_services

STORIES = Path(__file__).parent
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
TENANT = station_id("CS-1").tenant

_LINE = re.compile(r"(?:(CS-\d) )?([<>]) (?:(error [A-Za-z]+|[A-Z][A-Za-z]*)\s*)?(\{.*\})?")
_HAS = re.compile(r"CS-\d has (\$\w+): (.+)")
_CONNECTION = re.compile(r"(CS-\d) (drops|returns|is refused)(?: with (\$\w+))?( over TLS)?")


def spoken(path: Path) -> tuple[str, ...]:
    """The versions a story is told in."""
    version = path.suffixes[0].removeprefix(".") + "".join(path.suffixes[1:])
    return tuple(name for name in DIALECTS if name == version or name.startswith(f"{version}."))


def clock() -> datetime:
    return NOON


@dataclass
class Line:
    """A station and its connection."""

    id: StationId
    dialect: Dialect
    epoch: int = 0
    session: Session = field(init=False)
    instructed: frozenset[str] = frozenset()
    waiting: dict[str, tuple[Command, str, asyncio.Future[Outcome]]] = field(default_factory=dict)


class Story:
    """A CSMS with its database in memory, and the stations of one story."""

    def __init__(self, subprotocol: str, *, authority: Any = None, files: Any = None) -> None:
        self.dialect = DIALECTS[subprotocol]
        self.store = MemoryStore()
        self.announced: list[Event] = []
        self.names: dict[str, object] = {}
        self.lines: dict[str, Line] = {}
        self._said = 0
        self.later = timedelta()
        self._asked: asyncio.Task[Outcome] | None = None
        self.services = make_services(
            self.store,
            self,
            self.announced.append,
            settings=Settings(data=Path("/nonexistent")),
            secret=b"stories",
            authority=authority or real_authority(),
            files=files,
            clock=self.now,
        )
        self.control = self.services.remote_control

    def now(self) -> datetime:
        return clock() + self.later

    async def play(self, text: str) -> None:
        """Raises AssertionError where the CSMS says anything else than the story."""
        for number, line in enumerate(text.splitlines(), 1):
            if not line or line.startswith("#"):
                continue
            try:
                await self._play(line)
            except Exception as error:
                error.add_note(f"in line {number}: {line}")
                raise
        for station in self.lines.values():
            assert not station.session.outbox, f"more was said: {station.session.outbox}"

    async def _play(self, line: str) -> None:
        if line.startswith("voltkeep "):
            await self._operator(line.removeprefix("voltkeep ").split(" "))
        elif match := _CONNECTION.fullmatch(line):
            await self._connection(*match.groups())
        elif match := _HAS.fullmatch(line):
            self.names[match[1]] = certificates.made(self, match[2].split(" "))
        else:
            match = _LINE.fullmatch(line)
            assert match, "cannot be played"
            name, direction, what, payload = match.groups()
            speak = self._station if direction == "<" else self._csms
            await speak(await self._line(name or "CS-1"), what or "", payload)

    # The station.

    async def _line(self, name: str) -> Line:
        if name not in self.lines:
            await self._connect(name)
        return self.lines[name]

    async def _connection(self, name: str, what: str, key: str | None, tls: str | None) -> None:
        id = station_id(name)
        match what:
            case "drops":
                await self._drop(name)
            case "is refused":
                admission = await credentials.knock(self, id, key, tls=bool(tls))
                assert admission.verdict is not Verdict.ADMITTED
            case _ if key is None and tls is None:
                await self._connect(name)
            case _:
                admission = await credentials.admitted(self, id, key, tls=bool(tls))
                await self._connect(name, admission)

    async def _connect(self, name: str, admission: Admission | None = None) -> None:
        line = self.lines.setdefault(name, Line(station_id(name), self.dialect))
        async with self.store.begin() as work:
            await work.stations.add(Station(id=line.id, created_at=NOON))
        station = await self.services.provisioning.get(line.id)
        line.epoch = await self.services.provisioning.connect(
            station,
            subprotocol=self.dialect.subprotocol,
            remote_address="127.0.0.1",
            settle=partial(self.services.security.settle, admission=admission)
            if admission
            else None,
        )
        line.session = Session(self.dialect.wire)
        line.instructed = frozenset()
        self.services.provisioning.remember(station)

    async def _drop(self, name: str) -> None:
        line = await self._line(name)
        assert not line.session.outbox, f"more was said: {line.session.outbox}"
        for _, _, future in line.waiting.values():
            future.set_exception(StationLeft("dropped"))
        line.waiting.clear()
        await self._settled()
        await self.services.provisioning.disconnect(line.id, line.epoch, "dropped")
        self.services.provisioning.forget(line.id)

    async def _station(self, line: Line, what: str, payload: str | None) -> None:
        content = self._filled(json.loads(payload or "{}"))
        if what and not what.startswith("error "):
            self._said += 1
            await self.receive(line, [2, f"said-{self._said}", what, content])
            return
        asked = next(iter(line.waiting))
        frame = [4, asked, what.removeprefix("error "), "", {}] if what else [3, asked, content]
        await self.receive(line, frame)
        await self._settled()

    async def receive(self, line: Line, frame: list[Any]) -> None:
        """What the gateway does with a frame, without the socket."""
        match line.session.receive(json.dumps(frame), 0.0):
            case CallReceived(id=id, action=action, payload=payload):
                await self._answer(line, id, action, payload)
            case CallAnswered(id=id, action=action, payload=payload):
                command, _, future = line.waiting.pop(id)
                try:
                    future.set_result(self.dialect.outcome(command, action, payload))
                except Refusal as refusal:
                    future.set_exception(StationRefused(refusal.code, refusal.description))
            case CallFailed(id=id, code=code):
                line.waiting.pop(id)[2].set_exception(StationRefused(code or "silent"))
            case Replayed():
                pass
            case event:
                raise AssertionError(event)

    async def _answer(self, line: Line, id: str, action: str, payload: Raw) -> None:
        try:
            answer = await self.dialect.answer(
                self.services,
                Sender(line.id, line.epoch, self.now()),
                action,
                payload,
                self.services.provisioning.make(line.id),
                instructed=line.instructed,
            )
        except Refusal as refusal:
            line.session.refuse(id, refusal.code, refusal.description)
        else:
            line.session.answer(id, answer.payload)
        await self.services.availability.save()

    # The CSMS.

    async def _csms(self, line: Line, what: str, payload: str | None) -> None:
        await self._settled()
        assert line.session.outbox, "nothing was said"
        frame = json.loads(line.session.outbox.popleft())
        if what.startswith("error "):
            assert (frame[0], frame[2]) == (4, what.removeprefix("error "))
            return
        expected = json.loads(payload or "{}")
        assert frame[0] == (2 if what else 3), frame
        if what:
            assert frame[2] == what
        self._compare(frame[-1], expected)

    def _compare(self, said, expected) -> None:
        """Equal, but for names: the first time they take what is said."""
        if isinstance(expected, str) and expected.startswith("$"):
            assert self.names.setdefault(expected, said) == said
        elif isinstance(expected, dict) and isinstance(said, dict):
            assert said.keys() == expected.keys()
            for key in expected:
                self._compare(said[key], expected[key])
        elif isinstance(expected, list) and isinstance(said, list):
            assert len(said) == len(expected)
            for one, other in zip(said, expected, strict=True):
                self._compare(one, other)
        else:
            assert said == expected

    def _filled(self, content):
        if isinstance(content, dict):
            return {key: self._filled(value) for key, value in content.items()}
        if isinstance(content, list):
            return [self._filled(value) for value in content]
        return self.names.get(content, content) if isinstance(content, str) else content

    async def send(
        self, station: StationId, command: Command, timeout: float | None = None
    ) -> Outcome:
        """`services.ports.Stations`, for the operator's commands."""
        line = self.lines[station.name]
        request = self.dialect.request(command)
        if request is None:
            return Outcome(accepted=True)
        action, payload = request
        id = f"asked-{len(line.waiting)}-{self._said}"
        line.instructed |= self.dialect.instructs(action, payload)
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        line.waiting[id] = (command, action, future)
        line.session.call(id, action, payload, 0.0)
        return await future

    @staticmethod
    async def _settled() -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    # The operator.

    async def _operator(self, words: list[str]) -> None:
        line = await self._line("CS-1")
        match words:
            case ["knows", value, *rest]:
                await self.services.authorization.save(TENANT, _token(value, rest))
            case ["is", "told", *result]:
                assert await self._result() == " ".join(result)
            case ["accepts" | "holds" | "rejects" as verb]:
                registration = {
                    "accepts": Registration.ACCEPTED,
                    "holds": Registration.PENDING,
                    "rejects": Registration.REJECTED,
                }[verb]
                await self.services.provisioning.set_registration(line.id, registration)
                await self.services.provisioning.refresh(line.id)
            case _ if await drivers.deed(self, line.id, words):
                pass
            case _ if await configuration.deed(self, line.id, words):
                pass
            case _ if await credentials.deed(self, line.id, words):
                pass
            case _:
                self._asked = asyncio.ensure_future(self._command(line.id, words))
                await self._settled()
                if words == ["certificate", "sign"]:  # in a thread
                    async with asyncio.timeout(5):
                        while not (self._asked.done() or line.session.outbox):  # noqa: ASYNC110  # no event tells
                            await asyncio.sleep(0.001)

    def _command(self, id: StationId, words: list[str]):
        match words:
            case ["starts", token, *on]:
                evse = Evse(int(on[1])) if on else None
                return self.control.start(id, IdToken(token), evse)
            case ["stops", ref]:
                return self.control.stop(id, TransactionRef(str(self.names.get(ref, ref))))
            case ["resets", kind, *on]:
                evse = Evse(int(on[1])) if on else None
                return self.services.provisioning.reset(id, ResetKind(kind), evse)
            case ["reserves" | "cancels" | "lists" | "sends" | "keeps", *_]:
                return drivers.command(self, id, words)
            case ["orders", *ask]:
                return configuration.ordered(self, id, ask)
            case ["rotates" | "raises", *_]:
                return credentials.command(self, id, words)
            case ["wants" | "updates", *_]:
                return transfers.command(self, id, words)
            case ["certificate", *what]:
                return certificates.command(self, id, what)
            case ["triggers", message, *on]:
                evse = Evse(int(on[1]), 1) if on else None
                return self.control.trigger(id, Triggered(message), evse)
            case ["asks" | "forces" as verb, action, *payload]:
                content = " ".join(payload).encode()
                return self.control.send_raw(id, action, content, force=verb == "forces")
            case _:
                raise AssertionError("no operator does that")

    async def _result(self) -> str:
        assert self._asked is not None
        try:
            outcome = await asyncio.wait_for(self._asked, 1)
        except StationUnreachable as error:
            return error.result
        word = outcome.status or "accepted"
        match outcome.told:
            case CompositeTold(differences=[first, *_]):
                word += f", and differs by {first.more} from {first.start_s} s on"
            case EntriesLeftOut():
                word += f", and {outcome.warning}"
        return word

    # What is left of it.

    async def told(self) -> list[str]:
        """What the system tells of this story, in the order of its events, then its records."""
        return await told(self)


def _token(value: str, words: list[str]) -> Token:
    token = Token(id_token=IdToken(value), created_at=NOON)
    pairs = dict(zip(words[::2], words[1::2], strict=True)) if words[:1] != ["blocked"] else {}
    return Token(
        id_token=token.id_token,
        group=pairs.get("group"),
        blocked=words == ["blocked"],
        expires_at=NOON + timedelta(hours=int(pairs["hours"])) if "hours" in pairs else None,
        max_active=int(pairs.get("max", 1)),
        created_at=NOON,
    )
