"""Who is told what is revoked: lists and OCSP answers (A00.FR.702, 704; hostile row 65)."""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from tests.pki.making import NOON, SETTINGS, Party, client, ec_key, name, openssl, request, rsa_key
from voltkeep.domain.certificates import CertificateState, HashAlgorithm, RevocationReason
from voltkeep.services.authority import BadCertificate

KEYS = {"ec": ec_key(), "rsa": rsa_key()}
each_family = pytest.mark.parametrize("family", ["ec", "rsa"])


def issue(authority, family="ec"):
    return authority.sign_station(
        request(key=KEYS[family]), organization="Operator", common_name="SN-1", at=NOON
    )


def revoked(certificate, reason=RevocationReason.KEY_COMPROMISE):
    return structs.replace(
        certificate,
        state=CertificateState.REVOKED,
        revoked_at=NOON + timedelta(hours=1),
        revocation_reason=reason,
    )


def chain(certificate):
    return x509.load_pem_x509_certificates(certificate.pem.encode())


def ask(certificate, algorithm=None, nonce=None):
    leaf, issuer = chain(certificate)
    builder = ocsp.OCSPRequestBuilder().add_certificate(leaf, issuer, algorithm or hashes.SHA1())
    if nonce:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


@each_family
def test_the_list_of_an_issuer_holds_what_it_has_revoked(authority, family):
    bad, good = revoked(issue(authority, family)), issue(authority, family)
    other = revoked(issue(authority, "rsa" if family == "ec" else "ec"))

    listed = x509.load_der_x509_crl(authority.crl(family, [bad, good, other], NOON))

    assert [format(each.serial_number, "x") for each in listed] == [bad.id]
    entry = listed[0]
    assert entry.revocation_date_utc == NOON + timedelta(hours=1)
    reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    assert reason is x509.ReasonFlags.key_compromise
    assert listed.next_update_utc == NOON + timedelta(days=1)
    assert listed.is_signature_valid(chain(bad)[1].public_key())


def test_later_lists_have_higher_numbers(authority):
    numbers = [
        x509.load_der_x509_crl(authority.crl("ec", [], at))
        .extensions.get_extension_for_class(x509.CRLNumber)
        .value.crl_number
        for at in (NOON, NOON + timedelta(seconds=1))
    ]

    assert numbers[0] < numbers[1]


def test_an_unspecified_reason_is_left_out(authority):
    """RFC 5280, 5.3.1."""
    bad = revoked(issue(authority), RevocationReason.UNSPECIFIED)

    listed = x509.load_der_x509_crl(authority.crl("ec", [bad], NOON))

    assert list(listed[0].extensions) == []


def test_the_root_lists_while_its_key_is_here(authority, files, opened):
    authority.crl("root", [], NOON)
    files.remove("root.key")

    with pytest.raises(LookupError):
        opened().crl("root", [], NOON)
    with pytest.raises(LookupError):
        authority.crl("nobody", [], NOON)


@each_family
def test_openssl_reads_our_lists(authority, family, tmp_path):
    bad, good = revoked(issue(authority, family)), issue(authority, family)
    at = int((NOON + timedelta(hours=2)).timestamp())
    crl = x509.load_der_x509_crl(authority.crl(family, [bad], NOON))
    for file, content in {
        "bad.pem": bad.pem,
        "good.pem": good.pem,
        "cas.pem": authority.ca_bundle(),
        "crl.pem": crl.public_bytes(Encoding.PEM).decode(),
    }.items():
        (tmp_path / file).write_text(content)
    said = openssl("crl", "-in", "crl.pem", "-noout", "-text", cwd=tmp_path)
    options = ("-CAfile", "cas.pem", "-CRLfile", "crl.pem", "-crl_check", "-attime", at)

    assert "Key Compromise" in said
    assert "good.pem: OK" in openssl("verify", *options, "good.pem", cwd=tmp_path)
    with pytest.raises(AssertionError, match="certificate revoked"):
        openssl("verify", *options, "bad.pem", cwd=tmp_path)


@pytest.mark.parametrize(
    "algorithm", [hashes.SHA1(), hashes.SHA256(), hashes.SHA384(), hashes.SHA512()]
)
@each_family
def test_ocsp_tells_good_revoked_and_unknown(authority, family, algorithm):
    certificate = issue(authority, family)
    asked = ask(certificate, algorithm)

    def status(*known):
        answer = ocsp.load_der_ocsp_response(authority.ocsp(asked, known, NOON))
        return answer.certificate_status

    assert list(authority.ocsp_asks(asked)) == [certificate.id]
    assert status(certificate) is ocsp.OCSPCertStatus.GOOD
    assert status(revoked(certificate)) is ocsp.OCSPCertStatus.REVOKED
    assert status() is ocsp.OCSPCertStatus.UNKNOWN
    assert status(structs.replace(certificate, issuer="other")) is ocsp.OCSPCertStatus.UNKNOWN


