"""X.509 as text: PEM read strictly, and what names say."""

import base64
import binascii
import hashlib
import re
import unicodedata
from collections.abc import Sequence

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID, ObjectIdentifier

from voltkeep.services.authority import BadCertificate

_LONGEST_NAME = 64  # X.520: ub-common-name, ub-organization-name
_BLOCK = re.compile(
    r"-----BEGIN (?P<label>[A-Z0-9 ]{1,40})-----(?P<body>[A-Za-z0-9+/=\s]*)-----END (?P=label)-----"
)
_CERTIFICATE = ("CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE")
_REQUEST = ("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST")
_WRONG = (ValueError, TypeError, UnsupportedAlgorithm)  # what parsing raises


def one_certificate(pem: str, limit: int) -> x509.Certificate:
    """The one certificate that the text is (A00.FR.507). Raises BadCertificate."""
    return parse_certificate(_one_block(pem, limit, _CERTIFICATE[:1], "certificate"))


def one_request(pem: str, limit: int) -> x509.CertificateSigningRequest:
    """The one certificate request that the text is. Raises BadCertificate."""
    der = _one_block(pem, limit, _REQUEST, "certificate request")
    try:
        return x509.load_der_x509_csr(der)
    except _WRONG as error:
        raise BadCertificate(f"it is no certificate request: {error}") from error


def _one_block(pem: str, limit: int, labels: Sequence[str], what: str) -> bytes:
    if len(pem) > limit:
        raise BadCertificate(f"it has {len(pem)} characters, and {limit} are allowed")
    block = _BLOCK.fullmatch(pem.strip(" \t\r\n"))
    if block is None:
        raise BadCertificate(f"it is not one {what} in PEM, with nothing before and after it")
    if block["label"] not in labels:
        raise BadCertificate(f"it is a {block['label'].lower()}, and a {what} is needed")
    return _decoded(block["body"])


def _decoded(body: str) -> bytes:
    try:
        return base64.b64decode("".join(body.split()), validate=True)
    except binascii.Error as error:
        raise BadCertificate("what is between its PEM lines is no base64") from error


def parse_certificate(der: bytes) -> x509.Certificate:
    """Raises BadCertificate."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        # Read now what would be read, and refused, later.
        _ = certificate.extensions, certificate.subject, certificate.issuer
        _ = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except _WRONG as error:
        raise BadCertificate(f"it is no certificate: {error}") from error
    return certificate


def certificates(text: str) -> tuple[x509.Certificate, ...]:
    """Every certificate in a file of PEM blocks, whatever stands between. Raises BadCertificate."""
    blocks = [block for block in _BLOCK.finditer(text) if block["label"] in _CERTIFICATE]
    return tuple(parse_certificate(_decoded(block["body"])) for block in blocks)


def pem(*chain: x509.Certificate) -> str:
    """Certificates as they are sent: LF, one after the other."""
    return "".join(each.public_bytes(Encoding.PEM).decode() for each in chain)


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of its DER, hex."""
    return hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()


def serial(certificate: x509.Certificate) -> str:
    """Lower-case hex without leading zeros."""
    return format(certificate.serial_number, "x")


def same_name(one: x509.Name, other: x509.Name) -> bool:
    return one.public_bytes() == other.public_bytes()


def texts(name: x509.Name, oid: ObjectIdentifier) -> tuple[str, ...]:
    """The values of an attribute that are text."""
    values = [attribute.value for attribute in name.get_attributes_for_oid(oid)]
    return tuple(value for value in values if isinstance(value, str))


def common_names(name: x509.Name) -> tuple[str, ...]:
    return texts(name, NameOID.COMMON_NAME)


def organizations(name: x509.Name) -> tuple[str, ...]:
    return texts(name, NameOID.ORGANIZATION_NAME)


def disguise(text: str) -> str:
    """Why a name may read like another than it is; "" if it does not."""
    if not 0 < len(text) <= _LONGEST_NAME:
        return f"is not 1 to {_LONGEST_NAME} characters long"
    if text != text.strip():
        return "begins or ends with a space"
    if not text.isprintable():
        return "holds a character that is not shown"
    if unicodedata.normalize("NFC", text) != text:
        return "is not in Unicode's normal form C"
    return ""
