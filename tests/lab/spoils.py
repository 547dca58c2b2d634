"""One-line faults: each function here says what a CSMS is to do wrong, and spoils it so.

``nth`` counts, from 1, the CALLs of an action or our answers to them; without it all are spoiled.
"""

import itertools
import uuid
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

from msgspec import json

from tests.lab.csms.link import Link
from tests.lab.csms.out import CALL, ERROR, RESULT, Out
from tests.lab.csms.running import Spoil
from tests.lab.csms.state import Payload, State

Made = Callable[[Link, Out], Iterable[Out]]


class Named:
    """A value, or a change of one, that a list of faults shows by its name."""

    def __init__(self, name: str, change: Callable[[Any], Any] | None = None) -> None:
        self.name = name
        self.change = change

    def __repr__(self) -> str:
        return self.name


WITHOUT = Named("WITHOUT")  # in the place of a value: the field is not there


def by(amount: float) -> Named:
    """A number that is so much more."""
    return Named(f"by({amount})", lambda value: value + amount)


def put(old: str, new: str) -> Named:
    """A text with something else in it."""
    return Named(f"put({old!r}, {new!r})", lambda value: value.replace(old, new))


def of_each(**fields: Any) -> Named:
    """A list whose every element is changed."""
    words = ", ".join(f"{name}={value!r}" for name, value in fields.items())
    return Named(f"of_each({words})", lambda value: [changed(each, fields) for each in value])


def later(hours: float) -> Named:
    """A time that is so much later."""

    def change(value: str) -> str:
        return (datetime.fromisoformat(value) + timedelta(hours=hours)).isoformat()

    return Named(f"later(hours={hours})", change)


TO_THE_MINUTE = Named("TO_THE_MINUTE", lambda value: f"{value[:17]}00Z")  # of a time in UTC
CUT = Named("CUT", lambda value: value[:-1])  # the last is left out
DOUBLED = Named("DOUBLED", lambda value: [*value, value[0]])  # the first comes again


def changed(payload: Payload, fields: Payload) -> Payload:
    """A payload with other fields: `a__b` is `b` in `a`."""
    payload = dict(payload)
    for name, value in fields.items():
        outer, _, inner = name.partition("__")
        if inner:
            payload[outer] = changed(payload.get(outer) or {}, {inner: value})
        elif value is WITHOUT:
            payload.pop(outer, None)
        elif isinstance(value, Named) and value.change is not None:
            payload[outer] = value.change(payload.get(outer))
        else:
            payload[outer] = value
    return payload


def _told(make: Callable[..., Spoil]) -> Callable[..., Spoil]:
    """Let a spoil be called what the list of faults says of it."""

    @wraps(make)
    def made(*given: Any, **named: Any) -> Spoil:
        spoil = make(*given, **named)
        words = [repr(each) for each in given]
        words += [f"{name}={value!r}" for name, value in named.items()]
        spoil.__name__ = f"{make.__name__}({', '.join(words)})"
        return spoil

    return made


def _spoiling(types: set[int], action: str, nth: int | None, make: Made) -> Spoil:
    def spoil(state: State) -> None:
        numbers = itertools.count(1)

        def spoiling(link: Link, out: Out) -> Iterable[Out]:
            if out.action != action or out.type not in types:
                return [out]
            return make(link, out) if nth in {None, next(numbers)} else [out]

        state.spoilings.append(spoiling)

    return spoil


# What is answered

_LATE_S = 0.6  # after all the steps of a case, and before it has been idle for as long as it must
_ANSWERS = {RESULT, ERROR}


@_told
def answers(action: str, nth: int | None = None, **fields: Any) -> Spoil:
    """The answer has other fields."""
    return _spoiling(
        {RESULT}, action, nth, lambda _, out: [out._replace(payload=changed(out.payload, fields))]
    )


@_told
def refuses(action: str, nth: int | None = None, code: str = "InternalError") -> Spoil:
    """The answer is a CALLERROR."""
    return _spoiling(
        _ANSWERS, action, nth, lambda _, out: [out._replace(type=ERROR, payload=(code, "no"))]
    )


@_told
def codes(action: str, code: str) -> Spoil:
    """A CALLERROR has another code."""
    return _spoiling({ERROR}, action, None, lambda _, out: [out._replace(payload=(code, ""))])


@_told
def mute(action: str, nth: int | None = None) -> Spoil:
    """There is no answer."""
    return _spoiling(_ANSWERS, action, nth, lambda _, __: [])


@_told
def takes(action: str) -> Spoil:
    """A CALL that is to be refused is answered with nothing."""
    return _spoiling({ERROR}, action, None, lambda _, out: [out._replace(type=RESULT, payload={})])


@_told
def answers_twice(action: str) -> Spoil:
    return _spoiling(_ANSWERS, action, None, lambda _, out: [out, out])


@_told
def answers_another(action: str) -> Spoil:
    """The answer has another id."""
    return _spoiling(_ANSWERS, action, None, lambda _, out: [out._replace(id=out.id + "0")])


@_told
def answers_raw(action: str, raw: str) -> Spoil:
    """Something else comes in the place of the answer."""
    return _spoiling(_ANSWERS, action, None, lambda _, out: [out._replace(raw=raw)])


@_told
def pads(action: str, *more: Any) -> Spoil:
    """The answer has more elements than it may."""
    return _spoiling({RESULT}, action, None, lambda _, out: [out._replace(raw=_frame(out, *more))])


