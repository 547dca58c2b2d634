"""Each thing that is wrong has its code, and each version its spelling."""

import json

import pytest

from voltkeep.ocpp import messages, v16, v201
from voltkeep.ocpp.errors import ErrorCode, Refusal, plain, read_code, refusal, spelling

GOOD = {
    "connectorId": 1,
    "idTag": "A",
    "meterStart": 0,
    "timestamp": "2026-01-01T00:00:00Z",
}


@pytest.mark.parametrize(
    ("change", "code", "in_16"),
    [
        ({"idTag": None}, "TypeConstraintViolation", "TypeConstraintViolation"),
        ({"connectorId": "1"}, "TypeConstraintViolation", "TypeConstraintViolation"),
        ({"connectorId": {}}, "TypeConstraintViolation", "TypeConstraintViolation"),
        ({"idTag": "A" * 21}, "PropertyConstraintViolation", "PropertyConstraintViolation"),
        ({"connectorId": 2**70}, "PropertyConstraintViolation", "PropertyConstraintViolation"),
        ({"timestamp": "yesterday"}, "FormatViolation", "FormationViolation"),
        ({"surprise": 1}, "FormatViolation", "FormationViolation"),
        (
            {"meterStart": ...},
            "OccurrenceConstraintViolation",
            "OccurenceConstraintViolation",
        ),
    ],
)
def test_what_is_wrong_has_its_code(change, code, in_16):
    payload = {key: value for key, value in (GOOD | change).items() if value is not ...}

    with pytest.raises(Refusal) as caught:
        messages.read(v16.StartTransactionRequest, json.dumps(payload).encode())

    assert caught.value.code == code
    assert spelling(caught.value.code, misspells=True) == in_16
    assert spelling(caught.value.code, misspells=False) == code


def sampled(**changes):
    sample = {"value": 1.0, **changes}
    values = {"timestamp": "2026-01-01T00:00:00Z", "sampledValue": [sample]}
    return {"evseId": 1, "meterValue": [values]}


@pytest.mark.parametrize(
    ("payload", "code", "where"),
    [
        (sampled(phase="L4"), "PropertyConstraintViolation", "$.meterValue[0].sampledValue[0]"),
        (sampled(value=None), "TypeConstraintViolation", "$.meterValue[0].sampledValue[0].value"),
        ({"evseId": 1, "meterValue": []}, "OccurrenceConstraintViolation", "$.meterValue"),
        ([], "FormatViolation", "Expected `object`"),
    ],
)
def test_the_description_says_where(payload, code, where):
    with pytest.raises(Refusal) as caught:
        messages.read(v201.MeterValuesRequest, json.dumps(payload).encode())

    assert caught.value.code == code
    assert where in caught.value.description


@pytest.mark.parametrize("text", ["'" * 300, "line\nfeed \x1b[31m", "\u202eright to left"])
def test_a_description_is_short_and_plain_whatever_the_station_wrote(text):
    payload = json.dumps(GOOD | {text: 1}, ensure_ascii=False).encode()

    with pytest.raises(Refusal) as caught:
        messages.read(v16.StartTransactionRequest, payload)

    assert len(caught.value.description) <= 255
    assert caught.value.description.isprintable()


@pytest.mark.parametrize(
    "error",
    [RecursionError("maximum recursion depth exceeded"), "\ud800".encode, b"\xff".decode],
    ids=["deep", "surrogate", "latin1"],
)
def test_a_description_never_shows_our_insides(error):
    if callable(error):
        with pytest.raises(UnicodeError) as caught:
            error()
        error = caught.value

    told = refusal(error)

    assert told.code == "FormatViolation"
    assert told.description in ("Nested too deep", "Not UTF-8")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("FormationViolation", "FormatViolation"),
        ("FormatViolation", "FormatViolation"),
        ("OccurenceConstraintViolation", "OccurrenceConstraintViolation"),
        ("OccurrenceConstraintViolation", "OccurrenceConstraintViolation"),
        ("notSupported ", "NotSupported"),
        ("VendorSaysNo", "VendorSaysNo"),
        ("", ""),
        ("x" * 500, "x" * 64),
        ("bad\0\ud800code", "bad\ufffd\ufffdcode"),
    ],
)
def test_a_peers_code_is_read_in_either_spelling(written, read):
    assert read_code(written) == read


@pytest.mark.parametrize("code", ErrorCode)
def test_every_code_survives_both_spellings(code):
    assert read_code(spelling(code, misspells=False)) == code
    # What 1.6 has no word for is told by the nearest it has.
    lost = {
        ErrorCode.RPC_FRAMEWORK_ERROR: ErrorCode.FORMAT_VIOLATION,
        ErrorCode.MESSAGE_TYPE_NOT_SUPPORTED: ErrorCode.GENERIC_ERROR,
    }
    assert read_code(spelling(code, misspells=True)) == lost.get(code, code)


def test_an_unknown_code_is_sent_as_it_is():
    assert spelling("VendorSaysNo", misspells=True) == "VendorSaysNo"


def test_plain_text_is_cut_and_printable():
    assert plain("é" * 300) == "é" * 255
    assert plain("a\tb\u2028c") == "a\ufffdb\ufffdc"
