"""May this token charge here, now? The decision and its reasons."""

import enum
from datetime import datetime

from msgspec import Struct

from voltkeep.domain.identity import IdToken, IdTokenKind


class Authorization(enum.StrEnum):
    """OCPP 2.1 AuthorizationStatusEnumType; a dialect narrows what its version cannot say."""

    ACCEPTED = "Accepted"
    BLOCKED = "Blocked"
    CONCURRENT_TX = "ConcurrentTx"
    EXPIRED = "Expired"
    INVALID = "Invalid"
    NO_CREDIT = "NoCredit"
    NOT_ALLOWED_TYPE_EVSE = "NotAllowedTypeEVSE"
    NOT_AT_THIS_LOCATION = "NotAtThisLocation"
    NOT_AT_THIS_TIME = "NotAtThisTime"
    UNKNOWN = "Unknown"


class Token(Struct, frozen=True, kw_only=True):
    """A token as an operator registered it."""

    id_token: IdToken
    group: str | None = None  # glossary: group token
    blocked: bool = False
    expires_at: datetime | None = None
    max_active: int = 1  # transactions at once; 0 is without limit
    note: str = ""
    created_at: datetime


class Decision(Struct, frozen=True):
    """What to tell the station, and what it may cache."""

    status: Authorization
    group: str | None = None
    expires_at: datetime | None = None


def decide(id_token: IdToken, token: Token | None, now: datetime, active: int | None) -> Decision:
    """May ``id_token`` charge? ``token`` is what we know of it.

    ``active`` counts its running transactions, not the one in question; None does not ask:
    ConcurrentTx is an answer to the start of a transaction only (1.6 7.2; 2.1 2.1 C08).
    """
    if id_token.kind == IdTokenKind.NO_AUTHORIZATION:
        return Decision(Authorization.ACCEPTED)  # C06: a button, or a free station
    if token is None:
        return Decision(Authorization.UNKNOWN)
    status = Authorization.ACCEPTED
    if token.blocked:
        status = Authorization.BLOCKED
    elif token.expires_at is not None and token.expires_at <= now:
        status = Authorization.EXPIRED
    elif active is not None and token.max_active and active >= token.max_active:
        status = Authorization.CONCURRENT_TX
    return Decision(status, token.group, token.expires_at)
