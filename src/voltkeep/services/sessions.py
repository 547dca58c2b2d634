"""Sessions of people who have signed in: opened, known by a cookie, idle, over, revoked."""

import hashlib
import hmac
import secrets
import time
from datetime import datetime, timedelta

import structlog
from cachetools import TTLCache
from msgspec import Struct, structs

from voltkeep.domain.accounts import (
    INSTALLATION,
    AccountState,
    Permission,
    Principal,
    Session,
    User,
)
from voltkeep.domain.audit import Actor, Deed
from voltkeep.domain.identity import StationId, TenantId
from voltkeep.services.accounts import (
    CACHED_S,
    AccountService,
    NotAuthenticated,
    audited_tenant,
    may_give,
    sees,
)
from voltkeep.services.audit import audit
from voltkeep.services.background import now_and_then
from voltkeep.services.ports import Begin, Clock, Read, Work
from voltkeep.services.records import Look

log = structlog.get_logger(__name__)

_MOST_CACHED = 10_000
_SAVE_SEEN_EVERY = timedelta(minutes=1)
_LOOK_FOR_OVER_EVERY_S = 60.0
_MOST_AT_ONCE = 500
_MOST_OF_ONE = 50  # a further one ends the one that was seen longest ago
_LONGEST_AGENT = 300


class UnknownSession(Exception):
    """There is no such session here."""


class Visit(Struct, frozen=True):
    """From where somebody signs in."""

    address: str
    agent: str = ""


