"""What is signed, and that nothing else can be (A00.FR.501 to 512)."""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding
from hypothesis import given
from hypothesis import strategies as st

from tests.pki.making import NOON, ec_key, rsa_key
from voltkeep.pki import keys
from voltkeep.pki.issuer import Issuer, Linted, Wish
from voltkeep.pki.profiles import Kind, ProfileConfig, profile
from voltkeep.services.authority import BadCertificate

ROOT = profile(ProfileConfig(kind=Kind.ROOT, days=100))
ISSUER = profile(ProfileConfig(kind=Kind.ISSUER, days=90))
STATION = profile(ProfileConfig(kind=Kind.STATION, days=30))


def wish(kind=STATION, common_name="SN-1", key=None, organization="Operator", hosts=()):
    key = (key or ec_key("wished")).public_key()
    return Wish(
        organization=organization, common_name=common_name, key=key, profile=kind, hosts=hosts
    )


def issuer(key=None, rsa_padding="pkcs1"):
    key = key or ec_key("issuer")
    blank = Issuer(name="root", key=key, chain=(), padding=rsa_padding)
    root = blank.issue(wish(ROOT, "Root", key), NOON)
    return Issuer(name="root", key=key, chain=(root,), padding=rsa_padding)


def test_only_what_was_linted_can_be_signed():
    with pytest.raises(TypeError, match="prepare"):
        Linted(object(), x509.CertificateBuilder(), issuer().chain[0])


def test_what_another_issuer_has_linted_is_not_signed():
    linted = issuer().prepare(wish(), NOON)

    with pytest.raises(BadCertificate, match="not what was linted"):
        issuer(rsa_key()).sign(linted)


def test_a_draft_is_not_signed_with_the_key_that_counts():
    one = issuer()
    linted = one.prepare(wish(), NOON)

    with pytest.raises(InvalidSignature):
        linted.draft.verify_directly_issued_by(one.chain[0])
    one.sign(linted).verify_directly_issued_by(one.chain[0])


@pytest.mark.parametrize(
    "wrong",
    [
        {"common_name": "wss://csms.example/SN-1"},
        {"common_name": "192.0.2.1"},
        {"common_name": "SN\u200b-1"},
        {"common_name": "S" * 65},
        {"common_name": ""},
        {"organization": ""},
        {"organization": "O" * 65},
        {"hosts": ("csms.example",)},
        {"key": ec_key("weak", ec.SECP192R1)},
    ],
)
def test_what_would_break_a_rule_is_not_signed(wrong):
    with pytest.raises(BadCertificate):
        issuer().issue(wish(**wrong), NOON)


def test_a_certificate_is_for_its_purpose_only():
    certificate = issuer().issue(wish(), NOON)
    found = {each.oid: each for each in certificate.extensions}

    assert found[x509.KeyUsage.oid].critical
    assert found[x509.KeyUsage.oid].value.digital_signature
    assert not found[x509.KeyUsage.oid].value.key_cert_sign
    assert found[x509.BasicConstraints.oid].value == x509.BasicConstraints(False, None)
    assert [each.dotted_string for each in found[x509.ExtendedKeyUsage.oid].value] == [
        "1.3.6.1.5.5.7.3.2"
    ]


def test_an_issuer_that_has_expired_issues_nothing():
    with pytest.raises(BadCertificate, match="expired"):
        issuer().issue(wish(), NOON + timedelta(days=101))


def test_an_issuer_below_an_issuer_is_not_made():
    root = issuer()
    below = root.issue(wish(ISSUER, "Issuer", ec_key("below")), NOON)
    between = Issuer(name="ec", key=ec_key("below"), chain=(below, *root.chain), padding="pkcs1")

    with pytest.raises(BadCertificate, match="authorities"):
        between.issue(wish(ISSUER, "Another"), NOON)


@given(days=st.floats(0.01, 3650), later=st.integers(0, 99 * 86_400))
def test_no_certificate_outlives_its_issuer(days, later):
    kind = profile(ProfileConfig(kind=Kind.STATION, days=days))
    certificate = _ISSUER.issue(wish(kind), NOON + timedelta(seconds=later))

    assert certificate.not_valid_after_utc <= _ISSUER.chain[0].not_valid_after_utc
    assert certificate.not_valid_before_utc >= _ISSUER.chain[0].not_valid_before_utc


_ISSUER = issuer()


def test_serial_numbers_are_never_the_same():
    one = issuer()

    assert len({one.issue(wish(), NOON).serial_number for _ in range(50)}) == 50


@pytest.mark.parametrize(
    ("key", "setting", "scheme"),
    [
        (rsa_key(), "pkcs1", padding.PKCS1v15),
        (rsa_key(), "pss", padding.PSS),
        (ec_key(), "pkcs1", ec.ECDSA),
        (ec_key(curve=ec.SECP384R1), "pss", ec.ECDSA),
        (ec_key(curve=ec.SECP521R1), "pss", ec.ECDSA),
    ],
)
def test_keys_sign_as_the_settings_say(key, setting, scheme):
    one = issuer(key, setting)
    certificate = one.issue(wish(), NOON)

    assert isinstance(certificate.signature_algorithm_parameters, scheme)
    assert isinstance(certificate.signature_hash_algorithm, keys.GOOD_HASHES)
    certificate.verify_directly_issued_by(one.chain[0])


@pytest.mark.parametrize("kind", Kind)
def test_nothing_lives_longer_than_its_kind_may(kind):
    with pytest.raises(ValueError, match="at most"):
        profile(ProfileConfig(kind=kind, days=10_000))
