"""What is asserted of a field wherever it comes: what fails a case, and what is a warning only."""

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest

from voltkeep.lab.bench import Bench, Credentials
from voltkeep.lab.ocpp16 import checks
from voltkeep.lab.ocpp16.station import ChargePoint
from voltkeep.lab.plan import Account, Csms, Laboratory, Plan, Product, Tokens
from voltkeep.lab.verdicts import Failed
from voltkeep.ocpp.v16 import IdTagInfo, IdTagInfoStatus

PLAN = Plan(
    product=Product(name="P", vendor="V", version="1"),
    laboratory=Laboratory(name="L"),
    csms=Csms(urls={1: "ws://127.0.0.1:9/ocpp"}),
    stations={"1": Account(identity="CS", serial_number="CS", key="0" * 32)},
    tokens=Tokens(
        valid="VALID",
        expired="EXPIRED",
        blocked="BLOCKED",
        unknown="UNKNOWN",
        parent="PARENT",
        sibling="SIBLING",
    ),
)


@pytest.fixture
def bench():
    credentials = {name: Credentials.of(each) for name, each in PLAN.stations.items()}
    return Bench(PLAN, None, 1, credentials)  # no driver: nothing is ordered


@pytest.fixture
def station(bench):
    return ChargePoint(bench)


def away(seconds):
    return datetime.fromtimestamp(time.time() + seconds, UTC)


def test_the_time_now_passes(bench):
    checks.is_present_time(bench, away(0))

    assert bench.warnings == []


@pytest.mark.parametrize("seconds", [-120, 120])
def test_a_clock_that_is_off_by_minutes_is_a_warning(bench, seconds):
    checks.is_present_time(bench, away(seconds))

    assert len(bench.warnings) == 1


@pytest.mark.parametrize("seconds", [-900, 900, 3600, -(2**31)])
def test_another_time_zone_or_day_is_a_failure(bench, seconds):
    with pytest.raises(Failed, match="currentTime is the time now"):
        checks.is_present_time(bench, away(seconds))


@pytest.fixture
def far_east(monkeypatch):
    monkeypatch.setenv("TZ", "XST-9")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("far_east")
def test_a_time_without_a_zone_is_taken_as_utc_and_a_warning(bench):
    checks.is_present_time(bench, away(0).replace(tzinfo=None))

    assert len(bench.warnings) == 1
    assert "no time zone" in bench.warnings[0]


@pytest.mark.parametrize("year", [1, 9999])
@pytest.mark.parametrize("hours", [-14, 14])
def test_a_time_at_the_end_of_all_times_is_a_failure_and_no_crash(bench, year, hours):
    zone = timezone(timedelta(hours=hours))

    with pytest.raises(Failed):
        checks.is_present_time(bench, datetime(year, 1 if year == 1 else 12, 1, tzinfo=zone))


def test_a_transaction_is_told_from_all_others_of_the_station(station):
    checks.is_new_transaction(station, 7)

    with pytest.raises(Failed, match="no other transaction has"):
        checks.is_new_transaction(station, 7)


def test_ids_are_remembered_from_case_to_case(bench):
    checks.is_new_transaction(ChargePoint(bench), 7)

    with pytest.raises(Failed):
        checks.is_new_transaction(ChargePoint(bench), 7)


def test_an_id_that_means_no_transaction_is_a_failure(station):
    with pytest.raises(Failed):
        checks.is_new_transaction(station, -1)


def test_a_request_whose_id_has_come_before_is_a_warning(station):
    checks.is_new_request(station, "GetLog", 1)
    checks.is_new_request(station, "SignedUpdateFirmware", 1)
    assert station.bench.warnings == []

    checks.is_new_request(station, "GetLog", 1)
    assert station.bench.warnings == ["requestId 1 of GetLog has come before"]


@pytest.mark.parametrize("id", [0, -2])
def test_an_id_that_is_only_not_recommended_is_a_warning(station, id):
    checks.is_new_transaction(station, id)

    assert station.bench.warnings == [f"transactionId {id} is not positive"]


def test_another_status_than_expected_is_a_failure(bench):
    with pytest.raises(Failed, match=r"status Expired; came .*Blocked"):
        checks.is_status(bench, IdTagInfo(status=IdTagInfoStatus.BLOCKED), "Expired")


def test_an_accepted_token_that_has_expired_is_a_warning(bench):
    yesterday = datetime.now(UTC) - timedelta(days=1)
    info = IdTagInfo(status=IdTagInfoStatus.ACCEPTED, expiry_date=yesterday)

    checks.is_status(bench, info, "Accepted")

    assert len(bench.warnings) == 1


def test_the_case_of_letters_in_a_token_does_not_matter(bench):
    checks.is_token(bench, "valid", "VALID")

    with pytest.raises(Failed):
        checks.is_token(bench, "VALID2", "VALID")
