"""The five arrays, and what is left of one that is broken."""

import pytest
from msgspec import Raw

from voltkeep.ocpp import frames
from voltkeep.ocpp.frames import Call, CallError, CallResult, CallResultError, Remains, Send

PAYLOAD = Raw(b'{"a":1}')


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ('[2,"1","Heartbeat",{"a":1}]', Call("1", "Heartbeat", PAYLOAD)),
        ('[3,"1",{"a":1}]', CallResult("1", PAYLOAD)),
        ('[4,"1","GenericError","why",{"a":1}]', CallError("1", "GenericError", "why", PAYLOAD)),
        ('[5,"1","GenericError","why",{}]', CallResultError("1", "GenericError", "why")),
        (
            '[6,"1","NotifyPeriodicEventStream",{}]',
            Send("1", "NotifyPeriodicEventStream", Raw(b"{}")),
        ),
    ],
)
def test_a_frame_is_read_and_written(text, frame):
    assert frames.decode(text) == frame
    assert frames.decode(text.encode()) == frame
    assert frames.encode(frame) == text.encode()


@pytest.mark.parametrize(
    ("text", "description", "details"),
    [
        ('[4,"-1","GenericError"]', "", b"{}"),
        ('[4,"1","GenericError",null]', None, b"{}"),
        ('[4,"1","GenericError",null,null]', None, b"null"),
        ('[4,"1","GenericError","",{"a":1},"more"]', "", b'{"a":1}'),
    ],
)
def test_an_error_may_lack_what_it_has_nothing_to_say_about(text, description, details):
    frame = frames.decode(text)

    assert isinstance(frame, CallError)
    assert (frame.code, frame.description, bytes(frame.details)) == (
        "GenericError",
        description,
        details,
    )


def test_null_is_an_empty_payload():
    assert frames.payload(Raw(b"null")) == Raw(b"{}")
    assert frames.payload(PAYLOAD) is PAYLOAD


def test_an_id_has_36_characters_of_any_alphabet():
    id = "ü" * 36

    assert frames.decode(f'[2,"{id}","A",{{}}]') == Call(id, "A", Raw(b"{}"))
    with pytest.raises(frames.UNREADABLE):
        frames.decode(f'[2,"{id}ü","A",{{}}]')


@pytest.mark.parametrize(
    ("data", "remains"),
    [
        ("", Remains()),
        ("{}", Remains()),
        ("[]", Remains()),
        ("[2]", Remains(2)),
        ("[2,1]", Remains(2)),
        ('["2","1"]', Remains(None, "1")),
        ('[1e999,"1"]', Remains(None, "1")),
        ("[2,1e999]", Remains(2)),
        ("[true]", Remains()),
        ('[2.0,"1"]', Remains(None, "1")),
        ('[9,"1","A",{}]', Remains(9, "1")),
        ('[2,"1","A",{},{}]', Remains(2, "1")),
        ('[2,"\\u0031","A"]', Remains(2, "1")),
        (f'[2,"{"x" * 600}","A"]', Remains(2)),
        (f'[{"[" * 100}{"]" * 100},"1"]', Remains(None, "1")),
        ('[2,"1","A",{"a":NaN}]', Remains(2, "1", broken_payload=True)),
        (' [ 3 , "1" , {', Remains(3, "1")),
        ('[2,"1","A"', Remains(2, "1")),
        ("[,{", Remains()),
        ('[2,"1","A",' + "[" * 100_000, Remains(2, "1", broken_payload=True)),
        (b'[2,"1","A",{"a":"\xff"}]', Remains(2, "1", broken_payload=True)),
        (b"\xff", Remains()),
        ('[2,"1","A","\ud800"]', Remains(2, "1", broken_payload=True)),
    ],
)
def test_what_remains_of_a_broken_frame(data, remains):
    with pytest.raises(frames.UNREADABLE):
        frames.decode(data)

    assert frames.remains(data) == remains
