"""Certificates by what they are for and how far they have come; no cryptography."""

import enum
from datetime import datetime

from msgspec import Struct

from voltkeep.domain.identity import StationId


class RootUse(enum.StrEnum):
    """What a station, or we, trust a root certificate for; 1.6 knows the first two."""

    CSMS_ROOT = "CSMSRootCertificate"
    MANUFACTURER_ROOT = "ManufacturerRootCertificate"
    V2G_ROOT = "V2GRootCertificate"
    MO_ROOT = "MORootCertificate"
    OEM_ROOT = "OEMRootCertificate"


class HashAlgorithm(enum.StrEnum):
    SHA256 = "SHA256"
    SHA384 = "SHA384"
    SHA512 = "SHA512"


class HashData(Struct, frozen=True):
    """What a station calls a certificate by (whitepaper 5.1; RFC 6960, 4.1.1).

    Kept as the station reported it, and sent back like that (M04.FR.07); `same_as` compares.
    """

    algorithm: HashAlgorithm
    issuer_name_hash: str
    issuer_key_hash: str
    serial_number: str

    @property
    def key(self) -> str:
        """Equal for two spellings of one certificate: without case, serial without zeros."""
        serial = self.serial_number.lower().removeprefix("0x").lstrip("0") or "0"
        name, key = self.issuer_name_hash.lower(), self.issuer_key_hash.lower()
        return f"{self.algorithm.value}:{name}:{key}:{serial}"


class InstalledCertificate(Struct, frozen=True, kw_only=True):
    """A root certificate that a station has, as far as we know."""

    station: StationId
    id: str  # its use and `HashData.key`; of one not listed yet, its use and its fingerprint
    state: str = "installed"  # sent, installed, listed, failed
    at: datetime
    use: str  # a `RootUse`, or what else a 2.x station says it is for
    hash_data: HashData | None = None
    fingerprint: str = ""  # SHA-256 of its DER, hex; "" of one that we have never seen
    pem: str = ""
    problem: str = ""  # why the station did not take it, or did not let it go


class CertificateState(enum.StrEnum):
    """How far a certificate that we issued has come."""

    ISSUED = "issued"  # signed, not sent yet
    SENT = "sent"  # the station has not answered yet
    ACCEPTED = "accepted"  # the station has it; it has not connected with it yet
    ACTIVE = "active"  # the station has connected with it
    REJECTED = "rejected"  # the station did not take it
    SUPERSEDED = "superseded"  # a newer one is active
    REVOKED = "revoked"


class RequestState(enum.StrEnum):
    """How far a station's request for a certificate has come."""

    REQUESTED = "requested"  # accepted, not signed yet
    SIGNED = "signed"
    REPLACED = "replaced"  # the station has asked anew
    REFUSED = "refused"  # by the authority, after the station was told "Accepted"


class CertificateRequest(Struct, frozen=True, kw_only=True):
    """A station's request for a certificate (A02, A03) that was found to be in order.

    Kept after it is signed: a key belongs to the station that first asked for a certificate of it.
    """

    station: StationId
    id: str  # SHA-256 of the key's SubjectPublicKeyInfo, hex
    state: RequestState = RequestState.REQUESTED
    at: datetime
    pem: str
    common_name: str
    organization: str
    subject: str
    # What a 2.x station asked for it as: its answer says so again (2.x A02.FR.14).
    use: str = ""
    request_id: int | None = None
    problem: str = ""  # why the authority refused it


class RevocationReason(enum.StrEnum):
    """RFC 5280, 5.3.1."""

    UNSPECIFIED = "unspecified"
    KEY_COMPROMISE = "key_compromise"
    CA_COMPROMISE = "ca_compromise"
    AFFILIATION_CHANGED = "affiliation_changed"
    SUPERSEDED = "superseded"
    CESSATION_OF_OPERATION = "cessation_of_operation"


class IssuedCertificate(Struct, frozen=True, kw_only=True):
    """A certificate of our authority, for a station or for the server itself."""

    station: StationId  # name "" for the server's own
    id: str  # its serial number, lower-case hex without leading zeros
    state: CertificateState
    at: datetime  # of the last change of state
    profile: str  # name of the `pki` profile: station, server, issuer, ocsp, firmware
    issuer: str  # name of the issuing key: rsa, ec, root
    subject: str
    fingerprint: str  # SHA-256 of its DER, hex
    key_fingerprint: str  # SHA-256 of its SubjectPublicKeyInfo, hex
    not_before: datetime
    not_after: datetime
    pem: str  # the chain as it is sent: the certificate first
    problem: str = ""  # why a station did not take it
    sends: int = 0  # how often it was sent to the station
    renewal_at: datetime | None = None  # when the station was last asked to renew it
    revoked_at: datetime | None = None
    revocation_reason: RevocationReason | None = None


class TrustAnchor(Struct, frozen=True, kw_only=True):
    """A foreign CA certificate we trust: for every station, or for one."""

    station: StationId  # name "" for all of the tenant
    id: str  # SHA-256 of its DER, hex
    state: str = "trusted"
    at: datetime
    use: RootUse
    pem: str
    subject: str
    not_after: datetime
    # Whether client certificates below it are let in, and how their revocation is asked.
    for_clients: bool = False
    crl: str = ""  # PEM of its last revocation list
    crl_url: str = ""
    ocsp_url: str = ""


class Standing(enum.StrEnum):
    """How a client certificate stands with our authority, when it is shown."""

    TRUSTED = "trusted"
    UNTRUSTED = "not issued by an authority we trust"
    EXPIRED = "expired"
    NOT_YET_VALID = "not valid yet"
    REVOKED = "revoked"
    REVOCATION_UNKNOWN = "its revocation cannot be checked now"
    WRONG_PURPOSE = "not made for authenticating a client"
    WEAK = "its key is too weak"


class ClientCertificate(Struct, frozen=True, kw_only=True):
    """The certificate that a TLS client has proven to hold, as our authority judges it."""

    standing: Standing
    common_names: tuple[str, ...]
    organizations: tuple[str, ...]
    serial_number: str  # of the certificate, lower-case hex without leading zeros
    fingerprint: str  # SHA-256 of its DER, hex
    issuer_fingerprint: str = ""  # of the certificate whose key signed it; "" if untrusted
    is_own: bool = False  # our authority has issued it
    not_after: datetime
    anchored_for: StationId | None = None  # its root is trusted for this station only
