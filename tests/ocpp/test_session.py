"""One connection's conversation, move by move."""

import sys
import time

import pytest
from msgspec import Raw

from tests.ocpp.wires import WIRES, sent, session
from voltkeep.ocpp.session import (
    CallAnswered,
    CallFailed,
    CallReceived,
    QueueFull,
    ResultRejected,
    SendReceived,
    Session,
    Stray,
)

STATUS = '[2,"s","StatusNotification",{"connectorId":1}]'
EMPTY = Raw(b"{}")

versions = pytest.mark.parametrize("version", WIRES)


# What the station asks


@versions
def test_a_call_is_received_and_answered(version):
    peer = session(version)

    assert peer.receive(STATUS, 0.0) == CallReceived(
        "s", "StatusNotification", Raw(b'{"connectorId":1}')
    )
    assert peer.answer("s", b"{}") == b'[3,"s",{}]'
    assert sent(peer) == [[3, "s", {}]]


@versions
def test_null_is_an_empty_payload(version):
    assert session(version).receive('[2,"1","Heartbeat",null]', 0.0) == CallReceived(
        "1", "Heartbeat", EMPTY
    )


@pytest.mark.parametrize(
    ("version", "code"),
    [
        ("1.6", "FormationViolation"),
        ("2.0.1", "FormatViolation"),
        ("2.1", "FormatViolation"),
    ],
)
def test_a_call_is_refused_in_the_spelling_of_its_version(version, code):
    peer = session(version)
    peer.receive(STATUS, 0.0)

    frame = peer.refuse("s", "FormatViolation", "no", b'{"why":1}')

    assert frame.decode() == f'[4,"s","{code}","no",{{"why":1}}]'
    assert sent(peer) == [[4, "s", code, "no", {"why": 1}]]


@pytest.mark.parametrize("text", ["x" * 1000, "\ud800", "\0\n\x1b"])
def test_a_refusal_can_always_be_written(text):
    peer = session()

    peer.refuse("s", "InternalError", text)

    [[_, _, _, description, _]] = sent(peer)
    assert len(description) <= 255
    assert description.isprintable()


def test_a_send_is_received_and_wants_no_answer():
    peer = session("2.1")

    event = peer.receive('[6,"1","NotifyPeriodicEventStream",null]', 0.0)

    assert event == SendReceived("1", "NotifyPeriodicEventStream", EMPTY)
    assert sent(peer) == []


@versions
def test_an_action_no_version_can_have_goes_no_further(version):
    """No log, label or table meets a name of ten thousand characters."""
    for action in ("x" * 65, "Heart\\u0000beat", "Heart\\u202ebeat"):
        peer = session(version)

        event = peer.receive(f'[2,"1","{action}",{{}}]', 0.0)

        assert isinstance(event, Stray)
        assert sent(peer) == [[4, "1", "NotImplemented", "No such action", {}]]


def test_a_send_of_such_an_action_goes_no_further_either():
    peer = session("2.1")

    assert isinstance(peer.receive('[6,"1","\\u0000",{}]', 0.0), Stray)
    assert sent(peer) == []


# What cannot be read: (data, code in 2.x with id, the same in 1.6)

STRAYS = [
    ("", ("-1", "RpcFrameworkError"), None),
    ("{}", ("-1", "RpcFrameworkError"), None),
    ("2", ("-1", "RpcFrameworkError"), None),
    ('"x"', ("-1", "RpcFrameworkError"), None),
    ("[]", ("-1", "RpcFrameworkError"), None),
    ("[,{", ("-1", "RpcFrameworkError"), None),
    ("[2]", ("-1", "RpcFrameworkError"), None),
    ('[2,"1"]', ("1", "RpcFrameworkError"), ("1", "FormationViolation")),
    ('[2,"1","Heartbeat"]', ("1", "RpcFrameworkError"), ("1", "FormationViolation")),
    ('[2,"1","Heartbeat",{},1]', ("1", "RpcFrameworkError"), ("1", "FormationViolation")),
    ('[2,"1",null,{}]', ("1", "RpcFrameworkError"), ("1", "FormationViolation")),
    ('[2,1,"Heartbeat",{}]', ("-1", "RpcFrameworkError"), None),
    ('[2,null,"Heartbeat",{}]', ("-1", "RpcFrameworkError"), None),
    ('[2,"","Heartbeat",{}]', ("-1", "RpcFrameworkError"), None),
    ('[2,"\\n","Heartbeat",{}]', ("-1", "RpcFrameworkError"), None),
    (
        f'[2,"{"x" * 37}","Heartbeat",{{}}]',
        ("-1", "RpcFrameworkError"),
        ("x" * 37, "FormationViolation"),
    ),
    (f'[2,"{"x" * 256}","Heartbeat",{{}}]', ("-1", "RpcFrameworkError"), None),
    ('["2","1","Heartbeat",{}]', ("1", "RpcFrameworkError"), None),
    ('[1e999,"1","Heartbeat",{}]', ("1", "RpcFrameworkError"), None),
    ('[2,"1","Heartbeat",{]', ("1", "FormatViolation"), ("1", "FormationViolation")),
    ('[2,"1","Heartbeat",{"a":NaN}]', ("1", "FormatViolation"), ("1", "FormationViolation")),
    (
        '[2,"1","Heartbeat",{"a":"\\ud800"}]',
        ("1", "FormatViolation"),
        ("1", "FormationViolation"),
    ),
    (
        b'[2,"1","Heartbeat",{"a":"\xff"}]',
        ("1", "FormatViolation"),
        ("1", "FormationViolation"),
    ),
    ('[2,"1","Heartbeat",' + "[" * 100_000, ("1", "FormatViolation"), ("1", "FormationViolation")),
    (f'[2,"{"x" * 37}","A",{{]', ("-1", "RpcFrameworkError"), ("x" * 37, "FormationViolation")),
    ('[9,"1","Heartbeat",{}]', ("1", "MessageTypeNotSupported"), None),
    ('[9,1,"Heartbeat",{}]', ("-1", "MessageTypeNotSupported"), None),
    ('[-1,"1"]', ("1", "MessageTypeNotSupported"), None),
    # An error or an answer is never answered: two that do would never end.
    ('[3,"",{}]', None, None),
    ('[3,"1"]', None, None),
    ('[4,"1"]', None, None),
    ('[4,17,"GenericError","",{}]', None, None),
]


