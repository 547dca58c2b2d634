"""The state of a connector, and of the charging behind it."""

import enum
from datetime import datetime

from msgspec import Struct

from voltkeep.domain.identity import Evse


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
