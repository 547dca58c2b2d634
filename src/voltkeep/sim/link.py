"""A station's connection: made, kept, made again. What is said over it is the station's affair."""

import asyncio
import contextlib
import logging
import random
import ssl
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Subprotocol

from voltkeep.ocpp.errors import ErrorCode, Refusal
from voltkeep.ocpp.session import (
    CallAnswered,
    CallFailed,
    CallReceived,
    QueueFull,
    Session,
    Wire,
)
from voltkeep.sim.behaviour import Manners
from voltkeep.sim.clock import NEVER, Clock
from voltkeep.sim.spec import StationSpec, basic
from voltkeep.sim.tls import resuming, verified_root

_LARGEST_MESSAGE = 1 << 20
_OPEN_TIMEOUT_S = 10.0

log = logging.getLogger("voltkeep.sim")


class Answer(NamedTuple):
    """How a CALL of ours ended: with a payload, with a code, or with neither (see `lost`)."""

    id: str = ""
    payload: bytes | None = None
    code: str | None = None
    description: str = ""
    lost: bool = False  # the connection went before an answer came
    latency: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether it is a CALLRESULT."""
        return self.payload is not None


OnAnswer = Callable[[Answer], None]


class BackOff(NamedTuple):
    """How long to wait before the next attempt (OCPP-J 2.0.1, section 5.3), simulated seconds."""

    minimum: float
    random_range: float
    repeat: int

    def wait(self, failures: int) -> float:
        """The wait after so many failures in a row: doubled so often, plus a random part."""
        doubled = self.minimum * 2.0 ** min(failures, self.repeat)
        return doubled + random.random() * self.random_range


class Way(NamedTuple):
    """Where to connect, and with what."""

    address: str
    password: str | bytes | None
    ssl: ssl.SSLContext | None


class Host(Protocol):
    """Whose connection it is."""

    def way(self) -> Way:
        """Where the next attempt goes."""

    def wire(self, subprotocol: str | None) -> Wire:
        """The connection's version is known: how it behaves on the wire."""

    def failed(self) -> None:
        """An attempt to connect came to nothing."""

    def opened(self, away_s: float) -> None:
        """There is a connection, after so many simulated seconds without."""

    def closed(self) -> None:
        """The connection is gone."""

    def asked(self, action: str, payload: bytes) -> bytes:
        """Answer a CALL. Raises Refusal."""

    def answered(self) -> None:
        """The answer is on its way: do what was promised."""

    def measured(self, answer: Answer) -> None:
        """A CALL of ours is over."""

    def seen(self, direction: str, frame: str | bytes) -> None:
        """A frame came (`<`) or went (`>`)."""

    def back_off(self) -> BackOff:
        """How to wait between attempts."""


class _Asked(NamedTuple):
    id: str
    on_answer: OnAnswer