@versions
@pytest.mark.parametrize(("data", "in_2", "in_16"), STRAYS)
def test_what_cannot_be_read_is_refused_as_the_version_can(version, data, in_2, in_16):
    peer = session(version)

    event = peer.receive(data, 0.0)

    assert isinstance(event, Stray)
    expected = in_16 if version == "1.6" else in_2
    queued = list(peer.outbox)
    assert [tuple(frame[1:3]) for frame in sent(peer)] == ([expected] if expected else [])
    assert queued == ([event.answered] if event.answered else [])


@pytest.mark.parametrize(
    ("version", "answers"),
    [("1.6", []), ("2.0.1", [[4, "1", "MessageTypeNotSupported"]]), ("2.1", [])],
)
@pytest.mark.parametrize("frame", ['[5,"1","A"]', '[5,"1"]', '[6,"1","A",{}]', '[6,"1"]'])
def test_what_21_added_is_no_message_type_before(version, answers, frame):
    peer = session(version)

    event = peer.receive(frame, 0.0)

    assert isinstance(event, Stray) or version == "2.1"
    assert [answer[:3] for answer in sent(peer)] == answers


@versions
def test_hostile_input_costs_little_and_raises_nothing(version):
    cases = [
        "[" * 100_000,
        '[2,"1","DataTransfer",' + "[" * 30_000 + "]" * 30_000 + "]",
        '[2,"1","DataTransfer",{"data":' + "9" * 200_000 + "}]",
        "9" * 200_000,
        '[2,"1","DataTransfer",{"data":1e999,"data":-0,"data":1}]',
        "[" + "1," * 500_000 + "1]",
        " " * 65_536,
        '[2,"' + "x" * 1_000_000 + '","A",{}]',
        '[2,"1","A","\ud800"]',
        "\0",
        "\ufeff[]",
    ]
    for data in cases:
        peer = session(version)
        best = min(timed(peer, data) for _ in range(3))
        assert best < 0.02, f"{data[:30]!r} took {best * 1000:.1f} ms"


def timed(peer: Session, data: str) -> float:
    start = time.process_time()
    peer.receive(data, 0.0)
    return time.process_time() - start


# What we ask


def owed(peer: Session) -> tuple[str | None, float | None]:
    """Which answer the station owes us, and until when."""
    return peer.in_flight, peer.deadline


@versions
def test_one_call_is_in_flight_at_a_time(version):
    peer = session(version)
    for id in "ab":
        peer.call(id, "Reset", b'{"type":"Soft"}', 0.0)
    assert sent(peer) == [[2, "a", "Reset", {"type": "Soft"}]]
    assert owed(peer) == ("a", 30.0)

    assert peer.receive('[3,"a",{"status":"Accepted"}]', 5.0) == CallAnswered(
        "a", "Reset", Raw(b'{"status":"Accepted"}')
    )
    assert sent(peer) == [[2, "b", "Reset", {"type": "Soft"}]]
    assert owed(peer) == ("b", 35.0)

    assert peer.receive('[3,"b",null]', 6.0) == CallAnswered("b", "Reset", EMPTY)
    assert sent(peer) == []
    assert owed(peer) == (None, None)


@versions
def test_calls_of_both_sides_cross(version):
    peer = session(version)
    peer.call("a", "Reset", b"{}", 0.0)

    assert isinstance(peer.receive('[2,"a","Heartbeat",{}]', 0.0), CallReceived)
    peer.answer("a", b"{}")

    assert isinstance(peer.receive('[3,"a",{}]', 0.0), CallAnswered)


