"""The buckets of `reference/security.md` §2.4, with the time passed in."""

import ipaddress

import pytest

from voltkeep.domain.identity import station_id
from voltkeep.gateway.admission import Turnstile, is_in
from voltkeep.gateway.limits import Limits
from voltkeep.services.rates import Buckets, Rate, source

CS, OTHER = station_id("CS-1"), station_id("CS-2")
HERE, THERE = "192.0.2.1", "198.51.100.7"
MINUTE, HOUR = 60.0, 3600.0


@pytest.fixture
def admission():
    return Turnstile(Limits())


def fail(admission, times, *, host=HERE, station=CS, now=0.0):
    """So many failures, one after the other, of which none is kept waiting."""
    failed = []
    for _ in range(times):
        attempt = admission.begin(host, station, now)
        failed.append(admission.failed(attempt, now))
        admission.end(attempt, now)
    return failed


def waits(admission, host=HERE, station=CS, now=0.0):
    attempt = admission.begin(host, station, now)
    admission.end(attempt, now)
    return attempt.wait


def seconds(admission, host=HERE, station=CS, now=0.0):
    wait = waits(admission, host, station, now)
    return wait.seconds if wait else 0.0


def test_a_bucket_fills_up_again_and_no_further():
    bucket: Buckets[str] = Buckets(Rate(2, 1))

    assert [bucket.take("a", 0.0) for _ in range(3)] == [True, True, False]
    assert bucket.wait("a", 0.0) == 1.0
    assert bucket.take("a", 1.0)
    assert [bucket.take("a", 100.0) for _ in range(3)] == [True, True, False]
    assert bucket.take("b", 0.0)


def test_time_that_goes_back_fills_nothing():
    bucket: Buckets[str] = Buckets(Rate(1, 1))

    assert bucket.take("a", 10.0)
    assert not bucket.take("a", 5.0)


def test_memory_is_bounded():
    bucket: Buckets[int] = Buckets(Rate(1, 1), at_most=10)
    for key in range(1000):
        bucket.take(key, 0.0)

    assert len(bucket) == 10


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
    ],
)
def test_a_source_is_an_address_or_an_ipv6_network(host, expected):
    assert source(host) == expected


def test_networks_hold_ipv4_in_the_clothes_of_ipv6():
    networks = [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("::1/128")]

    assert is_in("::ffff:10.1.2.3", networks)
    assert is_in("::1", networks)
    assert not is_in("192.0.2.1", networks)
    assert not is_in("no address", networks)


def test_a_source_may_open_so_many_connections(admission):
    assert sum(admission.accepts(HERE, 0.0) for _ in range(100)) == 50
    assert admission.accepts(THERE, 0.0)
    assert sum(admission.accepts(HERE, 1.0) for _ in range(100)) == 20


def test_the_addresses_of_one_ipv6_network_share_a_bucket(admission):
    assert sum(admission.accepts(f"2001:db8::{each:x}", 0.0) for each in range(100)) == 50


def test_an_unlimited_source_may_open_any_number():
    limits = Limits(unlimited_sources=(ipaddress.IPv4Network("192.0.2.0/24"),))
    admission = Turnstile(limits)

    assert all(admission.accepts(HERE, 0.0) for _ in range(1000))


def test_five_failures_are_free_and_then_the_waits_grow_to_an_hour(admission):
    fail(admission, 4)
    assert seconds(admission, HERE, CS, 0.0) == 0.0
    told, now = [], 0.0
    for _ in range(9):
        fail(admission, 1, now=now)
        told.append(seconds(admission, HERE, CS, now))
        now += told[-1]

    assert told == [MINUTE * 2**each for each in range(6)] + [HOUR] * 3
    assert seconds(admission, HERE, CS, now) == 0.0  # the wait is over: one more try


def test_a_failure_from_elsewhere_or_of_another_does_not_count(admission):
    fail(admission, 6)

    assert seconds(admission, THERE, CS, 0.0) == 0.0
    assert seconds(admission, HERE, OTHER, 0.0) == 0.0
    assert waits(admission).is_own


def test_the_right_credentials_end_a_row_of_failures(admission):
    fail(admission, 6)
    attempt = admission.begin(HERE, CS, MINUTE * 2)
    admission.succeeded(attempt)
    admission.end(attempt, MINUTE * 2)

    assert seconds(admission, HERE, CS, 0.0) == 0.0


def test_what_did_not_fail_is_given_back_as_it_was(admission):
    fail(admission, 5)
    before = seconds(admission, now=1.0)
    for _ in range(100):
        attempt = admission.begin(HERE, CS, MINUTE)
        assert attempt.wait is None
        admission.end(attempt, MINUTE)
        admission.end(attempt, MINUTE)

    assert seconds(admission, now=1.0) == before == MINUTE - 1.0
    assert seconds(admission, THERE, OTHER) == 0.0
    assert len(admission._rows) == 1
    assert not admission._under_way


