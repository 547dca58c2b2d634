"""A charging station: what it is, whether it may work, and the moves between those states."""

import enum
from datetime import datetime

from msgspec import Struct, structs

from voltkeep.domain.identity import StationId


class Registration(enum.StrEnum):
    """OCPP 2.1 RegistrationStatusEnumType: may this station work?"""

    ACCEPTED = "Accepted"
    PENDING = "Pending"
    REJECTED = "Rejected"


class SecurityProfile(enum.IntEnum):
    """Security whitepaper, section 2; NONE is no profile of it, and refused unless opted in."""

    NONE = 0
    BASIC = 1
    TLS_BASIC = 2
    TLS_CERTIFICATE = 3


class BootReason(enum.StrEnum):
    """OCPP 2.1 BootReasonEnumType; 1.6 cannot say."""

    APPLICATION_RESET = "ApplicationReset"
    FIRMWARE_UPDATE = "FirmwareUpdate"
    LOCAL_RESET = "LocalReset"
    POWER_UP = "PowerUp"
    REMOTE_RESET = "RemoteReset"
    SCHEDULED_RESET = "ScheduledReset"
    TRIGGERED = "Triggered"
    UNKNOWN = "Unknown"
    WATCHDOG = "Watchdog"


class Make(Struct, frozen=True, kw_only=True):
    """What a station says it is, at boot. All of it is hostile input until shown escaped."""

    vendor: str
    model: str
    serial_number: str | None = None
    firmware: str | None = None
    iccid: str | None = None
    imsi: str | None = None
    meter_type: str | None = None
    meter_serial_number: str | None = None


class Boot(Struct, frozen=True, kw_only=True):
    """A BootNotification in our words."""

    make: Make
    reason: str = BootReason.UNKNOWN


class NameCheck(enum.StrEnum):
    """How a name in a client certificate is compared (whitepaper A00.FR.404, 405)."""

    STRICT = "strict"  # O with the operator's name, CN with the station's serial number
    VALUE = "value"  # with a value configured for the station
    OFF = "off"


class Trust(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a station's admission depends on beyond its profile and key."""

    # A new key that may have reached the station: both count until one of them is used.
    next_key_hash: str | None = None
    next_key_at: datetime | None = None
    next_key_after_reboot: bool = False
    # A profile asked for: both count until the first good connection with it (A05.FR.08, 09).
    next_profile: SecurityProfile | None = None
    next_profile_at: datetime | None = None
    # Names in the client certificate; None: as the installation does it.
    organization: NameCheck | None = None
    organization_value: str = ""
    common_name: NameCheck | None = None
    common_name_value: str = ""
    serial_number: str = ""  # as commissioned; else what the station says at boot counts
    pin: str = ""  # fingerprint of the one certificate it may show where names are not checked
    # Contending clones: until then, nobody new is let in while somebody is connected.
    quarantined_until: datetime | None = None

    def without_next_key(self) -> "Trust":
        """No key is on its way any more."""
        return structs.replace(
            self, next_key_hash=None, next_key_at=None, next_key_after_reboot=False
        )


class UnknownTokens(enum.StrEnum):
    """What a station does with a token that nobody registered."""

    REFUSE = "refuse"
    RECORD = "record"  # let it charge, and keep it in the list of those seen
    ASK = "ask"  # whoever answers at a URL


class Policy(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How one station is run, where it is not run as all are."""

    unknown_tokens: UnknownTokens = UnknownTokens.REFUSE
    unknown_tokens_url: str = ""


class Station(Struct, kw_only=True):
    """A station as an operator and its connections left it. Times are UTC."""

    id: StationId
    security_profile: SecurityProfile = SecurityProfile.BASIC
    registration: Registration = Registration.ACCEPTED
    key_hash: str | None = None
    trust: Trust = Trust()
    passive: bool = False  # send no unsolicited CALL (conformance runs)
    note: str = ""
    site: str = ""  # the site it stands at
    policy: Policy = Policy()
    created_at: datetime
    make: Make | None = None
    subprotocol: str | None = None
    epoch: int = 0
    connected_at: datetime | None = None
    disconnected_at: datetime | None = None
    remote_address: str | None = None
    booted_at: datetime | None = None
    last_seen_at: datetime | None = None

    @property
    def last_heard_at(self) -> datetime | None:
        """When it was last heard of; a connection may have been too short to say anything."""
        heard = [each for each in (self.connected_at, self.last_seen_at) if each is not None]
        return max(heard, default=None)

    @property
    def is_connected(self) -> bool:
        """As far as the database knows; after a crash, true until the server has restarted."""
        return self.connected_at is not None and (
            self.disconnected_at is None or self.disconnected_at < self.connected_at
        )