@versions
@pytest.mark.parametrize(
    ("text", "failed"),
    [
        (
            '[4,"a","OccurenceConstraintViolation","why",{"b":1}]',
            ("OccurrenceConstraintViolation", "why", b'{"b":1}'),
        ),
        ('[4,"a","NotSupported",null,null]', ("NotSupported", "", b"{}")),
        ('[4,"a","NotSupported"]', ("NotSupported", "", b"{}")),
        ('[4,"a","Odd","\\u0000"]', ("Odd", "\ufffd", b"{}")),
        # Broken, and still the end of the call: waiting would only tell us later.
        ('[4,"a"]', ("FormatViolation", ..., b"{}")),
        ('[3,"a"]', ("FormatViolation", ..., b"{}")),
        ('[3,"a",{"status":]', ("FormatViolation", ..., b"{}")),
    ],
)
def test_a_refused_call_is_over(version, text, failed):
    peer = session(version)
    peer.call("a", "Reset", b"{}", 0.0)
    peer.call("b", "Reset", b"{}", 0.0)
    sent(peer)

    event = peer.receive(text, 1.0)

    assert isinstance(event, CallFailed)
    code, description, details = failed
    assert (event.id, event.action, event.code) == ("a", "Reset", code)
    assert description in (event.description, ...)
    assert bytes(event.details) == details
    assert sent(peer) == [[2, "b", "Reset", {}]]


@versions
def test_a_silent_station_does_not_block_the_next_call(version):
    peer = session(version, call_timeout=10.0)
    peer.call("a", "Reset", b"{}", 0.0)
    peer.call("b", "ClearCache", b"{}", 1.0, timeout=2.5)
    sent(peer)

    assert peer.expire(9.9) is None
    assert peer.expire(10.0) == CallFailed("a", "Reset", None, "No answer in 10 s")
    assert sent(peer) == [[2, "b", "ClearCache", {}]]
    assert peer.deadline == 12.5
    assert peer.expire(12.5) == CallFailed("b", "ClearCache", None, "No answer in 2.5 s")
    assert peer.expire(99.0) is None


@versions
@pytest.mark.parametrize("text", ['[3,"a",{}]', '[4,"a","GenericError","",{}]', '[3,"a"]'])
def test_a_late_answer_answers_nothing(version, text):
    peer = session(version)
    peer.call("a", "Reset", b"{}", 0.0)
    peer.expire(30.0)
    peer.call("b", "Reset", b"{}", 31.0)
    sent(peer)

    assert isinstance(peer.receive(text, 32.0), Stray)
    assert sent(peer) == []
    assert isinstance(peer.receive('[3,"b",{}]', 33.0), CallAnswered)


@versions
def test_an_error_about_nothing_says_what_it_said(version):
    """A station answers with "-1" what it could not read: in the log one wants to see why."""
    event = session(version).receive('[4,"-1","RpcFrameworkError","bad frame",{}]', 0.0)

    assert event == Stray("CALLERROR RpcFrameworkError (bad frame) -1 answers no call in flight")


def test_the_queue_is_bounded():
    peer = session(max_waiting=2)
    for id in "abc":
        peer.call(id, "Reset", b"{}", 0.0)

    with pytest.raises(QueueFull, match="2 calls wait"):
        peer.call("d", "Reset", b"{}", 0.0)


def test_a_call_that_waits_can_be_taken_back():
    peer = session()
    for id in "abc":
        peer.call(id, "Reset", b"{}", 0.0)

    assert peer.cancel("b")
    assert not peer.cancel("b")
    assert not peer.cancel("a")  # it is out: only its answer or its deadline ends it
    peer.receive('[3,"a",{}]', 0.0)

    assert [frame[1] for frame in sent(peer)] == ["a", "c"]


# OCPP 2.1


def test_an_unusable_answer_can_be_rejected_since_21():
    peer = session("2.1")

    frame = peer.reject_result("a", "FormatViolation", "no date\n")

    assert frame == '[5,"a","FormatViolation","no date\ufffd",{}]'.encode()
    assert sent(peer) == [[5, "a", "FormatViolation", "no date\ufffd", {}]]


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_an_unusable_answer_cannot_be_rejected_before_21(version):
    peer = session(version)

    assert peer.reject_result("a", "FormatViolation", "") is None
    assert sent(peer) == []


def test_the_station_may_reject_our_answer():
    event = session("2.1").receive('[5,"a","FormationViolation",null]', 0.0)

    assert event == ResultRejected("a", "FormatViolation", "")


def test_a_send_waits_for_nothing():
    peer = session("2.1")
    peer.call("a", "Reset", b"{}", 0.0)

    peer.send("b", "NotifyPeriodicEventStream", b"{}")

    assert [frame[0] for frame in sent(peer)] == [2, 6]
    assert peer.deadline == 30.0


def test_a_send_is_not_sent_before_21():
    with pytest.raises(ValueError, match="no SEND"):
        session("2.0.1").send("b", "NotifyPeriodicEventStream", b"{}")


def test_an_idle_session_is_small():
    """Ten thousand stations wait most of the time."""
    peer = session()

    parts = [peer.outbox, peer._waiting, peer._seen]
    assert sys.getsizeof(peer) + sum(map(sys.getsizeof, parts)) < 1500