class Link:
    """One connection at a time, and the CALLs on it. Calls back into its host, never awaits it."""

    __slots__ = (
        "_asked",
        "_away_since",
        "_clock",
        "_draining",
        "_flight",
        "_host",
        "_manners",
        "_may_connect",
        "_next_id",
        "_pause_s",
        "_prefix",
        "_sent_at",
        "_session",
        "_socket",
        "_spec",
        "_task",
        "_ticket",
        "_timeout",
        "_waiting",
        "failure",
        "password",
        "refusals",
        "resumed",
    )

    def __init__(
        self, host: Host, spec: StationSpec, clock: Clock, manners: Manners, timeout: float
    ) -> None:
        self.password = spec.password
        self.refusals = 0  # attempts in a row that came to nothing
        self.failure: Exception | None = None
        self.resumed = False  # the TLS session of the connection before
        self._ticket: tuple[ssl.SSLContext, ssl.SSLSession] | None = None
        self._host = host
        self._spec = spec
        self._clock = clock
        self._manners = manners
        self._timeout = timeout
        self._session: Session | None = None
        self._socket: ClientConnection | None = None
        self._task: asyncio.Task[None] | None = None
        self._asked: deque[_Asked] = deque()
        self._waiting: asyncio.Future[None] | None = None
        self._may_connect = True
        self._draining: asyncio.Task[None] | None = None
        self._pause_s: float | None = None
        self._away_since = clock.now()
        self._prefix = f"{random.getrandbits(48):012x}"
        self._next_id = 0
        self._flight: str | None = None
        self._sent_at = 0.0

    @property
    def online(self) -> bool:
        """Whether there is a connection."""
        return self._session is not None

    @property
    def root(self) -> bytes | None:
        """The root under which the CSMS was verified, as DER."""
        socket = self._socket
        return verified_root(socket and socket.transport.get_extra_info("ssl_object"))

    @property
    def quiet(self) -> bool:
        """Whether every CALL sent so far is answered."""
        return not self._asked

    @property
    def due(self) -> float:
        """When `tick` is wanted next, in real monotonic seconds."""
        session = self._session
        return NEVER if session is None or session.deadline is None else session.deadline

    def start(self) -> None:
        """Connect, and keep connecting."""
        self._task = asyncio.create_task(self._run(), name=f"station {self._spec.id}")

    async def stop(self) -> None:
        """Close the connection and stay away."""
        if self._task is None:
            return
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._task = None

    def drop(self, *, abrupt: bool, pause_s: float | None = None, stay: bool = False) -> None:
        """End the connection, without a close frame or with one.

        It is made again after the pause, in simulated seconds; or after `resume`, to stay away.
        """
        self._pause_s = pause_s
        self._may_connect = not stay
        socket = self._socket
        if socket is None:
            return
        if abrupt:
            socket.transport.abort()
        else:
            asyncio.get_running_loop().create_task(socket.close()).add_done_callback(_forget)

    def resume(self) -> None:
        """Connect at once, after `drop` or in the middle of a wait."""
        self._may_connect = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def new_id(self) -> str:
        """A message id, unique over all connections of this station (OCPP-J errata 3.1)."""
        self._next_id += 1
        return f"{self._prefix}-{self._next_id}"

    def call(
        self, action: str, payload: bytes, on_answer: OnAnswer, id: str | None = None
    ) -> str | None:
        """Send a CALL when its turn comes; its id, or None when there is no way to send it."""
        session = self._session
        if session is None:
            return None
        if self._manners:
            payload = self._manners.payload(action, payload)
            id = self._prefix if self._manners.any("same_id") else id
        id = id or self.new_id()
        try:
            session.call(id, action, payload, time.monotonic())
        except QueueFull:
            return None
        self._asked.append(_Asked(id, on_answer))
        self.flush()
        return id

    def send_raw(self, frame: str | bytes) -> bool:
        """Send a frame as it is, past the session; whether there was a connection to send it."""
        if self._session is None:
            return False
        self._session.outbox.append(frame.encode() if isinstance(frame, str) else frame)
        self.flush()
        return True

    def reject_result(self, id: str, refusal: Refusal) -> None:
        """Say that an answer was of no use, in a version that can (2.1, CALLRESULTERROR)."""
        if self._session is not None:
            self._session.reject_result(id, refusal.code, refusal.description)
            self.flush()

    def tick(self, now: float) -> None:
        """Give up on a CALL that is not answered."""
        session = self._session
        if session is not None and (late := session.expire(now)) is not None:
            self._ended(Answer(late.id, description=late.description, latency=now - self._sent_at))
            self.flush()

    def flush(self) -> None:
        """Send what waits to be sent, from code that cannot await."""
        session = self._session
        if session is None or not session.outbox:
            return
        self._mark(session)
        if self._draining is None:
            self._draining = asyncio.get_running_loop().create_task(self._drain())

    # Connecting

    async def _run(self) -> None:
        while True:
            await self._pause()
            try:
                socket = await self._connect()
            except (OSError, WebSocketException, TimeoutError) as error:
                self.failure = error
                self.refusals += 1
                self._host.failed()
                continue
            self.failure = None
            try:
                if self._may_connect:  # still
                    await self._converse(socket)
            finally:
                self._hang_up()
                with contextlib.suppress(ConnectionClosed, OSError):
                    await socket.close()
            self.refusals += 1  # the first wait after a loss is the minimum

    async def _pause(self) -> None:
        wait: float | None = None
        if self._pause_s is not None:
            wait, self._pause_s = self._pause_s, None
        elif self.refusals:
            wait = self._host.back_off().wait(self.refusals - 1)
        if wait is None and self._may_connect:
            return
        self._waiting = asyncio.get_running_loop().create_future()
        limit = self._clock.real(wait or 0.0) if self._may_connect else None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit):
                await self._waiting
        self._waiting = None

    async def _connect(self) -> ClientConnection:
        way = self._host.way()
        headers = {}
        if way.password is not None:
            headers["Authorization"] = basic(self._spec.id, way.password)
        known = self._ticket is not None and self._ticket[0] is way.ssl
        with resuming(self._ticket[1] if known and self._ticket else None):
            socket = await connect(
                way.address,
                subprotocols=[Subprotocol(name) for name in self._spec.subprotocols],
                additional_headers=headers,
                user_agent_header=None,
                compression=None,
                ping_interval=None,
                open_timeout=_OPEN_TIMEOUT_S,
                close_timeout=2.0,
                max_size=_LARGEST_MESSAGE,
                max_queue=4,
                proxy=None,
                ssl=way.ssl,
            )
        if (tls := socket.transport.get_extra_info("ssl_object")) is not None:
            self.resumed = bool(tls.session_reused)
        return socket

    async def _converse(self, socket: ClientConnection) -> None:
        wire = self._host.wire(socket.subprotocol)
        session = Session(wire, call_timeout=self._timeout, max_waiting=200)
        self._socket, self._session = socket, session
        self.refusals = 0
        self._host.opened(self._clock.now() - self._away_since)
        with contextlib.suppress(ConnectionClosed):
            async for data in socket:
                self._received(session, data)
                if session.outbox and self._draining is None:
                    await self._drain()

    def _hang_up(self) -> None:
        self._keep_ticket()
        self._socket = self._session = None
        self._flight = None
        if self._draining is not None and self._draining is not self._task:
            self._draining.cancel()
        self._draining = None
        self._away_since = self._clock.now()
        lost, self._asked = self._asked, deque()
        for asked in lost:
            asked.on_answer(Answer(asked.id, lost=True, description="The connection was lost"))
        self._host.closed()

    def _keep_ticket(self) -> None:
        """A server of TLS 1.3 gives it after the handshake, so it is looked for at the end."""
        if self._socket is None:
            return
        tls = self._socket.transport.get_extra_info("ssl_object")
        if tls is not None and tls.session is not None and tls.session.has_ticket:
            self._ticket = (tls.context, tls.session)

    # Talking

    def _received(self, session: Session, data: str | bytes) -> None:
        now = time.monotonic()
        self._host.seen("<", data)
        match session.receive(data, now):
            case CallReceived() as call if not self._manners:
                self._answer(session, call)
            case CallReceived() as call if self._manners.answers:
                delay = self._clock.real(self._manners.most("answer_delay_s"))
                asyncio.get_running_loop().call_later(delay, self._answer, session, call)
            case CallAnswered(id=id, payload=payload):
                self._ended(Answer(id, bytes(payload), latency=now - self._sent_at))
            case CallFailed(id=id, code=code, description=text):
                self._ended(Answer(id, None, code, text, latency=now - self._sent_at))
            case _:
                pass
        self._mark(session)

    def _answer(self, session: Session, call: CallReceived) -> None:
        if session is not self._session:
            return
        try:
            payload = self._host.asked(call.action, bytes(call.payload))
            if self._manners:
                payload = self._manners.answer(payload)
            session.answer(call.id, payload)
        except Refusal as refusal:
            session.refuse(call.id, refusal.code, refusal.description)
        except Exception:
            log.exception("The simulated station failed to answer %s", call.action)
            session.refuse(call.id, ErrorCode.INTERNAL_ERROR)
        self.flush()  # before what was promised, which may be to close
        self._host.answered()

    def _ended(self, answer: Answer) -> None:
        """The oldest CALL is over: a session sends them one by one, in order."""
        self._asked.popleft().on_answer(answer)
        self._host.measured(answer)

    def _mark(self, session: Session) -> None:
        """Remember when the call in flight was sent."""
        if session.in_flight != self._flight:
            self._flight = session.in_flight
            self._sent_at = time.monotonic()

    async def _drain(self) -> None:
        """Send the outbox. Only one at a time, so that frames keep their order."""
        me = self._draining = asyncio.current_task()
        session, socket = self._session, self._socket
        with contextlib.suppress(ConnectionClosed):
            while session is not None and socket is not None and session.outbox:
                frame = session.outbox.popleft()
                self._host.seen(">", frame)
                times = 1
                if self._manners and frame.startswith(b"[2,"):
                    times += int(self._manners.most("repeats"))
                text = not self._manners.any("binary")
                for _ in range(times):
                    await socket.send(frame, text=text)
        if self._draining is me:
            self._draining = None


def _forget(task: asyncio.Task[None]) -> None:
    """A connection that closes badly is closed all the same."""
    if not task.cancelled():
        task.exception()
