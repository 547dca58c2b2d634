"""The decision at the door: a row for each case (whitepaper A00; certification 2.6)."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from voltkeep.domain.certificates import ClientCertificate, Standing
from voltkeep.domain.identity import station_id
from voltkeep.domain.security import (
    Attempt,
    Rules,
    Shown,
    TlsFault,
    Verdict,
    admit,
    advice,
    pins,
)
from voltkeep.domain.stations import Make, NameCheck, SecurityProfile, Station, Trust

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
OURS, OTHER = station_id("CS-1"), station_id("CS-2")
RULES = Rules(cpo_name="Volt Keepers")
OFF = Rules(cpo_name="Volt Keepers", organization=NameCheck.OFF, common_name=NameCheck.OFF)
NONE, BASIC, TLS, MUTUAL = SecurityProfile


def station(profile, key_hash="hash", *, serial="SN-123", **trust):
    return Station(
        id=OURS,
        security_profile=profile,
        key_hash=key_hash,
        trust=Trust(**trust),
        make=Make(vendor="V", model="M", serial_number=serial),
        created_at=NOON,
    )


def certificate(standing=Standing.TRUSTED, **changes):
    shown = ClientCertificate(
        standing=standing,
        common_names=("SN-123",),
        organizations=("Volt Keepers",),
        serial_number="0a",
        fingerprint="f1",
        issuer_fingerprint="i1",
        is_own=True,
        not_after=NOON,
    )
    return structs.replace(shown, **changes)


def foreign(**changes):
    return certificate(is_own=False, **changes)


def basic(password=Shown.KEY, *, tls=False, user="CS-1", **more):
    return Attempt(tls=tls, user=user, password=password, **more)


def bare(*, tls=False, **more):
    return Attempt(tls=tls, user=None, password=Shown.NOTHING, **more)


def mutual(shown=None, issued_to=OURS, **more):
    shown = shown or certificate()
    return bare(tls=True, certificate=shown, issued_to=issued_to if shown.is_own else None, **more)


def verdict(known, attempt, rules=RULES):
    return admit(known, attempt, rules).verdict


@pytest.mark.parametrize(
    ("known", "attempt", "expected"),
    [
        # Nobody we know, whatever they show.
        (None, basic(), Verdict.UNKNOWN_STATION),
        (None, bare(), Verdict.UNKNOWN_STATION),
        (None, mutual(), Verdict.UNKNOWN_STATION),
        # No profile: only for a station that is marked for it, and only without TLS.
        (station(NONE), bare(), Verdict.ADMITTED),
        (station(NONE), basic(Shown.WRONG), Verdict.ADMITTED),
        (station(NONE), bare(tls=True), Verdict.TLS_NOT_EXPECTED),
        (station(NONE), mutual(), Verdict.TLS_NOT_EXPECTED),
        # Profile 1.
        (station(BASIC), basic(), Verdict.ADMITTED),
        (station(BASIC), basic(Shown.WRONG), Verdict.WRONG_PASSWORD),
        (station(BASIC), basic(Shown.EMPTY), Verdict.EMPTY_PASSWORD),
        (station(BASIC), basic(user="CS-2"), Verdict.WRONG_USER),
        (station(BASIC), basic(user=""), Verdict.WRONG_USER),
        (station(BASIC), basic(user="cs-1"), Verdict.WRONG_USER),
        (station(BASIC), bare(), Verdict.NO_CREDENTIALS),
        (station(BASIC), basic(tls=True), Verdict.TLS_NOT_EXPECTED),
        (station(BASIC), mutual(), Verdict.TLS_NOT_EXPECTED),
        (station(BASIC, None), basic(), Verdict.NO_KEY),
        # Profile 2.
        (station(TLS), basic(tls=True), Verdict.ADMITTED),
        (station(TLS), basic(Shown.WRONG, tls=True), Verdict.WRONG_PASSWORD),
        (station(TLS), basic(Shown.EMPTY, tls=True), Verdict.EMPTY_PASSWORD),
        (station(TLS), basic(tls=True, user="CS-2"), Verdict.WRONG_USER),
        (station(TLS), bare(tls=True), Verdict.NO_CREDENTIALS),
        (station(TLS), basic(), Verdict.TLS_REQUIRED),
        (station(TLS), bare(), Verdict.TLS_REQUIRED),
        (station(TLS, None), basic(tls=True), Verdict.NO_KEY),
        # A certificate at profile 2: no way in, and no harm beside the right password.
        (station(TLS), mutual(), Verdict.CERTIFICATE_NOT_EXPECTED),
        (station(TLS), basic(tls=True, certificate=certificate()), Verdict.ADMITTED),
        (
            station(TLS),
            basic(Shown.WRONG, tls=True, certificate=certificate()),
            Verdict.WRONG_PASSWORD,
        ),
        (
            station(TLS),
            basic(tls=True, certificate=certificate(), demands_certificate=True),
            Verdict.CERTIFICATE_NOT_EXPECTED,
        ),
        # Profile 3: the certificate, and nothing else.
        (station(MUTUAL), mutual(), Verdict.ADMITTED),
        (station(MUTUAL), mutual(demands_certificate=True), Verdict.ADMITTED),
        (station(MUTUAL, None), mutual(), Verdict.ADMITTED),
        (station(MUTUAL), bare(), Verdict.TLS_REQUIRED),
        (station(MUTUAL), basic(), Verdict.TLS_REQUIRED),
        (station(MUTUAL), basic(tls=True), Verdict.CERTIFICATE_REQUIRED),
        (station(MUTUAL), bare(tls=True), Verdict.CERTIFICATE_REQUIRED),
        (station(MUTUAL), mutual(foreign()), Verdict.ADMITTED),
        # Issued to somebody else, or to nobody that we remember.
        (station(MUTUAL), mutual(issued_to=OTHER), Verdict.CERTIFICATE_OF_ANOTHER),
        (station(MUTUAL), mutual(issued_to=None), Verdict.CERTIFICATE_OF_ANOTHER),
        (station(MUTUAL), mutual(foreign(anchored_for=OURS)), Verdict.ADMITTED),
        (station(MUTUAL), mutual(foreign(anchored_for=OTHER)), Verdict.ANCHORED_ELSEWHERE),
    ],
)
def test_the_verdict(known, attempt, expected):
    """A00.FR.001-006, 202-207, 301-304, 401-405."""
    assert verdict(known, attempt) is expected


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        (Standing.UNTRUSTED, Verdict.CERTIFICATE_UNTRUSTED),
        (Standing.EXPIRED, Verdict.CERTIFICATE_EXPIRED),
        (Standing.NOT_YET_VALID, Verdict.CERTIFICATE_NOT_YET_VALID),
        (Standing.REVOKED, Verdict.CERTIFICATE_REVOKED),
        (Standing.REVOCATION_UNKNOWN, Verdict.REVOCATION_UNKNOWN),
        (Standing.WRONG_PURPOSE, Verdict.CERTIFICATE_WRONG_PURPOSE),
        (Standing.WEAK, Verdict.CERTIFICATE_WEAK),
    ],
)
@pytest.mark.parametrize("rules", [RULES, OFF])
def test_a_certificate_that_does_not_stand_is_refused(standing, expected, rules):
    """A00.FR.403, 407, 502, 503, 702-704; whatever is said of names."""
    assert verdict(station(MUTUAL), mutual(certificate(standing)), rules) is expected


def test_every_standing_has_a_verdict():
    for standing in Standing:
        decided = verdict(station(MUTUAL), mutual(certificate(standing)))
        assert (decided is Verdict.ADMITTED) == (standing is Standing.TRUSTED)


@pytest.mark.parametrize(
    ("organizations", "fits"),
    [
        (("Volt Keepers",), True),
        (("Volt Keepers, Inc.",), True),
        (("Maker", "Volt Keepers"), True),
        (("Volt Keepersley",), False),
        (("Volt",), False),
        (("Keepers Volt",), False),
        (("volt keepers",), False),
        (("Volt Keepers\0Evil",), False),
        (("V\u043elt Keepers",), False),
        (("*",), False),
        (("",), False),
        ((), False),
    ],
)
def test_the_organization_must_hold_the_operators_name(organizations, fits):
    """A00.FR.404."""
    decided = verdict(station(MUTUAL), mutual(certificate(organizations=organizations)))

    assert decided is (Verdict.ADMITTED if fits else Verdict.WRONG_ORGANIZATION)


@pytest.mark.parametrize(
    ("common_names", "fits"),
    [
        (("SN-123",), True),
        (("serial: SN-123",), True),
        (("Maker/SN-123",), True),
        (("SN-1234",), False),
        (("ASN-123",), False),
        (("SN-123-4",), False),
        (("SN-123.4",), False),
        (("SN-12",), False),
        (("sn-123",), False),
        (("*",), False),
        (("SN-*",), False),
        (("SN-123\0",), False),
        (("\uff33N-123",), False),
        (("SN-123", "SN-456"), False),
        (("",), False),
        ((), False),
    ],
)
def test_the_common_name_must_hold_the_serial_number(common_names, fits):
    """A00.FR.405: as a whole word, so that no longer number of another station will do."""
    decided = verdict(station(MUTUAL), mutual(certificate(common_names=common_names)))

    assert decided is (Verdict.ADMITTED if fits else Verdict.WRONG_COMMON_NAME)


def test_the_commissioned_serial_number_counts_before_what_the_station_says():
    known = station(MUTUAL, serial_number="SN-9")

    assert verdict(known, mutual()) is Verdict.WRONG_COMMON_NAME
    assert verdict(known, mutual(certificate(common_names=("SN-9",)))) is Verdict.ADMITTED


@pytest.mark.parametrize("serial", [None, "", " "])
def test_without_a_serial_number_only_our_own_certificate_is_bound_to_the_station(serial):
    known = station(MUTUAL, serial=serial)

    assert verdict(known, mutual(foreign())) is Verdict.NO_SERIAL_NUMBER
    assert verdict(known, mutual()) is Verdict.ADMITTED
    assert verdict(known, mutual(issued_to=OTHER)) is Verdict.CERTIFICATE_OF_ANOTHER


@pytest.mark.parametrize(
    ("trust", "expected"),
    [
        ({"organization": NameCheck.OFF}, Verdict.ADMITTED),
        (
            {"organization": NameCheck.VALUE, "organization_value": "Maker"},
            Verdict.ADMITTED,
        ),
        (
            {"organization": NameCheck.VALUE, "organization_value": "Other"},
            Verdict.WRONG_ORGANIZATION,
        ),
        ({"organization": NameCheck.VALUE}, Verdict.WRONG_ORGANIZATION),
        ({}, Verdict.WRONG_ORGANIZATION),
    ],
)
def test_a_station_may_have_its_own_rule_for_the_organization(trust, expected):
    shown = foreign(organizations=("Maker GmbH",))

    assert verdict(station(MUTUAL, **trust), mutual(shown)) is expected


@pytest.mark.parametrize(
    ("trust", "expected"),
    [
        ({"common_name": NameCheck.OFF}, Verdict.ADMITTED),
        ({"common_name": NameCheck.VALUE, "common_name_value": "wallbox 7"}, Verdict.ADMITTED),
        (
            {"common_name": NameCheck.VALUE, "common_name_value": "wallbox"},
            Verdict.ADMITTED,
        ),
        (
            {"common_name": NameCheck.VALUE, "common_name_value": "wallbox 8"},
            Verdict.WRONG_COMMON_NAME,
        ),
        ({"common_name": NameCheck.VALUE}, Verdict.WRONG_COMMON_NAME),
        ({}, Verdict.WRONG_COMMON_NAME),
    ],
)
def test_a_station_may_have_its_own_rule_for_the_common_name(trust, expected):
    shown = foreign(common_names=("wallbox 7",))

    assert verdict(station(MUTUAL, **trust), mutual(shown)) is expected


def test_where_names_are_not_looked_at_the_first_foreign_certificate_is_the_only_one():
    first, second = foreign(fingerprint="f1"), foreign(fingerprint="f2")
    fresh, pinned = station(MUTUAL), station(MUTUAL, pin="f1")

    assert verdict(fresh, mutual(first), OFF) is Verdict.ADMITTED
    assert pins(fresh, mutual(first), OFF)
    assert verdict(pinned, mutual(first), OFF) is Verdict.ADMITTED
    assert not pins(pinned, mutual(first), OFF)
    assert verdict(pinned, mutual(second), OFF) is Verdict.NOT_THE_PINNED
    # One that we issued to this station needs no pin, and one of another's is never taken.
    own = certificate(fingerprint="f3")
    assert verdict(pinned, mutual(own), OFF) is Verdict.ADMITTED
    assert not pins(fresh, mutual(own), OFF)
    assert verdict(fresh, mutual(own, issued_to=OTHER), OFF) is Verdict.CERTIFICATE_OF_ANOTHER
    # Where names are checked nothing is pinned.
    assert not pins(fresh, mutual(first), RULES)


@pytest.mark.parametrize(
    ("now", "asked", "attempt", "expected", "profile"),
    [
        (BASIC, TLS, basic(), Verdict.ADMITTED, BASIC),
        (BASIC, TLS, basic(tls=True), Verdict.ADMITTED, TLS),
        (BASIC, TLS, basic(Shown.WRONG, tls=True), Verdict.WRONG_PASSWORD, None),
        (BASIC, TLS, basic(Shown.WRONG), Verdict.WRONG_PASSWORD, None),
        (TLS, MUTUAL, basic(tls=True), Verdict.ADMITTED, TLS),
        (TLS, MUTUAL, mutual(), Verdict.ADMITTED, MUTUAL),
        (TLS, MUTUAL, mutual(issued_to=OTHER), Verdict.CERTIFICATE_OF_ANOTHER, None),
        (TLS, MUTUAL, basic(), Verdict.TLS_REQUIRED, None),
        (NONE, BASIC, bare(), Verdict.ADMITTED, NONE),
        # A lower one is never asked for, whatever the record says (A00.FR.005, A05.FR.09).
        (TLS, BASIC, basic(), Verdict.TLS_REQUIRED, None),
        (BASIC, NONE, bare(), Verdict.NO_CREDENTIALS, None),
        (MUTUAL, TLS, basic(tls=True), Verdict.CERTIFICATE_REQUIRED, None),
    ],
)
def test_while_a_higher_profile_is_asked_for_both_count(now, asked, attempt, expected, profile):
    """A05.FR.08: the station falls back if it cannot connect with the higher one."""
    decision = admit(station(now, next_profile=asked), attempt, RULES)

    assert (decision.verdict, decision.profile) == (expected, profile)


def test_after_the_upgrade_the_lower_profile_is_refused():
    """A05.FR.09, TC_083."""
    assert verdict(station(TLS), basic()) is Verdict.TLS_REQUIRED
    assert verdict(station(MUTUAL), basic(tls=True)) is Verdict.CERTIFICATE_REQUIRED


def test_while_a_key_is_on_its_way_both_count():
    """A01.FR.03, 04: the answer was lost, and the station may have either."""
    known = station(BASIC, next_key_hash="next")

    assert verdict(known, basic(Shown.KEY)) is Verdict.ADMITTED
    assert verdict(known, basic(Shown.NEXT_KEY)) is Verdict.ADMITTED
    assert verdict(known, basic(Shown.WRONG)) is Verdict.WRONG_PASSWORD
    first = station(BASIC, None, next_key_hash="next")
    assert verdict(first, basic(Shown.NEXT_KEY)) is Verdict.ADMITTED


ATTEMPTS = st.builds(
    Attempt,
    tls=st.booleans(),
    user=st.sampled_from([None, "", "CS-1", "CS-2"]),
    password=st.sampled_from(Shown),
    demands_certificate=st.booleans(),
    certificate=st.none() | st.sampled_from(Standing).map(certificate),
    issued_to=st.sampled_from([None, OURS, OTHER]),
)


@given(
    profile=st.sampled_from(SecurityProfile),
    asked=st.sampled_from([None, *SecurityProfile]),
    attempt=ATTEMPTS,
    check=st.sampled_from(NameCheck),
)
def test_nobody_is_let_in_with_less_than_a_profile_demands(profile, asked, attempt, check):
    rules = Rules(cpo_name="Volt Keepers", organization=check, common_name=check)
    decision = admit(station(profile, next_profile=asked), attempt, rules)

    assert (decision.verdict is Verdict.ADMITTED) == (decision.profile is not None)
    if decision.profile is None:
        return
    assert decision.profile in (profile, asked)
    assert decision.profile >= profile
    assert attempt.tls == (decision.profile >= TLS)
    if decision.profile in (BASIC, TLS):
        assert attempt.user == "CS-1"
        assert attempt.password in (Shown.KEY, Shown.NEXT_KEY)
    if decision.profile is MUTUAL:
        assert attempt.certificate is not None
        assert attempt.certificate.standing is Standing.TRUSTED
        assert attempt.issued_to == OURS


def test_every_refusal_comes_with_advice():
    for reason in (*Verdict, *TlsFault):
        if reason is not Verdict.ADMITTED:
            assert advice(reason, OURS), reason
            assert "{" not in advice(reason, OURS)
    assert "CS-1" in advice(Verdict.UNKNOWN_STATION, OURS)
    assert "STATION" in advice(Verdict.UNKNOWN_STATION)
    assert advice("no such words") == ""


def test_advice_can_be_typed_into_a_shell():
    """A name may hold what a shell would take for more; the user name has no tenant."""
    doubled = advice(Verdict.UNKNOWN_STATION, station_id("A-1", "A-1"))
    assert "enter the address without" in doubled
    assert doubled.endswith("voltkeep station add A-1/A-1")
    assert "add 'other/A (1)#'" in advice(Verdict.UNKNOWN_STATION, station_id("A (1)#", "other"))
    assert advice(Verdict.WRONG_USER, station_id("A 1", "other")).endswith(": A 1")


@pytest.mark.parametrize("reason", [Verdict.TLS_REQUIRED, Verdict.CERTIFICATE_REQUIRED])
def test_nobody_is_advised_to_lower_a_profile_for_whoever_shows_less(reason):
    """A00.FR.005: one that shows less than it should may be somebody else."""
    said = advice(reason, OURS)

    assert "--security-profile" not in said
    assert "somebody else may be using its name, or it was reset" in said


def test_advice_names_the_command_for_what_is_not_known_yet():
    said = advice(Verdict.NO_SERIAL_NUMBER, OURS)

    assert "voltkeep certificate expect CS-1 --serial-number SN" in said


def test_who_left_its_password_behind_as_asked_is_missing_a_certificate():
    """A05: on its way to profile 3, at an address where no certificate is asked for."""
    waiting = station(SecurityProfile.TLS_BASIC, next_profile=SecurityProfile.TLS_CERTIFICATE)

    assert verdict(waiting, bare(tls=True)) is Verdict.CERTIFICATE_AWAITED
    assert verdict(waiting, bare()) is Verdict.TLS_REQUIRED
    assert verdict(waiting, basic(Shown.WRONG, tls=True)) is Verdict.WRONG_PASSWORD
    assert "password" not in advice(Verdict.CERTIFICATE_AWAITED, OURS)
