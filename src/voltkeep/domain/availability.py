"""The state of a connector and of the charging behind it, and what is wanted of it."""

import enum
from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from voltkeep.domain.audit import Actor
from voltkeep.domain.identity import Evse, StationId
from voltkeep.domain.stations import Station


class ConnectorStatus(enum.StrEnum):
    """OCPP 2.1 ConnectorStatusEnumType."""

    AVAILABLE = "Available"
    OCCUPIED = "Occupied"
    RESERVED = "Reserved"
    UNAVAILABLE = "Unavailable"
    FAULTED = "Faulted"


class ChargingState(enum.StrEnum):
    """OCPP 2.1 ChargingStateEnumType."""

    CHARGING = "Charging"
    EV_CONNECTED = "EVConnected"
    SUSPENDED_EV = "SuspendedEV"
    SUSPENDED_EVSE = "SuspendedEVSE"
    IDLE = "Idle"


class StatusUpdate(Struct, frozen=True, kw_only=True):
    """What a station reports of a connector; ``evse`` None is the station as a whole.

    ``raw_status`` is the station's own word: 1.6 has nine of them.
    """

    evse: Evse | None
    status: ConnectorStatus
    raw_status: str
    at: datetime
    charging_state: ChargingState | None = None
    error_code: str | None = None
    info: str | None = None
    vendor_id: str | None = None
    vendor_error_code: str | None = None


# --- how far a status can be believed --------------------------------------------------------


class Doubt(enum.StrEnum):
    """Why a status may not be true any more."""

    DISCONNECTED = "disconnected"
    RESTARTED = "restarted"
    OLD = "old"


class Freshness(Struct, frozen=True, kw_only=True):
    """How old a status is, and since when it may not be true any more; None: it still counts."""

    age: timedelta
    stale_since: datetime | None = None
    doubt: Doubt | None = None


def freshness(
    received_at: datetime, station: Station, now: datetime, patience: timedelta | None
) -> Freshness:
    """How far a status heard at ``received_at`` can be believed; ``patience`` None: at any age.

    The earliest doubt counts: the connection ended, the station has started anew since, or
    nothing was heard of that connector for too long.
    """
    doubts: list[tuple[datetime, Doubt]] = []
    if not station.is_connected:
        doubts.append(
            (max(station.disconnected_at or received_at, received_at), Doubt.DISCONNECTED)
        )
    if station.booted_at is not None and station.booted_at > received_at:
        doubts.append((station.booted_at, Doubt.RESTARTED))
    if patience is not None and now - received_at > patience:
        doubts.append((received_at + patience, Doubt.OLD))
    since, doubt = min(doubts, default=(None, None))
    age = max(timedelta(), now - received_at)
    return Freshness(age=age, stale_since=since, doubt=doubt)


# --- what is wanted --------------------------------------------------------------------------


class WishState(enum.StrEnum):
    """How far a change of availability is."""

    ASKED = "asked"
    SCHEDULED = "scheduled"  # the station will, once its transaction has ended (G03.FR.05)
    UNANSWERED = "unanswered"  # it may have heard it
    DONE = "done"
    REJECTED = "rejected"


OPEN_WISHES = (WishState.ASKED, WishState.SCHEDULED, WishState.UNANSWERED)


class AvailabilityWish(Struct, frozen=True, kw_only=True):
    """What is wanted of a place: one record for each, the last wish. ``id`` is `place_id`."""

    station: StationId
    id: str
    state: WishState
    at: datetime
    operative: bool
    evse: Evse | None
    asked_at: datetime
    asked_by: str
    status: str = ""  # the station's word


def place_id(evse: Evse | None) -> str:
    """``station``, ``1``, or ``1.2`` for connector 2 of EVSE 1."""
    if evse is None:
        return "station"
    return str(evse.id) if evse.connector_id is None else f"{evse.id}.{evse.connector_id}"


def is_fulfilled(wish: AvailabilityWish, said: Sequence[tuple[StatusUpdate, datetime]]) -> bool:
    """Whether what a station has said since, with when we heard it, is what was wanted.

    1.6 speaks of the station as a whole too; in 2.x its connectors must tell.
    """
    of_it = [each for each in said if _is_at(each[0].evse, wish.evse)]
    whole = [each for each in of_it if each[0].evse is None]
    counted = whole or of_it
    return any(heard >= wish.asked_at for _, heard in counted) and all(
        _agrees(update, operative=wish.operative) for update, _ in counted
    )


def differs(wish: AvailabilityWish, said: Sequence[tuple[StatusUpdate, datetime]]) -> bool:
    """Whether a place that has done as wanted says otherwise since."""
    return wish.state is WishState.DONE and any(
        heard > wish.at and not _agrees(update, operative=wish.operative)
        for update, heard in said
        if _is_at(update.evse, wish.evse)
    )


def _is_at(told: Evse | None, wanted: Evse | None) -> bool:
    if wanted is None:
        return True
    if told is None or told.id != wanted.id:
        return False
    return wanted.connector_id is None or told.connector_id in {None, wanted.connector_id}


def _agrees(update: StatusUpdate, *, operative: bool) -> bool:
    if operative:
        return update.status is not ConnectorStatus.UNAVAILABLE
    return update.status is ConnectorStatus.UNAVAILABLE


class PlanState(enum.StrEnum):
    """How far a planned change is."""

    PLANNED = "planned"  # also while it is due and the station is not there
    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class AvailabilityPlan(Struct, frozen=True, kw_only=True):
    """A change at a time. While it is planned, ``at`` is when it is due.

    The two ends of a window have ids that differ in their last letter.
    """

    station: StationId
    id: str
    state: PlanState
    at: datetime
    operative: bool
    evse: Evse | None
    due_at: datetime
    expires_at: datetime
    asked_at: datetime
    actor: Actor  # who asked for it, and does it when it is due
    reason: str = ""  # how it went
