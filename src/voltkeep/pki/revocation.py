"""What is revoked: lists (RFC 5280, 5) and answers (RFC 6960) of an issuer of ours."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from voltkeep.domain.certificates import (
    CertificateState,
    HashAlgorithm,
    HashData,
    IssuedCertificate,
    RevocationReason,
)
from voltkeep.pki import keys
from voltkeep.pki.encoding import serial
from voltkeep.pki.issuer import Issuer
from voltkeep.services.authority import BadCertificate

_GOOD_FOR = timedelta(days=1)  # until whoever keeps a list or an answer asks again
_LONGEST_NONCE = 128  # RFC 9654, 2.1

_REASONS = {
    RevocationReason.KEY_COMPROMISE: x509.ReasonFlags.key_compromise,
    RevocationReason.CA_COMPROMISE: x509.ReasonFlags.ca_compromise,
    RevocationReason.AFFILIATION_CHANGED: x509.ReasonFlags.affiliation_changed,
    RevocationReason.SUPERSEDED: x509.ReasonFlags.superseded,
    RevocationReason.CESSATION_OF_OPERATION: x509.ReasonFlags.cessation_of_operation,
}  # without `unspecified`: RFC 5280, 5.3.1, has its entry left out

_HASHES: dict[HashAlgorithm, hashes.HashAlgorithm] = {
    HashAlgorithm.SHA256: hashes.SHA256(),
    HashAlgorithm.SHA384: hashes.SHA384(),
    HashAlgorithm.SHA512: hashes.SHA512(),
}


def crl(issuer: Issuer, revoked: Iterable[IssuedCertificate], at: datetime) -> bytes:
    """A list in DER, good for a day. Its number is the second it was made in."""
    assert issuer.certificate is not None
    at = at.replace(microsecond=0)
    own = issuer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(at)
        .next_update(at + _GOOD_FOR)
        .add_extension(x509.CRLNumber(int(at.timestamp())), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own), critical=False
        )
    )
    for each in revoked:
        if each.state is CertificateState.REVOKED and each.issuer == issuer.name:
            builder = builder.add_revoked_certificate(_entry(each))
    signed = builder.sign(
        issuer.key,
        keys.hash_for(issuer.key),
        rsa_padding=keys.padding_for(issuer.key, issuer.padding),
    )
    return signed.public_bytes(Encoding.DER)


def _entry(certificate: IssuedCertificate) -> x509.RevokedCertificate:
    builder = (
        x509.RevokedCertificateBuilder()
        .serial_number(int(certificate.id, 16))
        .revocation_date(_revoked_at(certificate))
    )
    reason = _reason(certificate)
    if reason is not None:
        builder = builder.add_extension(x509.CRLReason(reason), critical=False)
    return builder.build()


def _revoked_at(certificate: IssuedCertificate) -> datetime:
    return (certificate.revoked_at or certificate.at).replace(microsecond=0)


def _reason(certificate: IssuedCertificate) -> x509.ReasonFlags | None:
    if certificate.revocation_reason is None:
        return None
    return _REASONS.get(certificate.revocation_reason)


def read(request: bytes) -> ocsp.OCSPRequest:
    """An OCSP request for one certificate. Raises BadCertificate."""
    try:
        parsed = ocsp.load_der_ocsp_request(request)
        _ = parsed.serial_number, parsed.hash_algorithm
        nonce = _nonce(parsed)
    except (ValueError, TypeError, NotImplementedError, UnsupportedAlgorithm) as error:
        raise BadCertificate(f"it is no OCSP request that we can answer: {error}") from error
    if nonce is not None and not 0 < len(nonce) <= _LONGEST_NONCE:
        raise BadCertificate("its nonce is empty or too long")
    return parsed


def _nonce(request: ocsp.OCSPRequest) -> bytes | None:
    try:
        return request.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
    except x509.ExtensionNotFound:
        return None


def answer(
    request: ocsp.OCSPRequest,
    issuers: Sequence[Issuer],
    known: Mapping[str, IssuedCertificate],
    at: datetime,
) -> bytes:
    """In DER: good, revoked or unknown; unauthorized if it asks about another's certificate."""
    issuer = next((each for each in issuers if _asks_for(request, each)), None)
    if issuer is None:
        return refused(ocsp.OCSPResponseStatus.UNAUTHORIZED)
    assert issuer.certificate is not None
    at = at.replace(microsecond=0)
    certificate = known.get(format(request.serial_number, "x"))
    if certificate is not None and certificate.issuer != issuer.name:
        certificate = None
    is_revoked = certificate is not None and certificate.state is CertificateState.REVOKED
    status = ocsp.OCSPCertStatus.REVOKED if is_revoked else ocsp.OCSPCertStatus.GOOD
    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response_by_hash(
            request.issuer_name_hash,
            request.issuer_key_hash,
            request.serial_number,
            request.hash_algorithm,
            status if certificate is not None else ocsp.OCSPCertStatus.UNKNOWN,
            at,
            at + _GOOD_FOR,
            _revoked_at(certificate) if certificate is not None and is_revoked else None,
            _reason(certificate) if certificate is not None and is_revoked else None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.HASH, issuer.certificate)
    )
    nonce = _nonce(request)
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    signed = builder.sign(issuer.key, keys.hash_for(issuer.key))
    return signed.public_bytes(Encoding.DER)


def refused(status: ocsp.OCSPResponseStatus) -> bytes:
    """An answer that is none, in DER."""
    return ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(Encoding.DER)


def _asks_for(request: ocsp.OCSPRequest, issuer: Issuer) -> bool:
    certificate = issuer.certificate
    if certificate is None:
        return False
    digest = hashes.Hash(request.hash_algorithm)
    digest.update(certificate.subject.public_bytes())
    named = _certificate_id(certificate, certificate, request.hash_algorithm)
    return (
        digest.finalize() == request.issuer_name_hash
        and named.issuer_key_hash == request.issuer_key_hash
    )


def hash_data(
    certificate: x509.Certificate, issuer: x509.Certificate, algorithm: HashAlgorithm
) -> HashData:
    """What a station calls a certificate (whitepaper 5.1)."""
    named = _certificate_id(certificate, issuer, _HASHES[algorithm])
    return HashData(
        algorithm=algorithm,
        issuer_name_hash=named.issuer_name_hash.hex(),
        issuer_key_hash=named.issuer_key_hash.hex(),
        serial_number=serial(certificate),
    )


def _certificate_id(
    certificate: x509.Certificate, issuer: x509.Certificate, algorithm: hashes.HashAlgorithm
) -> ocsp.OCSPRequest:
    """RFC 6960, 4.1.1: the hashes of its issuer's name and key."""
    return ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, algorithm).build()
