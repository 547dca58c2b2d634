"""A charge point with a script: it connects, asks, is asked, and fails the case at what is wrong.

It is strict where simulated stations are tolerant: every frame must be a frame, every payload what
its schema says (OCPP-J 1.6, section 4.2), every id new, and nothing may come that no step asks for.
"""

import asyncio
import itertools
import ssl
import time
from collections import deque
from datetime import datetime
from typing import Generic, TypeVar
from urllib.parse import quote

from msgspec import Raw

from voltkeep.lab.bench import Bench, Credentials, Order
from voltkeep.lab.driver import NotMapped, Refused
from voltkeep.lab.plan import Shown
from voltkeep.lab.verdicts import Failed, Kind, Unclear
from voltkeep.lab.wire import Closed, NotOpened, Way, Wire
from voltkeep.ocpp import frames, messages, v16
from voltkeep.ocpp.errors import Refusal, plain
from voltkeep.ocpp.messages import Message
from voltkeep.sim.clock import timestamp
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

    def __init__(self, station: "ChargePoint", id: str, request: M) -> None:
        self._station = station
        self._id = id
        self.request = request

    async def answer(self, response: Message) -> None:
        """Answer it."""
        await self._station.post(frames.CallResult(self._id, Raw(messages.encode(response))))

    async def refuse(self, code: str, description: str = "") -> None:
        """Answer it with a CALLERROR."""
        await self._station.post(frames.CallError(self._id, code, description))


