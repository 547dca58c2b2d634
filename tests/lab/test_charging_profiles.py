"""Charging profiles of a case: each field that differs from the order fails it, and no liberty."""

import msgspec
import pytest

from tests.lab.test_checks import PLAN
from voltkeep.lab.bench import Bench
from voltkeep.lab.ocpp16.smart_charging import Purpose, a_profile, is_profile
from voltkeep.lab.plan import Charging
from voltkeep.lab.verdicts import Failed
from voltkeep.ocpp.v16 import ChargingProfile


def bench(**charging):
    return Bench(msgspec.structs.replace(PLAN, charging=Charging(**charging)), None, 1, {})


def changed(profile, path, value):
    """With another value at a path; None: without."""
    copy = msgspec.json.decode(msgspec.json.encode(profile))
    *way, last = path
    inner = copy
    for name in way:
        inner = inner[name]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return copy


def judge(profile, ordered, at=None):
    is_profile(at or bench(), msgspec.convert(profile, ChargingProfile, strict=False), ordered)


SCHEDULE = "chargingSchedule"
PERIOD = (SCHEDULE, "chargingSchedulePeriod", 0)
WRONG = {
    "stackLevel": (("stackLevel",), 1),
    "purpose": (("chargingProfilePurpose",), "TxProfile"),
    "kind": (("chargingProfileKind",), "Relative"),
    "transactionId": (("transactionId",), 7),
    "recurrencyKind": (("recurrencyKind",), "Daily"),
    "no validFrom": (("validFrom",), None),
    "no validTo": (("validTo",), None),
    "validTo before validFrom": (("validTo",), "2020-01-01T00:00:00Z"),
    "no startSchedule": ((SCHEDULE, "startSchedule"), None),
    "unit": ((SCHEDULE, "chargingRateUnit"), "W"),
    "no duration": ((SCHEDULE, "duration"), None),
    "duration": ((SCHEDULE, "duration"), 301),
    "no period": ((SCHEDULE, "chargingSchedulePeriod"), []),
    "startPeriod": ((*PERIOD, "startPeriod"), 1),
    "limit": ((*PERIOD, "limit"), 6000.0),
    "numberPhases": ((*PERIOD, "numberPhases"), 1),
}


@pytest.mark.parametrize("field", WRONG)
def test_a_field_that_was_not_ordered_so_fails_the_case(field):
    ordered = a_profile(bench(), Purpose.TX_DEFAULT_PROFILE, 1)
    judge(ordered, ordered)

    with pytest.raises(Failed):
        judge(changed(ordered, *WRONG[field]), ordered)


TIMES = {
    "validFrom": (("validFrom",), "2020-01-01T00:00:00Z"),
    "validTo": (("validTo",), "2040-01-01T00:00:00Z"),
    "startSchedule": ((SCHEDULE, "startSchedule"), "2020-01-01T00:00:00Z"),
}


@pytest.mark.parametrize("field", TIMES)
def test_another_time_than_was_ordered_is_a_warning(field):
    at = bench()
    ordered = a_profile(at, Purpose.TX_DEFAULT_PROFILE, 1)
    judge(ordered, ordered, at)
    assert at.warnings == []

    judge(changed(ordered, *TIMES[field]), ordered, at)

    assert len(at.warnings) == 1
    assert at.warnings[0].startswith(f"{field} is 20")


@pytest.mark.parametrize("came", ["Absolute", "Relative"])
@pytest.mark.parametrize("ordered", ["Absolute", "Relative"])
def test_the_profile_of_a_transaction_has_the_kind_that_the_csms_knows(ordered, came):
    at = bench()
    order = a_profile(at, Purpose.TX_PROFILE, 1, kind=ordered)

    judge(a_profile(at, Purpose.TX_PROFILE, 1, kind=came), order, at)

    assert at.warnings == []


