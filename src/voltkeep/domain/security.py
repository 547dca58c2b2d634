"""Who may connect, and how: the decision at the door, before any upgrade."""

import enum

from msgspec import Struct

from voltkeep.domain.stations import SecurityProfile, Station


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
