"""The wire log: whole, of a bounded size, and without secrets however they are spelled."""

import base64
import json
from datetime import UTC, datetime

import pytest

from voltkeep.lab.authority import Authority
from voltkeep.lab.log import MASK, WireLog, forms
from voltkeep.lab.verdicts import Kind

KEY = "AuthorizationKey"
SECRET = "5ecre7-" * 4


def logged(data, kind=Kind.RECEIVED, secrets=()):
    log = WireLog(secrets)
    log.frame(kind, data)
    [entry] = log.entries
    assert log.quoted(data).count(SECRET) == entry.text.count(SECRET)
    return entry.text


def call(action, payload):
    return json.dumps([2, "id", action, payload])


def test_a_frame_is_written_with_a_short_name_for_its_id():
    log = WireLog()
    log.frame(Kind.SENT, '[2,"a-long-id","Heartbeat",{}]')
    log.frame(Kind.RECEIVED, '[3,"a-long-id",{"currentTime":"now"}]')
    log.frame(Kind.RECEIVED, '[2,"another","Reset",{"type":"Hard"}]')
    log.frame(Kind.SENT, '[3,"another",{"status":"Accepted"}]')

    assert [each.text for each in log.entries] == [
        '[2,"s1","Heartbeat",{}]',
        '[3,"s1",{"currentTime":"now"}]',
        '[2,"c1","Reset",{"type":"Hard"}]',
        '[3,"c1",{"status":"Accepted"}]',
    ]


@pytest.mark.parametrize(
    "payload",
    [
        '{"status":"Accepted","status":"Rejected"}',
        '{ "limit" : 1E2, "other":100.00 }',
        '{"name":"H\\u0061rd \\/ \\"soft\\" \\\\"}',
        '{"transactionId":"5","reservationId":-1,"requestId":0,"deep":[[{"a":[]}],{}]}',
        '{"":"","a":{"":{"a":null}}}',
        '{"serialNumber":"1234567890"}',
    ],
)
@pytest.mark.parametrize("kind", [Kind.SENT, Kind.RECEIVED])
def test_a_payload_stands_as_it_was_written(payload, kind):
    assert logged(f'[2,"id","X",{payload}]', kind).endswith(f',"X",{payload}]')


def test_what_is_another_in_each_run_has_a_short_name():
    def run(first, second, key):
        log = WireLog()
        log.frame(Kind.RECEIVED, f'[3,"x",{{"transactionId":{first}}}]')
        log.frame(Kind.SENT, f'[2,"y","MeterValues",{{"transactionId": {second}}}]')
        log.frame(Kind.SENT, f'[2,"z","MeterValues",{{"transactionId":{first}}}]')
        log.frame(Kind.RECEIVED, f'[2,"a","GetLog",{{"requestId":{first},"reservationId":7}}]')
        told = {"issuerKeyHash": key, "issuerNameHash": "fixed", "serialNumber": key[:9]}
        log.frame(Kind.SENT, json.dumps([3, "a", {"certificateHashData": [told]}]))
        log.add(Kind.NOTE, f"no transactionId {second}, but transactionId: {first}")
        return [each.text for each in log.entries]

    told = run(815, 4711, "0a" * 32)

    assert told == run(123456789, 3, "ff" * 32)
    assert told[1:4] == [
        '[2,"s1","MeterValues",{"transactionId": "t2"}]',
        '[2,"s2","MeterValues",{"transactionId":"t1"}]',
        '[2,"c1","GetLog",{"requestId":"q1","reservationId":"r1"}]',
    ]
    assert '"issuerKeyHash": "h1", "issuerNameHash": "fixed", "serialNumber": "n1"' in told[4]
    assert told[5] == "no transactionId t2, but transactionId: t1"


def test_a_certificate_is_written_as_what_it_is_and_followed_by_its_serial_number():
    authority = Authority(datetime(2026, 3, 1, tzinfo=UTC), "Amp")
    own, other = authority.station("LAB-3"), authority.station("LAB-3")
    log = WireLog()
    for each in (own, other, own):
        log.frame(Kind.RECEIVED, call("X", {"certificateChain": each.certificate}))

    first, second, third = (each.text for each in log.entries)
    assert "[certificate of CN=LAB-3, O=Amp, issued by CN=" in first
    assert ", EC 256 bits, valid 2026-" in first
    assert "serial number n1]" in first
    assert "serial number n2]" in second
    assert third == first
    assert "BEGIN" not in first


