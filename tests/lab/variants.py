"""What a right CSMS may also do: each is a change of the small CSMS that its case must pass."""

from typing import NamedTuple

from tests.lab import ways
from tests.lab.csms.running import Spoil
from tests.lab.spoils import (
    TO_THE_MINUTE,
    WITHOUT,
    a_charging_profile,
    answers,
    asks,
    asks_first,
    follows,
    hangs_up_after,
    has,
    later,
    wishes,
)


class Variant(NamedTuple):
    """``words``: what a CSMS may do as well; the case on a security profile must pass it.

    ``warned``: it is odd, and a warning must say so. ``after``: cases that the CSMS must have seen
    before, and passed.
    """

    words: str
    case: str
    change: Spoil
    profile: int = 1
    warned: bool = False
    after: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.case}-{self.words}"


CORE = [
    Variant("It wants a Heartbeat a day", "TC_001", answers("BootNotification", interval=86_400)),
    Variant(
        "It knows every vendor", "TC_064", answers("DataTransfer", status="Accepted"), warned=True
    ),
]

_RESERVE, _SET, _REMOTE_START = "ReserveNow", "SetChargingProfile", "RemoteStartTransaction"
_NO_DURATION = {"chargingProfile__chargingSchedule__duration": WITHOUT}
PROFILES = [
    Variant(
        "It has a default profile of its own",
        "TC_010",
        asks(_REMOTE_START, chargingProfile=a_charging_profile("TxProfile")),
        warned=True,
    ),
    Variant(
        "It leaves the connector to the station",
        "TC_011_1",
        asks(_REMOTE_START, connectorId=WITHOUT),
        warned=True,
    ),
    Variant("It knows no seconds", "TC_046", asks(_RESERVE, expiryDate=TO_THE_MINUTE)),
    Variant(
        "It counts from when it is told", "TC_051", asks(_RESERVE, expiryDate=later(hours=0.01)), 2
    ),
    Variant(
        "Its profile is Relative",
        "TC_057",
        asks(
            _SET,
            csChargingProfiles__chargingProfileKind="Relative",
            csChargingProfiles__chargingSchedule__startSchedule=WITHOUT,
        ),
    ),
    Variant(
        "Its profile is Absolute",
        "TC_059",
        asks(
            _REMOTE_START,
            chargingProfile__chargingProfileKind="Absolute",
            chargingProfile__validFrom="2026-01-01T00:00:00Z",
            chargingProfile__validTo="2027-01-01T00:00:00Z",
            chargingProfile__chargingSchedule__startSchedule="2026-01-01T00:00:00Z",
        ),
    ),
    Variant(
        "Its profile lasts as long as charging does",
        "TC_059",
        asks(_REMOTE_START, **_NO_DURATION),
        2,
        warned=True,
    ),
    Variant("It knows how long a signature is", "TC_081", has(shortest_signature=64)),
]

_CHANGE, _DELETE, _LIST = "ChangeConfiguration", "DeleteCertificate", "GetInstalledCertificateIds"
_OF_CSMS = {"certificateType": "CentralSystemRootCertificate"}
SECURITY = [
    Variant("It looks whether a root is gone", "TC_076", follows(_DELETE, _LIST, **_OF_CSMS)),
    Variant("It looks later", "TC_076", asks_first("InstallCertificate", _LIST, 2, **_OF_CSMS), 2),
    Variant(
        "The clock of its CA is ahead", "TC_074", wishes(station={"begins_in_s": 1}), 3, warned=True
    ),
    Variant("It resets whom it has raised", "TC_083", follows(_CHANGE, "Reset", type="Hard")),
    Variant("It does so over TLS", "TC_083", follows(_CHANGE, "Reset", type="Hard"), 2),
]

_HANGS_UP = wishes(hangs_up=True)  # and says nothing: no source asks for an answer of HTTP

CONNECTIONS = [
    Variant("It wants a Heartbeat a second", "TC_001", has(interval_s=1), 2),
    Variant("It knows a start by its meter", "TC_003", ways.reads_no_times, after=("TC_039",)),
    Variant("It has had this CALL in an earlier run", "LAB_20", has(), after=("LAB_20",)),
    Variant("It closes once it has ordered a reset", "TC_013", hangs_up_after("Reset")),
    Variant("It closes once it has changed a key", "TC_073", hangs_up_after(_CHANGE)),
    Variant("It does so whoever looks", "LAB_16", hangs_up_after(_CHANGE), 2),
    Variant(
        "It closes once a station is renewed", "TC_074", hangs_up_after("CertificateSigned"), 3
    ),
    Variant("It hangs up on whom it does not know", "TC_085", _HANGS_UP, warned=True),
    Variant("It hangs up on other protocols", "TC_088", _HANGS_UP, 3, warned=True),
    Variant("It hangs up on a profile of old", "TC_083", _HANGS_UP, warned=True),
    Variant("It hangs up on a wrong key", "LAB_02", _HANGS_UP, 2, warned=True),
]

VARIANTS: list[Variant] = [*CONNECTIONS, *CORE, *PROFILES, *SECURITY]
