"""A charge point's line to the CSMS: it connects, asks, is asked, and fails at what is wrong.

It is strict where simulated stations are tolerant: every frame must be a frame, every payload what
its schema says (OCPP-J 1.6, section 4.2), every id new, and nothing may come that no step asks for.
"""

import asyncio
import contextlib
import ssl
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar
from urllib.parse import quote
from uuid import uuid4

from msgspec import Raw

from voltkeep.lab.bench import Bench, Credentials, Order
from voltkeep.lab.driver import NotMapped, Refused
from voltkeep.lab.ocpp16 import reading
from voltkeep.lab.plan import Shown
from voltkeep.lab.verdicts import Failed, Unclear
from voltkeep.lab.wire import Closed, NotOpened, Way, Wire
from voltkeep.ocpp import frames, messages, v16
from voltkeep.ocpp.errors import plain
from voltkeep.ocpp.messages import Message
from voltkeep.sim.spec import basic
from voltkeep.sim.tls import Terms, own_context, shared_context

SUBPROTOCOL = "ocpp1.6"
_SHORT = 200  # characters of a frame in a failure
_MOST_UNASKED = 100  # CALLs that no step has waited for yet
_MOST_OCTETS = 4 << 20  # of their payloads

M = TypeVar("M", bound=Message)
A = TypeVar("A", bound=Message)

_NAMES = {request: action for action, (request, _) in v16.ACTIONS.items()}


class Asked(Generic[M]):
    """A CALL of the CSMS, until it is answered."""

    def __init__(self, line: "Line", id: str, request: M) -> None:
        self._line = line
        self._id = id
        self.request = request

    async def answer(self, response: Message) -> None:
        """Answer it."""
        self._line.has_answered(self._id)
        await self._line.post(frames.CallResult(self._id, Raw(messages.encode(response))))

    async def refuse(self, code: str, description: str = "") -> None:
        """Answer it with a CALLERROR."""
        self._line.has_answered(self._id)
        await self._line.post(frames.CallError(self._id, code, description))


