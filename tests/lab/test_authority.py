"""The laboratory's own authority: what it issues is right, but for the one thing that is wrong."""

import datetime as dt
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.x509.oid import ExtendedKeyUsageOID
from msgspec import structs

from voltkeep.lab import tls
from voltkeep.lab.authority import Authority, forged
from voltkeep.sim.trust import is_own, leads_to, parse

NOW = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)
ORGANIZATION = "An operator"


@pytest.fixture
def authority():
    return Authority(NOW, ORGANIZATION)


def leads(authority, shown):
    (leaf,) = parse(shown.certificate)
    return leads_to(leaf, [], list(parse(authority.root)), NOW)


def broken(pem):
    return [rule.expected for rule in tls.rules(parse(pem)[0], NOW) if not rule.holds]


def revoked(authority):
    return x509.load_pem_x509_crl(authority.revocation_list().encode())


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_a_station_is_given_all_that_the_whitepaper_asks_for(authority, kind):
    shown = authority.station("SN-1", kind)
    (leaf,) = parse(shown.certificate)

    assert broken(shown.certificate) == []
    assert leads(authority, shown)
    assert is_own(shown.certificate, shown.private_key)
    assert (tls.common_names(leaf), tls.organizations(leaf)) == (["SN-1"], [ORGANIZATION])
    assert tls.key_of(leaf)[0].lower() == kind
    purposes = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert [*purposes] == [ExtendedKeyUsageOID.CLIENT_AUTH]


def test_an_expired_certificate_is_wrong_in_nothing_else(authority):
    shown = authority.expired("SN-1")

    assert broken(shown.certificate) == ["a certificate that is valid now"]
    assert leads(authority, shown)
    assert is_own(shown.certificate, shown.private_key)


def test_a_revoked_certificate_is_on_the_list_and_wrong_in_nothing_else(authority):
    good, shown = authority.station("SN-1"), authority.revoked("SN-1")

    assert broken(shown.certificate) == []
    assert leads(authority, shown)
    on_list = revoked(authority)
    numbers = [parse(each.certificate)[0].serial_number for each in (good, shown)]
    found = [on_list.get_revoked_certificate_by_serial_number(each) for each in numbers]
    assert found[0] is None
    assert found[1] is not None


def test_the_list_is_signed_by_the_authority_and_in_force(authority):
    on_list = revoked(authority)
    (root,) = parse(authority.root)

    assert on_list.is_signature_valid(root.public_key())
    assert on_list.issuer == root.subject
    assert on_list.last_update_utc <= NOW <= on_list.next_update_utc


def test_roots_are_authorities_and_each_another(authority):
    roots = [parse(pem)[0] for pem in (authority.root, authority.another_root("Another"))]

    for root in roots:
        root.verify_directly_issued_by(root)
        assert root.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        assert root.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
        assert broken(authority.root) == []
    assert roots[0].public_key() != roots[1].public_key()
    assert leads_to(roots[1], [], [roots[0]], NOW) is False


def test_firmware_is_signed_by_the_key_of_its_certificate(authority):
    pem, signature = authority.firmware_signature(b"firmware")
    (certificate,) = parse(pem)
    salted = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256.digest_size)

    key: Any = certificate.public_key()
    key.verify(signature, b"firmware", salted, hashes.SHA256())

    assert broken(pem) == []
    certificate.verify_directly_issued_by(parse(authority.root)[0])


def test_pem_has_lines_that_end_in_lf(authority):
    shown = authority.revoked("SN-1")
    texts = (authority.root, shown.certificate, shown.private_key, authority.revocation_list())

    assert not any("\r" in text for text in texts)


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_only_its_signature_tells_a_forged_certificate_from_the_one_it_was_made_from(
    authority, kind
):
    own = authority.station("SN-1", kind)
    shown = forged(structs.replace(own, certificate=own.certificate + authority.root))
    (leaf,), (forgery, *above) = parse(own.certificate), parse(shown.certificate)

    assert above == [*parse(authority.root)]
    assert is_own(shown.certificate, shown.private_key)
    assert forgery.public_key() != leaf.public_key()
    for name in ("subject", "issuer", "serial_number", "not_valid_before_utc"):
        assert getattr(forgery, name) == getattr(leaf, name)
    assert [*forgery.extensions] == [*leaf.extensions]
    assert broken(shown.certificate) == []
    assert leads_to(leaf, [], above, NOW)
    assert not leads_to(forgery, [], above, NOW)
