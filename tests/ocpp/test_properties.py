"""What holds for every message and every input, tried with many."""

import datetime as dt
import json
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec import UNSET, Struct
from msgspec import inspect as types

from tests.ocpp.wires import MODULES, WIRES, session
from voltkeep.ocpp import frames, messages
from voltkeep.ocpp.session import Event, Session

MESSAGES = sorted(
    (
        message
        for module in MODULES.values()
        for pair in module.ACTIONS.values()
        for message in pair
        if message is not None
    ),
    key=lambda message: (message.__module__, message.__name__),
)

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**31), 2**31) | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)
dates = st.datetimes(timezones=st.just(dt.UTC))


def of(type_: types.Type) -> st.SearchStrategy[Any]:
    """Values of a field."""
    match type_:
        case types.StrType(max_length=longest):
            return texts.map(lambda text: text[:longest])
        case types.IntType(ge=low, le=high):
            return st.integers(low, high)
        case types.FloatType(ge=low, le=high):
            return st.floats(low, high, allow_nan=False, allow_infinity=False)
        case types.BoolType():
            return st.booleans()
        case types.DateTimeType():
            return dates
        case types.EnumType(cls=cls):
            return st.sampled_from(list(cls))
        case types.ListType(item_type=item, min_length=low, max_length=high):
            return st.lists(of(item), min_size=low or 0, max_size=min(high or 2, (low or 0) + 1))
        case types.StructType(cls=cls):
            return structs(cls)
        case types.CustomType(cls=messages.CustomData):
            extra = st.dictionaries(texts, values, max_size=2)
            return st.builds(lambda d, v: messages.CustomData(d | {"vendorId": v}), extra, texts)
        case types.AnyType():
            return values
        case _:
            raise NotImplementedError(type_)


_STRATEGIES: dict[type[Struct], st.SearchStrategy[Any]] = {}


def structs(cls: type[Struct]) -> st.SearchStrategy[Any]:
    """Values of a structure."""
    if cls not in _STRATEGIES:
        info = types.type_info(cls)
        assert isinstance(info, types.StructType)
        fields = {
            field.name: of(field.type) if field.required else st.just(UNSET) | of(field.type)
            for field in info.fields
        }
        _STRATEGIES[cls] = st.builds(cls, **fields)
    return _STRATEGIES[cls]


thorough = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@thorough
@given(data=st.data(), cls=st.sampled_from(MESSAGES))
def test_a_message_survives_the_wire(data, cls):
    message = data.draw(structs(cls))

    assert messages.read(cls, messages.encode(message)) == message


def frames_of(payloads: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    """Frames, and what is nearly one."""
    ids = st.sampled_from(["a", "b", "-1", "", "x" * 37, "\0"]) | values
    names = st.sampled_from(["Heartbeat", "BootNotification", "x" * 99]) | values
    parts = ids | names | payloads
    kind = st.integers(0, 8) | values
    return st.one_of(
        st.tuples(st.sampled_from([2, 6]), ids, names, payloads).map(list),
        st.tuples(st.just(3), ids, payloads).map(list),
        st.tuples(st.sampled_from([4, 5]), ids, names, texts, payloads).map(list),
        st.tuples(kind, st.lists(parts, max_size=5)).map(lambda pair: [pair[0], *pair[1]]),
    )


PIECES = [b'"', b"[", b"NaN", b"1e999", b"\\ud800"]


@st.composite
def mutated(draw: st.DrawFn) -> str | bytes:
    """A frame as text or bytes, perhaps cut, perhaps with a piece of something else inside."""
    text = json.dumps(draw(frames_of(values)), ensure_ascii=draw(st.booleans()))
    data = text.encode("utf-8", "surrogatepass")
    for _ in range(draw(st.integers(0, 2))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 4)))
        piece = draw(
            st.binary(max_size=3) | st.sampled_from([b'"', b"[", b"NaN", b"1e999", b"\\ud800"])
        )
        data = data[:start] + piece + data[end:]
    return data if draw(st.booleans()) else data.decode("utf-8", "surrogateescape")


def busy(version: str) -> Session:
    """A session in the middle of everything."""
    peer = session(version, max_waiting=3, replay_entries=2)
    peer.call("a", "Reset", b"{}", 0.0)
    peer.call("b", "Reset", b"{}", 0.0)
    peer.receive('[2,"a","Heartbeat",{}]', 0.0)
    peer.receive('[2,"b","StatusNotification",{}]', 0.0)
    peer.answer("b", b"{}")
    return peer


@settings(max_examples=400, deadline=None)
@given(
    version=st.sampled_from(sorted(WIRES)),
    inputs=st.lists(mutated() | st.binary(max_size=40) | st.text(max_size=40), max_size=4),
)
@example(version="2.1", inputs=["\ud800", b"\xff", "", "[2", '[2,"\ud800","A",{}]'])
def test_receive_never_raises_and_sends_only_frames(version, inputs):
    peer = busy(version)

    for now, data in enumerate(inputs):
        assert isinstance(peer.receive(data, float(now)), Event)

    for frame in peer.outbox:
        frames.decode(frame)


def test_the_strategies_know_every_type_of_field():
    assert len(MESSAGES) == (39 + 64 + 91) * 2 - 1
    assert all(structs(cls) is not None for cls in MESSAGES)
