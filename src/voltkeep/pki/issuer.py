"""Signing: `prepare` drafts a certificate and lints it; only what it returns can be signed."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from cryptography import x509

from voltkeep.pki import keys, lints
from voltkeep.pki.profiles import Profile
from voltkeep.pki.requests import alternative_names, subject
from voltkeep.services.authority import BadCertificate


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A certificate that somebody shall have."""

    organization: str
    common_name: str
    key: keys.PublicKey
    profile: Profile
    hosts: tuple[str, ...] = ()  # DNS names and addresses, of a server


_TOKEN = object()


class Linted:
    """A certificate that has passed every lint, but for its signature. Made by `prepare` only."""

    def __init__(
        self, token: object, builder: x509.CertificateBuilder, draft: x509.Certificate
    ) -> None:
        if token is not _TOKEN:
            raise TypeError("only Issuer.prepare makes what can be signed")
        self._builder = builder
        self._draft = draft

    @property
    def draft(self) -> x509.Certificate:
        """The certificate as it will be, signed with a key that nobody trusts."""
        return self._draft

    @property
    def builder(self) -> x509.CertificateBuilder:
        return self._builder


@dataclass(frozen=True, kw_only=True)
class Issuer:
    """An authority that signs: its key, and its certificate with those above it.

    Without a certificate it is a root in the making, and signs itself.
    """

    name: str
    key: keys.PrivateKey = field(repr=False)
    chain: tuple[x509.Certificate, ...]
    padding: str  # the setting `rsa_padding`

    @property
    def certificate(self) -> x509.Certificate | None:
        return self.chain[0] if self.chain else None

    @cached_property
    def _throwaway(self) -> keys.PrivateKey:
        is_rsa = keys.family(self.key) == keys.RSA
        return keys.make(keys.KeyKind.RSA_2048 if is_rsa else keys.KeyKind.EC_256)

    def prepare(self, wish: Wish, at: datetime) -> Linted:
        """Draft it, sign the draft with a key thrown away, and lint that. Raises BadCertificate."""
        builder = self._builder(wish, at)
        draft = self._signed(builder, self._throwaway)
        found = lints.problems(lints.Draft(draft, self.certificate, wish.profile))
        if found:
            raise BadCertificate(f"the certificate would break a rule: {'; '.join(found)}")
        return Linted(_TOKEN, builder, draft)

    def sign(self, linted: Linted) -> x509.Certificate:
        """The same certificate with this issuer's signature. Raises BadCertificate."""
        certificate = self._signed(linted.builder, self.key)
        if certificate.tbs_certificate_bytes != linted.draft.tbs_certificate_bytes:
            raise BadCertificate("what was signed is not what was linted; nothing was issued")
        return certificate

    def issue(self, wish: Wish, at: datetime) -> x509.Certificate:
        """Both steps. Raises BadCertificate."""
        return self.sign(self.prepare(wish, at))

    def _builder(self, wish: Wish, at: datetime) -> x509.CertificateBuilder:
        own, profile = self.certificate, wish.profile
        name = subject(wish.organization, wish.common_name)
        at = at.replace(microsecond=0)
        begins, ends = at - lints.BACKDATED, at + profile.lifetime
        if own is not None:
            begins = max(begins, own.not_valid_before_utc)
            ends = min(ends, own.not_valid_after_utc)
        if ends <= at:
            raise BadCertificate(f"the issuer {self.name} has expired: it issues nothing more")
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name if own is None else own.subject)
            .public_key(wish.key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(ends)
            .add_extension(
                x509.BasicConstraints(profile.is_authority, profile.path_length), critical=True
            )
            .add_extension(profile.usage(keys.family(wish.key)), critical=True)
            .add_extension(lints.key_identifier(wish.key), critical=False)
            .add_extension(self._key_identifier(wish.key), critical=False)
        )
        if profile.purpose is not None:
            purposes = x509.ExtendedKeyUsage([profile.purpose])
            builder = builder.add_extension(purposes, critical=False)
        if wish.hosts:
            builder = builder.add_extension(alternative_names(wish.hosts), critical=False)
        return builder

    def _key_identifier(self, self_signed: keys.PublicKey) -> x509.AuthorityKeyIdentifier:
        own = self.certificate
        if own is None:
            return x509.AuthorityKeyIdentifier.from_issuer_public_key(self_signed)
        identifier = own.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)

    def _signed(self, builder: x509.CertificateBuilder, key: keys.PrivateKey) -> x509.Certificate:
        padding = keys.padding_for(self.key, self.padding)
        return builder.sign(key, keys.hash_for(self.key), rsa_padding=padding)
