"""Wishes, plans and unended transactions to store: every field of each has a value of its own."""

from datetime import UTC, datetime, timedelta

from voltkeep.domain.audit import Actor
from voltkeep.domain.availability import (
    AvailabilityPlan,
    AvailabilityWish,
    PlanState,
    WishState,
)
from voltkeep.domain.closing import Evidence, Unended
from voltkeep.domain.identity import Evse, IdToken

_NOON = datetime(2026, 5, 1, 12, 0, 0, 123457, tzinfo=UTC)


def _after(seconds: float) -> datetime:
    return _NOON + timedelta(seconds=seconds)


AVAILABILITY = {
    "availability": (
        AvailabilityWish,
        {
            "state": WishState.SCHEDULED,
            "operative": False,
            "evse": Evse(1, 2),
            "asked_at": _after(-9),
            "asked_by": "alice",
            "status": "Scheduled",
        },
    ),
    "availability_plans": (
        AvailabilityPlan,
        {
            "state": PlanState.PLANNED,
            "operative": False,
            "evse": Evse(1, 2),
            "due_at": _after(60),
            "expires_at": _after(120),
            "asked_at": _after(-9),
            "actor": Actor(kind="cli", name="alice"),
            "reason": "Accepted",
        },
    ),
    "unended": (
        Unended,
        {
            "state": Evidence.AVAILABLE,
            "text": "its EVSE says Available",
            "evse": Evse(1, 2),
            "id_token": IdToken("04AaBb", "ISO14443"),
            "started_at": _after(-60),
            "last_heard_at": _after(-30),
        },
    ),
}
