"""What stands in a certificate, for people: X.509 in texts that a template shows."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID
from msgspec import Struct

from voltkeep.domain.certificates import CertificateState, RequestState, RevocationReason, RootUse
from voltkeep.pki.encoding import certificates, common_names, fingerprint, pem, serial
from voltkeep.services.authority import BadCertificate
from voltkeep.web.pages.marking import _

E = TypeVar("E", bound=x509.ExtensionType)


STATES = {
    CertificateState.ISSUED: _("Signed, and not sent yet"),
    CertificateState.SENT: _("Sent, and not answered yet"),
    CertificateState.ACCEPTED: _("Taken, and not used yet"),
    CertificateState.ACTIVE: _("In use"),
    CertificateState.REJECTED: _("Not taken by the station"),
    CertificateState.SUPERSEDED: _("Replaced by a newer one"),
    CertificateState.REVOKED: _("Revoked"),
}
REQUESTS = {
    RequestState.REQUESTED: _("To be signed"),
    RequestState.SIGNED: _("Signed"),
    RequestState.REPLACED: _("Replaced: the station has asked anew"),
    RequestState.REFUSED: _("Refused"),
}
REASONS = {
    RevocationReason.UNSPECIFIED: _("No reason said"),
    RevocationReason.KEY_COMPROMISE: _("Its key was, or may be, in the wrong hands"),
    RevocationReason.CA_COMPROMISE: _("The issuer's key was in the wrong hands"),
    RevocationReason.AFFILIATION_CHANGED: _("Its owner has another name"),
    RevocationReason.SUPERSEDED: _("Another certificate replaces it"),
    RevocationReason.CESSATION_OF_OPERATION: _("The station is out of use"),
}
ROOT_USES = {
    RootUse.CSMS_ROOT: _("Server: stations trust servers below it"),
    RootUse.MANUFACTURER_ROOT: _("Manufacturer: signs firmware, and stations from the factory"),
    RootUse.V2G_ROOT: _("Vehicle to grid (ISO 15118)"),
    RootUse.MO_ROOT: _("Mobility operator: contracts of vehicles"),
    RootUse.OEM_ROOT: _("Maker of vehicles"),
}
PROFILES = {
    "root": _("Root of our authority"),
    "issuer": _("Issuer"),
    "server": _("This server"),
    "station": _("Station"),
    "firmware": _("Signs firmware"),
    "ocsp": _("Answers whether others are revoked"),
}

_PURPOSES = {
    ExtendedKeyUsageOID.SERVER_AUTH: _("It proves who a server is"),
    ExtendedKeyUsageOID.CLIENT_AUTH: _("It proves who a client is, as a station"),
    ExtendedKeyUsageOID.CODE_SIGNING: _("It signs software"),
    ExtendedKeyUsageOID.OCSP_SIGNING: _("It signs what is revoked"),
}
_USAGES = {
    "digital_signature": _("signs"),
    "key_encipherment": _("enciphers keys"),
    "data_encipherment": _("enciphers data"),
    "key_agreement": _("agrees on keys"),
    "key_cert_sign": _("signs certificates"),
    "crl_sign": _("signs revocation lists"),
    "content_commitment": _("signs for good"),
}


class Reading(Struct, frozen=True, kw_only=True):
    """One certificate. ``usages`` and ``purposes`` are to be translated; names are foreign text."""

    subject: str
    name: str  # its common name, or else its subject
    issuer: str
    serial_number: str
    not_before: datetime
    not_after: datetime
    key: str
    family: str  # rsa, ec, or other
    signature: str
    names: tuple[str, ...]
    usages: tuple[str, ...]
    purposes: tuple[str, ...]
    is_authority: bool
    path_length: int | None
    crl_urls: tuple[str, ...]
    ocsp_urls: tuple[str, ...]
    fingerprint: str
    key_id: str
    is_self_signed: bool
    pem: str


def read(text: str) -> Sequence[Reading]:
    """Each certificate of some PEM, in order; none of what cannot be read."""
    try:
        return [_reading(each) for each in certificates(text)]
    except (BadCertificate, UnsupportedAlgorithm, ValueError):
        return []


def _reading(certificate: x509.Certificate) -> Reading:
    subject = certificate.subject.rfc4514_string()
    basic = _extension(certificate, x509.BasicConstraints)
    key_id = _extension(certificate, x509.SubjectKeyIdentifier)
    key, family = _key(certificate)
    return Reading(
        subject=subject,
        name=next(iter(common_names(certificate.subject)), subject),
        issuer=certificate.issuer.rfc4514_string(),
        serial_number=serial(certificate),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        key=key,
        family=family,
        signature=_signature(certificate),
        names=tuple(_names(certificate)),
        usages=tuple(_usages(certificate)),
        purposes=tuple(_purposes(certificate)),
        is_authority=basic is not None and basic.ca,
        path_length=None if basic is None else basic.path_length,
        crl_urls=tuple(_crl_urls(certificate)),
        ocsp_urls=tuple(_ocsp_urls(certificate)),
        fingerprint=fingerprint(certificate),
        key_id="" if key_id is None else key_id.digest.hex(),
        is_self_signed=certificate.subject == certificate.issuer,
        pem=pem(certificate),
    )


def _extension(certificate: x509.Certificate, kind: type[E]) -> E | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _key(certificate: x509.Certificate) -> tuple[str, str]:
    match certificate.public_key():
        case rsa.RSAPublicKey() as key:
            return f"RSA, {key.key_size} bits", "rsa"
        case ec.EllipticCurvePublicKey() as key:
            return f"EC, {key.curve.name}, {key.curve.key_size} bits", "ec"
        case other:
            return type(other).__name__.removesuffix("PublicKey"), "other"


def _signature(certificate: x509.Certificate) -> str:
    hashed = certificate.signature_hash_algorithm
    digest = "" if hashed is None else f" with {hashed.name.upper().replace('SHA', 'SHA-')}"
    match certificate.signature_algorithm_parameters:
        case padding.PSS():
            return f"RSA-PSS{digest}"
        case padding.PKCS1v15():
            return f"RSA PKCS #1 v1.5{digest}"
        case ec.ECDSA():
            return f"ECDSA{digest}"
        case _:
            return certificate.signature_algorithm_oid.dotted_string


def _names(certificate: x509.Certificate) -> Iterator[str]:
    found = _extension(certificate, x509.SubjectAlternativeName)
    for name in found or ():
        yield str(name.value)


def _usages(certificate: x509.Certificate) -> Iterator[str]:
    found = _extension(certificate, x509.KeyUsage)
    if found is not None:
        yield from (words for name, words in _USAGES.items() if getattr(found, name))


def _purposes(certificate: x509.Certificate) -> Iterator[str]:
    found = _extension(certificate, x509.ExtendedKeyUsage)
    for oid in found or ():
        yield _PURPOSES.get(oid, oid.dotted_string)


def _crl_urls(certificate: x509.Certificate) -> Iterator[str]:
    found = _extension(certificate, x509.CRLDistributionPoints)
    for point in found or ():
        yield from (str(name.value) for name in point.full_name or ())


def _ocsp_urls(certificate: x509.Certificate) -> Iterator[str]:
    found = _extension(certificate, x509.AuthorityInformationAccess)
    for each in found or ():
        if each.access_method == AuthorityInformationAccessOID.OCSP:
            yield str(each.access_location.value)
