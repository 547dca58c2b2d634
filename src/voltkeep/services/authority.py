"""Ports of the certificate authority and of the file store."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from voltkeep.domain.certificates import (
    ClientCertificate,
    HashAlgorithm,
    HashData,
    IssuedCertificate,
    Standing,
    TrustAnchor,
)


class BadCertificate(ValueError):
    """A certificate or a request for one that we do not take; the message says why."""


class RequestedCertificate(Struct, frozen=True, kw_only=True):
    """What a certificate request says, its signature checked."""

    common_name: str
    organization: str
    subject: str
    key_kind: str  # rsa or ec
    key_bits: int
    key_fingerprint: str  # SHA-256 of its SubjectPublicKeyInfo, hex


class RootCertificate(Struct, frozen=True, kw_only=True):
    """A CA certificate that somebody wants trusted."""

    pem: str  # as it will be sent: LF, nothing around it
    subject: str
    fingerprint: str
    not_before: datetime
    not_after: datetime
    is_self_signed: bool


class Authority(Protocol):
    """Our certificate authority. It signs only what it has linted."""

    @property
    def root(self) -> RootCertificate:
        """What stations must trust to trust our server."""
        ...

    def read_request(self, pem: str) -> RequestedCertificate:
        """Raises BadCertificate: no PEM, trailing junk, wrong signature, weak key, CA, names."""
        ...

    def sign_station(
        self, request: str, *, organization: str, common_name: str, at: datetime
    ) -> IssuedCertificate:
        """A client certificate for the request's key, whose subject must be these names.

        The issuer is of the key's own family. ``station`` is left with an empty name, ``state``
        is ISSUED. Takes milliseconds of CPU: call it in a thread. Raises BadCertificate.
        """
        ...

    def read_root(self, pem: str, at: datetime) -> RootCertificate:
        """Raises BadCertificate: no PEM, more than one, no CA, expired, weak, too long."""
        ...

    def hash_data(self, pem: str, algorithm: HashAlgorithm) -> HashData:
        """What a station calls this root certificate (whitepaper 5.1). Raises BadCertificate."""
        ...

    def judge(
        self, certificate: bytes, anchors: Sequence[TrustAnchor], at: datetime
    ) -> ClientCertificate:
        """How a TLS client's certificate (DER) stands, but for its revocation. Never raises.

        ``anchors`` are the foreign roots and issuers that count beside our own.
        """
        ...

    def crl(self, issuer: str, revoked: Sequence[IssuedCertificate], at: datetime) -> bytes:
        """The revocation list (DER) of an issuer by name. Raises LookupError."""
        ...

    def ocsp_asks(self, request: bytes) -> Sequence[str]:
        """The serial numbers, lower-case hex, that an OCSP request (DER) asks about.

        Raises BadCertificate.
        """
        ...

    def ocsp(self, request: bytes, known: Sequence[IssuedCertificate], at: datetime) -> bytes:
        """The answer (DER) to an OCSP request, from what we know of the certificates asked for."""
        ...

    def certificates(self) -> Sequence[IssuedCertificate]:
        """The authority's own: root, issuers, server, for the expiry calendar."""
        ...


class Revocations(Protocol):
    """Asks others whether a certificate that they issued is revoked."""

    async def standing(
        self, certificate: bytes, judged: ClientCertificate, anchors: Sequence[TrustAnchor]
    ) -> Standing:
        """TRUSTED, REVOKED, or REVOCATION_UNKNOWN when whoever must be asked does not answer."""
        ...


class BadSignature(ValueError):
    """A signature that does not fit its file and its certificate."""


class Signatures(Protocol):
    """Signatures over the SHA-256 of a firmware file (L01.FR.04); hashes are in hex."""

    def check_certificate(self, pem: str, issuers: Sequence[str], at: datetime) -> str:
        """A firmware signing certificate as it is sent. Raises BadCertificate.

        One of ``issuers`` (PEM) must have issued it, if there are any.
        """
        ...

    def verify(self, sha256: str, signature: str, pem: str) -> None:
        """Raises BadSignature, or BadCertificate."""
        ...

    def sign(self, sha256: str, key: bytes, password: bytes | None, pem: str) -> str:
        """The signature in base64, by the key (PEM) of that certificate. Raises BadCertificate."""
        ...


class FileTooLarge(ValueError):
    """More was written than was allowed."""


class Incoming(Protocol):
    """A file that is being written; it is there once it has been kept."""

    @property
    def size(self) -> int: ...
    async def write(self, data: bytes) -> None:
        """Raises FileTooLarge, and OSError when the disk is full."""
        ...

    async def keep(self) -> tuple[str, int, str]:
        """The name it is stored under (ours), its size and its SHA-256 in hex."""
        ...


class Files(Protocol):
    """Where files are kept, by names of our making."""

    def receive(self, limit: int) -> AbstractAsyncContextManager[Incoming]:
        """A new file of at most ``limit`` bytes; forgotten unless it was kept."""
        ...

    def read(self, stored_as: str, start: int = 0) -> AsyncIterator[bytes]:
        """Its content in blocks. Raises FileNotFoundError."""
        ...

    async def size(self, stored_as: str) -> int:
        """Raises FileNotFoundError."""
        ...

    async def remove(self, stored_as: str) -> None: ...
    async def used(self) -> int:
        """How many bytes all files take."""
        ...