class SessionService:
    """A session is known by 32 random bytes in a cookie, of which only a keyed hash is kept."""

    def __init__(
        self,
        begin: Begin,
        read: Read,
        clock: Clock,
        accounts: AccountService,
        *,
        key: bytes,
        idle: timedelta,
        longest: timedelta,
    ) -> None:
        self._begin = begin
        self._read = read
        self._clock = clock
        self._accounts = accounts
        self._key = key
        self._idle = idle
        self._longest = longest
        self._cached: TTLCache[str, tuple[Session, User]] = TTLCache(
            _MOST_CACHED, CACHED_S, timer=time.monotonic
        )
        self._changes = 0  # what was read before one is not remembered after it
        self._seen: dict[str, datetime] = {}

    async def open(self, work: Work, user: User, by: str, visit: Visit) -> str:
        """Within a work that has locked the user: a new session's cookie."""
        token = secrets.token_urlsafe(32)
        at = self._clock()
        session = Session(
            station=_of(user.id),
            id=self._id(token),
            state=AccountState.ACTIVE,
            at=at,
            created_at=at,
            expires_at=at + self._longest,
            signed_in_by=by,
            address=visit.address,
            agent=visit.agent[:_LONGEST_AGENT],
        )
        for old in (await work.sessions.of(_of(user.id)))[_MOST_OF_ONE - 1 :]:
            await work.sessions.remove(old.station, old.id)
        await work.sessions.put(session)
        return token

    def csrf(self, token: str) -> str:
        """What a page of ours shows with each change, and no other page can know."""
        return hmac.new(self._key, b"csrf " + token.encode(), hashlib.sha256).hexdigest()

    async def principal_of_session(
        self, token: str, tenant: TenantId | None, address: str
    ) -> Principal:
        """Whose cookie this is, acting in ``tenant`` (None: their own).

        Raises NotAuthenticated, NotAllowed for a tenant that is not theirs, UnknownTenant,
        StoreUnavailable.
        """
        id = self._id(token)
        known = await self._known(id)
        at = self._clock()
        if known is None or not self._is_alive(known[0], at) or not known[1].is_active:
            raise NotAuthenticated("this session is over: sign in again")
        session, user = known
        if at - session.at >= _SAVE_SEEN_EVERY:
            self._seen[id] = at
        by = f"session {id[:16]} ({session.signed_in_by})"
        return Principal(
            actor=Actor(kind="user", name=user.name, address=address, authenticated_by=by),
            tenant=await self._accounts.acting_tenant(user.tenant, tenant),
            permissions=frozenset() if user.must_change_password else user.permissions,
            sites=user.sites,
            is_everywhere=user.tenant is None,
            user=user.id,
            session=id,
            must_change_password=user.must_change_password,
        )

    def _is_alive(self, session: Session, at: datetime) -> bool:
        seen = max(session.at, self._seen.get(session.id, session.at))
        return at < session.expires_at and at - seen < self._idle

    async def _known(self, id: str) -> tuple[Session, User] | None:
        if (cached := self._cached.get(id)) is not None:
            return cached
        changes = self._changes
        async with self._read() as work:
            session = await work.sessions.find(INSTALLATION, id)
            user = None
            if session is not None:
                user = await work.users.find(INSTALLATION, session.user)
        found = None if session is None or user is None else (session, user)
        if found is not None and changes == self._changes:
            self._cached[id] = found
        return found

    def forget_user(self, user: str) -> None:
        """They were changed, or their sessions were: look again."""
        self._changes += 1
        for id, found in list(self._cached.items()):
            if found[1].id == user:
                self._cached.pop(id, None)

    # Whoever looks after them.

    async def sessions(self, by: Principal, user: str) -> list[Session]:
        """Those that are alive, the latest seen first. Raises UnknownSession."""
        async with self._read() as work:
            await self._check_sees(work, by, user)
            found = await work.sessions.of(_of(user))
        return [each for each in found if self._is_alive(each, self._clock())]

    async def revoke(self, by: Principal, user: str, id: str) -> None:
        """End one, at once. Raises UnknownSession, NotAllowed."""
        async with self._begin() as work:
            known = await self._check_may_end(work, by, user)
            if not await work.sessions.remove(_of(user), id):
                raise UnknownSession("there is no such session")
            deed = Deed(action="session.revoked", object=f"{known.name} ({id[:16]})")
            await audit(work, audited_tenant(known.tenant), self._clock(), deed)
        self.forget_user(user)

    async def revoke_all(self, by: Principal, user: str) -> int:
        """End all of somebody's but the one that asks. Raises UnknownSession, NotAllowed."""
        async with self._begin() as work:
            known = await self._check_may_end(work, by, user)
            count = await self.end_all(work, user, but=by.session)
            deed = Deed(action="session.revoked", object=known.name, after=f"all {count}")
            await audit(work, audited_tenant(known.tenant), self._clock(), deed)
        self.forget_user(user)
        return count

    async def end_all(self, work: Work, user: str, *, but: str = "") -> int:
        """Within a work; call `forget_user` after it."""
        ended = 0
        while found := [e for e in await work.sessions.of(_of(user)) if e.id != but]:
            for session in found:
                await work.sessions.remove(session.station, session.id)
            ended += len(found)
        return ended

    async def _check_sees(self, work: Work, by: Principal, user: str) -> User:
        known = await work.users.find(INSTALLATION, user)
        is_own = bool(by.user) and by.user == user
        may_see = is_own or by.may(Permission.READ_ACCOUNTS)
        if known is None or not may_see or not (is_own or sees(by, known.tenant)):
            raise UnknownSession(f"there is no user {user[:60]!a} whose sessions you may see")
        return known

    async def _check_may_end(self, work: Work, by: Principal, user: str) -> User:
        known = await self._check_sees(work, by, user)
        if not by.user or by.user != user:
            may_give(by, known.grant)
        return known

    async def run(self) -> None:
        """Save who was seen, and forget what is over, until cancelled."""
        await now_and_then("sessions", self._keep, _LOOK_FOR_OVER_EVERY_S, at_once=False)

    async def _keep(self) -> None:
        await self.save_seen()
        await self.forget_over()

    async def save_seen(self) -> None:
        """Raises StoreUnavailable; what was not saved is tried again."""
        for id, at in list(self._seen.items()):
            async with self._begin() as work:
                found = await work.sessions.find(INSTALLATION, id)
                session = None
                if found is not None:
                    session = await work.sessions.lock(found.station, id)
                if session is not None and session.at < at:
                    await work.sessions.put(structs.replace(session, at=at))
            self._cached.pop(id, None)
            if self._seen.get(id) == at:
                del self._seen[id]

    async def forget_over(self) -> None:
        """Raises StoreUnavailable."""
        at = self._clock()
        async with self._begin() as work:
            look = Look(until=at - self._idle, oldest_first=True, limit=_MOST_AT_ONCE)
            idle = await work.sessions.page(INSTALLATION, look)
            for session in idle:
                if not self._is_alive(session, at):
                    await work.sessions.remove(session.station, session.id)

    def _id(self, token: str) -> str:
        return hmac.new(self._key, b"session " + token.encode(), hashlib.sha256).hexdigest()


def _of(user: str) -> StationId:
    return StationId(INSTALLATION, user)
