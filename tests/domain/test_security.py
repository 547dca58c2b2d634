"""The decision at the door: a row for each case."""

from datetime import UTC, datetime

import pytest

from voltkeep.domain.identity import station_id
from voltkeep.domain.security import Attempt, Verdict, admit
from voltkeep.domain.stations import SecurityProfile, Station

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def station(profile, key_hash="hash"):
    return Station(
        id=station_id("CS-1"), security_profile=profile, key_hash=key_hash, created_at=NOON
    )


NONE, BASIC, TLS = SecurityProfile.NONE, SecurityProfile.BASIC, SecurityProfile.TLS_BASIC


@pytest.mark.parametrize(
    ("known", "tls", "user", "matches", "verdict"),
    [
        (None, False, "CS-1", True, Verdict.UNKNOWN_STATION),
        (None, False, None, False, Verdict.UNKNOWN_STATION),
        (station(BASIC), False, "CS-1", True, Verdict.ADMITTED),
        (station(BASIC), False, "CS-1", False, Verdict.WRONG_PASSWORD),
        (station(BASIC), False, "CS-2", True, Verdict.WRONG_USER),
        (station(BASIC), False, None, False, Verdict.NO_CREDENTIALS),
        (station(BASIC), True, "CS-1", True, Verdict.TLS_NOT_EXPECTED),
        (station(BASIC, None), False, "CS-1", True, Verdict.NO_KEY),
        (station(NONE), False, None, False, Verdict.ADMITTED),
        (station(NONE), False, "CS-1", False, Verdict.ADMITTED),
        (station(NONE), True, None, False, Verdict.TLS_NOT_EXPECTED),
        (station(TLS), False, "CS-1", True, Verdict.TLS_REQUIRED),
        (station(TLS), True, "CS-1", True, Verdict.ADMITTED),
        (station(TLS), True, "CS-1", False, Verdict.WRONG_PASSWORD),
        (station(SecurityProfile.TLS_CERTIFICATE), True, "CS-1", True, Verdict.PROFILE_NOT_OFFERED),
    ],
)
def test_the_verdict(known, tls, user, matches, verdict):
    assert admit(known, Attempt(tls=tls, user=user, password_matches=matches)) is verdict
