"""Who may connect, and how: the decision at the door, before any upgrade."""

import enum
from datetime import datetime

from msgspec import Struct

from voltkeep.domain.identity import StationId
from voltkeep.domain.stations import SecurityProfile, Station


class Refusal(Struct, frozen=True, kw_only=True):
    """Connections refused for one reason at one address: counted, for people (never answered).

    ``station`` is what was asked for, registered or not; name "" if it never came to that.
    """

    station: StationId
    id: str  # reason and host, hashed
    state: str = "refused"
    at: datetime  # the last time
    first_at: datetime
    count: int
    host: str
    reason: str  # a `Verdict`, or other words
    detail: str = ""


class Alert(Struct, frozen=True, kw_only=True):
    """Something a person should look at. ``state`` is open or acknowledged."""

    station: StationId
    id: str
    state: str = "open"
    at: datetime  # the last time
    first_at: datetime
    count: int = 1
    kind: str
    text: str
    acknowledged_by: str = ""


class SecurityEvent(Struct, frozen=True, kw_only=True):
    """A security event that a station reported (A04). ``type`` and ``tech_info`` are hostile."""

    station: StationId
    id: str  # of its content: the same event said twice is stored once
    state: str  # critical or noted
    at: datetime  # when we heard it
    happened_at: datetime
    type: str
    tech_info: str | None = None


class Attempt(Struct, frozen=True, kw_only=True):
    """What a connection shows before it is let in. ``user`` None: no Basic header at all."""

    tls: bool
    user: str | None
    password_matches: bool


class Verdict(enum.StrEnum):
    """Why a connection is admitted or refused; the peer is told no more than "401"."""

    ADMITTED = "admitted"
    UNKNOWN_STATION = "unknown station"
    PROFILE_NOT_OFFERED = "the station's security profile is not offered here"
    TLS_REQUIRED = "the station must use TLS"
    TLS_NOT_EXPECTED = "the station connected over TLS, but its security profile has none"
    NO_CREDENTIALS = "no HTTP Basic credentials"
    WRONG_USER = "the user name is not the station id"
    WRONG_PASSWORD = "wrong password"  # noqa: S105  # words for a log, not a secret
    NO_KEY = "the station has no key yet"


def admit(station: Station | None, attempt: Attempt) -> Verdict:
    """Security whitepaper A00.FR.001-006 and 201-207, for profiles 0 and 1."""
    if station is None:
        return Verdict.UNKNOWN_STATION
    match station.security_profile:
        case SecurityProfile.NONE:
            return Verdict.TLS_NOT_EXPECTED if attempt.tls else Verdict.ADMITTED
        case SecurityProfile.BASIC:
            if attempt.tls:
                return Verdict.TLS_NOT_EXPECTED
        case SecurityProfile.TLS_BASIC:
            if not attempt.tls:
                return Verdict.TLS_REQUIRED
        case _:
            return Verdict.PROFILE_NOT_OFFERED
    if station.key_hash is None:
        return Verdict.NO_KEY
    if attempt.user is None:
        return Verdict.NO_CREDENTIALS
    if attempt.user != station.id.name:
        return Verdict.WRONG_USER
    return Verdict.ADMITTED if attempt.password_matches else Verdict.WRONG_PASSWORD