class ChargePoint:
    """One charge point of a case. It has at most one connection, and one CALL under way."""

    def __init__(
        self,
        bench: Bench,
        credentials: Credentials | None = None,
        profile: int | None = None,
    ) -> None:
        self.bench = bench
        self.credentials = credentials or bench.credentials()
        self.profile = profile or bench.profile
        self.transaction: int | None = None  # one that was started and not stopped
        self._wire: Wire | None = None
        self._inbox: deque[frames.Call] = deque()
        self._numbers = itertools.count(1)
        self._may_ask: dict[str, tuple[type[Message], Message]] = {}
        bench.stations.append(self)

    @property
    def identity(self) -> str:
        """What it is called in its URL."""
        return self.credentials.account.identity

    @property
    def wire(self) -> Wire:
        """The open connection."""
        assert self._wire is not None, "the script connects first"
        return self._wire

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
            self._wire = await self._open(way or self.way())
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
            wire = await self._open(way)
        except NotOpened as refusal:
            is_refusal = refusal.is_refusal
            self.bench.check(is_refusal, expected, refusal.words)
            return refusal
        await wire.close()
        raise Failed(expected, "came HTTP 101: it was accepted")

    async def disconnect(self, *, abruptly: bool = False) -> None:
        """Close the connection, or break it as a power failure does."""
        wire, self._wire = self._wire, None
        self._inbox.clear()
        if wire is None:
            return
        if abruptly:
            wire.abort()
        await wire.close()

    async def _open(self, way: Way) -> Wire:
        return await Wire.open(way, self.bench.log, self.bench.plan.deadlines.connection_s)

    # Asking

    async def tell(self, request: Message, response: type[A]) -> A:
        """Send a CALL; the CSMS must answer it, and as the schema says. Raises Failed."""
        action = _NAMES[type(request)]
        id = f"{action}-{next(self._numbers)}"
        await self.post(frames.Call(id, action, Raw(messages.encode(request))))
        frame = await self._answer_to(id, action)
        if isinstance(frame, frames.CallError):
            words = f"CALLERROR {plain(frame.code)} {plain(frame.description or '')}".rstrip()
            raise Failed(f"{action}.conf", f"came {words}")
        return read(response, frame.payload, f"{action}.conf")

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
                        raise Failed(f"an answer to {id}", f"came an answer to {plain(frame.id)}")
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

    def may_be_asked(self, request: type[Message], response: Message) -> None:
        """Before the CALL that is waited for, the CSMS may send this one, once; it is answered."""
        self._may_ask[_NAMES[request]] = (request, response)

    async def asked(self, order: Order, request: type[M]) -> Asked[M]:
        """Have the driver order something; the CSMS must send exactly that CALL. Raises Failed."""
        ordered = self.bench.order(order)
        deadline = self.bench.plan.deadlines.order_s
        hearing = asyncio.create_task(self.hears(request, deadline))
        try:
            await asyncio.wait({ordered, hearing}, return_when=asyncio.FIRST_COMPLETED)
            if not hearing.done() and ordered.done():
                _raise_for(ordered, _NAMES[request])
            asked = await hearing
            self.bench.arrived(ordered)
            return asked
        finally:
            hearing.cancel()
            await asyncio.wait({hearing})

    async def hears(self, request: type[M], deadline_s: float | None = None) -> Asked[M]:
        """The next CALL of the CSMS, which must be this one. Raises Failed."""
        action = _NAMES[request]
        deadline_s = deadline_s or self.bench.plan.deadlines.answer_s
        call = await self._next_call(action, deadline_s)
        while call.action != action and call.action in self._may_ask:
            type_, response = self._may_ask.pop(call.action)
            early = Asked(self, call.id, read(type_, call.payload, f"{call.action}.req"))
            await early.answer(response)
            call = await self._next_call(action, deadline_s)
        self.bench.check(call.action == action, f"{action}.req", f"{plain(call.action)}.req")
        return Asked(self, call.id, read(request, call.payload, f"{action}.req"))

    async def may_hear(self, request: type[M]) -> Asked[M] | None:
        """This CALL, if it is the next that comes within a moment; any other is left for later."""
        if not self._inbox:
            try:
                frame = await self._next(self.bench.plan.deadlines.quiet_s, _NAMES[request])
            except TimeoutError:
                return None
            if not isinstance(frame, frames.Call):
                raise Failed("a CALL, or nothing", f"came an answer to {plain(frame.id)}")
            self._inbox.append(frame)
        is_it = self._inbox[0].action == _NAMES[request]
        return await self.hears(request) if is_it else None

    async def hears_nothing(self) -> None:
        """Nothing may come for a moment. Raises Failed."""
        if self._wire is None:
            return
        expected = "nothing more"
        if self._inbox:
            raise Failed(expected, f"came {plain(self._inbox[0].action)}.req")
        try:
            data = await self._wire.receive(self.bench.plan.deadlines.quiet_s)
        except (TimeoutError, Closed):
            return
        raise Failed(expected, f"came {self._short(data)}")

    async def _next_call(self, action: str, deadline_s: float) -> frames.Call:
        if self._inbox:
            return self._inbox.popleft()
        try:
            frame = await self._next(deadline_s, f"{action}.req")
        except TimeoutError:
            raise Failed(f"{action}.req", f"nothing came in {deadline_s:g} s") from None
        if not isinstance(frame, frames.Call):
            raise Failed(f"{action}.req", f"came an answer to {plain(frame.id)}")
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
            frame = frames.decode(data)
        except frames.UNREADABLE as error:
            words = f"came {self._short(data)}, which is no frame of OCPP-J: {error}"
            raise Failed(expected, words) from None
        if isinstance(frame, frames.Call):
            known = self.credentials.calls
            if frame.id in known:
                raise Failed("a message id that is new", f"came {plain(frame.id)} again")
            known.add(frame.id)
        if isinstance(frame, frames.Call | frames.CallResult | frames.CallError):
            return frame
        raise Failed(
            expected, f"came {self._short(data)}, a message type that OCPP 1.6 does not have"
        )

    def _short(self, data: str | bytes) -> str:
        """A frame as a failure quotes it."""
        return plain(self.bench.log.quoted(data), _SHORT)

    # Afterwards

    async def clean_up(self) -> None:
        """Stop a transaction that the case has left, so that the next finds it idle."""
        transaction, self.transaction = self.transaction, None
        if transaction is None or self._wire is None:
            return
        self.bench.log.add(Kind.NOTE, "the case is over: the station stops what it has started")
        request = v16.StopTransactionRequest(
            transaction_id=transaction, meter_stop=1000, timestamp=now()
        )
        try:
            await self.tell(request, v16.StopTransactionResponse)
        except Failed as failure:
            self.bench.log.add(Kind.NOTE, f"{failure}")


def now(ago_s: float = 0.0) -> datetime:
    """The time that a station gives, to the millisecond."""
    return timestamp(time.time() - ago_s)


def read(type_: type[M], payload: Raw, expected: str) -> M:
    """A payload as its schema says. Raises Failed."""
    try:
        return messages.read(type_, frames.payload(payload))
    except Refusal as refusal:
        text = f"its payload is not what the schema says: {refusal.description}"
        raise Failed(expected, text) from None


def _raise_for(ordered: "asyncio.Task[None]", action: str) -> None:
    """The driver is done before anything came: that is an end only if it failed."""
    try:
        ordered.result()
    except NotMapped as missing:
        raise Unclear(str(missing)) from None
    except Refused as refusal:
        raise Failed(f"{action}.req", f"the CSMS did not take the order: {refusal}") from None
