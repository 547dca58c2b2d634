"""Transactions that never ended: how they are recognised, and how they are closed in the record.

Closing changes what we have written down, and nothing at the station.
"""

import enum
from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from voltkeep.domain.availability import ConnectorStatus, StatusUpdate
from voltkeep.domain.identity import Evse, IdToken, StationId
from voltkeep.domain.stations import Station
from voltkeep.domain.transactions import Transaction

SETTLING = timedelta(minutes=15)
"""How long an end may be on its way: stations resend, and tell their status first."""


class Evidence(enum.StrEnum):
    """Why a transaction that is still open cannot be running any more."""

    NEWER = "newer transaction"
    AVAILABLE = "EVSE available"
    REMOVED = "station removed"
    OFFLINE = "station offline"
    RESTARTED = "station restarted"


class Unended(Struct, frozen=True, kw_only=True):
    """A transaction that never ended, as it was found. ``id`` is its ref, ``state`` the evidence.

    ``at`` is when it was found.
    """

    station: StationId
    id: str
    state: Evidence
    at: datetime
    text: str
    evse: Evse | None
    id_token: IdToken | None
    started_at: datetime | None
    last_heard_at: datetime


class Surroundings(Struct, frozen=True, kw_only=True):
    """What is known around an open transaction."""

    station: Station | None
    connectors: Sequence[tuple[StatusUpdate, datetime]]  # and when each was heard
    newer: Transaction | None  # the next that was heard of on its EVSE
    last_metered_at: datetime | None


def evidence(
    transaction: Transaction, around: Surroundings, now: datetime, patience: timedelta
) -> tuple[Evidence, str] | None:
    """Why it never ended, in words; None: it may well be running.

    ``patience`` is how long nothing must have been heard of it where nothing contradicts it.
    """
    if not transaction.is_active:
        return None
    heard = max(transaction.last_heard_at, around.last_metered_at or transaction.last_heard_at)
    newer = around.newer
    if newer is not None and _follows(newer, transaction, now):
        said = f"{newer.ref} has begun there at {newer.first_heard_at:%F %T}Z"
        return Evidence.NEWER, f"another transaction, {said}"
    since = _available_since(transaction, around.connectors)
    if since is not None and since > heard and now - since >= SETTLING:
        return Evidence.AVAILABLE, f"its EVSE says Available since {since:%F %T}Z"
    if now - heard < patience:
        return None
    silent = f"nothing was heard of it since {heard:%F %T}Z"
    station = around.station
    if station is None:
        return Evidence.REMOVED, f"the station was removed, and {silent}"
    if station.booted_at is not None and station.booted_at > heard:
        return (
            Evidence.RESTARTED,
            f"the station started at {station.booted_at:%F %T}Z, and {silent}",
        )
    if not station.is_connected:
        return Evidence.OFFLINE, f"the station is not connected, and {silent}"
    return None


def _follows(newer: Transaction, transaction: Transaction, now: datetime) -> bool:
    """Not one that was charged before, and only told later."""
    began, before = newer.started_at, transaction.started_at
    is_later = began is None or before is None or began >= before
    return is_later and now - newer.first_heard_at >= SETTLING


def _available_since(
    transaction: Transaction, connectors: Sequence[tuple[StatusUpdate, datetime]]
) -> datetime | None:
    """Since when all connectors of its EVSE say that nobody charges there."""
    place = transaction.evse
    if place is None:
        return None
    said = [each for each in connectors if each[0].evse is not None and each[0].evse.id == place.id]
    of_it = [
        each for each in said if each[0].evse and each[0].evse.connector_id == place.connector_id
    ]
    counted = of_it or said
    if not counted or any(u.status is not ConnectorStatus.AVAILABLE for u, _ in counted):
        return None
    return max(heard for _, heard in counted)