def test_what_only_looks_like_a_certificate_stands_as_it_came():
    block = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"

    assert json.dumps(block) in logged(call("X", {"a": block}))


def test_an_answer_to_nothing_keeps_its_id():
    log = WireLog()
    log.frame(Kind.SENT, '[2,"mine","Heartbeat",{}]')
    log.frame(Kind.RECEIVED, '[3,"MINE",{}]')

    assert log.entries[1].text == '[3,"MINE",{}]'
    assert log.called("mine", by_station=True) == "s1"
    assert log.called("MINE", by_station=True) == "MINE"


def test_words_about_a_frame_have_the_names_of_the_log():
    log = WireLog()
    log.frame(Kind.SENT, '[2,"5f1c33d0-aaaa","Heartbeat",{}]')
    log.frame(Kind.RECEIVED, '[2,"ClearCache","ClearCache",{}]')

    assert log.told("came an answer to 5f1c33d0-aaaa") == "came an answer to s1"
    assert log.told("came no ClearCache.conf") == "came no ClearCache.conf"
    assert log.quoted('[3,"5f1c33d0-aaaa",{}]') == '[3,"s1",{}]'


@pytest.mark.parametrize("key", ["AuthorizationKey", "authorizationkey", "AUTHORIZATION_KEY "])
@pytest.mark.parametrize("names", [("key", "value"), ("Key", "Value"), ("key", "valeu")])
def test_a_key_that_a_station_is_given_is_masked_however_it_is_called(key, names):
    text = logged(call("ChangeConfiguration", {names[0]: key, names[1]: SECRET}))

    assert SECRET not in text
    assert MASK in text
    assert key in text


def test_a_key_that_a_station_tells_is_masked():
    told = [{"key": "A", "readonly": True, "value": "B"}]
    told.append({"key": "AuthorizationKey", "readonly": False, "value": SECRET})
    text = logged(json.dumps([3, "id", {"configurationKey": told}]), Kind.SENT)

    assert SECRET not in text
    assert '{"key": "A", "readonly": true, "value": "B"}' in text
    assert '"readonly": false' in text


def test_all_of_what_is_secret_is_masked():
    value = {"transactionId": 5, "a": [SECRET], "issuerKeyHash": SECRET}
    text = logged(call("ChangeConfiguration", {"key": KEY, "value": value}))

    assert text == f'[2, "c1", "ChangeConfiguration", {{"key": "{KEY}", "value": "{MASK}"}}]'


def test_a_field_that_is_called_a_secret_is_masked():
    assert SECRET not in logged(call("X", {"deep": [{"authorizationKey": SECRET}]}))


def test_a_secret_in_escapes_is_masked():
    escaped = "".join(f"\\u{ord(c):04x}" for c in "AuthorizationKey")
    frame = f'[2,"id","ChangeConfiguration",{{"key":"{escaped}","value":"{SECRET}"}}]'

    assert SECRET not in logged(frame)


@pytest.mark.parametrize(
    "frame",
    [
        f'[2,"id","ChangeConfiguration",{{"key":"AuthorizationKey","value":"{SECRET}"}}',
        f'[2,"id","ChangeConfiguration",{{"value":"{SECRET}","key":"authorizationkey',
        f'{{"key" "AuthorizationKey" "value" "{SECRET}"}}',
        f"{SECRET} is the Authorization-Key".encode() + b"\xff",
        f'[2,"id","X",{{"\\u0041uthorizationKey":"{SECRET}"',
        json.dumps([2, "id", "X", {"value": SECRET, "pad": "x" * 99_000, "key": KEY}]),
    ],
)
def test_a_frame_that_is_broken_and_names_a_secret_is_not_written(frame):
    assert SECRET not in logged(frame)


@pytest.mark.parametrize(
    "frame", [f'{{"key":"AuthorizationKey","value":"{SECRET}"}}', f'["{SECRET}']
)
def test_what_is_no_frame_is_masked_too(frame):
    assert SECRET not in logged(frame, secrets=[SECRET])


