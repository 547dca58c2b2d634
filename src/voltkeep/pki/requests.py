"""Certificate requests (PKCS #10): what a station may ask for, and our own to others."""

import ipaddress
from typing import cast

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from voltkeep.pki import keys
from voltkeep.pki.encoding import (
    common_names,
    disguise,
    one_request,
    organizations,
)
from voltkeep.services.authority import BadCertificate, RequestedCertificate

_LONGEST = 5500  # SignCertificate.csr in every version


def read(pem: str) -> tuple[RequestedCertificate, keys.PublicKey]:
    """What a station asks for, and the key that it has proven to hold. Raises BadCertificate.

    Nothing but the key and the two names is taken from it; what it asks for beyond that, and a
    client may not have, refuses it as a whole.
    """
    request = one_request(pem, _LONGEST)
    try:
        key = keys.known(request.public_key())
        if problem := keys.weakness(key):  # before its signature, which may be dear to check
            raise BadCertificate(problem)
        if not isinstance(request.signature_hash_algorithm, keys.GOOD_HASHES):
            raise BadCertificate("it is signed with a hash that is no longer good")
        if not request.is_signature_valid:
            raise BadCertificate("its signature is not made with its own key")
        common_name, organization = _names(request.subject)
        for extension in request.extensions:
            _check(extension, common_name)
    except UnsupportedAlgorithm as error:
        raise BadCertificate(f"it uses what we do not know: {error}") from error
    except BadCertificate:
        raise
    except ValueError as error:
        raise BadCertificate(f"it cannot be read: {error}") from error
    requested = RequestedCertificate(
        common_name=common_name,
        organization=organization,
        subject=request.subject.rfc4514_string(),
        key_kind=keys.family(key),
        key_bits=key.key_size,
        key_fingerprint=keys.fingerprint(key),
    )
    return requested, key


def _names(subject: x509.Name) -> tuple[str, str]:
    """CN and O (A00.FR.509 and 511). O may be missing: whoever decides must want that."""
    common, organization = common_names(subject), organizations(subject)
    if len(subject.get_attributes_for_oid(NameOID.COMMON_NAME)) != 1 or not common:
        raise BadCertificate("its subject needs exactly one common name (CN)")
    if len(subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)) > 1:
        raise BadCertificate("its subject has more than one organization (O)")
    for what, names in (("CN", common), ("O", organization)):
        for name in names:
            if problem := disguise(name):
                raise BadCertificate(f"its {what} {problem}")
    check_station_name(common[0])
    return common[0], organization[0] if organization else ""


def check_station_name(name: str) -> None:
    """A00.FR.511: a serial number, which nobody takes for a server. Raises BadCertificate."""
    if "://" in name or "*" in name or _is_address(name):
        raise BadCertificate("its CN is an address or a pattern, and a serial number is needed")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _check(extension: x509.Extension[x509.ExtensionType], common_name: str) -> None:
    """Raises BadCertificate if a client's certificate may not have it."""
    match extension.value:
        case x509.BasicConstraints(ca=True):
            raise BadCertificate("it asks to become a certificate authority (CA:TRUE)")
        case x509.KeyUsage(key_cert_sign=False, crl_sign=False) | x509.BasicConstraints():
            pass
        case x509.KeyUsage():
            raise BadCertificate("it asks for the key usage of a certificate authority")
        case x509.ExtendedKeyUsage() as purposes:
            if set(purposes) != {ExtendedKeyUsageOID.CLIENT_AUTH}:
                raise BadCertificate("it asks for another purpose than client authentication")
        case x509.SubjectAlternativeName() as names:
            if any(name != x509.DNSName(common_name) for name in names):
                raise BadCertificate("it asks for a subject alternative name")
        case _ if extension.critical:
            raise BadCertificate(
                f"it asks for a critical extension we do not know, {extension.oid.dotted_string}"
            )


def make(key: keys.PrivateKey, organization: str, host: str, padding: str) -> str:
    """A request of ours, in PEM, for a server certificate of somebody else's authority."""
    builder = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(subject(organization, host))
        .add_extension(alternative_names((host,)), critical=False)
    )
    signed = builder.sign(key, keys.hash_for(key), rsa_padding=keys.padding_for(key, padding))
    return signed.public_bytes(Encoding.PEM).decode()


def subject(organization: str, common_name: str) -> x509.Name:
    """Raises BadCertificate."""
    try:
        return x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
                x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            ]
        )
    except ValueError as error:
        raise BadCertificate(f"a name in it cannot be: {error}") from error


def alternative_names(hosts: tuple[str, ...]) -> x509.SubjectAlternativeName:
    """Raises BadCertificate if one is neither a host name nor an address."""
    return x509.SubjectAlternativeName([_general_name(host) for host in hosts])


def _general_name(host: str) -> x509.GeneralName:
    if _is_address(host):
        return x509.IPAddress(ipaddress.ip_address(host))
    try:
        return x509.DNSName(host.encode("idna").decode())
    except (UnicodeError, ValueError) as error:
        raise BadCertificate(
            f"{host[:80]!r} is no host name; set `public_host` to the one stations use"
        ) from error


def hosts_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """The names and addresses that a server certificate is good for."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return common_names(certificate.subject)
    names = extension.value
    addresses = cast("list[object]", names.get_values_for_type(x509.IPAddress))
    return (*names.get_values_for_type(x509.DNSName), *map(str, addresses))
