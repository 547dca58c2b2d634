"""Records of drivers: their reservations, and what is kept of their tokens."""

from datetime import UTC, datetime
from typing import Any

from voltkeep.domain.authorization import (
    Authorization,
    SeenState,
    SeenToken,
    TokenChange,
    TokenGroup,
)
from voltkeep.domain.identity import Evse, IdToken, TransactionRef
from voltkeep.domain.local_list import ListState, LocalList
from voltkeep.domain.reservations import Reservation, ReservationState

_AT = datetime(2026, 1, 1, 13, tzinfo=UTC)
_TOKEN = IdToken("Ä\ud7ff", "eMAID")

DRIVERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "reservations": (
        Reservation,
        {
            "state": ReservationState.USED,
            "evse": Evse(1, 2),
            "connector_type": "cCCS2",
            "id_token": _TOKEN,
            "group": "G",
            "expires_at": _AT,
            "requested_at": _AT,
            "status": "Accepted",
            "transaction": TransactionRef("7"),
        },
    ),
    "local_lists": (
        LocalList,
        {
            "state": ListState.IN_STEP,
            "is_on": True,
            "groups": ("G", "H"),
            "version": 7,
            "synced_until": _AT,
            "sent_at": _AT,
            "entries": 5,
            "status": "Accepted",
            "reason": "why",
            "most_entries": 100,
            "per_message": 10,
        },
    ),
    "unknown_tokens": (
        SeenToken,
        {
            "state": SeenState.DISMISSED,
            "id_token": _TOKEN,
            "first_at": _AT,
            "times": 3,
            "seen_at": "CS-1",
            "status": Authorization.NO_CREDIT,
        },
    ),
    "token_groups": (TokenGroup, {"state": "blocked", "note": "vans"}),
    "token_changes": (
        TokenChange,
        {"state": "removed", "id_token": _TOKEN, "groups": ("G", "H")},
    ),
}
