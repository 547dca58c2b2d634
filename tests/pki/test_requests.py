"""What a station may ask to have signed (A02, A00.FR.501 to 511; hostile row 64)."""

import base64
import re

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from tests.pki.making import CLIENT, SERVER, ec_key, name, openssl, request, rsa_key, usage
from voltkeep.pki import keys, requests
from voltkeep.services.authority import BadCertificate

ANY = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])


def san(*names):
    return ((x509.SubjectAlternativeName(names), False),)


@pytest.mark.parametrize(
    ("key", "kind", "bits"),
    [
        (ec_key(), "ec", 256),
        (ec_key(curve=ec.SECP384R1), "ec", 384),
        (ec_key(curve=ec.SECP224R1), "ec", 224),
        (ec_key(curve=ec.BrainpoolP256R1), "ec", 256),
        (rsa_key(), "rsa", 2048),
        (rsa_key(3072), "rsa", 3072),
    ],
)
def test_keys_of_112_bits_of_security_are_taken(key, kind, bits):
    asked, _ = requests.read(request(key=key))

    assert (asked.common_name, asked.organization) == ("SN-1", "Operator")
    assert (asked.key_kind, asked.key_bits) == (kind, bits)


@pytest.mark.parametrize(
    "change",
    [
        lambda pem: pem.replace("\n", "\r\n"),
        lambda pem: f"\r\n {pem}\n\n",
        lambda pem: pem.strip(),
        lambda pem: pem.replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"),
        lambda pem: re.sub(r"(?<=[^-\n])\n(?=[^-])", "", pem),
    ],
    ids=["crlf", "spaces around", "no line end", "the old label", "one long line"],
)
def test_line_ends_and_spaces_do_not_matter(change):
    assert requests.read(change(request()))[0].common_name == "SN-1"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda pem: pem + "junk", "nothing before and after"),
        (lambda pem: "junk\n" + pem, "nothing before and after"),
        (lambda pem: pem + pem, "not one"),
        (lambda pem: pem + "\0", "not one"),
        (lambda pem: pem.replace("REQUEST", "REQUESTS"), "a certificate request is needed"),
        (lambda pem: pem.replace("END CERT", "END CRT"), "not one"),
        (lambda pem: pem.replace("\nM", "\n=M", 1), "no base64"),
        (lambda pem: pem.replace("\nM", "\n", 1), "no certificate request|no base64"),
        (lambda pem: pem + "\n" * 1_000_000, "5500"),
        (lambda pem: pem.replace("\n", "\\n"), "not one"),
        (lambda _: "", "not one"),
        (lambda _: "-----BEGIN CERTIFICATE REQUEST-----\n" * 50, "not one"),
    ],
)
def test_anything_but_one_request_is_refused(change, why):
    with pytest.raises(BadCertificate, match=why):
        requests.read(change(request()))


def test_octets_after_the_request_are_refused():
    der = base64.b64decode("".join(request().splitlines()[1:-1])) + b"junk"
    armoured = base64.encodebytes(der).decode()

    with pytest.raises(BadCertificate):
        requests.read(
            f"-----BEGIN CERTIFICATE REQUEST-----\n{armoured}-----END CERTIFICATE REQUEST-----\n"
        )


def test_a_request_signed_with_another_key_is_refused():
    pem = request()
    der = bytearray(base64.b64decode("".join(pem.splitlines()[1:-1])))
    der[-1] ^= 1

    with pytest.raises(BadCertificate, match=r"not made with its own key|cannot be read"):
        requests.read(
            "-----BEGIN CERTIFICATE REQUEST-----\n"
            + base64.encodebytes(der).decode()
            + "-----END CERTIFICATE REQUEST-----\n"
        )


@pytest.mark.parametrize("bits", [512, 1024, 2040])
def test_an_rsa_key_too_weak_is_refused(tmp_path, bits):
    key, out = tmp_path / "key.pem", tmp_path / "csr.pem"
    openssl("genrsa", "-out", key, bits)
    openssl("req", "-new", "-key", key, "-subj", "/O=Operator/CN=SN-1", "-out", out)

    with pytest.raises(BadCertificate, match=f"{bits} bits|cannot be read"):
        requests.read(out.read_text())


def test_an_rsa_key_that_takes_long_to_check_is_refused():
    """One of 16 k bits takes minutes to make; its public half is any odd number."""
    key = rsa.RSAPublicNumbers(65_537, (1 << 8192) + 1).public_key()

    assert "8193 bits" in keys.weakness(key)


def test_an_rsa_key_with_a_small_exponent_is_refused():
    with pytest.raises(BadCertificate, match="exponent"):
        requests.read(request(key=rsa.generate_private_key(3, 2048)))


def test_a_small_curve_is_refused():
    with pytest.raises(BadCertificate, match="192 bits"):
        requests.read(request(key=ec_key(curve=ec.SECP192R1)))


