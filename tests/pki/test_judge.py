"""Whose client certificate is believed (A00.FR.401 to 412; hostile row 6)."""

import ssl
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from tests.pki.making import (
    CA,
    CLIENT,
    NOON,
    SERVER,
    SETTINGS,
    YEAR,
    Party,
    anchor,
    client,
    ec_key,
    name,
    openssl,
    request,
    rsa_key,
    usage,
)
from voltkeep.domain.certificates import Standing
from voltkeep.domain.identity import station_id
from voltkeep.pki import trust

MAKER = Party(name("Maker Root", "Maker"))


def own(authority, key=None, common_name="SN-1"):
    issued = authority.sign_station(
        request(name(common_name), key), organization="Operator", common_name=common_name, at=NOON
    )
    return issued, ssl.PEM_cert_to_DER_cert(issued.pem[: issued.pem.index("-----END") + 26])


@pytest.mark.parametrize("key", [ec_key(), rsa_key()], ids=["ec", "rsa"])
def test_a_certificate_of_ours_is_trusted(authority, key):
    issued, der = own(authority, key)

    judged = authority.judge(der, (), NOON)

    assert (judged.standing, judged.is_own) == (Standing.TRUSTED, True)
    assert (judged.common_names, judged.organizations) == (("SN-1",), ("Operator",))
    assert (judged.serial_number, judged.fingerprint) == (issued.id, issued.fingerprint)
    assert judged.issuer_fingerprint in {each.fingerprint for each in authority.certificates()}
    assert judged.not_after == issued.not_after


def test_a_certificate_signed_with_pss_is_trusted(opened):
    authority = opened(structs.replace(SETTINGS, rsa_padding="pss"))
    _, der = own(authority, rsa_key())

    assert authority.judge(der, (), NOON).standing is Standing.TRUSTED


def test_a_certificate_below_a_foreign_root_is_trusted(authority):
    judged = authority.judge(client(MAKER).der, (anchor(MAKER),), NOON)

    assert (judged.standing, judged.is_own, judged.anchored_for) == (Standing.TRUSTED, False, None)
    assert judged.issuer_fingerprint == anchor(MAKER).id


def test_a_root_that_is_not_for_clients_lets_nobody_in(authority):
    anchors = (anchor(MAKER, for_clients=False),)

    assert authority.judge(client(MAKER).der, anchors, NOON).standing is Standing.UNTRUSTED


def test_a_root_of_one_station_is_told(authority):
    certificate = client(MAKER).der
    narrow, wide = anchor(MAKER, station="SN-1"), anchor(MAKER)

    assert authority.judge(certificate, (narrow,), NOON).anchored_for == station_id("SN-1")
    assert authority.judge(certificate, (narrow, wide), NOON).anchored_for is None


def test_a_path_may_lead_over_an_issuer_that_is_known(authority):
    between = Party(name("Maker Issuer", "Maker"), MAKER)
    certificate = client(between).der
    anchors = (anchor(between, for_clients=False), anchor(MAKER))

    judged = authority.judge(certificate, anchors, NOON)

    assert judged.standing is Standing.TRUSTED
    assert judged.issuer_fingerprint == anchor(between).id
    assert authority.judge(certificate, (anchor(MAKER),), NOON).standing is Standing.UNTRUSTED


def chain(length):
    """Authorities below each other, the root first."""
    parties = [MAKER]
    for number in range(length - 1):
        parties.append(Party(name(f"Issuer {number}", "Maker"), parties[-1]))
    return parties


@pytest.mark.parametrize(
    ("length", "standing"), [(4, "TRUSTED"), (5, "UNTRUSTED"), (100, "UNTRUSTED")]
)
def test_a_path_has_at_most_five_certificates(authority, length, standing):
    parties = chain(length)
    links = [anchor(each, for_clients=False) for each in parties[1:]]

    judged = authority.judge(client(parties[-1]).der, (anchor(MAKER), *links), NOON)

    assert judged.standing is Standing[standing]


