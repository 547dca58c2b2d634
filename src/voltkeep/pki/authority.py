"""The authority of this installation: a root, issuers of both families, the server's own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.x509 import ocsp

from voltkeep.domain.certificates import (
    CertificateState,
    ClientCertificate,
    HashAlgorithm,
    HashData,
    IssuedCertificate,
    Standing,
    TrustAnchor,
)
from voltkeep.domain.identity import DEFAULT_TENANT, StationId
from voltkeep.pki import keys, requests, revocation, trust
from voltkeep.pki.encoding import (
    certificates,
    common_names,
    disguise,
    fingerprint,
    one_certificate,
    organizations,
    parse_certificate,
    pem,
    same_name,
    serial,
)
from voltkeep.pki.issuer import Issuer, Wish
from voltkeep.pki.profiles import Kind, Policy, ProfileConfig, profile
from voltkeep.pki.vault import FAMILIES, Files, Held, Vault, without_root
from voltkeep.services.authority import BadCertificate, RequestedCertificate, RootCertificate

_LONGEST_ROOT = 5500  # InstallCertificate.certificate in OCPP 1.6 and 2.0.1
_FIRMWARE_DAYS = 3 * 365.0
_NOBODY = StationId(DEFAULT_TENANT, "")


@dataclass(frozen=True, kw_only=True)
class ServerFiles:
    """What `ssl.SSLContext.load_cert_chain` wants: one file may hold chain and key."""

    family: str  # rsa or ec
    chain: str
    key: str
    passphrase: bytes = field(repr=False)


class CertificateAuthority:
    """`services.authority.Authority`, over keys that were handed to it.

    Its methods may be called from any thread, `refresh` and `renew_server` from one at a time.
    """

    def __init__(self, files: Files, passphrase: bytes, policy: Policy, at: datetime) -> None:
        self._files = files
        self._passphrase = passphrase
        self._policy = policy
        self._began = at
        self._loaded: Vault | None = None
        self.generation = 0  # counts the changes of what `server_files` and `ca_bundle` name

    @classmethod
    def open(
        cls, files: Files, passphrase: bytes, policy: Policy, at: datetime
    ) -> "CertificateAuthority":
        """An authority that is loaded. Raises UnusableFile, BadCertificate, OSError."""
        authority = cls(files, passphrase, policy, at)
        authority.load()
        return authority

    def load(self) -> None:
        """Load everything now; what is missing is made, which takes a second or two.

        Without this it happens at the first use. Raises UnusableFile, BadCertificate, OSError.
        """
        _ = self.vault

    @property
    def is_new(self) -> bool:
        """Whether something was made when it was loaded."""
        return self.vault.is_new

    @property
    def vault(self) -> Vault:
        """Raises UnusableFile, BadCertificate, OSError."""
        if self._loaded is None:
            self._loaded = self._load(self._began)
        return self._loaded

    def _load(self, at: datetime) -> Vault:
        return Vault(self._files, self._passphrase, self._policy, at)

    # What the server shows and whom it lets in.

    def server_files(self) -> tuple[ServerFiles, ...]:
        """The server's certificates, one of each family."""
        names = [f"server-{family}.pem" for family in self.vault.servers]
        return tuple(
            ServerFiles(
                family=family,
                chain=str(self._files.path(name)),
                key=str(self._files.path(name)),
                passphrase=self._passphrase,
            )
            for family, name in zip(self.vault.servers, names, strict=True)
        )

    def ca_bundle(self) -> str:
        """Our issuers and our root, in PEM: whose client certificates are our own."""
        return pem(*self._authorities())

    def _authorities(self) -> tuple[x509.Certificate, ...]:
        # Not what is above an issuer that somebody else has signed: they sign for others too.
        issuers = [issuer.chain[0] for issuer in self.vault.issuers.values()]
        return (*issuers, self.vault.root.certificate)

    def refresh(self, at: datetime) -> bool:
        """Take up what another process has put into the files; True if there was something.

        Raises UnusableFile: then what was loaded before stays.
        """
        if not self.vault.has_changed():
            return False
        self._loaded = self._load(at)
        self.generation += 1
        return True

    def renew_server(self, at: datetime) -> bool:
        """New server certificates for those of ours at two thirds of their life (A00.FR.701).

        True if there was one. Raises UnusableFile, OSError.
        """
        due = self._servers_due(at)
        for family in due:
            self.vault.renew_server(family, at)
        return bool(due) and self.refresh(at)

    def is_server_due(self, at: datetime) -> bool:
        """Whether `renew_server` has something to do."""
        return bool(self._servers_due(at))

    def _servers_due(self, at: datetime) -> list[str]:
        servers = self.vault.servers.items()
        return [family for family, held in servers if self.vault.is_due(held, at)]

    def certificates(self) -> Sequence[IssuedCertificate]:
        """The authority's own: root, issuers, server, for the expiry calendar."""
        vault = self.vault
        own = [_own(vault.root.chain, Kind.ROOT, "root")]
        for issuer in vault.issuers.values():
            above = (
                "root" if same_name(issuer.chain[0].issuer, vault.root.certificate.subject) else ""
            )
            own.append(_own(issuer.chain, Kind.ISSUER, above or "external"))
        servers = vault.servers.values()
        own += [_own(each.chain, Kind.SERVER, self._issuer_name(each)) for each in servers]
        return own

    def _issuer_name(self, held: Held) -> str:
        for issuer in self.vault.issuers.values():
            if trust.is_signed_by(held.certificate, issuer.chain[0]):
                return issuer.name
        return "external"

    # For stations.

    @property
    def root(self) -> RootCertificate:
        """What stations must trust to trust our server."""
        own, issuer = self.vault.root.certificate, self.vault.issuer(FAMILIES[0])
        return _root(own if own in issuer.chain else issuer.chain[-1])

    def read_request(self, pem: str) -> RequestedCertificate:
        """Raises BadCertificate: no PEM, trailing junk, wrong signature, weak key, CA, names."""
        return requests.read(pem)[0]

    def sign_station(
        self, request: str, *, organization: str, common_name: str, at: datetime
    ) -> IssuedCertificate:
        """A client certificate for the request's key, whose subject will be these names.

        A name that the request says must be the same. Raises BadCertificate.
        """
        asked, key = requests.read(request)
        if asked.common_name != common_name:
            raise BadCertificate("its CN is not the one that is to be signed")
        if asked.organization not in ("", organization):
            raise BadCertificate("its O is not the one that is to be signed")
        if common_name.casefold() in (self.vault.host, "localhost"):
            raise BadCertificate("its CN is the name of this server")
        issuer = self.vault.issuer(keys.family(key))
        wish = Wish(
            organization=organization,
            common_name=common_name,
            key=key,
            profile=profile(
                ProfileConfig(kind=Kind.STATION, days=self._policy.station_certificate_days)
            ),
        )
        return _issued(issuer, issuer.issue(wish, at), Kind.STATION, at)

    def make_signing(
        self, common_name: str, at: datetime, kind: keys.KeyKind = keys.KeyKind.RSA_3072
    ) -> tuple[IssuedCertificate, keys.PrivateKey]:
        """A new key that signs firmware, and its certificate. Raises BadCertificate."""
        key = keys.make(kind)
        issuer = self.vault.issuer(keys.family(key))
        wish = Wish(
            organization=self._policy.cpo_name,
            common_name=common_name,
            key=key.public_key(),
            profile=profile(ProfileConfig(kind=Kind.FIRMWARE, days=_FIRMWARE_DAYS)),
        )
        return _issued(issuer, issuer.issue(wish, at), Kind.FIRMWARE, at), key

    def read_root(self, pem: str, at: datetime) -> RootCertificate:
        """Raises BadCertificate: no PEM, more than one, no CA, expired, weak, too long."""
        certificate = one_certificate(pem, _LONGEST_ROOT)
        problem = keys.weakness(keys.known(certificate.public_key()))
        if problem:
            raise BadCertificate(problem)
        if not trust.may_issue(certificate):
            raise BadCertificate("it is no certificate authority's: stations would trust nobody")
        is_self_issued = same_name(certificate.issuer, certificate.subject)
        if is_self_issued and not trust.is_signed_by(certificate, certificate):
            raise BadCertificate("it says it has signed itself, and its signature is not good")
        if at > certificate.not_valid_after_utc:
            raise BadCertificate(f"it expired on {certificate.not_valid_after_utc:%Y-%m-%d}")
        if at < certificate.not_valid_before_utc:
            raise BadCertificate(f"it is valid from {certificate.not_valid_before_utc:%Y-%m-%d}")
        return _root(certificate)

    def hash_data(self, pem: str, algorithm: HashAlgorithm) -> HashData:
        """What a station calls this root certificate (whitepaper 5.1). Raises BadCertificate."""
        found = certificates(pem)
        if len(found) != 1:
            raise BadCertificate("it is not one certificate in PEM")
        chains = [each for issuer in self.vault.issuers.values() for each in issuer.chain]
        above = (found[0], *chains)
        issuer = next((each for each in above if trust.is_signed_by(found[0], each)), None)
        if issuer is None:
            raise BadCertificate("its issuer is needed to say what it is called, and is not known")
        return revocation.hash_data(found[0], issuer, algorithm)

    # Whom to believe.

    def judge(
        self, certificate: bytes, anchors: Sequence[TrustAnchor], at: datetime
    ) -> ClientCertificate:
        """How a TLS client's certificate (DER) stands, but for its revocation. Never raises.

        An anchor of one station counts as one of all does, and `anchored_for` says so: hand in
        those of the station that knocks. Names that could be read as others are left out.
        """
        try:
            leaf = parse_certificate(certificate)
            return self._judged(leaf, anchors, at)
        except Exception:  # noqa: BLE001  # a stranger wrote it: nothing in it may harm
            return ClientCertificate(
                standing=Standing.UNTRUSTED,
                common_names=(),
                organizations=(),
                serial_number="",
                fingerprint="",
                not_after=at,
            )

    def _judged(
        self, leaf: x509.Certificate, anchors: Sequence[TrustAnchor], at: datetime
    ) -> ClientCertificate:
        own = self._authorities()
        foreign = [(anchor, each) for anchor in anchors for each in _parsed(anchor.pem)]
        # Those that count for every station come first: who is below one is not bound to another.
        foreign.sort(key=lambda pair: pair[0].station.name != "")
        trusted = {fingerprint(each) for each in own}
        trusted |= {fingerprint(each) for anchor, each in foreign if anchor.for_clients}
        links = tuple(dict.fromkeys([*own, *(each for _, each in foreign)]))
        judged = trust.judge(leaf, trust.Trust(links, frozenset(trusted)), at)
        above = judged.path[1] if judged.path else None
        return ClientCertificate(
            standing=judged.standing,
            common_names=_clean(common_names(leaf.subject)),
            organizations=_clean(organizations(leaf.subject)),
            serial_number=serial(leaf),
            fingerprint=fingerprint(leaf),
            issuer_fingerprint=fingerprint(above) if above else "",
            is_own=above is not None and above in own,
            not_after=leaf.not_valid_after_utc,
            anchored_for=_bound_to(judged.path, own, foreign),
        )

    # What is revoked.

    def crl(self, issuer: str, revoked: Sequence[IssuedCertificate], at: datetime) -> bytes:
        """The revocation list (DER) of an issuer by name. Raises LookupError."""
        found = next((each for each in self._issuers() if each.name == issuer), None)
        if found is None:
            raise LookupError(f"no issuer here is called {issuer[:40]!r}")
        return revocation.crl(found, revoked, at)

    def ocsp_asks(self, request: bytes) -> Sequence[str]:
        """The serial numbers, lower-case hex, that an OCSP request (DER) asks about.

        Raises BadCertificate.
        """
        return (format(revocation.read(request).serial_number, "x"),)

    def ocsp(self, request: bytes, known: Sequence[IssuedCertificate], at: datetime) -> bytes:
        """The answer (DER) to an OCSP request, from what we know of the certificates asked for."""
        try:
            asked = revocation.read(request)
        except BadCertificate:
            return revocation.refused(ocsp.OCSPResponseStatus.MALFORMED_REQUEST)
        by_serial = {each.id: each for each in (*self.certificates(), *known)}
        return revocation.answer(asked, list(self._issuers()), by_serial, at)

    def _issuers(self) -> Iterator[Issuer]:
        yield from self.vault.issuers.values()
        if self.vault.root.key is not None:
            yield self.vault.root_issuer()