def test_a_key_of_another_kind_is_refused():
    key = ed25519.Ed25519PrivateKey.generate()
    signed = x509.CertificateSigningRequestBuilder().subject_name(name()).sign(key, None)

    with pytest.raises(BadCertificate, match="neither RSA nor"):
        requests.read(signed.public_bytes(Encoding.PEM).decode())


def test_a_request_signed_with_a_weak_hash_is_refused(tmp_path):
    key, out = tmp_path / "key.pem", tmp_path / "csr.pem"
    openssl("genrsa", "-out", key, 2048)
    openssl("req", "-new", "-sha1", "-key", key, "-subj", "/O=Operator/CN=SN-1", "-out", out)

    with pytest.raises(BadCertificate, match="hash"):
        requests.read(out.read_text())


@pytest.mark.parametrize(
    ("extensions", "why"),
    [
        (((x509.BasicConstraints(True, None), True),), "authority"),
        (((usage(digital_signature=True, key_cert_sign=True), True),), "key usage"),
        (((usage(crl_sign=True), True),), "key usage"),
        (((SERVER, False),), "purpose"),
        (
            ((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]), False),),
            "purpose",
        ),
        (((x509.ExtendedKeyUsage([*CLIENT, *SERVER]), False),), "purpose"),
        (san(x509.DNSName("csms.example")), "alternative name"),
        (san(x509.DNSName("SN-1"), x509.DNSName("SN-2")), "alternative name"),
        (san(x509.RFC822Name("a@b.example")), "alternative name"),
        (
            ((x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True),),
            "critical extension",
        ),
    ],
)
def test_what_no_client_may_have_refuses_the_request(extensions, why):
    with pytest.raises(BadCertificate, match=why):
        requests.read(request(extensions=extensions))


@pytest.mark.parametrize(
    "extensions",
    [
        ((x509.BasicConstraints(False, None), True), (CLIENT, False)),
        ((usage(digital_signature=True, key_agreement=True), True),),
        san(x509.DNSName("SN-1")),
        ((x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), False),),
    ],
)
def test_what_a_client_may_have_is_no_hindrance(extensions):
    requests.read(request(extensions=extensions))


@pytest.mark.parametrize(
    "subject",
    [
        name(common_name=None),
        name(extra=[(NameOID.COMMON_NAME, "SN-2")]),
        name(extra=[(NameOID.ORGANIZATION_NAME, "Other")]),
        name("SN-1\0.evil"),
        name("SN-1\n"),
        name(" SN-1"),
        name("SN\u200b-1"),
        name("e\u0301"),
        name("*"),
        name("*.example"),
        name("wss://csms.example/SN-1"),
        name("192.0.2.1"),
        name("2001:db8::1"),
        name(organization="Operator\u202e"),
    ],
)
def test_names_that_may_be_read_as_others_are_refused(subject):
    with pytest.raises(BadCertificate):
        requests.read(request(subject))


def test_a_request_may_leave_the_organization_out():
    """Whoever wants it there looks for it: stations have it only once CpoName is set."""
    assert requests.read(request(name(organization=None)))[0].organization == ""


def test_other_parts_of_the_subject_are_no_hindrance():
    extra = [(NameOID.COUNTRY_NAME, "NL"), (NameOID.ORGANIZATIONAL_UNIT_NAME, "R&D")]

    assert requests.read(request(name(extra=extra)))[0].common_name == "SN-1"


@given(st.text(max_size=200))
def test_text_does_nothing_but_be_refused(text):
    with pytest.raises(BadCertificate):
        requests.read(text)


@given(st.data())
def test_a_request_with_altered_octets_does_nothing_worse(data):
    der = bytearray(base64.b64decode("".join(_REQUEST.splitlines()[1:-1])))
    for _ in range(data.draw(st.integers(1, 3))):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    body = base64.encodebytes(der).decode()
    try:
        asked, _ = requests.read(
            f"-----BEGIN CERTIFICATE REQUEST-----\n{body}-----END CERTIFICATE REQUEST-----\n"
        )
    except BadCertificate:
        return
    assert asked.common_name == "SN-1"  # what is signed cannot have been altered


_REQUEST = request()


def test_our_own_request_is_one_that_openssl_takes(tmp_path):
    path = tmp_path / "csr.pem"
    path.write_text(requests.make(ec_key("server"), "Operator", "csms.example", "pkcs1"))

    said = openssl("req", "-in", path, "-noout", "-text", "-verify")

    assert "CN = csms.example" in said
    assert "DNS:csms.example" in said


def test_a_name_that_is_none_is_not_asked_for():
    with pytest.raises(BadCertificate, match="public_host"):
        requests.make(ec_key("server"), "Operator", "a..b", "pkcs1")


def test_hashes_that_count_are_those_of_bsi():
    assert requests.read(request(algorithm=hashes.SHA512()))[0].key_kind == "ec"
