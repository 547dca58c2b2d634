"""May this token charge here, now? The decision and its reasons."""

import enum
import hashlib
from datetime import datetime

from msgspec import Struct

from voltkeep.domain.identity import IdToken, IdTokenKind, StationId


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
    group_blocked: bool = False  # all of its group are
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
    if token.blocked or token.group_blocked:
        status = Authorization.BLOCKED
    elif token.expires_at is not None and token.expires_at <= now:
        status = Authorization.EXPIRED
    elif active is not None and token.max_active and active >= token.max_active:
        status = Authorization.CONCURRENT_TX
    return Decision(status, token.group, token.expires_at)


def decide_stop(
    id_token: IdToken,
    token: Token | None,
    now: datetime,
    *,
    started_by: IdToken | None,
    group: str | None,
) -> Decision:
    """What to answer to a token that stops a transaction of ``group`` (1.6 4.2; 2.1 C09, E07).

    Who may start may stop; so may, unknown as they are, whoever was let in to start it, and the
    token that the group is named for.
    """
    if token is None and group is not None and id_token.key == group.casefold():
        return Decision(Authorization.ACCEPTED, group)
    if token is None and started_by is not None and started_by.key == id_token.key:
        return Decision(Authorization.ACCEPTED, group)
    return decide(id_token, token, now, active=None)


class TokenGroup(Struct, frozen=True, kw_only=True):
    """What is known of a group beyond its members; most groups need no record."""

    station: StationId  # name "": a group is the tenant's
    id: str  # its name
    state: str  # "open" or "blocked"
    at: datetime
    note: str = ""


class GroupCount(Struct, frozen=True, kw_only=True):
    """A group, and how many tokens it has."""

    name: str
    tokens: int
    blocked: bool = False
    note: str = ""


class SeenState(enum.StrEnum):
    SEEN = "seen"
    DISMISSED = "dismissed"  # it is seen again without coming back to the list


class SeenToken(Struct, frozen=True, kw_only=True):
    """A token that nobody registered, as stations showed it: hostile."""

    station: StationId  # name "": it is the tenant's
    id: str  # `token_digest`
    state: SeenState
    at: datetime  # last seen
    id_token: IdToken
    first_at: datetime
    times: int = 1
    seen_at: str = ""  # the station that showed it last
    status: Authorization = Authorization.UNKNOWN  # what that one was told


class TokenChange(Struct, frozen=True, kw_only=True):
    """That a token was changed or removed, for those who keep copies: the stations' lists."""

    station: StationId  # name "": tokens are the tenant's
    id: str  # `token_digest`, or `ALL_TOKENS`
    state: str  # "changed" or "removed"
    at: datetime
    id_token: IdToken
    groups: tuple[str, ...] = ()  # that it was in lately


ALL_TOKENS = "*"  # so many have changed that each copy is made anew


def token_digest(id_token: IdToken) -> str:
    """A name for a token that may be anything: short, and the same for every spelling of it."""
    key = id_token.key.encode(errors="surrogatepass")
    return hashlib.blake2b(key, digest_size=16).hexdigest()
