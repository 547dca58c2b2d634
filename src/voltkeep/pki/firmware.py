"""Signatures of firmware: RSA-PSS or ECDSA over the SHA-256 of the whole file (L01.FR.04)."""

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from voltkeep.services.authority import BadCertificate, BadSignature

LONGEST_CERTIFICATE = 5500  # Firmware.signingCertificate
LONGEST_SIGNATURE = 800  # Firmware.signature
_DIGEST = Prehashed(SHA256())
_WEAKEST_RSA, _WEAKEST_EC = 2048, 224  # A00.FR.501, A00.FR.502
_PURPOSES = {ExtendedKeyUsageOID.CODE_SIGNING, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
_Key = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


class FirmwareSignatures:
    """`services.authority.Signatures`."""

    def check_certificate(self, pem: str, issuers: Sequence[str], at: datetime) -> str:
        """See the port."""
        certificate = _certificate(pem)
        text = certificate.public_bytes(Encoding.PEM).decode()
        if len(text) > LONGEST_CERTIFICATE:
            raise BadCertificate(f"it has more than {LONGEST_CERTIFICATE} characters")
        _key(certificate)
        if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
            raise BadCertificate(
                f"it is valid from {certificate.not_valid_before_utc:%Y-%m-%d} "
                f"to {certificate.not_valid_after_utc:%Y-%m-%d}"
            )
        _check_purpose(certificate)
        if issuers and not any(_issued(certificate, issuer) for issuer in issuers):
            raise BadCertificate(
                "none of the manufacturers' roots we trust has issued it itself (intermediate "
                "certificates are not allowed). If stations trust its issuer for firmware: "
                "voltkeep ca roots add ISSUER.pem --use manufacturer"
            )
        return text

    def verify(self, sha256: str, signature: str, pem: str) -> None:
        """See the port."""
        digest, key = bytes.fromhex(sha256), _key(_certificate(pem))
        try:
            octets = base64.b64decode(signature, validate=True)
        except (binascii.Error, ValueError) as error:
            raise BadSignature("the signature is not base64") from error
        try:
            if isinstance(key, rsa.RSAPublicKey):
                key.verify(octets, digest, _pss(padding.PSS.AUTO), _DIGEST)
            else:
                key.verify(octets, digest, ec.ECDSA(_DIGEST))
        except InvalidSignature as error:
            raise BadSignature(
                "the signature is not made over this file with that certificate's key"
            ) from error

    def sign(self, sha256: str, key: bytes, password: bytes | None, pem: str) -> str:
        """See the port."""
        try:
            private = load_pem_private_key(key, password)
        except (TypeError, ValueError, UnsupportedAlgorithm) as error:
            raise BadCertificate(f"the key cannot be read: {error}") from error
        if not isinstance(private, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            raise BadCertificate("firmware is signed with an RSA or an EC key")
        if private.public_key() != _key(_certificate(pem)):
            raise BadCertificate("the key is not the certificate's")
        digest = bytes.fromhex(sha256)
        if isinstance(private, rsa.RSAPrivateKey):
            octets = private.sign(digest, _pss(padding.PSS.DIGEST_LENGTH), _DIGEST)
        else:
            octets = private.sign(digest, ec.ECDSA(_DIGEST))
        signature = base64.b64encode(octets).decode()
        if len(signature) > LONGEST_SIGNATURE:
            raise BadCertificate(f"its signatures have more than {LONGEST_SIGNATURE} characters")
        return signature


def _pss(salt_length: object) -> padding.PSS:
    return padding.PSS(padding.MGF1(SHA256()), salt_length)  # type: ignore[arg-type]  # its markers have private types


def _certificate(pem: str) -> x509.Certificate:
    try:
        certificates = x509.load_pem_x509_certificates(pem.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadCertificate(f"it is no certificate in PEM: {error}") from error
    if len(certificates) != 1:
        raise BadCertificate("intermediate certificates are not allowed: give one certificate")
    return certificates[0]


def _key(certificate: x509.Certificate) -> _Key:
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadCertificate(f"its key cannot be read: {error}") from error
    if isinstance(key, rsa.RSAPublicKey):
        weak = key.key_size < _WEAKEST_RSA
    elif isinstance(key, ec.EllipticCurvePublicKey):
        weak = key.key_size < _WEAKEST_EC
    else:
        raise BadCertificate("its key is neither RSA nor EC")
    if weak:
        raise BadCertificate(f"its key of {key.key_size} bits is too weak")
    return key


def _check_purpose(certificate: x509.Certificate) -> None:
    try:
        extensions = certificate.extensions
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise BadCertificate(f"its extensions cannot be read: {error}") from error
    for extension in extensions:
        value = extension.value
        if isinstance(value, x509.KeyUsage) and not value.digital_signature:
            raise BadCertificate("its key may not sign (keyUsage has no digitalSignature)")
        if isinstance(value, x509.ExtendedKeyUsage) and not _PURPOSES & set(value):
            raise BadCertificate("it is not made for signing code (extendedKeyUsage)")
        if isinstance(value, x509.BasicConstraints) and value.ca:
            raise BadCertificate(
                "it is a certificate authority's: sign with the key of a certificate that it "
                "has issued"
            )


def _issued(certificate: x509.Certificate, issuer: str) -> bool:
    try:
        certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(issuer.encode()))
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True