def test_a_secret_that_is_known_is_masked_in_each_of_its_forms():
    octets = bytes(range(16, 36))
    log = WireLog(forms(octets, "CP-1"))
    header = base64.b64encode(b"CP-1:" + octets).decode()
    for form in (octets.hex(), octets.hex().upper(), header):
        log.add(Kind.NOTE, f"the CSMS says {form}!")

    assert {each.text for each in log.entries} == {f"the CSMS says {MASK}!"}


def test_a_secret_that_is_known_is_masked_though_its_letters_are_escapes():
    escaped = "".join(f"\\u{ord(c):04x}" for c in SECRET)

    log = WireLog([SECRET])
    assert log.quoted(f'[3,"id",{{"a":"{escaped}"}}]') == f'[3,"id",{{"a":"{MASK}"}}]'
    assert MASK in log.quoted(f'[3,"id",{{"a":"{escaped}')


def test_a_key_that_json_must_escape_is_masked():
    key = 'quo"ted and back\\slash'

    assert "slash" not in logged(call("DataTransfer", {"data": key}), secrets=forms(key.encode()))


def test_a_secret_that_came_in_a_frame_is_masked_from_then_on_and_before():
    log = WireLog()
    log.add(Kind.NOTE, f"before: {SECRET}")
    log.frame(
        Kind.RECEIVED, call("ChangeConfiguration", {"key": "AuthorizationKey", "value": SECRET})
    )

    assert SECRET not in repr(log.entries)
    assert log.safe(f"after: {SECRET}") == f"after: {MASK}"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://user:pass-word@host/path",
        "sftp://user:p@ss-word@host",
        "https://pass-word@host",
    ],
)
def test_a_password_in_an_address_is_masked_wherever_it_is(url):
    for frame in (
        call("GetDiagnostics", {"location": url}),
        call("GetLog", {"log": {"remoteLocation": url}}),
        f'[2,"id","GetDiagnostics",{{"location":"{url}',
    ):
        text = logged(frame)
        assert "ss-word" not in text
        assert f"://{MASK}@host" in text


def test_an_address_without_a_password_stays():
    text = logged(call("GetDiagnostics", {"location": "https://host/path?mail=a@b"}))

    assert "https://host/path?mail=a@b" in text


def test_a_private_key_is_masked():
    key = f"-----BEGIN EC PRIVATE KEY-----\n{SECRET}\n-----END EC PRIVATE KEY-----"

    assert SECRET not in logged(call("DataTransfer", {"data": key}))
    assert SECRET not in logged(key[:-20])


def test_what_a_peer_says_cannot_act_on_a_terminal():
    text = logged('[3,"id",{"a":"\\u001b[2J\\u202e"}]\x1b[2J')

    assert text.isprintable()
    assert text.endswith("]\\u001b[2J")
    assert logged('[3,"id",\r\n\t{"a":"\u202e\U000e0001"}]') == (
        '[3,"id",   {"a":"\\u202e\\udb40\\udc01"}]'
    )


@pytest.mark.parametrize(
    "data",
    [
        "[" * 200_000,
        '[3,"id",' + '{"a":' * 5_000 + "1" + "}" * 5_000 + "]",
        "[1e999]",
        f'[3,"id",{"9" * 400}]',
        b"\xff\xfe",
        "",
        "null",
        "[]",
        "[2,7,{}]",
        "\ud800",
    ],
)
def test_nothing_that_comes_can_end_the_log(data):
    logged(data)


def test_a_log_keeps_so_much_and_says_what_it_left_out():
    log = WireLog()
    for number in range(10_000):
        log.frame(Kind.RECEIVED, call("DataTransfer", {"data": f"{number}"}))

    assert len(log.entries) == 2_001
    assert log.entries[-1].text == "8000 more entries were left out"


def test_a_log_of_large_frames_stays_small():
    log = WireLog()
    for _ in range(500):
        log.frame(Kind.RECEIVED, call("DataTransfer", {"data": "x" * 100_000}))

    assert sum(len(each.text) for each in log.entries) < 1_000_000
