"""The state of one OCPP-J connection, without I/O.

Feed it what the WebSocket received (`Session.receive`) and what the clock says (`Session.expire`);
it returns events for the application and keeps what must be sent in `Session.outbox`. OCPP allows
one unanswered CALL in each direction (OCPP-J, section 4.1.1), so our calls wait here for their
turn. Whatever a peer sends, it is an event and never an exception.
"""

from collections import deque

from msgspec import Raw, Struct

from voltkeep.ocpp import frames
from voltkeep.ocpp.errors import ErrorCode, plain, read_code, refusal, spelling

_LARGEST_REPLAY = 4096
_LONGEST_ACTION = 64  # the longest of OCPP's own has 33
_LONGEST_ECHO = 255
_NO_ID = "-1"


class Wire(Struct, frozen=True):
    """How one version of OCPP behaves on the wire."""

    rpc_framework_error: bool
    """Answer a frame whose id cannot be read: OCPP-J 2.x, section 4.2.3. 1.6 has no way to."""
    message_types: frozenset[int]
    misspells_error_codes: bool
    answers_afresh: frozenset[str]
    """Actions whose answer carries the time, so that an old one would be wrong."""


class CallReceived(Struct, frozen=True, gc=False):
    """The station asks something: answer it with `Session.answer` or `Session.refuse`."""

    id: str
    action: str
    payload: Raw
    reused_id: bool = False  # the id was another call's


class SendReceived(Struct, frozen=True, gc=False):
    """OCPP 2.1: the station tells something and wants no answer."""

    id: str
    action: str
    payload: Raw


class CallAnswered(Struct, frozen=True, gc=False):
    """The station answered our call; whether the payload is valid is for the dialect to say."""

    id: str
    action: str
    payload: Raw


class CallFailed(Struct, frozen=True, gc=False):
    """The station refused our call, or did not answer in time (``code=None``)."""

    id: str
    action: str
    code: str | None
    description: str = ""
    details: Raw = frames.EMPTY


class Replayed(Struct, frozen=True, gc=False):
    """The station repeated a call that we had answered: it gets the same answer again."""

    id: str
    action: str
    frame: bytes


class Repeated(Struct, frozen=True, gc=False):
    """The station repeated a call whose answer is still being made: that one serves both."""

    id: str
    action: str


class ResultRejected(Struct, frozen=True, gc=False):
    """OCPP 2.1: the station could not use an answer of ours."""

    id: str
    code: str
    description: str


class Stray(Struct, frozen=True, gc=False):
    """A frame that cannot be read, or answers nothing we asked: log it, nothing more."""

    reason: str
    answered: bytes | None = None  # the CALLERROR that was queued


Event = (
    CallReceived
    | SendReceived
    | CallAnswered
    | CallFailed
    | Replayed
    | Repeated
    | ResultRejected
    | Stray
)


class QueueFull(Exception):
    """More calls wait for this station than `Session` was told to keep."""


class _Outgoing(Struct, gc=False):
    """A call of ours, waiting or in flight."""

    id: str
    action: str
    frame: bytes
    timeout: float


class _Seen(Struct, gc=False):
    """A call of the station, to know its repetition by."""

    action: str
    content: int | None  # the hash of the frame; None once one id stood for two contents
    pending: int = 1
    answer: bytes | None = None


