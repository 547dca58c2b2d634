"""Every violation in a frame: found in its place, with what its schema demands."""

import json

import pytest

from voltkeep.dialects import DIALECTS
from voltkeep.dialects.checking import FrameChecker

CHECKER = FrameChecker([DIALECTS["ocpp1.6"], DIALECTS["ocpp2.0.1"], DIALECTS["ocpp2.1"]])


def check(frame, action="", version="ocpp1.6"):
    data = frame if isinstance(frame, bytes) else json.dumps(frame).encode()
    (found,) = (each for each in CHECKER.check(data, action) if each.subprotocol == version)
    return found


def told(frame, action="", version="ocpp1.6"):
    return [(each.rule, each.place) for each in check(frame, action, version).violations]


def test_what_fits_has_nothing_wrong():
    found = check([2, "1", "Authorize", {"idTag": "A"}])

    assert found.schema == "AuthorizeRequest"
    assert not found.violations
    assert not check([3, "1", {"idTagInfo": {"status": "Invalid"}}], "Authorize").violations
    assert not check([4, "1", "GenericError", "", {}]).violations


def test_all_that_is_wrong_is_found_each_in_its_place():
    payload = {
        "connectorId": 1.5,
        "meterValue": [
            {"timestamp": "yesterday", "sampledValue": [{"value": "1"}]},
            {"sampledValue": [{"value": "1", "unit": "parsec", "colour": "red"}]},
            {"timestamp": "2026-05-02T09:30:00Z", "sampledValue": []},
        ],
    }

    assert told([2, "1", "MeterValues", payload]) == [
        ("TypeConstraintViolation", ("connectorId",)),
        ("FormationViolation", ("meterValue", 0, "timestamp")),
        ("OccurenceConstraintViolation", ("meterValue", 1, "timestamp")),
        ("PropertyConstraintViolation", ("meterValue", 1, "sampledValue", 0, "unit")),
        ("FormationViolation", ("meterValue", 1, "sampledValue", 0, "colour")),
        ("OccurenceConstraintViolation", ("meterValue", 2, "sampledValue")),
    ]


def test_a_schema_says_what_it_demands():
    found = check([2, "1", "BootNotification", {"chargePointVendor": "V" * 21}])
    too_long, missing = found.violations

    assert too_long.demand is not None
    assert (too_long.demand.kind, too_long.demand.most) == ("text", 20)
    assert missing.place == ("chargePointModel",)
    assert missing.marked == ()
    assert missing.demand is not None
    assert missing.demand.is_required
    (word,) = check([2, "1", "Reset", {"type": "Warm"}]).violations
    assert word.demand is not None
    assert word.demand.words == ("Hard", "Soft")


def test_versions_differ():
    frame = [2, "1", "BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"}]

    assert told(frame) == []
    assert ("OccurrenceConstraintViolation", ("reason",)) in told(frame, version="ocpp2.1")


def test_what_a_quirk_explains_is_forgiven_and_what_it_does_not_explain_is_not():
    boot = {"chargePointVendor": "V" * 21, "chargePointModel": "M"}

    assert check([2, "1", "BootNotification", boot]).forgiven
    assert not check([2, "1", "BootNotification", boot | {"iccid": {}}]).forgiven


@pytest.mark.parametrize(
    ("frame", "rule"),
    [
        (b"nonsense", "FormationViolation"),
        (b"\xff", "FormationViolation"),
        (b"[" * 100_000, "FormationViolation"),
        ([2, "1", "Unheard", {}], "NotImplemented"),
        ([6, "1", "Heartbeat", {}], "GenericError"),
        ([2, "1", "Heartbeat", 3], "FormationViolation"),
        (b'[2,"1","Heartbeat",{"a":' + b"[" * 3000 + b"]" * 3000 + b"}]", "FormationViolation"),
        (b'[2,"1","Authorize",{"idTag":"a\\u0000"}]', "FormationViolation"),
        (b'[2,"1","Authorize",{"idTag":5,"idTag":"a"}]', "TypeConstraintViolation"),
        (b'[2,"1","Authorize",{"idTag":1e999}]', "PropertyConstraintViolation"),
    ],
)
def test_whatever_comes_is_judged(frame, rule):
    (found,) = check(frame).violations

    assert found.rule == rule


def test_a_send_is_no_call_and_nobody_answers_it():
    action, rule = "NotifyPeriodicEventStream", "ProtocolError"

    assert told([2, "1", action, {}], version="ocpp2.1") == [(rule, None)]
    assert told([6, "1", "Heartbeat", {}], version="ocpp2.1") == [(rule, None)]
    assert told([3, "1", {}], action, version="ocpp2.1") == [(rule, None)]


def test_no_more_is_told_than_somebody_reads():
    found = check([2, "1", "Heartbeat", {f"x{number}": 1 for number in range(5000)}])

    assert len(found.violations) == 100
    assert found.is_more
