"""The authority's keys and certificates in their files: loaded, or made on the first start.

``root.pem`` with ``root.key``, which may be kept elsewhere; ``issuer-rsa.pem`` and
``issuer-ec.pem``, the newer ones numbered; ``server-rsa.pem`` and ``server-ec.pem``. All but the
root hold key and chain in one file, so that both change at once.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from cryptography import x509

from voltkeep.pki import keys, trust
from voltkeep.pki.encoding import certificates, pem, same_name
from voltkeep.pki.issuer import Issuer, Wish
from voltkeep.pki.keys import EC, RSA, KeyKind
from voltkeep.pki.profiles import Kind, Policy, Profile, ProfileConfig, profile
from voltkeep.pki.requests import hosts_of
from voltkeep.pki.requests import make as make_request
from voltkeep.services.authority import BadCertificate

ROOT_DAYS, ISSUER_DAYS = 20 * 365.25, 10 * 365.25
FAMILIES = (RSA, EC)
_ROOT, _ROOT_KEY = "root.pem", "root.key"
# Old stations check a chain up to RSA; 3072 bits are good for the root's twenty years.
_ROOT_KIND = KeyKind.RSA_3072
ISSUER_KINDS = {RSA: KeyKind.RSA_3072, EC: KeyKind.EC_256}
_SERVER_KINDS = {RSA: KeyKind.RSA_2048, EC: KeyKind.EC_256}
_ISSUER = re.compile(r"issuer-((?:rsa|ec)(?:-(\d{1,6}))?)\.pem")
_LOCAL = ("localhost", "127.0.0.1", "::1")
_LONGEST_CN = 64


class UnusableFile(Exception):
    """A file of the authority that cannot be used: which, why, and what to do."""


class Files(Protocol):
    """Where the files are; `config.key_files.KeyFiles` is one."""

    def path(self, name: str) -> object:
        """How people and OpenSSL call it."""
        ...

    def names(self) -> Sequence[str]: ...
    def read(self, name: str) -> bytes | None:
        """None if there is no such file. Raises OSError."""
        ...

    def write(self, name: str, content: bytes) -> None:
        """Replace it, whole. Raises OSError."""
        ...

    def create(self, name: str, content: bytes) -> bool:
        """Write it, whole, unless it is there: then False. Raises OSError."""
        ...

    def remove(self, name: str) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Held:
    """A certificate of ours with those above it, and its key if that is here."""

    name: str  # of its file, without the ending
    chain: tuple[x509.Certificate, ...]
    key: keys.PrivateKey | None = field(repr=False)

    @property
    def certificate(self) -> x509.Certificate:
        return self.chain[0]

    @property
    def family(self) -> str:
        return keys.family(keys.known(self.certificate.public_key()))


class Vault:
    """What the files hold at one moment; `load` makes what is missing."""

    root: Held
    issuers: dict[str, Issuer]  # by name, the newest of each family last
    servers: dict[str, Held]  # by family

    def __init__(self, files: Files, passphrase: bytes, policy: Policy, at: datetime) -> None:
        self._files = files
        self._passphrase = passphrase
        self._policy = policy
        # A machine without a name says one that no certificate could bear.
        self.host = policy.host.strip(".").lower() or _LOCAL[0]
        self.is_new = False
        self.content = self._content()
        self._load(at)
        if self.is_new:
            self.content = self._content()

    def _content(self) -> dict[str, bytes]:
        """What the files hold now. Raises UnusableFile."""
        try:
            names = [name for name in self._files.names() if name.endswith((".pem", ".key"))]
            return {name: self._files.read(name) or b"" for name in sorted(names)}
        except OSError as error:
            raise UnusableFile(
                f"the directory {self._files.path('')} cannot be read: {error.strerror}; "
                "give this user access to it"
            ) from error

    def has_changed(self) -> bool:
        """Whether the files hold something else than when they were loaded."""
        return self._content() != self.content

    def _load(self, at: datetime) -> None:
        names = {name for name in self._files.names() if _ISSUER.fullmatch(name)}
        self.root = self._find_root() or self._make_root(at, names)
        self.issuers = {}
        for name in sorted(names, key=_age):
            self._take_issuer(name)
        for family in FAMILIES:
            if not any(keys.family(each.key) == family for each in self.issuers.values()):
                self._make_issuer(family, 1, at)
        self.servers = {}
        for family in FAMILIES:
            held = self._find(f"server-{family}.pem")
            if held is None:
                self._create(f"server-{family}.pem", self._new_server(family, at))
                held = self._found(f"server-{family}.pem")
            self.servers[family] = held

    # Reading.

    def _find_root(self) -> Held | None:
        text = self._read(_ROOT)
        if text is None:
            return None
        sealed = self._read(_ROOT_KEY)
        return self._parse(_ROOT, text, sealed, key_name=_ROOT_KEY, needs_key=False)

    def _find(self, name: str) -> Held | None:
        text = self._read(name)
        return None if text is None else self._parse(name, text, text, key_name=name)

    def _found(self, name: str) -> Held:
        held = self._find(name)
        if held is None:
            raise UnusableFile(f"{self._files.path(name)} was written and is gone; start again")
        return held

    def _read(self, name: str) -> bytes | None:
        try:
            return self._files.read(name)
        except OSError as error:
            raise UnusableFile(
                f"{self._files.path(name)} cannot be read: {error.strerror}; "
                "give this user access to it"
            ) from error

    def _parse(
        self, name: str, text: bytes, sealed: bytes | None, *, key_name: str, needs_key: bool = True
    ) -> Held:
        path, key_path = self._files.path(name), self._files.path(key_name)
        try:
            chain = certificates(text.decode("ascii"))
        except (BadCertificate, UnicodeDecodeError) as error:
            raise UnusableFile(_damaged(path, str(error))) from error
        if not chain:
            raise UnusableFile(_damaged(path, "no certificate is in it"))
        if sealed is None and not needs_key:
            return Held(name=name.removesuffix(".pem"), chain=chain, key=None)
        if b"PRIVATE KEY-----" not in (sealed or b""):
            raise UnusableFile(_damaged(key_path, "no private key is in it"))
        key = self._unseal(sealed or b"", key_name)
        if keys.spki(key.public_key()) != keys.spki(keys.known(chain[0].public_key())):
            raise UnusableFile(
                f"the private key in {key_path} is not that of the certificate in {path}; "
                "restore both from the same backup"
            )
        return Held(name=name.removesuffix(".pem"), chain=chain, key=key)

    def _unseal(self, sealed: bytes, name: str) -> keys.PrivateKey:
        try:
            return keys.unseal(sealed, self._passphrase)
        except BadCertificate as error:
            raise UnusableFile(
                f"the private key in {self._files.path(name)} cannot be decrypted: it is damaged, "
                "or was encrypted with another key; set `pki_key` or `pki_key_file` to the one it "
                "was made with, or restore the file and the secret from the same backup"
            ) from error

    def _take_issuer(self, name: str) -> None:
        held = self._found(name)
        match = _ISSUER.fullmatch(name)
        assert match is not None
        assert held.key is not None
        chain = held.chain
        if same_name(chain[-1].issuer, self.root.certificate.subject):
            chain = (*chain, *self.root.chain)
        self.issuers[match[1]] = Issuer(
            name=match[1], key=held.key, chain=chain, padding=self._policy.rsa_padding
        )

    # Making.

    def _make_root(self, at: datetime, issuers: set[str]) -> Held:
        if issuers:
            raise UnusableFile(
                f"{self._files.path(_ROOT)} is missing, and {min(issuers)} beside it is "
                "there; restore it from a backup (it is no secret: stations have it)"
            )
        # A key without its certificate is what is left of a first start that was broken off.
        if self._read(_ROOT_KEY) is None:
            self._create(_ROOT_KEY, keys.seal(keys.make(_ROOT_KIND), self._passphrase))
        key = self._unseal(self._read(_ROOT_KEY) or b"", _ROOT_KEY)
        root = Issuer(name="root", key=key, chain=(), padding=self._policy.rsa_padding)
        wish = self._wish(Kind.ROOT, ROOT_DAYS, "Root CA", key.public_key())
        self._create(_ROOT, pem(root.issue(wish, at)).encode())
        found = self._find_root()
        assert found is not None
        return found

    def root_issuer(self) -> Issuer:
        """The root, for signing. Raises UnusableFile if its key is kept elsewhere."""
        if self.root.key is None:
            raise UnusableFile(
                f"the root's key is not here; put it back as {self._files.path(_ROOT_KEY)} "
                "for as long as this takes"
            )
        return Issuer(
            name="root",
            key=self.root.key,
            chain=self.root.chain,
            padding=self._policy.rsa_padding,
        )

    def add_issuer(self, family: str, at: datetime) -> Issuer:
        """A new issuer below our root, which signs from now on. Raises UnusableFile."""
        return self._make_issuer(family, self._next_number(family), at)

    def _make_issuer(self, family: str, number: int, at: datetime) -> Issuer:
        name = _issuer_name(family, number)
        key = keys.make(ISSUER_KINDS[family])
        title = f"Issuing CA {family.upper()} {number}"
        wish = self._wish(Kind.ISSUER, ISSUER_DAYS, title, key.public_key())
        certificate = self.root_issuer().issue(wish, at)
        self._create(f"issuer-{name}.pem", self._sealed(key, (certificate,)))
        self._take_issuer(f"issuer-{name}.pem")
        return self.issuers[name]

    def import_issuer(self, key: keys.PrivateKey, chain: tuple[x509.Certificate, ...]) -> str:
        """Take an issuer of somebody else's making, checked before; its name."""
        family = keys.family(key)
        name = _issuer_name(family, self._next_number(family))
        self._create(f"issuer-{name}.pem", self._sealed(key, chain))
        self._take_issuer(f"issuer-{name}.pem")
        return name

    def _next_number(self, family: str) -> int:
        taken = [_age(name)[1] for name in self._files.names() if _is_of(name, family)]
        return max(taken, default=0) + 1

    def issuer(self, family: str) -> Issuer:
        """The newest of a family: the one that signs."""
        return [each for each in self.issuers.values() if keys.family(each.key) == family][-1]

    # The server's own.

    def is_own(self, certificate: x509.Certificate) -> bool:
        """Whether one of our issuers has signed it."""
        return any(
            same_name(certificate.issuer, each.chain[0].subject)
            and trust.is_signed_by(certificate, each.chain[0])
            for each in self.issuers.values()
        )

    def is_due(self, held: Held, at: datetime) -> bool:
        """At two thirds of its life, or when the host has another name; never if not of ours."""
        certificate = held.certificate
        if not self.is_own(certificate):
            return False
        begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        return at >= begins + (ends - begins) * 2 / 3 or self.host not in hosts_of(certificate)

    def renew_server(self, family: str, at: datetime) -> None:
        """A new key and certificate. Raises UnusableFile, BadCertificate, OSError."""
        self._files.write(f"server-{family}.pem", self._new_server(family, at))

    def _new_server(self, family: str, at: datetime) -> bytes:
        key = keys.make(_SERVER_KINDS[family])
        host = self.host
        issuer = self.issuer(family)
        wish = Wish(
            organization=self._policy.cpo_name,
            common_name=host if len(host) <= _LONGEST_CN else _LOCAL[0],
            key=key.public_key(),
            profile=self._profile(Kind.SERVER, self._policy.server_certificate_days),
            hosts=tuple(dict.fromkeys((host, *_LOCAL))),
        )
        return self._sealed(key, (issuer.issue(wish, at), *without_root(issuer.chain)))

    def put_server(self, key: keys.PrivateKey, chain: tuple[x509.Certificate, ...]) -> None:
        """Take a server certificate of somebody else's making, checked before."""
        self._files.write(f"server-{keys.family(key)}.pem", self._sealed(key, chain))

    # A certificate for the server from somebody else's authority.

    def request(self, family: str) -> str:
        """What to send there, in PEM; its key is kept until the answer is installed."""
        key = self.requested(family)
        if key is None:
            key = keys.make(_SERVER_KINDS[family])
            self._files.write(_request_key(family), keys.seal(key, self._passphrase))
        return make_request(key, self._policy.cpo_name, self.host, self._policy.rsa_padding)

    def requested(self, family: str) -> keys.PrivateKey | None:
        """The key of a request that waits for its answer. Raises UnusableFile."""
        sealed = self._read(_request_key(family))
        return None if sealed is None else self._unseal(sealed, _request_key(family))

    def forget_request(self, family: str) -> None:
        self._files.remove(_request_key(family))

    # Parts.

    def _wish(self, kind: Kind, days: float, title: str, key: keys.PublicKey) -> Wish:
        name = self._policy.cpo_name
        room = _LONGEST_CN - len(title) - 1
        return Wish(
            organization=name,
            common_name=f"{name[:room].strip()} {title}",
            key=key,
            profile=self._profile(kind, days),
        )

    def _profile(self, kind: Kind, days: float) -> Profile:
        return profile(ProfileConfig(kind=kind, days=days))

    def _sealed(self, key: keys.PrivateKey, chain: Sequence[x509.Certificate]) -> bytes:
        return keys.seal(key, self._passphrase) + pem(*chain).encode()

    def _create(self, name: str, content: bytes) -> None:
        """Write a new file. If another process was first, its file counts."""
        self.is_new |= self._files.create(name, content)


def without_root(chain: tuple[x509.Certificate, ...]) -> tuple[x509.Certificate, ...]:
    """What is sent: whoever trusts the root has it."""
    return tuple(each for each in chain if not same_name(each.issuer, each.subject))


def _damaged(path: object, why: str) -> str:
    return f"{path} is damaged: {why}; restore it from a backup, nothing was changed"


def _request_key(family: str) -> str:
    return f"request-{family}.key"


def _issuer_name(family: str, number: int) -> str:
    return family if number == 1 else f"{family}-{number}"


def _age(name: str) -> tuple[int, int]:
    """Where the file of an issuer stands: its family, and its number in it."""
    match = _ISSUER.fullmatch(name)
    assert match is not None
    return FAMILIES.index(match[1].partition("-")[0]), int(match[2] or 1)


def _is_of(name: str, family: str) -> bool:
    return bool(_ISSUER.fullmatch(name)) and _age(name)[0] == FAMILIES.index(family)
