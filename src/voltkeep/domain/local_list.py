"""The list of tokens that a station keeps for when it cannot ask us (functional block D)."""

import enum
from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from voltkeep.domain.authorization import Authorization, Decision, Token, decide
from voltkeep.domain.identity import IdToken, IdTokenKind, StationId

_HIGHEST = 2**31 - 1


class ListEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token in the list, and what the station shall make of it; without a status: remove it."""

    id_token: IdToken
    status: Authorization | None = Authorization.ACCEPTED
    group: Annotated[str, Meta(min_length=1, max_length=255)] | None = None
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None

    @property
    def decision(self) -> Decision | None:
        """None: the token is to be removed."""
        if self.status is None:
            return None
        return Decision(self.status, self.group, self.expires_at)


def entry_of(token: Token, now: datetime) -> ListEntry:
    """What a station shall make of a token of ours when it cannot ask."""
    decision = decide(token.id_token, token, now, active=None)
    return ListEntry(
        id_token=token.id_token,
        status=decision.status,
        group=decision.group,
        expires_at=decision.expires_at,
    )


def is_listed(token: Token, groups: tuple[str, ...]) -> bool:
    """Whether a token belongs into a list of these groups; of no group named: of all tokens."""
    if token.id_token.kind == IdTokenKind.NO_AUTHORIZATION:
        return False
    return not groups or token.group in groups


class ListState(enum.StrEnum):
    NEW = "new"  # nothing was sent yet
    DUE = "due"  # tokens have changed since, or the station could not be reached
    IN_STEP = "in step"
    FAILED = "failed"  # the station did not take it, or cannot
    UNSUPPORTED = "unsupported"
    BY_HAND = "by hand"  # somebody sent entries of their own


LIST = "list"  # the id of the one record that a station has


class LocalList(Struct, frozen=True, kw_only=True):
    """What a station's list should have, and as far as we know has."""

    station: StationId
    id: str = LIST
    state: ListState = ListState.NEW
    at: datetime  # of the last news
    is_on: bool = False  # kept in step by itself
    groups: tuple[str, ...] = ()  # only these; none: every token of the tenant
    version: int = 0  # what the station has, by its last word or ours
    synced_until: datetime | None = None  # it has every change before then; None: unknown
    sent_at: datetime | None = None
    entries: int = 0  # in the last full list
    left_out: int = 0  # of it and of every change since: what the station's version cannot say
    left_out_why: str = ""
    status: str = ""  # in the station's words
    reason: str = ""  # why it is not in step
    most_entries: int | None = None  # that the station can keep
    per_message: int | None = None


def next_version(*versions: int) -> int:
    """One that is newer than these (1.6 5.15: neither 0 nor -1, errata 3.52)."""
    newest = max((*versions, 0))
    return newest + 1 if newest < _HIGHEST else 1