@_told
def cuts(action: str) -> Spoil:
    """A CALLERROR has no more than its code."""
    return _spoiling(
        {ERROR},
        action,
        None,
        lambda _, out: [out._replace(raw=json.encode([ERROR, out.id, out.payload[0]]).decode())],
    )


@_told
def ends(action: str, nth: int | None = None) -> Spoil:
    """It is answered, and then the connection is closed."""
    return _spoiling(_ANSWERS, action, nth, lambda _, out: [out, out._replace(closes=True)])


@_told
def closes(action: str, nth: int | None = None) -> Spoil:
    """The connection is closed instead of an answer."""
    return _spoiling(_ANSWERS, action, nth, lambda _, out: [out._replace(closes=True)])


@_told
def adds(action: str, call: str, nth: int | None = None, **payload: Any) -> Spoil:
    """After the answer comes a CALL that nobody has asked for."""
    return _spoiling(_ANSWERS, action, nth, lambda _, out: [out, _call(call, payload)])


# What is asked


@_told
def asks(action: str, nth: int | None = None, **fields: Any) -> Spoil:
    """The CALL has other fields."""
    return _spoiling(
        {CALL}, action, nth, lambda _, out: [out._replace(payload=changed(out.payload, fields))]
    )


@_told
def asks_else(action: str, call: str, nth: int | None = None, **payload: Any) -> Spoil:
    """It is another CALL."""
    return _spoiling(
        {CALL}, action, nth, lambda _, out: [out._replace(action=call, payload=payload)]
    )


@_told
def asks_first(action: str, call: str, nth: int = 1, **payload: Any) -> Spoil:
    """Another CALL goes before it."""
    return _spoiling({CALL}, action, nth, lambda _, out: [_call(call, payload), out])


@_told
def asks_twice(action: str, nth: int = 1) -> Spoil:
    """The same is asked again at once."""
    return _spoiling({CALL}, action, nth, lambda _, out: [out, _call(action, out.payload)])


@_told
def repeats(action: str) -> Spoil:
    """The same frame, with its id, goes out again."""
    return _spoiling({CALL}, action, 1, lambda _, out: [out, out])


@_told
def never(action: str, nth: int | None = None) -> Spoil:
    """The CALL does not go out."""
    return _spoiling({CALL}, action, nth, lambda _, __: [])


@_told
def asks_raw(action: str, raw: str) -> Spoil:
    """Something else goes out in the place of the CALL."""
    return _spoiling({CALL}, action, None, lambda _, out: [out._replace(raw=raw)])


@_told
def gives_up(action: str) -> Spoil:
    """The connection is closed instead of asking."""
    return _spoiling({CALL}, action, None, lambda _, out: [out._replace(closes=True)])


@_told
def follows(action: str, call: str, **payload: Any) -> Spoil:
    """Once it is answered, a CALL follows that nobody has asked for."""
    return lambda state: state.follow_ups.update({action: (call, payload)})


def a_charging_profile(purpose: str, **more: Any) -> Payload:
    """One that a CSMS has of its own."""
    period = {"startPeriod": 0, "limit": 16.0}
    schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": [period]}
    return {
        "chargingProfileId": 16,
        "stackLevel": 0,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Relative",
        "chargingSchedule": schedule,
        **more,
    }


@_told
def follows_late(action: str, call: str, **payload: Any) -> Spoil:
    """A while after it went out, or was answered, a CALL follows that nobody has asked for."""

    def made(link: Link, out: Out) -> list[Out]:
        link.order(call, payload)
        return [out]

    def spoil(state: State) -> None:
        _spoiling({CALL, RESULT}, action, 1, made)(state)
        late = Out(CALL, call, "", {}, pause_s=_LATE_S)
        _spoiling({CALL}, call, None, lambda _, out: [late, out])(state)

    return spoil


@_told
def hangs_up_after(action: str) -> Spoil:
    """Once it is answered, the connection is closed."""

    def spoil(state: State) -> None:
        follows(action, "Nothing")(state)
        gives_up("Nothing")(state)

    return spoil


# What is checked, known, kept


@_told
def unchecked(*names: str) -> Spoil:
    """The door does not look at these."""
    return lambda state: [state.checks.pop(name) for name in names]


@_told
def unasked(name: str) -> Spoil:
    """The door does not look at this, nor does TLS ask for it."""

    def spoil(state: State) -> None:
        state.checks.pop(name)
        state.wishes.update(asks_for_certificate=False)

    return spoil


@_told
def barred(name: str) -> Spoil:
    """The door finds this wrong with everyone."""
    return lambda state: state.checks.update({name: (lambda *_: False, state.checks[name][1])})


@_told
def has(**facts: Any) -> Spoil:
    """Something else is so in the CSMS."""
    return lambda state: vars(state).update(facts)


@_told
def wishes(**facts: Any) -> Spoil:
    """TLS, a certificate or the upgrade is another."""
    return lambda state: state.wishes.update(facts)


@_told
def shows(kind: str, **wish: Any) -> Spoil:
    """The server's certificate of this family is another, maybe with a key that is too short."""
    return lambda state: state.wishes.update({"level": "@SECLEVEL=0", kind: wish})


def _frame(out: Out, *more: Any) -> str:
    return json.encode([out.type, out.id, out.payload, *more]).decode()


def _call(action: str, payload: Payload) -> Out:
    return Out(CALL, action, str(uuid.uuid4()), payload)
