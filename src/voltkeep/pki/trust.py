"""Whom to believe: paths from a client's certificate to an authority we trust (RFC 5280, 6.1)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import ExtendedKeyUsageOID

from voltkeep.domain.certificates import Standing
from voltkeep.pki import keys
from voltkeep.pki.encoding import fingerprint, same_name
from voltkeep.services.authority import BadCertificate

_DEEPEST = 5  # certificates in a path, the client's and the trusted one included
_SIGNATURES = 32  # that one client may make us check

# What we go by; another critical extension is one that we must not pass over (RFC 5280, 4.2).
_UNDERSTOOD = {
    kind.oid
    for kind in (
        x509.BasicConstraints,
        x509.KeyUsage,
        x509.ExtendedKeyUsage,
        x509.SubjectAlternativeName,
        x509.CertificatePolicies,
    )
}


@dataclass(frozen=True)
class Trust:
    """What counts: ``links`` may stand between, and a path may end at those of ``trusted``."""

    links: Sequence[x509.Certificate]
    trusted: frozenset[str]  # fingerprints


@dataclass(frozen=True)
class Judgement:
    """How a certificate stands; ``path`` leads from it to the one we trust, if there is one."""

    standing: Standing
    path: tuple[x509.Certificate, ...] = ()


def judge(leaf: x509.Certificate, trust: Trust, at: datetime) -> Judgement:
    """How a client's certificate stands, but for its revocation."""
    try:
        if keys.weakness(keys.known(leaf.public_key())):
            return Judgement(Standing.WEAK)
    except (BadCertificate, ValueError, UnsupportedAlgorithm):
        return Judgement(Standing.WEAK)
    best = Judgement(Standing.UNTRUSTED)
    for path in _Search(trust).paths((leaf,)):
        standing = Standing.WRONG_PURPOSE if not _is_for_clients(leaf) else _in_time(path, at)
        if best.standing is Standing.UNTRUSTED or standing is Standing.TRUSTED:
            best = Judgement(standing, path)
        if standing is Standing.TRUSTED:
            break
    return best


class _Search:
    """One search for paths, with a bound on what it may cost."""

    def __init__(self, trust: Trust) -> None:
        self._trust = trust
        self._signatures = _SIGNATURES

    def paths(self, path: tuple[x509.Certificate, ...]) -> Iterator[tuple[x509.Certificate, ...]]:
        """Every path to a trusted certificate that begins like this, the shortest first."""
        if len(path) == _DEEPEST:
            return
        above = [each for each in self._trust.links if self._has_signed(each, path)]
        for each in above:
            if fingerprint(each) in self._trust.trusted:
                yield (*path, each)
        for each in above:
            yield from self.paths((*path, each))

    def _has_signed(self, issuer: x509.Certificate, path: tuple[x509.Certificate, ...]) -> bool:
        child = path[-1]
        if not same_name(child.issuer, issuer.subject) or issuer in path:
            return False
        if not may_issue(issuer, below=len(path) - 1) or self._signatures == 0:
            return False
        self._signatures -= 1
        return is_signed_by(child, issuer)


def may_issue(certificate: x509.Certificate, below: int = 0) -> bool:
    """Whether it is an authority, with ``below`` others between it and the client's certificate."""
    constraints = usage = None
    for extension in certificate.extensions:
        if extension.critical and extension.oid not in _UNDERSTOOD:
            return False
        if isinstance(extension.value, x509.BasicConstraints):
            constraints = extension.value
        if isinstance(extension.value, x509.KeyUsage):
            usage = extension.value
    if constraints is None or not constraints.ca:
        return False
    if constraints.path_length is not None and below > constraints.path_length:
        return False
    return usage is None or usage.key_cert_sign


def is_signed_by(child: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether the issuer's key has signed it, with a hash that counts (A00.FR.504)."""
    try:
        if keys.weakness(keys.known(issuer.public_key())):
            return False
        if not isinstance(child.signature_hash_algorithm, keys.GOOD_HASHES):
            return False
        child.verify_directly_issued_by(issuer)
    except (BadCertificate, InvalidSignature, TypeError, UnsupportedAlgorithm, ValueError):
        return False
    return True


def _is_for_clients(leaf: x509.Certificate) -> bool:
    """RFC 5280, 4.2.1.12: without a purpose it is for any; with one it must be a client's."""
    for extension in leaf.extensions:
        match extension.value:
            case x509.BasicConstraints(ca=True):
                return False
            case x509.KeyUsage() as usage if not (usage.digital_signature or usage.key_agreement):
                return False
            case x509.ExtendedKeyUsage() as purposes:
                if ExtendedKeyUsageOID.CLIENT_AUTH not in set(purposes):
                    return False
            case _ if extension.critical and extension.oid not in _UNDERSTOOD:
                return False
    return True


def _in_time(path: Sequence[x509.Certificate], at: datetime) -> Standing:
    if any(at > each.not_valid_after_utc for each in path):
        return Standing.EXPIRED
    if any(at < each.not_valid_before_utc for each in path):
        return Standing.NOT_YET_VALID
    return Standing.TRUSTED