@pytest.mark.parametrize("padding", ["pkcs1", "pss"])
@each_family
def test_openssl_believes_our_answers(opened, family, padding, tmp_path):
    authority = opened(structs.replace(SETTINGS, rsa_padding=padding))
    certificate = issue(authority, family)
    leaf, issuer = chain(certificate)
    for file, each in (("leaf.pem", leaf), ("issuer.pem", issuer)):
        (tmp_path / file).write_bytes(each.public_bytes(Encoding.PEM))
    (tmp_path / "root.pem").write_text(authority.root.pem)
    files = ("-issuer", "issuer.pem", "-sha256", "-cert", "leaf.pem")
    openssl("ocsp", *files, "-reqout", "asked", cwd=tmp_path)
    asked = (tmp_path / "asked").read_bytes()
    (tmp_path / "answer").write_bytes(authority.ocsp(asked, [revoked(certificate)], NOON))

    said = openssl(
        *("ocsp", "-reqin", "asked", "-no_nonce", "-respin", "answer", *files),
        *("-CAfile", "root.pem", "-verify_other", "issuer.pem"),
        *("-attime", int(NOON.timestamp()), "-validity_period", 10**9),
        cwd=tmp_path,
    )

    assert "Response verify OK" in said
    assert "nonce" not in said
    assert "leaf.pem: revoked" in said


def test_a_nonce_comes_back(authority):
    certificate = issue(authority)
    answer = authority.ocsp(ask(certificate, nonce=b"n" * 32), [certificate], NOON)

    parsed = ocsp.load_der_ocsp_response(answer)
    nonce = parsed.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce

    assert nonce == b"n" * 32


def test_our_own_certificates_are_known(authority):
    server = next(each for each in authority.certificates() if each.profile == "server")

    answer = ocsp.load_der_ocsp_response(authority.ocsp(ask(server), [], NOON))

    assert answer.certificate_status is ocsp.OCSPCertStatus.GOOD


def test_a_certificate_of_others_is_none_of_our_business(authority):
    other = Party(name("Other"))
    leaf = client(other)
    asked = (
        ocsp.OCSPRequestBuilder()
        .add_certificate(leaf.certificate, other.certificate, hashes.SHA256())
        .build()
        .public_bytes(Encoding.DER)
    )

    answer = ocsp.load_der_ocsp_response(authority.ocsp(asked, [], NOON))

    assert answer.response_status is ocsp.OCSPResponseStatus.UNAUTHORIZED


@given(st.binary(max_size=1000))
def test_what_is_no_request_is_told_so(made_authority, octets):
    answer = ocsp.load_der_ocsp_response(made_authority.ocsp(octets, [], NOON))

    assert answer.response_status is ocsp.OCSPResponseStatus.MALFORMED_REQUEST
    with pytest.raises(BadCertificate):
        made_authority.ocsp_asks(octets)


def test_a_nonce_too_long_is_malformed(authority):
    asked = ask(issue(authority), nonce=b"n" * 129)

    answer = ocsp.load_der_ocsp_response(authority.ocsp(asked, [], NOON))

    assert answer.response_status is ocsp.OCSPResponseStatus.MALFORMED_REQUEST


@pytest.mark.parametrize(
    ("algorithm", "function"),
    [
        (HashAlgorithm.SHA256, hashes.SHA256()),
        (HashAlgorithm.SHA384, hashes.SHA384()),
        (HashAlgorithm.SHA512, hashes.SHA512()),
    ],
)
def test_a_root_is_called_as_ocsp_calls_it(authority, algorithm, function):
    """Whitepaper 5.1, edition 3: hashes of the issuer's name in DER, and of its key's bits."""
    root = x509.load_pem_x509_certificate(authority.root.pem.encode())
    digest = hashes.Hash(function)
    digest.update(root.issuer.public_bytes())

    called = authority.hash_data(authority.root.pem, algorithm)

    assert called.issuer_name_hash == digest.finalize().hex()
    assert called.serial_number == format(root.serial_number, "x")
    assert len(called.issuer_key_hash) == 2 * function.digest_size


def test_what_a_root_is_called_is_what_openssl_calls_it(authority, tmp_path):
    (tmp_path / "root.pem").write_text(authority.root.pem)
    called = authority.hash_data(authority.root.pem, HashAlgorithm.SHA256)

    said = openssl(
        *("ocsp", "-sha256", "-issuer", "root.pem", "-cert", "root.pem", "-req_text"), cwd=tmp_path
    )

    assert called.issuer_name_hash.upper() in said
    assert called.issuer_key_hash.upper() in said
    assert called.serial_number.upper() in said


def test_what_has_no_known_issuer_is_called_nothing(authority):
    between = Party(name("Between"), Party(name("Unknown")))

    with pytest.raises(BadCertificate, match="issuer"):
        authority.hash_data(between.pem, HashAlgorithm.SHA256)
    with pytest.raises(BadCertificate, match="not one"):
        authority.hash_data("", HashAlgorithm.SHA256)
