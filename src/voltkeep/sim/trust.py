"""The certificates in a station: whom it believes, and what it shows (whitepaper, A02, M03-M05)."""

import datetime as dt
import warnings
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID

CSMS_ROOT = "CSMSRootCertificate"
MANUFACTURER_ROOT = "ManufacturerRootCertificate"

_LONGEST_PATH = 5
_PENDING_KEYS = 2  # the CSMS may answer to the request before the last
_UNREADABLE = (ValueError, UnsupportedAlgorithm)
_HASHES: dict[str, hashes.SHA256 | hashes.SHA384 | hashes.SHA512] = {
    "SHA256": hashes.SHA256(),
    "SHA384": hashes.SHA384(),
    "SHA512": hashes.SHA512(),
}

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class Named(NamedTuple):
    """A certificate as messages name it (CertificateHashDataType)."""

    algorithm: str
    issuer_name: str
    issuer_key: str
    serial: str


@lru_cache(maxsize=256)
def parse(pem: str) -> tuple[x509.Certificate, ...]:
    """The certificates in a PEM text, shared by all stations that have them.

    Raises:
        ValueError: it is no PEM text, or holds none.
    """
    with warnings.catch_warnings():  # roots of old have numbers that no new one may have
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        return tuple(x509.load_pem_x509_certificates(pem.encode()))


def as_pem(certificates: tuple[x509.Certificate, ...] | list[x509.Certificate]) -> str:
    """Certificates one after the other."""
    return "".join(each.public_bytes(Encoding.PEM).decode() for each in certificates)


def make_key(kind: str) -> Key:
    """A new key. One of RSA takes a tenth of a second."""
    if kind == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1())


class Trust:
    """A station's store of certificates. `now` is always the station's own time."""

    __slots__ = ("_former", "_pending", "certificate", "hash_algorithm", "key", "limit", "roots")

    def __init__(
        self, roots: dict[str, str], certificate: str, key: str, hash_algorithm: str, limit: int
    ) -> None:
        self.roots = {use: list(parse(pem)) for use, pem in roots.items() if pem}
        self.certificate = certificate
        self.key = key
        self.hash_algorithm = hash_algorithm
        self.limit = limit
        self._pending: list[Key] = []
        self._former: list[x509.Certificate] = []

    # Roots

    def of(self, use: str) -> list[x509.Certificate]:
        """The roots of a use."""
        return self.roots.get(use, [])

    def install(self, use: str, pem: str, now: dt.datetime, *, only_successors: bool) -> str:
        """Take a root; how it went, in OCPP's words (M05.FR.02-.11)."""
        try:
            (root,) = parse(pem)
            fit = _is_authority(root) and _is_valid(root, now)
        except _UNREADABLE:
            return "Rejected"
        known = self.of(use)
        if not fit:
            return "Rejected"
        if root in known:
            return "Accepted"
        if only_successors and use == CSMS_ROOT and known:
            if not _issued(root, known[-1]):
                return "Rejected"
            self._former = list(known)
            self.roots[use] = [root]
            return "Accepted"
        if sum(len(each) for each in self.roots.values()) >= self.limit:
            return "Rejected"
        self.roots[use] = [*known, root]
        return "Accepted"

    @property
    def former(self) -> list[x509.Certificate]:
        """The root that a new one replaced, to fall back to (M05.FR.11)."""
        return self._former

    def settle(self) -> None:
        """The new root has proved good: forget the former (M05.FR.12)."""
        self._former = []

    def installed(self, uses: set[str] | None = None) -> Iterator[tuple[str, Named]]:
        """The roots, by use (M03.FR.04)."""
        for use, roots in self.roots.items():
            if uses is None or use in uses:
                yield from ((use, self._named(root, self.hash_algorithm)) for root in roots)

    def delete(self, named: Named, in_use: bytes | None) -> str:
        """Forget a root; how it went, in OCPP's words (M04.FR.02-.06)."""
        for use, roots in self.roots.items():
            for root in roots:
                if self._named(root, named.algorithm) != _lower(named):
                    continue
                if use == CSMS_ROOT and root.public_bytes(Encoding.DER) == in_use:
                    return "Failed"
                self.roots[use] = [each for each in roots if each is not root]
                return "Accepted"
        return "NotFound"

    def _named(self, root: x509.Certificate, algorithm: str) -> Named:
        every = [each for roots in self.roots.values() for each in roots]
        issuer = next((each for each in every if _issued(root, each)), root)
        return named(root, issuer, algorithm)

    # Its own certificate

    def request(self, key: Key, organization: str, name: str) -> str:
        """A request for a certificate of a new key, as PEM (A02.FR.02, .03 and .13)."""
        self._pending = [*self._pending, key][-_PENDING_KEYS:]
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
                x509.NameAttribute(NameOID.COMMON_NAME, name),
            ]
        )
        builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
        return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()

    def accept(self, chain: str, now: dt.datetime) -> str | None:
        """Take a signed certificate, or say why not (A02.FR.06)."""
        try:
            leaf, *others = parse(chain)
        except _UNREADABLE:
            return "no certificate can be read"
        public = _public(leaf)
        key = next((each for each in self._pending if _public(each) == public), None)
        if key is None:
            return "the key is not one that was asked for"
        if not _is_valid(leaf, now):
            return "it is not valid now"
        if not leads_to(leaf, others, self.of(CSMS_ROOT), now):
            return "it leads to no installed root"
        self.certificate = chain
        self.key = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        self._pending.clear()
        return None


def named(certificate: x509.Certificate, issuer: x509.Certificate, algorithm: str) -> Named:
    """What messages call a certificate, by SHA256, SHA384 or SHA512 (RFC 6960, CertID)."""
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, _HASHES[algorithm])
    request = builder.build()
    return Named(
        algorithm,
        request.issuer_name_hash.hex(),
        request.issuer_key_hash.hex(),
        format(certificate.serial_number, "x"),
    )


def leads_to(
    leaf: x509.Certificate,
    others: list[x509.Certificate],
    roots: list[x509.Certificate],
    now: dt.datetime,
) -> bool:
    """Whether a chain of valid authorities leads to one of the roots."""
    at = leaf
    for _ in range(_LONGEST_PATH):
        if any(_issued(at, root) and _is_valid(root, now) for root in roots):
            return True
        nearer = (each for each in others if each != at and _issued(at, each))
        above = next((e for e in nearer if _is_authority(e) and _is_valid(e, now)), None)
        if above is None:
            return False
        at = above
    return False


def foreign_credentials(name: str, now: dt.datetime) -> tuple[str, str]:
    """A certificate that nobody of any standing has issued, and its key."""
    key = make_key("ec")
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return as_pem([certificate]), text


def is_own(certificate: str, key: str) -> bool:
    """Whether a certificate is of a key. Raises ValueError when either cannot be read."""
    public = load_pem_private_key(key.encode(), None).public_key()
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    return public.public_bytes(*form) == _public(parse(certificate)[0])


def _public(holder: x509.Certificate | Key) -> bytes:
    return holder.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _lower(named: Named) -> Named:
    """Hexadecimal digits may be of either case, and serials may have leading zeros."""
    return Named(
        named.algorithm,
        named.issuer_name.lower(),
        named.issuer_key.lower(),
        named.serial.lower().lstrip("0"),
    )


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (*_UNREADABLE, TypeError, InvalidSignature):
        return False
    return True


def _is_valid(certificate: x509.Certificate, now: dt.datetime) -> bool:
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False
