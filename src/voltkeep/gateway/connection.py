"""One connected station: a socket, a session and a dialect.

The socket's callback reads, and only reads; one task, alive while there is something to do,
handles the station's calls in order. A handler may therefore call the station back.
"""

import asyncio
import uuid
from collections import deque
from dataclasses import dataclass
from datetime import datetime

import structlog
from structlog.contextvars import bind_contextvars

from voltkeep.dialects.dialect import BOOT, Dialect
from voltkeep.dialects.quirks import connection_quirks
from voltkeep.domain.commands import Command, Outcome
from voltkeep.domain.identity import Sender, StationId
from voltkeep.domain.stations import SecurityProfile, Station
from voltkeep.gateway.exchanges import Asked, ExchangeLog
from voltkeep.gateway.surroundings import Link, Surroundings, patience
from voltkeep.ocpp.errors import ErrorCode, Refusal, plain
from voltkeep.ocpp.frames import LONGEST_ID, remains
from voltkeep.ocpp.session import (
    CallAnswered,
    CallFailed,
    CallReceived,
    Event,
    QueueFull,
    Repeated,
    Replayed,
    ResultRejected,
    SendReceived,
    Session,
    Stray,
)
from voltkeep.services.ports import (
    StationBusy,
    StationLeft,
    StationOffline,
    StationRefused,
    StationSilent,
    StationUnclear,
    StoreUnavailable,
    Superseded,
)
from voltkeep.services.sending import followed

log = structlog.get_logger(__name__)

SUPERSEDED = "superseded by a newer connection of this station"
_HEAD = 256  # bytes of an unreadable frame in which its id is looked for
_FENCED_S = 1.0
_CALLS = (CallReceived, SendReceived)
_BOOT_AWAITED_S = 10.0  # then a station that has not booted is asked all the same


@dataclass(slots=True)
class _Received:
    event: CallReceived | SendReceived
    frame: bytes
    at: datetime
    note: str = ""


