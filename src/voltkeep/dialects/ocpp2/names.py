"""2.x names into domain names, and back."""

import functools

from msgspec import UNSET, UnsetType

from voltkeep.dialects.times import whole_seconds
from voltkeep.domain.authorization import Decision
from voltkeep.domain.identity import Evse, IdToken, IdTokenKind
from voltkeep.ocpp import v21, v201

_LONGEST_GROUP = 36  # of an idToken in 2.0.1; 2.1 allows more, and a group has one name


@functools.lru_cache(maxsize=1024)
def evse(id: int, connector_id: int | UnsetType = UNSET) -> Evse | None:
    """EVSE 0 is the station as a whole; so is, for want of a better, a negative one."""
    return Evse(id, connector_id or None) if id > 0 else None


def evse_of(told: v201.EVSE | v21.EVSE | UnsetType) -> Evse | None:
    return None if told is UNSET else evse(told.id, told.connector_id)


def id_token(told: v201.IdToken | v21.IdToken) -> IdToken:
    return IdToken(told.id_token, str(told.type))


def wire_token(id_token: IdToken) -> v21.IdToken:
    return v21.IdToken(id_token=id_token.value, type=id_token.kind)


def group_id_token(group: str) -> v21.IdToken:
    return v21.IdToken(id_token=group, type=IdTokenKind.CENTRAL.value)


def id_token_info(decision: Decision, notes: list[str]) -> v21.IdTokenInfo:
    """What a station is told of a token; a group it cannot carry is left out, and noted."""
    group = decision.group
    if group is not None and len(group) > _LONGEST_GROUP:
        notes.append("groupIdToken: left out, the group's name is longer than 36 characters")
        group = None
    expires_at = decision.expires_at
    return v21.IdTokenInfo(
        status=v21.AuthorizationStatusEnum(decision.status.value),
        cache_expiry_date_time=UNSET if expires_at is None else whole_seconds(expires_at),
        group_id_token=UNSET if group is None else group_id_token(group),
    )