@pytest.mark.parametrize("ordered", ["Absolute", "Relative"])
@pytest.mark.parametrize("field", ["no validFrom", "no validTo", "no startSchedule", "no duration"])
def test_the_rules_are_those_of_the_kind_that_came(ordered, field):
    order = a_profile(bench(), Purpose.TX_PROFILE, 1, kind=ordered)
    absolute = a_profile(bench(), Purpose.TX_PROFILE, 1)

    with pytest.raises(Failed, match=field.removeprefix("no ")):
        judge(changed(absolute, *WRONG[field]), order)
    with pytest.raises(Failed, match="no startSchedule"):
        judge(absolute | {"chargingProfileKind": "Relative"}, order)


def test_a_relative_profile_without_its_duration_is_a_warning():
    at = bench()
    ordered = a_profile(at, Purpose.TX_PROFILE, 1, kind="Relative")

    judge(changed(ordered, (SCHEDULE, "duration"), None), ordered, at)

    assert at.warnings == ["a Relative profile has no duration, and 300 s were ordered"]


@pytest.mark.parametrize("field", ["transactionId", "recurrencyKind"])
def test_a_relative_profile_of_a_remote_start_says_no_start_and_no_transaction(field):
    ordered = a_profile(bench(), Purpose.TX_PROFILE, 1, kind="Relative")
    values = {"transactionId": 7, "recurrencyKind": "Daily"}

    with pytest.raises(Failed, match=f"no {field}"):
        judge(ordered | {field: values[field]}, ordered)
    with pytest.raises(Failed, match="no startSchedule"):
        judge(changed(ordered, (SCHEDULE, "startSchedule"), "2030-01-01T00:00:00Z"), ordered)


def test_the_transaction_of_a_profile_is_the_one_under_way():
    ordered = a_profile(bench(), Purpose.TX_PROFILE, 1, transaction=7)
    judge(ordered, ordered)

    with pytest.raises(Failed, match="transactionId 7"):
        judge(ordered | {"transactionId": 8}, ordered)
    with pytest.raises(Failed, match="transactionId 7"):
        judge(changed(ordered, ("transactionId",), None), ordered)


def test_an_id_is_for_the_csms_to_choose():
    ordered = a_profile(bench(), Purpose.TX_DEFAULT_PROFILE, 1)

    judge(ordered | {"chargingProfileId": 99}, ordered)


def test_three_phases_need_not_be_said_and_one_must():
    three, one = bench(phases=3), bench(phases=1)
    unsaid = (*PERIOD, "numberPhases")

    ordered = a_profile(three, Purpose.TX_DEFAULT_PROFILE, 1)
    judge(changed(ordered, unsaid, None), ordered, three)

    ordered = a_profile(one, Purpose.TX_DEFAULT_PROFILE, 1)
    with pytest.raises(Failed, match="numberPhases 1"):
        judge(changed(ordered, unsaid, None), ordered, one)


@pytest.mark.parametrize(
    "written", ["2020-01-01T00:00:00Z", "2020-01-01T02:00:00+02:00", "2020-01-01T00:00:00.999"]
)
def test_a_time_may_be_written_in_any_zone_or_in_none_which_is_utc(written):
    at = bench()
    ordered = a_profile(at, Purpose.TX_DEFAULT_PROFILE, 1)
    ordered["validFrom"] = "2020-01-01T00:00:00Z"

    judge(ordered | {"validFrom": written}, ordered, at)

    assert at.warnings == []


def test_the_limit_is_6_ampere_or_6000_watt():
    for unit, limit in {"A": 6.0, "W": 6000.0}.items():
        ordered = a_profile(bench(unit=unit), Purpose.TX_DEFAULT_PROFILE, 1)
        (period,) = ordered[SCHEDULE]["chargingSchedulePeriod"]
        assert (ordered[SCHEDULE]["chargingRateUnit"], period["limit"]) == (unit, limit)


def test_a_period_more_fails_the_case():
    ordered = a_profile(bench(), Purpose.TX_DEFAULT_PROFILE, 1)
    periods = ordered[SCHEDULE]["chargingSchedulePeriod"] * 2

    with pytest.raises(Failed, match="number of periods 1"):
        judge(changed(ordered, (SCHEDULE, "chargingSchedulePeriod"), periods), ordered)
