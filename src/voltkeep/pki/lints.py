"""What every certificate of ours holds to: one rule a function, with the paragraph it comes from.

A rule returns what is wrong, or "". Paragraphs are of RFC 5280, and A00.FR of the security
whitepaper.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from voltkeep.pki import keys
from voltkeep.pki.encoding import common_names, disguise, organizations, same_name
from voltkeep.pki.profiles import Kind, Profile
from voltkeep.pki.requests import check_station_name, hosts_of
from voltkeep.services.authority import BadCertificate

BACKDATED = timedelta(hours=1)  # for stations whose clock is behind


@dataclass(frozen=True)
class Draft:
    """A certificate about to be signed. ``issuer`` is None if it signs itself."""

    certificate: x509.Certificate
    issuer: x509.Certificate | None
    profile: Profile

    @property
    def parent(self) -> x509.Certificate:
        return self.issuer or self.certificate


_E = TypeVar("_E", bound=x509.ExtensionType)


def _extension(certificate: x509.Certificate, kind: type[_E]) -> x509.Extension[_E] | None:
    try:
        return certificate.extensions.get_extension_for_class(kind)
    except x509.ExtensionNotFound:
        return None


def is_version_3(draft: Draft) -> str:
    """4.1.2.1: it has extensions, so it says so."""
    return "" if draft.certificate.version is x509.Version.v3 else "it is not of version 3"


def has_a_serial_number_nobody_guesses(draft: Draft) -> str:
    """4.1.2.2 and A00.FR.508: positive, at most 20 octets; and at least 64 bits of it chance."""
    bits = draft.certificate.serial_number.bit_length()
    return "" if 64 <= bits < 160 else f"its serial number has {bits} bits"


def is_signed_with_a_good_hash(draft: Draft) -> str:
    """A00.FR.504 and 506."""
    used = draft.certificate.signature_hash_algorithm
    return "" if isinstance(used, keys.GOOD_HASHES) else "it is signed with a weak hash"


def names_its_issuer(draft: Draft) -> str:
    """4.1.2.4: its issuer is the subject of its issuer."""
    is_so = same_name(draft.certificate.issuer, draft.parent.subject)
    return "" if is_so else "its issuer's name is not its issuer's subject"


def lives_as_long_as_its_profile_allows(draft: Draft) -> str:
    """4.1.2.5 and A00.FR.701."""
    certificate = draft.certificate
    lives = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    if lives <= timedelta():
        return "it ends before it begins"
    return "" if lives <= draft.profile.lifetime + BACKDATED else "it lives too long"


def lives_within_its_issuer(draft: Draft) -> str:
    """No certificate outlives its issuer, or is older."""
    certificate, parent = draft.certificate, draft.parent
    if certificate.not_valid_after_utc > parent.not_valid_after_utc:
        return "it outlives its issuer"
    is_older = certificate.not_valid_before_utc < parent.not_valid_before_utc
    return "it is older than its issuer" if is_older else ""


def names_one_owner(draft: Draft) -> str:
    """A00.FR.509: one O, and as short as X.520 wants it, without disguise."""
    return _one("O", organizations(draft.certificate.subject))


def has_one_common_name(draft: Draft) -> str:
    """A00.FR.510 and 511: one CN."""
    return _one("CN", common_names(draft.certificate.subject))


def _one(what: str, names: tuple[str, ...]) -> str:
    if len(names) != 1:
        return f"its subject has {len(names)} {what}"
    problem = disguise(names[0])
    return f"its {what} {problem}" if problem else ""


def says_nothing_else_of_its_owner(draft: Draft) -> str:
    """Of what a request says, O and CN are checked, so nothing else is signed."""
    said = {attribute.oid for attribute in draft.certificate.subject}
    known = {NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME}
    return "" if said <= known else "its subject holds more than O and CN"


def names_the_server_it_is_for(draft: Draft) -> str:
    """A00.FR.510: the CN of a server is among its names; RFC 2818 looks at those."""
    if draft.profile.kind is not Kind.SERVER:
        return ""
    names = common_names(draft.certificate.subject)
    return "" if set(names) <= set(hosts_of(draft.certificate)) else "its CN is none of its names"


def is_not_taken_for_a_server(draft: Draft) -> str:
    """A00.FR.511: a station's CN is no address, and it has no other names."""
    if draft.profile.kind is Kind.SERVER:
        return ""
    if _extension(draft.certificate, x509.SubjectAlternativeName):
        return "it has a subject alternative name"
    if draft.profile.kind is Kind.STATION:
        try:
            for name in common_names(draft.certificate.subject):
                check_station_name(name)
        except BadCertificate as error:
            return str(error)
    return ""