def test_authorities_that_sign_each_other_in_circles_cost_little(authority, monkeypatch):
    """Each of twelve has signed each other: paths without number."""
    names = [name(f"Circle {number}", "Maker") for number in range(12)]
    roots = [Party(each) for each in names]
    crossed = [
        Party(names[one], roots[other], key=roots[one].key)
        for one in range(12)
        for other in range(12)
        if one != other
    ]
    anchors = tuple(anchor(each, for_clients=False) for each in crossed)
    checked = []

    def counted(*pair):
        checked.append(pair)
        return is_signed_by(*pair)

    is_signed_by = trust.is_signed_by
    monkeypatch.setattr(trust, "is_signed_by", counted)

    assert authority.judge(client(roots[0]).der, anchors, NOON).standing is Standing.UNTRUSTED
    assert len(checked) <= 32


def with_extension(extension, *, critical=False):
    return client(MAKER, extensions=((extension, critical),))


ANY = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])
BOTH = x509.ExtendedKeyUsage([*CLIENT, *SERVER])
CRL_ONLY = usage(crl_sign=True)
LIMIT = x509.NameConstraints([x509.DNSName("example")], None)
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")


@pytest.mark.parametrize(
    ("certificate", "standing"),
    [
        (client(MAKER, extensions=()), Standing.TRUSTED),
        (with_extension(BOTH), Standing.TRUSTED),
        (with_extension(UNKNOWN), Standing.TRUSTED),
        (with_extension(usage(digital_signature=True), critical=True), Standing.TRUSTED),
        (with_extension(SERVER), Standing.WRONG_PURPOSE),
        (with_extension(ANY), Standing.WRONG_PURPOSE),
        (with_extension(usage(key_encipherment=True)), Standing.WRONG_PURPOSE),
        (with_extension(UNKNOWN, critical=True), Standing.WRONG_PURPOSE),
        (client(MAKER, extensions=CA), Standing.WRONG_PURPOSE),
        (with_extension(x509.BasicConstraints(True, None), critical=True), Standing.WRONG_PURPOSE),
        (client(MAKER, ends=NOON - timedelta(seconds=1)), Standing.EXPIRED),
        (client(MAKER, begins=NOON + timedelta(seconds=1)), Standing.NOT_YET_VALID),
        (client(MAKER, signed_by=ec_key("somebody else")), Standing.UNTRUSTED),
        (client(Party(name("Other Root"))), Standing.UNTRUSTED),
        (client(Party(name("Maker Root", "Maker"), key=ec_key("false"))), Standing.UNTRUSTED),
        (Party(name(), extensions=((CLIENT, False),)), Standing.UNTRUSTED),
        (client(MAKER, key=rsa.generate_private_key(65_537, 1024)), Standing.WEAK),
        (client(MAKER, key=ec_key("weak", ec.SECP192R1)), Standing.WEAK),
    ],
)
def test_a_certificate_is_judged_before_anybody_is_let_in(authority, certificate, standing):
    judged = authority.judge(certificate.der, (anchor(MAKER),), NOON)

    assert judged.standing is standing
    assert judged.common_names == ("SN-1",)


def test_an_rsa_key_of_16_k_bits_is_not_even_checked(authority, tmp_path):
    """A key that size takes minutes to make; its public half is any number."""
    numbers = rsa.RSAPublicNumbers(65_537, (1 << 16_383) + 1)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name())
        .issuer_name(MAKER.certificate.subject)
        .public_key(numbers.public_key())
        .serial_number(1)
        .not_valid_before(NOON)
        .not_valid_after(NOON + YEAR)
    )
    der = builder.sign(MAKER.key, MAKER.certificate.signature_hash_algorithm).public_bytes(
        Encoding.DER
    )

    assert authority.judge(der, (anchor(MAKER),), NOON).standing is Standing.WEAK


@pytest.mark.parametrize(
    ("issuer", "standing"),
    [
        (Party(name("Expired"), ends=NOON - timedelta(days=1)), Standing.EXPIRED),
        (Party(name("No CA"), extensions=()), Standing.UNTRUSTED),
        (
            Party(name("No signer"), extensions=(CA[0], (usage(crl_sign=True), True))),
            Standing.UNTRUSTED,
        ),
        (Party(name("Weak"), key=rsa.generate_private_key(65_537, 1024)), Standing.UNTRUSTED),
        (Party(name("Odd"), extensions=(*CA, (UNKNOWN, True))), Standing.UNTRUSTED),
        (Party(name("Limited"), extensions=(*CA, (LIMIT, True))), Standing.UNTRUSTED),
    ],
)
def test_an_issuer_that_may_not_sign_is_not_believed(authority, issuer, standing):
    judged = authority.judge(client(issuer).der, (anchor(issuer),), NOON)

    assert judged.standing is standing