@lru_cache(maxsize=512)
def _parsed(pem: str) -> tuple[x509.Certificate, ...]:
    """The certificates of an anchor; it was checked when it was imported."""
    return certificates(pem)


def _clean(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if not disguise(name))


def _bound_to(
    path: Sequence[x509.Certificate],
    own: Sequence[x509.Certificate],
    foreign: Sequence[tuple[TrustAnchor, x509.Certificate]],
) -> StationId | None:
    """The station for which the path's end is trusted, if that is not trusted for all."""
    if not path or path[-1] in own:
        return None
    for anchor, certificate in foreign:
        if anchor.for_clients and certificate == path[-1]:
            return anchor.station if anchor.station.name else None
    return None


def _root(certificate: x509.Certificate) -> RootCertificate:
    return RootCertificate(
        pem=pem(certificate),
        subject=certificate.subject.rfc4514_string(),
        fingerprint=fingerprint(certificate),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        is_self_signed=same_name(certificate.issuer, certificate.subject),
    )


def _own(chain: tuple[x509.Certificate, ...], kind: Kind, issuer: str) -> IssuedCertificate:
    begins = chain[0].not_valid_before_utc
    return _record(chain, kind, issuer, CertificateState.ACTIVE, begins)


def _issued(
    issuer: Issuer, certificate: x509.Certificate, kind: Kind, at: datetime
) -> IssuedCertificate:
    chain = (certificate, *without_root(issuer.chain))
    return _record(chain, kind, issuer.name, CertificateState.ISSUED, at)


def _record(
    chain: tuple[x509.Certificate, ...],
    kind: Kind,
    issuer: str,
    state: CertificateState,
    at: datetime,
) -> IssuedCertificate:
    certificate = chain[0]
    return IssuedCertificate(
        station=_NOBODY,
        id=serial(certificate),
        state=state,
        at=at,
        profile=kind.value,
        issuer=issuer,
        subject=certificate.subject.rfc4514_string(),
        fingerprint=fingerprint(certificate),
        key_fingerprint=keys.fingerprint(keys.known(certificate.public_key())),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        pem=pem(*chain),
    )