class Session:
    """One connection's calls, in both directions."""

    __slots__ = (
        "_call_timeout",
        "_in_flight",
        "_max_waiting",
        "_replay_entries",
        "_seen",
        "_waiting",
        "_wire",
        "deadline",
        "outbox",
    )

    def __init__(
        self,
        wire: Wire,
        call_timeout: float = 30.0,
        max_waiting: int = 50,
        replay_entries: int = 16,
    ) -> None:
        self.outbox: deque[bytes] = deque()
        self.deadline: float | None = None
        self._wire = wire
        self._call_timeout = call_timeout
        self._max_waiting = max_waiting
        self._replay_entries = replay_entries
        self._in_flight: _Outgoing | None = None
        self._waiting: list[_Outgoing] = []
        self._seen: dict[str, _Seen] = {}

    def receive(self, data: str | bytes, now: float) -> Event:
        """Read one WebSocket message. Never raises for what a peer sends."""
        try:
            frame = frames.decode(data)
        except frames.UNREADABLE as error:
            return self._unreadable(data, refusal(error).description, now)
        match frame:
            case frames.Call():
                return self._called(frame, data)
            case frames.CallResult(id=id):
                if not (call := self._answered(id, now)):
                    return _answers_nothing("CALLRESULT", id)
                return CallAnswered(call.id, call.action, frames.payload(frame.payload))
            case frames.CallError(id=id, code=code, description=text, details=details):
                if not (call := self._answered(id, now)):
                    return _answers_nothing(f"CALLERROR {plain(code)} ({plain(text or '')})", id)
                details = frames.payload(details)
                return CallFailed(call.id, call.action, read_code(code), plain(text or ""), details)
            case _ if frame.__struct_config__.tag not in self._wire.message_types:
                return self._unsupported(frame.id)
            case frames.CallResultError(id=id, code=code, description=text):
                return ResultRejected(plain(id), read_code(code), plain(text or ""))
            case _:
                if not _is_plain(frame.id, frame.action):
                    return Stray("SEND with an id or action that no station has")
                return SendReceived(frame.id, frame.action, frames.payload(frame.payload))

    def call(
        self, id: str, action: str, payload: bytes, now: float, timeout: float | None = None
    ) -> None:
        """Send a CALL as soon as the one before it is answered.

        Raises:
            QueueFull: too many calls wait already.
        """
        if len(self._waiting) >= self._max_waiting:
            raise QueueFull(f"{len(self._waiting)} calls wait for this station; try again later")
        frame = frames.encode(frames.Call(id, action, Raw(payload)))
        timeout = self._call_timeout if timeout is None else timeout
        self._waiting.append(_Outgoing(id, action, frame, timeout))
        if self._in_flight is None:
            self._next(now)

    def send(self, id: str, action: str, payload: bytes) -> None:
        """Send a SEND, which waits for nothing and nobody answers (OCPP-J 2.1, section 4.2.4)."""
        if frames.Send.__struct_config__.tag not in self._wire.message_types:
            raise ValueError("This station's version of OCPP has no SEND; use a CALL")
        self._post(frames.Send(id, action, Raw(payload)))

    def answer(self, id: str, payload: bytes) -> bytes:
        """Answer a CALL; the frame that was queued is remembered in case the CALL is repeated."""
        frame = self._post(frames.CallResult(id, Raw(payload)))
        self._settle(id, frame)
        return frame

    def refuse(self, id: str, code: str, description: str = "", details: bytes = b"{}") -> bytes:
        """Refuse a CALL. Never replayed: the cause may be gone when the station asks again."""
        code = spelling(code, misspells=self._wire.misspells_error_codes)
        frame = self._post(frames.CallError(id, code, plain(description), Raw(details)))
        self._settle(id, None)
        return frame

    def reject_result(self, id: str, code: str, description: str) -> bytes | None:
        """Tell the station that its answer is of no use, where its version can be told."""
        if frames.CallResultError.__struct_config__.tag not in self._wire.message_types:
            return None
        return self._post(frames.CallResultError(id, code, plain(description)))

    @property
    def in_flight(self) -> str | None:
        """The id of the call whose answer is awaited."""
        return self._in_flight.id if self._in_flight is not None else None

    def expire(self, now: float) -> CallFailed | None:
        """Give up on the call in flight once its deadline has passed."""
        late = self._in_flight
        if late is None or self.deadline is None or now < self.deadline:
            return None
        self._next(now)
        return CallFailed(late.id, late.action, None, f"No answer in {late.timeout:g} s")

    def cancel(self, id: str) -> bool:
        """Forget a call that still waits. One in flight stays: its answer is owed."""
        for index, call in enumerate(self._waiting):
            if call.id == id:
                del self._waiting[index]
                return True
        return False

    # What the station asks

    def _called(self, call: frames.Call, data: str | bytes) -> Event:
        id, action = call.id, call.action
        if not _is_plain(id, action):
            if not id.isprintable():
                return self._no_frame("CALL with an unprintable id", frames.Remains(2, id))
            frame = self.refuse(id, ErrorCode.NOT_IMPLEMENTED, "No such action")
            return Stray("CALL of an action that no version has", frame)
        seen = self._seen.get(id)
        content = hash(data)
        if seen is None:
            self._remember(id, _Seen(action, content))
            return CallReceived(id, action, frames.payload(call.payload))
        if seen.content == content and seen.answer is not None:
            self.outbox.append(seen.answer)
            return Replayed(id, action, seen.answer)
        if seen.content == content:
            return Repeated(id, action)
        if seen.pending:
            # Two answers are owed under one id: neither may be taken for the other's later.
            seen.content = None
            seen.pending += 1
        else:
            self._seen[id] = _Seen(action, content)
        return CallReceived(id, action, frames.payload(call.payload), reused_id=True)

    def _remember(self, id: str, seen: _Seen) -> None:
        """Make room among the answered calls; with none answered, this one goes unremembered."""
        if len(self._seen) >= self._replay_entries:
            oldest = next(iter(self._seen))
            if self._seen[oldest].pending:
                answered = (id for id, seen in self._seen.items() if not seen.pending)
                oldest = next(answered, "")
            if not oldest:
                return
            del self._seen[oldest]
        self._seen[id] = seen

    def _settle(self, id: str, answer: bytes | None) -> None:
        """A call is answered, with what may be said again or with what may not."""
        seen = self._seen.get(id)
        if seen is None or not seen.pending:
            return
        seen.pending -= 1
        if seen.pending:
            return
        if (
            answer is None
            or seen.content is None
            or len(answer) > _LARGEST_REPLAY
            or seen.action in self._wire.answers_afresh
        ):
            del self._seen[id]
        else:
            seen.answer = answer

    # What cannot be read

    def _unreadable(self, data: str | bytes, reason: str, now: float) -> Event:
        """Answer what may have been a CALL; an answer that is broken still is one."""
        found = frames.remains(data)
        match found.type:
            case 3 | 4:
                if found.id is not None and (call := self._answered(found.id, now)):
                    reason = plain(f"The answer could not be read: {reason}")
                    return CallFailed(call.id, call.action, ErrorCode.FORMAT_VIOLATION, reason)
                return Stray(reason)
            case 5 | 6 if found.type in self._wire.message_types:
                return Stray(reason)  # "SHALL NOT respond to a SEND", and to an error neither
            case None | 2:
                return self._no_frame(reason, found)
            case _:
                return self._unsupported(found.id)

    def _no_frame(self, reason: str, found: frames.Remains) -> Stray:
        """Refuse what is no frame, or a CALL that cannot be one (OCPP-J, section 4.2.3).

        Part 4 has FormatViolation for a payload and RpcFrameworkError for what surrounds it.
        """
        id = self._reply_to(found.id)
        if id is None or (found.type is None and not self._wire.rpc_framework_error):
            return Stray(reason)
        payload_only = found.broken_payload and id != _NO_ID
        code = ErrorCode.FORMAT_VIOLATION if payload_only else ErrorCode.RPC_FRAMEWORK_ERROR
        return Stray(reason, self._refuse_frame(id, code, reason))

    def _unsupported(self, id: str | None) -> Stray:
        """A message type that is not this version's: 1.6 is silent, 2.0.1 has a code for it.

        OCPP-J 2.1, section 4.4 has us ignore the *payload* and keeps the code in its table; we
        answer, as in 2.0.1, so that the sender learns of it.
        """
        reason = "A message type that this version of OCPP does not have"
        if not self._wire.rpc_framework_error:
            return Stray(reason)
        id = self._reply_to(id) or _NO_ID
        return Stray(reason, self._refuse_frame(id, ErrorCode.MESSAGE_TYPE_NOT_SUPPORTED, reason))

    def _reply_to(self, id: str | None) -> str | None:
        """The id under which to refuse a frame.

        An id too long to be one is unreadable in 2.x, which has "-1" for that. 1.6 has not, and
        names "unique identifier too long" among the reasons of a CALLERROR: it gets its id back.
        """
        longest = frames.LONGEST_ID if self._wire.rpc_framework_error else _LONGEST_ECHO
        if id and len(id) <= longest and id.isprintable():
            return id
        return _NO_ID if self._wire.rpc_framework_error else None

    def _refuse_frame(self, id: str, code: str, reason: str) -> bytes:
        code = spelling(code, misspells=self._wire.misspells_error_codes)
        return self._post(frames.CallError(id, code, reason))

    # What we ask

    def _answered(self, id: str, now: float) -> _Outgoing | None:
        """The call that an answer belongs to, which is then out of flight."""
        call = self._in_flight
        if call is None or call.id != id:
            return None
        self._next(now)
        return call

    def _next(self, now: float) -> None:
        if not self._waiting:
            self._in_flight = self.deadline = None
            return
        call = self._in_flight = self._waiting.pop(0)
        self.deadline = now + call.timeout
        self.outbox.append(call.frame)

    def _post(self, frame: frames.Frame) -> bytes:
        data = frames.encode(frame)
        self.outbox.append(data)
        return data


def _is_plain(id: str, action: str) -> bool:
    """Whether a message can be named in a log, and its action can be one at all."""
    return id.isprintable() and len(action) <= _LONGEST_ACTION and action.isprintable()


def _answers_nothing(what: str, id: str) -> Stray:
    return Stray(f"{what} {plain(id, frames.LONGEST_ID)} answers no call in flight")