def has_a_strong_key(draft: Draft) -> str:
    """A00.FR.501 to 503."""
    try:
        return keys.weakness(keys.known(draft.certificate.public_key()))
    except BadCertificate as error:
        return str(error)


def says_whether_it_is_an_authority(draft: Draft) -> str:
    """4.2.1.9: critical, and with the path length of its profile."""
    found = _extension(draft.certificate, x509.BasicConstraints)
    wanted = x509.BasicConstraints(draft.profile.is_authority, draft.profile.path_length)
    is_so = found is not None and found.critical and found.value == wanted
    return "" if is_so else "its basic constraints are not those of its profile"


def may_be_issued_by_its_issuer(draft: Draft) -> str:
    """4.2.1.9: its issuer is an authority, and its path is long enough."""
    found = _extension(draft.parent, x509.BasicConstraints)
    if found is None or not found.value.ca:
        return "its issuer is no authority"
    length = found.value.path_length
    needs_more = draft.issuer is not None and draft.profile.is_authority and length == 0
    return "its issuer may not make authorities" if needs_more else ""


def is_restricted_to_its_use(draft: Draft) -> str:
    """4.2.1.3 and A00.FR.512: key usage, critical."""
    found = _extension(draft.certificate, x509.KeyUsage)
    key = draft.certificate.public_key()
    family = keys.EC if isinstance(key, ec.EllipticCurvePublicKey) else keys.RSA
    is_so = found is not None and found.critical and found.value == draft.profile.usage(family)
    return "" if is_so else "its key usage is not that of its profile"


def is_restricted_to_its_purpose(draft: Draft) -> str:
    """4.2.1.12: exactly the purpose of its profile."""
    found = _extension(draft.certificate, x509.ExtendedKeyUsage)
    said = set(found.value) if found else set()
    wanted = {draft.profile.purpose} - {None}
    return "" if said == wanted else "its extended key usage is not that of its profile"


def identifies_its_key(draft: Draft) -> str:
    """4.2.1.2: from its own public key."""
    found = _extension(draft.certificate, x509.SubjectKeyIdentifier)
    try:
        wanted = key_identifier(keys.known(draft.certificate.public_key()))
    except BadCertificate as error:
        return str(error)
    is_so = found is not None and found.value == wanted
    return "" if is_so else "its subject key identifier is not its key's"


def identifies_its_issuers_key(draft: Draft) -> str:
    """4.2.1.1: as its issuer calls its own key."""
    found = _extension(draft.certificate, x509.AuthorityKeyIdentifier)
    theirs = _extension(draft.parent, x509.SubjectKeyIdentifier)
    if found is None or theirs is None:
        return "its authority key identifier, or its issuer's key identifier, is missing"
    is_so = found.value.key_identifier == theirs.value.digest
    return "" if is_so else "its authority key identifier is not its issuer's"


def holds_no_other_extension(draft: Draft) -> str:
    """4.2: who does not know a critical extension must refuse; we know these."""
    said = {extension.oid for extension in draft.certificate.extensions}
    return "" if said <= _EXTENSIONS else "it has an extension that no profile has"


def key_identifier(key: keys.PublicKey) -> x509.SubjectKeyIdentifier:
    return x509.SubjectKeyIdentifier.from_public_key(key)


_EXTENSIONS = {
    kind.oid
    for kind in (
        x509.BasicConstraints,
        x509.KeyUsage,
        x509.ExtendedKeyUsage,
        x509.SubjectKeyIdentifier,
        x509.AuthorityKeyIdentifier,
        x509.SubjectAlternativeName,
    )
}

LINTS: tuple[Callable[[Draft], str], ...] = (
    is_version_3,
    has_a_serial_number_nobody_guesses,
    is_signed_with_a_good_hash,
    names_its_issuer,
    lives_as_long_as_its_profile_allows,
    lives_within_its_issuer,
    names_one_owner,
    has_one_common_name,
    says_nothing_else_of_its_owner,
    names_the_server_it_is_for,
    is_not_taken_for_a_server,
    has_a_strong_key,
    says_whether_it_is_an_authority,
    may_be_issued_by_its_issuer,
    is_restricted_to_its_use,
    is_restricted_to_its_purpose,
    identifies_its_key,
    identifies_its_issuers_key,
    holds_no_other_extension,
)


def problems(draft: Draft) -> list[str]:
    """What every rule finds wrong."""
    return [problem for lint in LINTS if (problem := lint(draft))]
