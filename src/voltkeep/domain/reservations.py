"""Who may use which EVSE until when, and what became of it (functional block H)."""

import enum
from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from voltkeep.domain.identity import Evse, IdToken, StationId, TransactionRef


class ReservationState(enum.StrEnum):
    REQUESTED = "requested"  # the station has not answered yet
    ACTIVE = "active"
    UNKNOWN = "unknown"  # asked for, and the answer got lost: it may hold
    REFUSED = "refused"
    USED = "used"
    UNUSED = "unused"  # the token came, and no transaction (H03, NoTransaction)
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    REMOVED = "removed"  # the station gave it up, as a faulted one does (H01.FR.10)


class Reservation(Struct, frozen=True, kw_only=True):
    """A reservation; without an EVSE any of the station's, of ``connector_type`` if that is set."""

    station: StationId
    id: str  # a positive int32, which no other reservation of the installation has
    state: ReservationState
    at: datetime  # of the last news
    evse: Evse | None = None
    connector_type: str = ""
    id_token: IdToken
    group: str | None = None
    expires_at: datetime
    requested_at: datetime
    status: str = ""  # in the station's words
    transaction: TransactionRef | None = None  # what used it


OPEN_RESERVATIONS = (
    ReservationState.REQUESTED,
    ReservationState.ACTIVE,
    ReservationState.UNKNOWN,
)

_SAID = {
    "Expired": ReservationState.EXPIRED,
    "Removed": ReservationState.REMOVED,
    "NoTransaction": ReservationState.UNUSED,
}


def state_said(status: str) -> ReservationState | None:
    """What a ReservationStatusUpdate means; None for a word that nobody knows."""
    return _SAID.get(status)


def claimed_by(
    reservations: Iterable[Reservation],
    *,
    id_token: IdToken,
    group: str | None,
    evse: Evse | None,
    at: datetime,
) -> Reservation | None:
    """The reservation that a transaction uses which names none (H03.FR.01, H03.FR.07).

    Of several, the one for this EVSE before one for any, the token's own before its group's,
    and the first to end before others.
    """
    fitting = [
        (each.evse is None, each.id_token.key != id_token.key, each.expires_at, each.id, each)
        for each in reservations
        if each.state in OPEN_RESERVATIONS
        and at <= each.expires_at
        and (each.evse is None or (evse is not None and each.evse.id == evse.id))
        and (
            each.id_token.key == id_token.key
            or (each.group is not None and group is not None and _same(each.group, group))
        )
    ]
    return min(fitting)[-1] if fitting else None


def _same(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()
