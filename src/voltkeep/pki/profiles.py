"""What each kind of certificate is for: its key usage, its place in the tree, its longest life."""

import enum
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier


class Kind(enum.StrEnum):
    ROOT = "root"
    ISSUER = "issuer"
    SERVER = "server"
    STATION = "station"
    FIRMWARE = "firmware"


class Policy(Protocol):
    """What of the settings the authority goes by."""

    @property
    def cpo_name(self) -> str: ...
    @property
    def host(self) -> str: ...
    @property
    def rsa_padding(self) -> str: ...
    @property
    def station_certificate_days(self) -> float: ...
    @property
    def server_certificate_days(self) -> float: ...


@dataclass(frozen=True, kw_only=True)
class ProfileConfig:
    """What an operator may choose."""

    kind: Kind
    days: float


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What the authority goes by; made by `profile` only."""

    kind: Kind
    lifetime: timedelta
    path_length: int | None  # None: no authority
    purpose: ObjectIdentifier | None

    @property
    def is_authority(self) -> bool:
        return self.path_length is not None

    def usage(self, family: str) -> x509.KeyUsage:
        """RFC 5280, 4.2.1.3. Suites without forward secrecy encipher with the server's RSA key."""
        return x509.KeyUsage(
            digital_signature=not self.is_authority,
            content_commitment=False,
            key_encipherment=self.kind is Kind.SERVER and family == "rsa",
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=self.is_authority,
            crl_sign=self.is_authority,
            encipher_only=False,
            decipher_only=False,
        )


# At most days; path length; extended key usage (RFC 5280, 4.2.1.12).
_KINDS: dict[Kind, tuple[float, int | None, ObjectIdentifier | None]] = {
    Kind.ROOT: (9132, 1, None),
    Kind.ISSUER: (5479, 0, None),
    Kind.SERVER: (825, None, ExtendedKeyUsageOID.SERVER_AUTH),
    Kind.STATION: (3650, None, ExtendedKeyUsageOID.CLIENT_AUTH),
    Kind.FIRMWARE: (3650, None, ExtendedKeyUsageOID.CODE_SIGNING),
}


def profile(config: ProfileConfig) -> Profile:
    """Raises ValueError if that is longer than the kind may live."""
    days, path_length, purpose = _KINDS[config.kind]
    if not 0 < config.days <= days:
        raise ValueError(f"a {config.kind} certificate lives at most {days:g} days")
    return Profile(
        kind=config.kind,
        lifetime=timedelta(days=config.days),
        path_length=path_length,
        purpose=purpose,
    )