class Connection:
    """Give it what the socket receives; ask it to send commands."""

    __slots__ = (
        "_ask_from",
        "_asked",
        "_calls",
        "_dialect",
        "_in_flight",
        "_instructed",
        "_is_fenced",
        "_link",
        "_log",
        "_loop",
        "_quirks",
        "_session",
        "_surroundings",
        "_timer",
        "_worker",
        "epoch",
        "profile",
        "station",
    )

    def __init__(
        self,
        link: Link,
        station: Station,
        epoch: int,
        dialect: Dialect,
        surroundings: Surroundings,
        profile: SecurityProfile | None = None,
    ) -> None:
        self.station: StationId = station.id
        self.epoch = epoch
        self.profile = station.security_profile if profile is None else profile
        self._loop = asyncio.get_running_loop()
        self._instructed: frozenset[str] = frozenset()
        self._quirks = connection_quirks(station.make)
        self._ask_from = self._loop.time() + (
            _BOOT_AWAITED_S if self._quirks.ask_nothing_before_boot else 0.0
        )
        self._link = link
        self._dialect = dialect
        self._surroundings = surroundings
        limits = surroundings.limits
        self._log = ExchangeLog(
            station.id, dialect.mask, surroundings.log_exchange, surroundings.clock
        )
        self._session = Session(dialect.wire, limits.call_timeout_s, limits.commands_queued)
        self._calls: deque[_Received] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._asked: dict[str, Asked] = {}
        self._in_flight: str | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_fenced = False

    # What the socket says.

    def on_message(self, data: bytes, *, is_text: bool) -> None:
        """Take one message. Never waits."""
        if self._is_fenced:
            self._log.frame("", "", data, verdict="superseded")
            return
        if is_text and not data.isascii():
            try:
                data.decode()
            except UnicodeDecodeError:
                self._log.frame("", "", data, verdict="not UTF-8")
                self._link.fail_encoding()
                return
        event = self._session.receive(data, self._loop.time())
        if isinstance(event, _CALLS):
            note = "" if is_text else "a binary message, read as text"
            self._queue(_Received(event, data, self._surroundings.clock(), note))
        else:
            self._settle(event, data)
        if self._session.outbox:
            self._flush()

    def on_oversize(self, head: bytes, size: int) -> None:
        """Refuse a message that is too large to read, if its first bytes say whose it is."""
        if self._is_fenced:
            return
        limit = self._surroundings.limits.message_bytes
        reason = f"The message has {size} bytes; at most {limit} are read"
        found = remains(head)
        frame = None
        is_call = found.type in (None, 2)
        if is_call and found.id is not None and len(found.id) <= LONGEST_ID:
            frame = self._session.refuse(found.id, ErrorCode.FORMAT_VIOLATION, reason)
            self._flush()
        elif is_call and self._dialect.wire.rpc_framework_error:
            frame = self._session.refuse("-1", ErrorCode.RPC_FRAMEWORK_ERROR, reason)
            self._flush()
        elif found.type in (3, 4) and found.id is not None and found.id == self._in_flight:
            broken = b'[4,"%s","%s","%s",{}]' % (
                found.id.encode(),
                ErrorCode.FORMAT_VIOLATION.encode(),
                reason.encode(),
            )
            self._settle(self._session.receive(broken, self._loop.time()), head)
            self._flush()
        self._log.frame(found.id or "", "", head, answer=frame, verdict="oversize", note=reason)
        log.warning("message too large", station=str(self.station), bytes=size, limit=limit)

    def on_lost(self, reason: str) -> None:
        """The socket is gone. What was received before is still handled, and not answered."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._give_up("the connection was lost")
        self._surroundings.on_gone(self, reason)

    def _give_up(self, why: str) -> None:
        """Nothing that was asked of the station is answered any more."""
        asked, self._asked = self._asked, {}
        for id, command in asked.items():
            was_sent = id == self._in_flight
            verdict = "no answer" if was_sent else "not sent"
            self._log.command(id, command, None, verdict, why)
            if not command.answer.done():
                failure = StationLeft if was_sent else StationOffline
                command.answer.set_exception(failure(f"{self.station} left before it answered"))

    # What we ask of the station.

    async def send(self, command: Command, timeout: float | None = None) -> Outcome:
        """Send a command and wait for its outcome. Raises what `Stations.send` raises."""
        if not self._link.is_open:
            raise StationOffline(f"{self.station} is not connected")
        request = self._dialect.request(command)
        if request is None:
            return Outcome(accepted=True)
        action, payload = request
        if (wait := self._ask_from - self._loop.time()) > 0:
            await asyncio.sleep(wait)  # a quirk: this make goes mute when asked too early
            if not self._link.is_open:
                raise StationOffline(f"{self.station} has left")
        id, at = str(uuid.uuid4()), self._surroundings.clock()
        asked = Asked(action, payload, at, self._loop.create_future(), followed())
        try:
            self._session.call(id, action, payload, self._loop.time(), asked.within(timeout))
        except QueueFull as error:
            raise StationBusy(f"{self.station}: {error}") from None
        self._asked[id] = asked
        self._instructed |= self._dialect.instructs(action, payload)
        self._flush()
        try:
            # The session minds how long an answer takes; this minds the wait in line as well.
            async with asyncio.timeout(timeout):
                answer, frame = await asked.answer
        except TimeoutError:
            self._forget(id, asked)
            kind = StationSilent if asked.has_left else StationBusy
            raise kind(f"{self.station} did not answer {action} in time") from None
        except asyncio.CancelledError:
            self._forget(id, asked)
            raise
        return self._read_outcome(command, asked, answer, frame)

    def _forget(self, id: str, asked: Asked) -> None:
        """Nobody waits for this answer any more; if it was sent, it is still logged."""
        self._log.note(asked, None, "no answer" if id == self._in_flight else "not sent")
        if self._session.cancel(id):
            self._asked.pop(id, None)

    def _read_outcome(
        self, command: Command, asked: Asked, answer: CallAnswered, frame: bytes
    ) -> Outcome:
        id, notes = answer.id, list[str]()
        try:
            outcome = self._dialect.outcome(command, asked.action, answer.payload, notes)
        except Refusal as refusal:
            told = self._session.reject_result(id, refusal.code, refusal.description)
            note = f"told with {told.decode()}: " if told else ""
            self._log.command(id, asked, frame, refusal.code, note + refusal.description)
            self._flush()
            raise StationUnclear(
                refusal.code, f"the station's answer is not valid: {refusal.description}"
            ) from None
        if notes:
            log.info("lenient", station=str(self.station), action=asked.action, forgiven=notes)
        self._log.command(id, asked, frame, "ok", "; ".join(notes))
        return outcome

    # Closing.

    @property
    def can_be_pinged(self) -> bool:
        """Some makes take a ping for an offence (`dialects/quirks.py`)."""
        return not self._quirks.no_pings

    @property
    def is_open(self) -> bool:
        return self._link.is_open

    @property
    def subprotocol(self) -> str:
        """What the station speaks, as it was agreed on."""
        return self._dialect.subprotocol

    @property
    def commands_waiting(self) -> int:
        """How many commands have no answer yet."""
        return len(self._asked)

    @property
    def heard_at(self) -> float:
        """When the station was last heard, in the time of the event loop."""
        return self._link.heard_at

    @property
    def remote_address(self) -> str:
        """Host and port of the station, for people."""
        return self._link.remote_address

    def ping(self) -> None:
        """Ask for a sign of life, where that is no offence."""
        if self.can_be_pinged:
            self._link.ping()

    def close(self, code: int, reason: str) -> None:
        """Close the socket; `on_lost` follows."""
        self._link.close(code, reason)

    def supersede(self) -> None:
        """A newer connection has taken over: from here on nothing said here counts.

        The socket stays open, so that it can be seen whether somebody lives behind it.
        """
        self._is_fenced = True
        while self._calls:
            dropped = self._calls.popleft()
            self._log.call(dropped.event, dropped.frame, dropped.at, None, "superseded", "")
        self._give_up("superseded by a newer connection")
        self._link.resume("queue")

    def fence(self) -> None:
        """`supersede`, and close the socket."""
        self.supersede()
        self._link.close(1008, SUPERSEDED)

    async def settled(self) -> None:
        """Wait until the calls received so far are handled."""
        while self._worker is not None:
            await asyncio.wait({self._worker})

    # The station's calls, in order.

    def _queue(self, received: _Received) -> None:
        self._calls.append(received)
        if len(self._calls) >= self._surroundings.limits.calls_queued:
            self._link.pause("queue")
        if self._worker is None:
            self._worker = self._loop.create_task(self._work())

    async def _work(self) -> None:
        try:
            while self._calls:
                received = self._calls.popleft()
                if len(self._calls) < self._surroundings.limits.calls_queued:
                    self._link.resume("queue")
                await self._handle(received)
        finally:
            self._worker = None

    async def _handle(self, received: _Received) -> None:
        event = received.event
        bind_contextvars(station=str(self.station), message_id=event.id)
        sender = Sender(self.station, self.epoch, received.at)
        started = self._loop.time()
        try:
            payload, note = await self._answer(event, sender, started)
        except Refusal as refusal:
            self._refuse(received, refusal.code, refusal.description)
        except Superseded:
            self.supersede()
            # If the newer one is here, it looks first whether somebody lives behind this one.
            self._loop.call_later(_FENCED_S, self._link.close, 1008, SUPERSEDED)
            self._log.call(event, received.frame, received.at, None, "superseded", "")
        except StoreUnavailable as error:
            log.warning("the database is away", station=str(self.station), error=str(error))
            self._refuse(
                received, ErrorCode.INTERNAL_ERROR, "The message could not be stored; send it again"
            )
        except Exception:
            # A bug of ours must cost one message, not the connection, and tell the peer nothing.
            log.exception(
                "handler failed",
                station=str(self.station),
                action=event.action,
                message_id=event.id,
            )
            self._refuse(received, ErrorCode.INTERNAL_ERROR, "")
        else:
            if isinstance(event, SendReceived):
                self._log.call(received.event, received.frame, received.at, None, "ok", note)
                return
            frame = self._session.answer(event.id, payload)
            is_sent = self._flush()
            if event.action == BOOT:
                self._booted()
            reused = "the message id was another call's" if event.reused_id else ""
            unsent = "" if is_sent else "stored; the station left before its answer"
            note = "; ".join(filter(None, (received.note, reused, unsent, note)))
            self._log.call(received.event, received.frame, received.at, frame, "ok", note)

    async def _answer(
        self, event: CallReceived | SendReceived, sender: Sender, started: float
    ) -> tuple[bytes, str]:
        """Ask the dialect, again and again while the database is away: handlers may repeat."""
        dialect, services = self._dialect, self._surroundings.services
        make = services.provisioning.make(self.station)
        said = (services, sender, event.action, event.payload, make)
        attempt, give_up = 0, started + self._surroundings.limits.store_patience_s
        while True:
            try:
                if isinstance(event, SendReceived):
                    forgiven = await dialect.take(*said, instructed=self._instructed)
                    return b"", "; ".join(forgiven)
                answer = await dialect.answer(*said, instructed=self._instructed)
            except StoreUnavailable:
                wait = patience(attempt)
                if self._loop.time() + wait > give_up:
                    raise
                attempt += 1
                await asyncio.sleep(wait)
            else:
                return answer.payload, "; ".join(answer.leniencies)

    def _booted(self) -> None:
        self._quirks = connection_quirks(
            self._surroundings.services.provisioning.make(self.station)
        )
        now = self._loop.time()
        self._ask_from = now + self._quirks.ask_nothing_after_boot_s

    def _refuse(self, received: _Received, code: str, description: str) -> None:
        event = received.event
        if isinstance(event, SendReceived):
            self._log.call(received.event, received.frame, received.at, None, code, description)
            return
        frame = self._session.refuse(event.id, code, description)
        self._flush()
        self._log.call(received.event, received.frame, received.at, frame, code, description)

    # Answers to us, and the rest.

    def _settle(self, event: Event, data: bytes) -> None:
        match event:
            case CallAnswered(id=id):
                asked = self._asked.pop(id, None)
                if asked is None:
                    return
                if asked.answer.done():
                    note = "nobody waited for the answer any more"
                    self._log.command(id, asked, data, "ok", note)
                else:
                    asked.answer.set_result((event, data))
            case CallFailed():
                self._failed(event, data)
            case Replayed(id=id, action=action, frame=frame):
                self._log.frame(id, action, data, answer=frame, verdict="repeated")
            case Repeated(id=id, action=action):
                self._log.frame(id, action, data, verdict="repeated", note="its answer follows")
            case ResultRejected(id=id, code=code, description=text):
                self._log.frame(id, "", data, verdict=code, note=f"our answer was no use: {text}")
                log.warning(
                    "the station rejects our answer",
                    station=str(self.station),
                    message_id=id,
                    code=code,
                    description=text,
                )
            case Stray(reason=reason, answered=frame):
                found = remains(data[:_HEAD])
                id = plain(found.id or "", LONGEST_ID)
                self._log.frame(id, "", data, answer=frame, verdict="unreadable", note=reason)
                log.warning("stray frame", station=str(self.station), reason=reason)

    def _failed(self, event: CallFailed, data: bytes | None) -> None:
        asked = self._asked.pop(event.id, None)
        if asked is None:
            return
        error: Exception
        if event.code is None:
            error = StationSilent(f"{self.station} did not answer {asked.action} in time")
            self._log.command(
                event.id,
                asked,
                None,
                "no answer",
                event.description,
            )
        else:
            error = StationRefused(event.code, event.description)
            self._log.command(event.id, asked, data, event.code, event.description)
        if not asked.answer.done():
            asked.answer.set_exception(error)

    def _flush(self) -> bool:
        """Send what the session has for the station. False if that is no longer possible."""
        outbox, is_sent = self._session.outbox, True
        while outbox:
            frame = outbox.popleft()
            is_sent = not self._is_fenced and self._link.send(frame)
        if self._session.in_flight != self._in_flight:
            self._in_flight = self._session.in_flight
            self._watch()
        return is_sent

    def _watch(self) -> None:
        """A call of ours has just left, or has just been answered: mind its deadline."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._in_flight is None or self._session.deadline is None:
            return
        if (asked := self._asked.get(self._in_flight)) is not None:
            asked.leaves(self._surroundings.clock())
        self._timer = self._loop.call_at(self._session.deadline, self._expire)

    def _expire(self) -> None:
        self._timer = None
        late = self._session.expire(self._loop.time())
        if late is None:
            # uvloop counts milliseconds, and may call a moment early.
            if self._in_flight is not None:
                self._timer = self._loop.call_later(0.005, self._expire)
            return
        self._failed(late, None)
        self._in_flight = None
        self._flush()