def test_a_path_is_no_longer_than_its_issuer_allows(authority):
    root = Party(name("Short"), extensions=((x509.BasicConstraints(True, 0), True), CA[1]))
    between = Party(name("Too many"), root)
    anchors = (anchor(root), anchor(between, for_clients=False))

    assert authority.judge(client(between).der, anchors, NOON).standing is Standing.UNTRUSTED
    assert authority.judge(client(root).der, anchors, NOON).standing is Standing.TRUSTED


@pytest.mark.parametrize(
    "common_name", ["SN-1\0.evil", "SN-1\u200b", "e\u0301", " SN-1", "\x1b[31m"]
)
def test_names_in_disguise_are_left_out(authority, common_name):
    judged = authority.judge(client(MAKER, name(common_name)).der, (anchor(MAKER),), NOON)

    assert (judged.common_names, judged.organizations) == ((), ("Operator",))


@pytest.mark.parametrize("common_name", ["*", "*.example", "\u0405N-1"])
def test_patterns_and_letters_alike_are_told_as_they_are(authority, common_name):
    judged = authority.judge(client(MAKER, name(common_name)).der, (anchor(MAKER),), NOON)

    assert judged.common_names == (common_name,)


def test_every_name_is_told(authority):
    subject = name(extra=[(NameOID.COMMON_NAME, "SN-2"), (NameOID.ORGANIZATION_NAME, "Other")])

    judged = authority.judge(client(MAKER, subject).der, (anchor(MAKER),), NOON)

    assert judged.common_names == ("SN-1", "SN-2")
    assert judged.organizations == ("Operator", "Other")


def test_our_own_server_is_no_client(authority):
    for held in authority.vault.servers.values():
        der = held.certificate.public_bytes(Encoding.DER)
        assert authority.judge(der, (), NOON).standing is Standing.WRONG_PURPOSE


@pytest.mark.parametrize(
    ("digest", "standing"),
    [("sha1", "UNTRUSTED"), ("sha224", "UNTRUSTED"), ("sha256", "TRUSTED")],
)
def test_a_weak_hash_counts_for_nothing(authority, tmp_path, digest, standing):
    """`cryptography` makes none: A00.FR.504."""
    old = Party(name("Old"), begins=NOON - 20 * YEAR, ends=NOON + 50 * YEAR)
    (tmp_path / "ca.pem").write_text(old.pem)
    (tmp_path / "csr.pem").write_text(request())
    (tmp_path / "ca.key").write_bytes(
        old.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    openssl(
        *("x509", "-req", f"-{digest}", "-in", "csr.pem", "-CA", "ca.pem", "-CAkey", "ca.key"),
        *("-set_serial", 1, "-out", "leaf.pem"),
        cwd=tmp_path,
    )
    leaf = x509.load_pem_x509_certificate((tmp_path / "leaf.pem").read_bytes())

    der, at = leaf.public_bytes(Encoding.DER), leaf.not_valid_before_utc

    assert authority.judge(der, (anchor(old),), at).standing is Standing[standing]


@given(st.binary(max_size=2000))
def test_octets_do_nothing_worse_than_not_being_trusted(made_authority, octets):
    assert made_authority.judge(octets, (anchor(MAKER),), NOON).standing is Standing.UNTRUSTED


@given(st.data())
def test_a_certificate_with_altered_octets_is_never_trusted(made_authority, data):
    der = bytearray(_CLIENT)
    for _ in range(data.draw(st.integers(1, 3))):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))

    judged = made_authority.judge(bytes(der), (anchor(MAKER),), NOON)

    assert judged.standing is not Standing.TRUSTED or bytes(der) == _CLIENT


_CLIENT = client(MAKER).der
