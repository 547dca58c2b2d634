"""Sessions: where somebody is signed in, and how that ends."""

from datetime import UTC, datetime
from typing import Annotated

from litestar import delete, get
from litestar.params import PathParameter
from msgspec import Struct

from voltkeep.domain.accounts import Permission, Session
from voltkeep.services.sessions import UnknownSession
from voltkeep.web.access import Given, Who
from voltkeep.web.api.users import UserName
from voltkeep.web.auth import ANYBODY

SessionId = Annotated[str, PathParameter(description="The session's id.")]


class SessionOut(Struct, frozen=True, kw_only=True):
    """A session. ``current``: it is the one that asks."""

    id: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    signed_in_by: str
    address: str
    agent: str
    current: bool


class SessionList(Struct, frozen=True, kw_only=True):
    """Every session of a person, the latest seen first."""

    items: list[SessionOut]


class Ended(Struct, frozen=True, kw_only=True):
    """How many sessions are over."""

    sessions: int


def _list(found: list[Session], current: str) -> SessionList:
    return SessionList(
        items=[
            SessionOut(
                id=each.id,
                created_at=each.created_at,
                last_seen_at=each.at,
                expires_at=each.expires_at,
                signed_in_by=each.signed_in_by,
                address=each.address,
                agent=each.agent,
                current=each.id == current,
            )
            for each in found
        ]
    )


@get("/me/sessions", needs=ANYBODY)
async def list_own_sessions(principal: Who, services: Given) -> SessionList:
    """Where you are signed in."""
    found = await services.people.sessions.sessions(principal, _self(principal))
    return _list(found, principal.session)


@delete("/me/sessions", needs=ANYBODY, status_code=200)
async def end_other_sessions(principal: Who, services: Given) -> Ended:
    """Sign out everywhere but here."""
    ended = await services.people.sessions.revoke_all(principal, _self(principal))
    return Ended(sessions=ended)


@delete("/me/sessions/{session:str}", needs=ANYBODY)
async def end_own_session(session: SessionId, principal: Who, services: Given) -> None:
    """Sign out somewhere."""
    await services.people.sessions.revoke(principal, _self(principal), session)


@get("/users/{user:str}/sessions", needs=Permission.READ_ACCOUNTS)
async def list_sessions(user: UserName, principal: Who, services: Given) -> SessionList:
    """Where somebody is signed in."""
    found = await services.people.sessions.sessions(principal, user.casefold())
    return _list(found, principal.session)


@delete("/users/{user:str}/sessions", needs=Permission.WRITE_ACCOUNTS, status_code=200)
async def end_sessions(user: UserName, principal: Who, services: Given) -> Ended:
    """Sign somebody out everywhere."""
    ended = await services.people.sessions.revoke_all(principal, user.casefold())
    return Ended(sessions=ended)


@delete("/users/{user:str}/sessions/{session:str}", needs=Permission.WRITE_ACCOUNTS)
async def end_session(user: UserName, session: SessionId, principal: Who, services: Given) -> None:
    """Sign somebody out somewhere."""
    await services.people.sessions.revoke(principal, user.casefold(), session)


def _self(principal: Who) -> str:
    """Raises UnknownSession for a program: it has none."""
    if not principal.user:
        raise UnknownSession("an API key has no sessions: this is for people")
    return principal.user


ROUTES = [
    list_own_sessions,
    end_other_sessions,
    end_own_session,
    list_sessions,
    end_sessions,
    end_session,
]

EXAMPLES = [
    SessionList(
        items=[
            SessionOut(
                id="3f9a5d2c1f0a9b8e7d6c0123456789abcdef3f9a5d2c1f0a9b8e7d6c01234567",
                created_at=datetime(2026, 5, 4, 7, 58, tzinfo=UTC),
                last_seen_at=datetime(2026, 5, 4, 9, 12, tzinfo=UTC),
                expires_at=datetime(2026, 5, 11, 7, 58, tzinfo=UTC),
                signed_in_by="password",
                address="192.0.2.17",
                agent="Mozilla/5.0",
                current=True,
            )
        ]
    ),
    Ended(sessions=2),
]
