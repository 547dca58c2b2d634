"""What an operator sees, takes out and replaces of the authority's own certificates."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from voltkeep.pki import keys, requests, trust
from voltkeep.pki.encoding import (
    certificates,
    common_names,
    fingerprint,
    organizations,
    same_name,
    serial,
)
from voltkeep.pki.vault import Vault, without_root
from voltkeep.services.authority import BadCertificate

_SOON = timedelta(days=30)
_DEEPEST = 5


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A certificate of the tree; ``depth`` 0 is the root."""

    name: str  # root, issuer-rsa, server-ec …
    depth: int
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    has_key: bool
    is_ours: bool  # our authority has signed it

    @property
    def key(self) -> str:
        public = keys.known(self.certificate.public_key())
        return f"{keys.family(public).upper()} {public.key_size}"

    @property
    def subject(self) -> str:
        return self.certificate.subject.rfc4514_string()

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.certificate)

    @property
    def serial(self) -> str:
        return serial(self.certificate)


def inventory(vault: Vault) -> Iterator[Entry]:
    """The tree from the root down; what others have signed comes last."""
    root = vault.root
    yield _entry("root", 0, root.chain, has_key=root.key is not None, is_ours=True)
    left = dict(vault.servers)
    for issuer in vault.issuers.values():
        is_ours = same_name(issuer.chain[0].issuer, root.certificate.subject)
        chain = without_root(issuer.chain) or issuer.chain  # a root that an older release took
        yield _entry(f"issuer-{issuer.name}", 1, chain, has_key=True, is_ours=is_ours)
        for family, held in vault.servers.items():
            if trust.is_signed_by(held.certificate, issuer.chain[0]):
                yield _entry(held.name, 2, held.chain, has_key=True, is_ours=True)
                left.pop(family, None)
    for held in left.values():
        yield _entry(held.name, 0, held.chain, has_key=True, is_ours=False)


def _entry(
    name: str, depth: int, chain: tuple[x509.Certificate, ...], *, has_key: bool, is_ours: bool
) -> Entry:
    return Entry(
        name=name,
        depth=depth,
        certificate=chain[0],
        chain=chain,
        has_key=has_key,
        is_ours=is_ours,
    )


def is_self_signed(certificate: x509.Certificate) -> bool:
    return same_name(certificate.issuer, certificate.subject)


@dataclass(frozen=True, kw_only=True)
class Brought:
    """A certificate with its key that somebody brings, checked."""

    key: keys.PrivateKey = field(repr=False)
    chain: tuple[x509.Certificate, ...]  # the certificate first, each signed by the next
    warnings: tuple[str, ...] = ()

    @property
    def family(self) -> str:
        return keys.family(self.key)


def check_server(text: str, key: keys.PrivateKey, host: str, at: datetime) -> Brought:
    """A server certificate for stations to see. Raises BadCertificate."""
    chain = _chain(text, key, at)
    leaf = chain[0]
    warnings = []
    for extension in leaf.extensions:
        match extension.value:
            case x509.BasicConstraints(ca=True):
                raise BadCertificate("it is a certificate authority's, and a server's is needed")
            case x509.ExtendedKeyUsage() as purposes:
                if ExtendedKeyUsageOID.SERVER_AUTH not in set(purposes):
                    raise BadCertificate("it is not made for a server (extended key usage)")
            case x509.KeyUsage() as usage:
                if not usage.digital_signature:
                    raise BadCertificate("its key usage does not allow digital signatures")
                if keys.family(key) == keys.RSA and not usage.key_encipherment:
                    warnings.append(
                        "its key usage lacks key encipherment: stations that know only the suites "
                        "without forward secrecy cannot connect"
                    )
    names = requests.hosts_of(leaf)
    if host not in names and f"*.{host.partition('.')[2]}" not in names:
        warnings.append(
            f"it is for {', '.join(names) or 'no host'}, and stations are told to connect to "
            f"{host} (the setting `public_host`)"
        )
    elif host not in common_names(leaf.subject):
        warnings.append(f"its CN is not {host}: some stations look at nothing else (A00.FR.510)")
    if not organizations(leaf.subject):
        warnings.append("it names no organization (O), which OCPP wants (A00.FR.509)")
    if leaf.not_valid_after_utc - at < _SOON:
        warnings.append(f"it expires on {leaf.not_valid_after_utc:%Y-%m-%d}")
    return Brought(key=key, chain=without_root(chain) or chain, warnings=tuple(warnings))


def check_issuer(text: str, key: keys.PrivateKey, vault: Vault, at: datetime) -> Brought:
    """An issuing authority's certificate, to sign stations' with. Raises BadCertificate."""
    chain = _chain(text, key, at)
    if is_self_signed(chain[0]):
        raise BadCertificate(
            "it is a root: an issuer is signed by one, and stations have the root already. "
            "Have the root sign another certificate, of another key"
        )
    if not all(trust.may_issue(each, below) for below, each in enumerate(chain)):
        raise BadCertificate("not each certificate of the chain may sign the one below it")
    try:
        chain[0].extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    except x509.ExtensionNotFound as error:
        raise BadCertificate("it has no subject key identifier (RFC 5280, 4.2.1.2)") from error
    top, own = chain[-1], vault.root.certificate
    if is_self_signed(top):
        if top == own:
            return Brought(key=key, chain=chain[:-1])
        warning = (
            f"stations must trust the root {top.subject.rfc4514_string()} before the server's "
            "certificates are renewed below it: install it with `voltkeep certificate install`"
        )
        return Brought(key=key, chain=chain, warnings=(warning,))
    if trust.is_signed_by(top, own):
        return Brought(key=key, chain=chain)
    raise BadCertificate("the chain must reach up to its root, the root included")


def _chain(text: str, key: keys.PrivateKey, at: datetime) -> tuple[x509.Certificate, ...]:
    """The certificate of the key and those above it, in order, whatever order they came in."""
    found = list(dict.fromkeys(certificates(text)))
    own = keys.spki(key.public_key())
    leaf = next((each for each in found if keys.spki(_public(each)) == own), None)
    if leaf is None:
        raise BadCertificate(
            "no certificate in the file belongs to the key"
            if found
            else "there is no certificate in PEM in the file"
        )
    chain = [leaf]
    while len(chain) < len(found):
        above = (each for each in found if each not in chain)
        issuer = next((each for each in above if trust.is_signed_by(chain[-1], each)), None)
        if issuer is None:
            raise BadCertificate("not every certificate in the file is above the first")
        chain.append(issuer)
    if len(chain) > _DEEPEST:
        raise BadCertificate(f"the chain has {len(chain)} certificates; {_DEEPEST} are allowed")
    for each in chain:
        if problem := keys.weakness(_public(each)):
            raise BadCertificate(f"{each.subject.rfc4514_string()}: {problem}")
        if not each.not_valid_before_utc <= at <= each.not_valid_after_utc:
            raise BadCertificate(
                f"{each.subject.rfc4514_string()} is valid from "
                f"{each.not_valid_before_utc:%Y-%m-%d} to {each.not_valid_after_utc:%Y-%m-%d}"
            )
    return tuple(chain)


def _public(certificate: x509.Certificate) -> keys.PublicKey:
    return keys.known(certificate.public_key())
