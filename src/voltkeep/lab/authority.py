"""The laboratory's own authority: certificates that a CSMS must accept, and some it must not.

Its root, and the list of what it revoked, are given to the CSMS before a run.
"""

import datetime as dt

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from voltkeep.lab.plan import Shown
from voltkeep.sim.trust import Key, make_key, parse

_DAY = dt.timedelta(days=1)
_YEAR = dt.timedelta(days=365)


class Authority:
    """A root with an EC key. ``now`` is when all that it issues begins to be valid."""

    def __init__(self, now: dt.datetime, organization: str) -> None:
        self._now = now.replace(microsecond=0)
        self._organization = organization
        self._key = make_key("ec")
        self._certificate = self._root("Laboratory root", self._key)
        self._revoked: list[x509.Certificate] = []

    @property
    def root(self) -> str:
        """Its certificate, as PEM."""
        return _pem(self._certificate)

    def station(self, serial_number: str, kind: str = "ec") -> Shown:
        """A client certificate that is valid now."""
        return self._issue(serial_number, self._now - _DAY, self._now + _YEAR, kind)

    def expired(self, serial_number: str) -> Shown:
        """A client certificate that was valid until yesterday."""
        return self._issue(serial_number, self._now - 30 * _DAY, self._now - _DAY)

    def revoked(self, serial_number: str) -> Shown:
        """A client certificate that is on the revocation list."""
        shown = self.station(serial_number)
        self._revoked.append(x509.load_pem_x509_certificate(shown.certificate.encode()))
        return shown

    def revocation_list(self) -> str:
        """What was revoked until now, as PEM."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._certificate.subject)
            .last_update(self._now - _DAY)
            .next_update(self._now + _YEAR)
        )
        for certificate in self._revoked:
            entry = (
                x509.RevokedCertificateBuilder()
                .serial_number(certificate.serial_number)
                .revocation_date(self._now - _DAY)
                .build()
            )
            builder = builder.add_revoked_certificate(entry)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()

    def another_root(self, name: str) -> str:
        """A root of nobody's, to be installed in a station, as PEM."""
        return _pem(self._root(name, make_key("ec")))

    def firmware_signature(self, firmware: bytes) -> tuple[str, bytes]:
        """A signing certificate as PEM, and the signature by its key (whitepaper, L01.FR.04)."""
        key = make_key("rsa")
        assert isinstance(key, rsa.RSAPrivateKey)
        certificate = self._signed("Laboratory firmware", key, ExtendedKeyUsageOID.CODE_SIGNING)
        salted = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256.digest_size)
        return _pem(certificate), key.sign(firmware, salted, hashes.SHA256())

    def _issue(self, name: str, begins: dt.datetime, ends: dt.datetime, kind: str = "ec") -> Shown:
        key = make_key(kind)
        use = ExtendedKeyUsageOID.CLIENT_AUTH
        certificate = self._signed(name, key, use, begins, ends)
        return Shown(certificate=_pem(certificate), private_key=_text(key))

    def _signed(
        self,
        name: str,
        key: Key,
        use: x509.ObjectIdentifier,
        begins: dt.datetime | None = None,
        ends: dt.datetime | None = None,
    ) -> x509.Certificate:
        return (
            x509.CertificateBuilder()
            .subject_name(self._name(name))
            .issuer_name(self._certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins or self._now - _DAY)
            .not_valid_after(ends or self._now + _YEAR)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
            .add_extension(_identifier_of_issuer(self._certificate), critical=False)
            .sign(self._key, hashes.SHA256())
        )

    def _root(self, name: str, key: Key) -> x509.Certificate:
        subject = self._name(name)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - 60 * _DAY)
            .not_valid_after(self._now + 10 * _YEAR)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .sign(key, hashes.SHA256())
        )

    def _name(self, common_name: str) -> x509.Name:
        return x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, self._organization),
                x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            ]
        )


def forged(own: Shown) -> Shown:
    """A certificate that says all that a station's own one does, of another key.

    The station itself has signed it, in the name of its issuer: only who verifies the signature
    with the issuer's key finds out. The issuers above it follow as they were.

    Raises:
        ValueError: the station's own cannot be read.
    """
    leaf, *above = parse(own.certificate)
    issuer = load_pem_private_key(own.private_key.encode(), None)
    assert isinstance(issuer, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
    key = make_key("rsa" if isinstance(issuer, rsa.RSAPrivateKey) else "ec")
    builder = (
        x509.CertificateBuilder()
        .subject_name(leaf.subject)
        .issuer_name(leaf.issuer)
        .public_key(key.public_key())
        .serial_number(leaf.serial_number)
        .not_valid_before(leaf.not_valid_before_utc)
        .not_valid_after(leaf.not_valid_after_utc)
    )
    for each in leaf.extensions:
        if each.oid != x509.SubjectKeyIdentifier.oid:  # it would tell of the other key
            builder = builder.add_extension(each.value, each.critical)
    return Shown(
        certificate=_pem(builder.sign(issuer, hashes.SHA256()), *above), private_key=_text(key)
    )


def _text(key: Key) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _identifier_of_issuer(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    own = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own.value)


def _pem(*certificates: x509.Certificate) -> str:
    return "".join(each.public_bytes(Encoding.PEM).decode() for each in certificates)
