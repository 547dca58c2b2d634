"""1.6 names into domain names, and back. The only place where a connector becomes an EVSE."""

import functools
from datetime import datetime

from msgspec import UNSET, UnsetType

from voltkeep.dialects.times import whole_seconds
from voltkeep.domain.authorization import Authorization, Decision
from voltkeep.domain.availability import ChargingState, ConnectorStatus
from voltkeep.domain.identity import Evse, IdToken
from voltkeep.ocpp import v16
from voltkeep.services.ports import CommandUnfit

_LONGEST_ID_TAG = 20


@functools.lru_cache(maxsize=1024)
def evse(connector_id: int) -> Evse | None:
    """Connector 0 is the charge point as a whole; so is, for want of a better, a negative one."""
    return Evse(connector_id, 1) if connector_id > 0 else None


def connector(place: Evse | None) -> int:
    """The number of an EVSE; 0 is the charge point as a whole. Raises CommandUnfit."""
    if place is None:
        return 0
    if place.connector_id not in {None, 1}:
        raise CommandUnfit(
            f"OCPP 1.6 counts connectors only: it has no connector {place.connector_id} "
            f"of EVSE {place.id}"
        )
    return place.id


def id_token(id_tag: str) -> IdToken:
    return IdToken(id_tag)


def fits_id_tag(value: str) -> bool:
    """Whether 1.6 can carry a token of ours (CiString20Type)."""
    return 0 < len(value) <= _LONGEST_ID_TAG


_ID_TAG_STATUS = {
    Authorization.ACCEPTED: v16.IdTagInfoStatus.ACCEPTED,
    Authorization.BLOCKED: v16.IdTagInfoStatus.BLOCKED,
    Authorization.CONCURRENT_TX: v16.IdTagInfoStatus.CONCURRENT_TX,
    Authorization.EXPIRED: v16.IdTagInfoStatus.EXPIRED,
    Authorization.INVALID: v16.IdTagInfoStatus.INVALID,
    Authorization.NO_CREDIT: v16.IdTagInfoStatus.BLOCKED,
    Authorization.NOT_ALLOWED_TYPE_EVSE: v16.IdTagInfoStatus.INVALID,
    Authorization.NOT_AT_THIS_LOCATION: v16.IdTagInfoStatus.INVALID,
    Authorization.NOT_AT_THIS_TIME: v16.IdTagInfoStatus.INVALID,
    Authorization.UNKNOWN: v16.IdTagInfoStatus.INVALID,
}


def id_tag_info(decision: Decision, notes: list[str]) -> v16.IdTagInfo:
    """What a charge point is told of an idTag; a group too long for it is left out, and noted."""
    group = decision.group
    if group is not None and not fits_id_tag(group):
        notes.append("parentIdTag: left out, the group's name is longer than 20 characters")
        group = None
    return v16.IdTagInfo(
        status=_ID_TAG_STATUS[decision.status],
        expiry_date=_date(decision.expires_at),
        parent_id_tag=UNSET if group is None else group,
    )


def _date(at: datetime | None) -> datetime | UnsetType:
    return UNSET if at is None else whole_seconds(at)


_S = v16.StatusNotificationRequestStatus
CONNECTOR_STATUS: dict[str, tuple[ConnectorStatus, ChargingState | None]] = {
    _S.AVAILABLE: (ConnectorStatus.AVAILABLE, None),
    _S.PREPARING: (ConnectorStatus.OCCUPIED, ChargingState.EV_CONNECTED),
    _S.CHARGING: (ConnectorStatus.OCCUPIED, ChargingState.CHARGING),
    _S.SUSPENDED_EV: (ConnectorStatus.OCCUPIED, ChargingState.SUSPENDED_EV),
    _S.SUSPENDED_EVSE: (ConnectorStatus.OCCUPIED, ChargingState.SUSPENDED_EVSE),
    _S.FINISHING: (ConnectorStatus.OCCUPIED, ChargingState.EV_CONNECTED),
    _S.RESERVED: (ConnectorStatus.RESERVED, None),
    _S.UNAVAILABLE: (ConnectorStatus.UNAVAILABLE, None),
    _S.FAULTED: (ConnectorStatus.FAULTED, None),
}
"""Nine words for five, and what they say of the charging behind them."""

_R = v16.StopTransactionRequestReason
_STOP_REASON = {
    _R.HARD_RESET: "ImmediateReset",
    _R.SOFT_RESET: "ImmediateReset",
    _R.UNLOCK_COMMAND: "Other",
}


def stop_reason(reason: v16.StopTransactionRequestReason | UnsetType) -> str:
    """In the words of 2.1; "Local" is what a charge point means that gives none (4.10)."""
    if reason is UNSET:
        return _R.LOCAL.value
    return _STOP_REASON.get(reason) or reason.value
