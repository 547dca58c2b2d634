"""Rows of the store that are more than a thing of the domain: with when we heard, or a number."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from voltkeep.domain.availability import StatusUpdate
from voltkeep.domain.identity import Evse, StationId, TransactionRef
from voltkeep.domain.meter_values import MeterValue


class ConnectorRow(Struct, frozen=True, kw_only=True):
    """The latest known status of one connector, and when we heard it."""

    station: StationId
    update: StatusUpdate
    received_at: datetime


class MeterRow(Struct, frozen=True, kw_only=True):
    """One stored meter value."""

    station: StationId
    evse: Evse | None
    ref: TransactionRef | None
    value: MeterValue
    received_at: datetime


class Exchange(Struct, frozen=True, kw_only=True, gc=False):
    """One CALL and what became of it, for the message log.

    ``verdict`` is "ok", an OCPP error code, or what else happened ("no answer", "unreadable",
    "repeated"); ``note`` says more. Frames are as they crossed the wire, secrets masked.
    """

    station: StationId
    direction: Literal["in", "out"]  # seen from us
    message_id: str
    action: str
    call: bytes
    called_at: datetime
    answer: bytes | None = None
    answered_at: datetime | None = None
    verdict: str = "ok"
    note: str = ""


class LoggedExchange(Struct, frozen=True, kw_only=True):
    """An `Exchange` as stored: ``id`` grows with time."""

    id: int
    exchange: Exchange
