"""The decision over a token."""

from datetime import UTC, datetime, timedelta

import pytest

from voltkeep.domain.authorization import Authorization, Token, decide
from voltkeep.domain.identity import IdToken

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CARD = IdToken("CARD")
LATER, EARLIER = NOW + timedelta(seconds=1), NOW - timedelta(seconds=1)


def token(**changes):
    return Token(id_token=CARD, created_at=NOW, **changes)


@pytest.mark.parametrize(
    ("known", "active", "status"),
    [
        (None, None, Authorization.UNKNOWN),
        (token(), None, Authorization.ACCEPTED),
        (token(expires_at=LATER), 0, Authorization.ACCEPTED),
        (token(expires_at=NOW), 0, Authorization.EXPIRED),
        (token(expires_at=EARLIER), 0, Authorization.EXPIRED),
        (token(blocked=True, expires_at=EARLIER), 5, Authorization.BLOCKED),
        (token(expires_at=EARLIER), 5, Authorization.EXPIRED),
        (token(), 1, Authorization.CONCURRENT_TX),
        (token(max_active=2), 1, Authorization.ACCEPTED),
        (token(max_active=2), 2, Authorization.CONCURRENT_TX),
        (token(max_active=0), 99, Authorization.ACCEPTED),
    ],
)
def test_the_decision(known, active, status):
    assert decide(CARD, known, NOW, active).status is status


def test_concurrent_is_no_answer_to_a_mere_question():
    """ConcurrentTx answers the start of a transaction only."""
    assert decide(CARD, token(), NOW, active=None).status is Authorization.ACCEPTED


def test_the_group_is_told_with_every_answer():
    decision = decide(CARD, token(group="FLEET", blocked=True), NOW, None)

    assert (decision.group, decision.status) == ("FLEET", Authorization.BLOCKED)


def test_a_station_without_authorization_needs_no_token():
    """C06: the token type NoAuthorization."""
    anyone = IdToken("", "NoAuthorization")

    assert decide(anyone, None, NOW, 7).status is Authorization.ACCEPTED