class Line:
    """Of one charge point of a case. It has at most one connection, and one CALL under way.

    ``may_be_closed``: the CSMS has a reason to close this connection, as it has ordered a reset or
    changed what the station proves itself with.
    """

    def __init__(
        self,
        bench: Bench,
        credentials: Credentials | None = None,
        profile: int | None = None,
    ) -> None:
        self.bench = bench
        self.credentials = credentials or bench.credentials()
        self.profile = profile or bench.profile
        self.may_be_closed = False
        self.heartbeat_s = 0.0  # as it was told when it booted; 0: not at all
        self._wire: Wire | None = None
        self._inbox: deque[frames.Call] = deque()
        self._open: dict[str, None] = {}  # ids of CALLs that have no answer yet
        self._may_ask: dict[str, tuple[type[Message], Callable[[Any], Message]]] = {}

    @property
    def identity(self) -> str:
        """What it is called in its URL."""
        return self.credentials.account.identity

    @property
    def wire(self) -> Wire:
        """The open connection."""
        assert self._wire is not None, "the script connects first"
        return self._wire

    @property
    def is_connected(self) -> bool:
        """Whether its connection is open."""
        return self._wire is not None and self._wire.is_open

    # Connecting

    def way(
        self,
        *,
        subprotocols: tuple[str, ...] = (SUBPROTOCOL,),
        basic_auth: bool = True,
        shown: Shown | None = None,
    ) -> Way:
        """How it connects on its security profile, with its credentials.

        ``shown`` is what it shows in place of its own certificate; `Shown()` is none.
        """
        csms = self.bench.plan.csms
        url = csms.urls.get(self.profile)
        if url is None:
            raise Unclear(f"the plan says no URL for security profile {self.profile}")
        has_password = self.profile in {1, 2} and basic_auth
        return Way(
            f"{url.rstrip('/')}/{quote(self.identity, safe='')}",
            subprotocols,
            basic(self.identity, self.credentials.key) if has_password else None,
            self.tls(shown=shown) if self.profile in {2, 3} else None,
            csms.address,
            csms.ports.get(self.profile),
            (shown or self.credentials).certificate if self.profile == 3 else None,
        )

    def tls(self, terms: Terms | None = None, shown: Shown | None = None) -> ssl.SSLContext:
        """What it does over TLS: believes the plan's roots; on profile 3 shows its certificate."""
        terms = terms or Terms(roots=self.bench.plan.csms.roots)
        own = shown or self.credentials
        if self.profile == 3 and own.certificate:
            return own_context(terms, own.certificate, own.private_key)
        return shared_context(terms)

    async def connect(self, way: Way | None = None) -> None:
        """Connect; the CSMS must accept. Raises Failed."""
        try:
            self._wire = await self._opened(way or self.way())
        except NotOpened as refusal:
            raise Failed("the CSMS accepts the connection", f"came {refusal.words}") from None
        chosen = self._wire.subprotocol
        self.bench.check(
            chosen == SUBPROTOCOL, f"Sec-WebSocket-Protocol: {SUBPROTOCOL}", chosen or "none"
        )

    async def is_refused(self, way: Way) -> NotOpened:
        """Connect; the CSMS must refuse: with a status of HTTP, or in the TLS handshake.

        Nobody listening, and an error of the server (5xx), are no refusals. Raises Failed.
        """
        expected = "the CSMS refuses the connection before the upgrade"
        try:
            wire = await self._opened(way)
        except NotOpened as refusal:
            is_refusal = refusal.is_refusal
            self.bench.check(is_refusal, expected, refusal.words)
            return refusal
        await wire.close()
        raise Failed(expected, "came HTTP 101: it was accepted")

    async def leave(self, *, abruptly: bool = False) -> None:
        """Disconnect, if nothing has come that no step has asked for. Raises Failed."""
        await self.hears_nothing()
        await self.disconnect(abruptly=abruptly)

    async def disconnect(self, *, abruptly: bool = False) -> None:
        """Close the connection, or break it as a power failure does, whatever has come."""
        wire, self._wire = self._wire, None
        self.may_be_closed = False
        self._inbox.clear()
        self._may_ask.clear()
        self._open.clear()
        if wire is None:
            return
        if abruptly:
            wire.abort()
        await wire.close()

    async def _opened(self, way: Way) -> Wire:
        return await Wire.open(way, self.bench.log, self.bench.plan.deadlines.connection_s)

    # Asking

    async def introduces_itself(self) -> v16.BootNotificationResponse:
        """Send a BootNotification, and heed the interval that comes. Raises Failed."""
        request = v16.BootNotificationRequest(
            charge_point_vendor="Voltkeep",
            charge_point_model="Laboratory",
            charge_point_serial_number=self.credentials.account.serial_number,
            firmware_version="1.0.0",
        )
        booted = await self.tell(request, v16.BootNotificationResponse)
        self.heartbeat_s = max(booted.interval, 0)
        return booted

    async def tell(self, request: Message, response: type[A]) -> A:
        """Send a CALL; the CSMS must answer it, and as the schema says. Raises Failed."""
        action = _NAMES[type(request)]
        id = str(uuid4())  # never used before, nor by another run (errata to OCPP-J 1.6, 3.1)
        await self.post(frames.Call(id, action, Raw(messages.encode(request))))
        frame = await self._answer_to(id, action)
        if isinstance(frame, frames.CallError):
            words = f"CALLERROR {plain(frame.code)} {plain(frame.description or '')}".rstrip()
            raise Failed(f"{action}.conf", f"came {words}")
        return reading.payload(response, frame.payload, f"{action}.conf")

    async def post(self, frame: frames.Frame | bytes | str) -> None:
        """Send a frame; raw ones as they are. Raises Failed."""
        raw = frame if isinstance(frame, bytes | str) else frames.encode(frame)
        try:
            await self.wire.send(raw)
        except Closed as end:
            raise Failed("the connection stays open", f"it was closed: {end}") from None

    async def call(
        self, call: frames.Call, strays: list[frames.CallError] | None = None
    ) -> frames.CallResult | frames.CallError:
        """Send a CALL, right or wrong, that must be answered, one way or the other.

        ``strays`` takes the CALLERRORs that answer something else; without it they are a failure.
        Raises Failed.
        """
        await self.post(call)
        return await self._answer_to(call.id, call.action, strays)

    async def _answer_to(
        self, id: str, action: str, strays: list[frames.CallError] | None = None
    ) -> frames.CallResult | frames.CallError:
        deadline = self.bench.plan.deadlines.answer_s
        try:
            async with asyncio.timeout(deadline):
                while True:
                    frame = await self._next(deadline, f"{action}.conf")
                    if isinstance(frame, frames.Call):
                        self._keep(frame, action)
                    elif frame.id == id:
                        return frame
                    elif strays is not None and isinstance(frame, frames.CallError):
                        strays.append(frame)
                    else:
                        raise self._other_answer(f"an answer to {self._called(id)}", frame.id)
        except TimeoutError:
            raise Failed(f"{action}.conf", f"nothing came in {deadline:g} s") from None

    def _keep(self, call: frames.Call, action: str) -> None:
        """Leave a CALL for a later step. Raises Failed if so many wait that none can ask for it."""
        octets = sum(len(bytes(each.payload)) for each in self._inbox)
        if len(self._inbox) >= _MOST_UNASKED or octets > _MOST_OCTETS:
            words = f"came {len(self._inbox)} CALLs that nothing asked for, and more"
            raise Failed(f"{action}.conf", words)
        self._inbox.append(call)

    # Being asked

    def may_be_asked(self, request: type[M], response: Message | Callable[[M], Message]) -> None:
        """Before the CALL that is waited for, or the end, the CSMS may send this one, once.

        It is answered so, or as ``response`` says, which may raise Failed.
        """
        answer = response if callable(response) else lambda _: response
        self._may_ask[_NAMES[request]] = (request, answer)

    async def asked(self, order: Order, request: type[M]) -> Asked[M]:
        """Have the driver order something; the CSMS must send exactly that CALL. Raises Failed."""
        ordered = self.bench.order(order)
        deadline = self.bench.plan.deadlines.order_s
        hearing = asyncio.create_task(self.hears(request, deadline))
        try:
            await asyncio.wait({ordered, hearing}, return_when=asyncio.FIRST_COMPLETED)
            if not hearing.done() and ordered.done():
                _raise_for(ordered, _NAMES[request])
            return await hearing
        finally:
            self.bench.arrived(ordered)  # or something else has, or it is too late
            hearing.cancel()
            await asyncio.wait({hearing})

    async def hears(self, request: type[M], deadline_s: float | None = None) -> Asked[M]:
        """The next CALL of the CSMS, which must be this one. Raises Failed."""
        action = _NAMES[request]
        deadline_s = deadline_s or self.bench.plan.deadlines.answer_s
        call = await self._next_call(action, deadline_s)
        while call.action != action and call.action in self._may_ask:
            await self._answer_early(call)
            call = await self._next_call(action, deadline_s)
        self.bench.check(call.action == action, f"{action}.req", f"{plain(call.action)}.req")
        return self._asked(call, request)

    async def _answer_early(self, call: frames.Call) -> None:
        type_, answer = self._may_ask.pop(call.action)
        early = self._asked(call, type_)
        await early.answer(answer(early.request))

    def has_answered(self, id: str) -> None:
        """A CALL of the CSMS is no longer open."""
        self._open.pop(id, None)

    async def refuses_what_is_open(self) -> bool:
        """Answer every CALL that has no answer with a CALLERROR; whether there were any.

        Raises Failed.
        """
        ids = list(self._open) if self.is_connected else []
        self._open.clear()
        self._inbox.clear()
        for id in ids:
            await self.post(frames.CallError(id, "GenericError", "the case is over"))
        return bool(ids)

    def _asked(self, call: frames.Call, type_: type[M]) -> Asked[M]:
        return Asked(self, call.id, reading.payload(type_, call.payload, f"{call.action}.req"))

    async def may_hear(self, request: type[M]) -> Asked[M] | None:
        """This CALL, if it is the next that comes within a moment; any other is left for later."""
        if not self._inbox:
            try:
                frame = await self._next(self._moment_s, _NAMES[request])
            except TimeoutError:
                return None
            if not isinstance(frame, frames.Call):
                raise self._other_answer("a CALL, or nothing", frame.id)
            self._inbox.append(frame)
        is_it = self._inbox[0].action == _NAMES[request]
        return await self.hears(request) if is_it else None

    async def hears_nothing(self, for_s: float | None = None) -> None:
        """Nothing may come for a moment, or for so long, not even the end. Raises Failed."""
        if self._wire is None:
            return
        expected = "nothing more"
        while self._inbox:
            call = self._inbox.popleft()
            self.bench.check(call.action in self._may_ask, expected, f"{plain(call.action)}.req")
            await self._answer_early(call)
        try:
            data = await self._wire.receive(for_s or self._moment_s)
        except TimeoutError:
            return
        except Closed as end:
            if self.may_be_closed:
                return
            raise Failed("the connection stays open", f"it was closed: {end}") from None
        with contextlib.suppress(*frames.UNREADABLE):
            frame = reading.frame(data)
            if isinstance(frame, frames.Call):
                self._note(frame)
                if frame.action in self._may_ask:
                    await self._answer_early(frame)
                    await self.hears_nothing(for_s)
                    return
        raise Failed(expected, f"came {self._short(data)}")

    async def listens(self, *, for_more: bool) -> None:
        """Leave for later what has come, and, ``for_more``, what comes within a moment.

        Raises Failed.
        """
        while self.is_connected:
            try:
                frame = await self._next(self._moment_s if for_more else 0.0, "a CALL, or nothing")
            except TimeoutError:
                return
            if isinstance(frame, frames.Call):
                self._keep(frame, "nothing")

    @property
    def _moment_s(self) -> float:
        return self.bench.plan.deadlines.quiet_s

    async def _next_call(self, action: str, deadline_s: float) -> frames.Call:
        if self._inbox:
            return self._inbox.popleft()
        try:
            frame = await self._next(deadline_s, f"{action}.req")
        except TimeoutError:
            raise Failed(f"{action}.req", f"nothing came in {deadline_s:g} s") from None
        if not isinstance(frame, frames.Call):
            raise self._other_answer(f"{action}.req", frame.id)
        return frame

    async def _next(
        self, deadline_s: float, expected: str
    ) -> frames.Call | frames.CallResult | frames.CallError:
        """The next frame, whatever it is. Raises TimeoutError and Failed."""
        try:
            data = await self.wire.receive(deadline_s)
        except Closed as end:
            raise Failed(expected, f"the connection was closed: {end}") from None
        if isinstance(data, bytes):
            self.bench.warn("The CSMS sent a binary frame; JSON belongs into one of text.")
        try:
            frame = reading.frame(data)
        except frames.UNREADABLE as error:
            words = f"came {self._short(data)}, which is no frame of OCPP-J: {error}"
            raise Failed(expected, words) from None
        if isinstance(frame, frames.Call):
            self._note(frame)
        if isinstance(frame, frames.Call | frames.CallResult | frames.CallError):
            return frame
        raise Failed(
            expected, f"came {self._short(data)}, a message type that OCPP 1.6 does not have"
        )

    def _note(self, call: frames.Call) -> None:
        """A CALL has come. Raises Failed if its id has come before."""
        self._open[call.id] = None
        known = self.credentials.calls
        if call.id in known:
            id = self.bench.log.called(call.id, by_station=False)
            raise Failed("a message id that is new", f"came {plain(id)} again")
        known.add(call.id)

    def _called(self, id: str) -> str:
        """A CALL of the station's, as the log calls it."""
        return plain(self.bench.log.called(id, by_station=True))

    def _other_answer(self, expected: str, id: str) -> Failed:
        return Failed(expected, f"came an answer to {self._called(id)}")

    def _short(self, data: str | bytes) -> str:
        """A frame as a failure quotes it."""
        return plain(self.bench.log.quoted(data), _SHORT)


def _raise_for(ordered: "asyncio.Task[None]", action: str) -> None:
    """The driver is done before anything came: that is an end only if it failed."""
    try:
        ordered.result()
    except NotMapped as missing:
        raise Unclear(str(missing)) from None
    except Refused as refusal:
        raise Failed(f"{action}.req", f"the CSMS did not take the order: {refusal}") from None