@pytest.mark.parametrize("failed_before", [0, 4, 5, 7])
def test_what_is_under_way_counts_as_failed(failed_before):
    """ASVS 15.4.2. After a wait there is one more try, however many come at once."""
    admission = Turnstile(Limits(attempts_at_once=100))
    fail(admission, failed_before)
    under_way = [admission.begin(HERE, CS, HOUR) for _ in range(100)]

    tried = [attempt for attempt in under_way if attempt.wait is None]
    assert len(tried) == max(1, 5 - failed_before)
    assert all(each.wait.is_own for each in under_way if each.wait)
    for attempt in tried:
        admission.failed(attempt, HOUR)
    assert not admission.failed(admission.begin(THERE, CS, HOUR), HOUR).is_guessing
    expected = MINUTE * 2 ** max(0, failed_before - 4)
    assert seconds(admission, now=HOUR) == expected


def test_only_so_many_attempts_of_one_identity_are_under_way(admission):
    begun = [admission.begin(f"192.0.2.{n}", CS, 0.0) for n in range(10)]
    assert [attempt.wait is None for attempt in begun] == [True] * 2 + [False] * 8
    assert not any(attempt.wait.is_own for attempt in begun[2:])
    assert admission.begin(HERE, OTHER, 0.0).wait is None

    for attempt in begun:
        admission.end(attempt, 0.0)
    assert seconds(admission, THERE) == 0.0


def test_what_an_operator_changed_may_be_tried_at_once(admission):
    fail(admission, 30)
    admission.forgive(CS, 1.0)
    assert seconds(admission, HERE, CS, 1.0) == 0.0

    fail(admission, 5, now=2.0)
    assert seconds(admission, HERE, CS, 2.0) == MINUTE


def test_failures_are_forgotten(admission):
    fail(admission, 6)

    fail(admission, 1, now=3 * HOUR)
    assert seconds(admission, HERE, CS, 3 * HOUR) == 0.0


def test_one_identity_fails_so_often_from_everywhere(admission):
    """Hostile row 14: spread over many addresses. The alert is one."""
    alarms = [
        fail(admission, 1, host=f"10.0.{each // 250}.{each % 250}")[0].is_guessing
        for each in range(500)
    ]

    assert alarms.index(True) == 19
    assert sum(alarms) == 1
    assert seconds(admission, THERE, CS, 0.0) == pytest.approx(6.0)
    assert not waits(admission, THERE).is_own
    assert seconds(admission, THERE, OTHER, 0.0) == 0.0


def test_a_source_that_tries_many_identities_is_told_once_and_blocked(admission):
    """Hostile row 15: CP0000 to CP9999."""
    alarms = [
        fail(admission, 1, station=station_id(f"CP{each:04}"))[0].is_enumeration
        for each in range(10_000)
    ]

    assert sum(alarms) == 1
    assert 40 <= alarms.index(True) <= 60  # fifty, as far as hashes tell them apart
    assert seconds(admission, HERE, station_id("ANY"), 0.0) == 600.0
    assert seconds(admission, THERE, station_id("ANY"), 0.0) == 0.0
    assert seconds(admission, HERE, station_id("ANY"), 601.0) == 0.0


def test_one_identity_tried_often_is_no_enumeration(admission):
    assert not any(each.is_enumeration for each in fail(admission, 1000))


def test_stations_that_come_back_at_once_stand_in_line():
    admission = Turnstile(Limits(upgrades_per_s=10, upgrade_wait_s=2.0))
    turns = [admission.turn(0.0, is_known=True) for _ in range(40)]

    let_in = [turn for turn in turns if turn is not None]
    assert let_in[:10] == [0.0] * 10
    assert let_in == sorted(let_in)
    assert len(let_in) == 30
    assert max(let_in) <= 2.0
    assert admission.turn(1.0, is_known=True) is not None


def test_a_part_of_the_line_is_for_stations_that_were_here_lately():
    admission = Turnstile(Limits(upgrades_per_s=10, upgrade_wait_s=2.0))

    assert sum(admission.turn(0.0, is_known=False) is not None for _ in range(100)) == 20
    assert sum(admission.turn(0.0, is_known=True) is not None for _ in range(100)) == 10


def test_who_is_told_to_come_later_takes_nobodys_turn():
    admission = Turnstile(Limits(upgrades_per_s=10, upgrade_wait_s=0.0))
    for _ in range(1000):
        admission.turn(0.0, is_known=True)

    assert admission.turn(0.1, is_known=True) == pytest.approx(0.0)
