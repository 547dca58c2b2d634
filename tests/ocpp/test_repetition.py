"""What a station says twice is answered once, and what it says anew is not taken for old."""

from tests.ocpp.wires import sent, session
from voltkeep.ocpp.session import CallReceived, Repeated, Replayed

BOOT = '[2,"b","BootNotification",{"chargePointVendor":"V","chargePointModel":"M"}]'
STATUS = '[2,"s","StatusNotification",{"connectorId":1}]'


def test_a_repeated_call_gets_its_answer_again():
    peer = session("1.6")
    peer.receive(STATUS, 0.0)
    frame = peer.answer("s", b'{"a":1}')
    sent(peer)

    for _ in range(2):
        assert peer.receive(STATUS, 1.0) == Replayed("s", "StatusNotification", frame)
        assert sent(peer) == [[3, "s", {"a": 1}]]


def test_a_call_repeated_while_it_is_handled_is_answered_once():
    peer = session("1.6")
    peer.receive(STATUS, 0.0)

    assert peer.receive(STATUS, 1.0) == Repeated("s", "StatusNotification")
    peer.answer("s", b"{}")
    assert sent(peer) == [[3, "s", {}]]


def test_an_answer_with_the_time_is_made_afresh():
    peer = session("1.6")
    for _ in range(2):
        event = peer.receive(BOOT, 0.0)
        assert isinstance(event, CallReceived)
        assert not event.reused_id
        assert isinstance(peer.receive(BOOT, 0.0), Repeated)
        peer.answer("b", b"{}")


def test_a_refusal_is_not_repeated():
    """The cause may be gone: a transaction refused while the database was away must get in."""
    peer = session("1.6")
    for _ in range(2):
        assert isinstance(peer.receive(STATUS, 0.0), CallReceived)
        peer.refuse("s", "InternalError")


def test_one_id_for_two_contents_is_two_calls():
    peer = session("1.6")
    other = STATUS.replace("1}", "2}")
    peer.receive(STATUS, 0.0)
    peer.answer("s", b'{"n":1}')

    event = peer.receive(other, 0.0)

    assert isinstance(event, CallReceived)
    assert event.reused_id
    peer.answer("s", b'{"n":2}')
    assert isinstance(peer.receive(other, 0.0), Replayed)
    assert sent(peer)[-1] == [3, "s", {"n": 2}]


def test_one_id_for_two_contents_at_once_is_never_replayed():
    """Two answers are owed under one id, and no one can say which is whose."""
    peer = session("1.6")
    other = STATUS.replace("1}", "2}")
    peer.receive(STATUS, 0.0)
    for text in (other, STATUS):
        event = peer.receive(text, 0.0)
        assert isinstance(event, CallReceived)
        assert event.reused_id
    for n in range(3):
        peer.answer("s", b'{"n":%d}' % n)

    assert isinstance(peer.receive(STATUS, 0.0), CallReceived)


def test_the_second_answer_of_one_id_is_not_taken_for_a_later_calls():
    peer = session("1.6")
    peer.receive(STATUS, 0.0)
    peer.receive(STATUS.replace("1}", "2}"), 0.0)
    peer.answer("s", b'{"n":1}')
    peer.receive(STATUS, 0.0)
    peer.answer("s", b'{"n":2}')

    assert isinstance(peer.receive(STATUS, 0.0), CallReceived)


def test_few_answers_are_remembered_and_the_oldest_goes_first():
    peer = session("1.6", replay_entries=2)
    calls = [f'[2,"{n}","StatusNotification",{{}}]' for n in range(3)]
    for n, text in enumerate(calls):
        peer.receive(text, 0.0)
        peer.answer(str(n), b"{}")

    assert isinstance(peer.receive(calls[1], 0.0), Replayed)
    assert isinstance(peer.receive(calls[2], 0.0), Replayed)
    assert isinstance(peer.receive(calls[0], 0.0), CallReceived)


def test_what_is_not_answered_yet_is_not_forgotten_for_a_new_call():
    peer = session("1.6", replay_entries=1)
    peer.receive(STATUS, 0.0)

    assert isinstance(peer.receive('[2,"t","StatusNotification",{}]', 0.0), CallReceived)
    peer.answer("t", b"{}")

    assert isinstance(peer.receive(STATUS, 0.0), Repeated)
    assert isinstance(peer.receive('[2,"t","StatusNotification",{}]', 0.0), CallReceived)


def test_a_large_answer_is_not_remembered():
    peer = session("1.6")
    peer.receive(STATUS, 0.0)
    peer.answer("s", b'{"a":"%s"}' % (b"x" * 5000))

    assert isinstance(peer.receive(STATUS, 0.0), CallReceived)
