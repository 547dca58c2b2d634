"""People: who they are, what they may, and how they change it."""

import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from msgspec import UNSET, Struct, UnsetType, structs

from voltkeep.domain.accounts import (
    INSTALLATION,
    AccountState,
    Installation,
    Principal,
    Role,
    User,
    home,
)
from voltkeep.domain.audit import Deed
from voltkeep.domain.identity import TenantId
from voltkeep.services.accounts import (
    BadAccount,
    NotAllowed,
    UnknownTenant,
    audited_tenant,
    may_give,
    sees,
    tenant_exists,
)
from voltkeep.services.audit import audit
from voltkeep.services.edits import Check, as_it_is
from voltkeep.services.passwords import Passwords, TooManyTries, check_password
from voltkeep.services.ports import Begin, Clock, Read, Work
from voltkeep.services.rates import Buckets, Rate
from voltkeep.services.records import Look
from voltkeep.services.second_factor import Enrolment, SecondFactor
from voltkeep.services.sessions import SessionService

# As e-mail addresses and user names are; no slash, and nothing that could disguise it.
_NAME = re.compile(r"[\w][\w.@+ -]{0,98}[\w]|[\w]")
ELSEWHERE = "oidc-"
"""What the ids of people begin with whom an OpenID provider vouches for."""

_TRIES = Rate(burst=5, per_s=1 / 60)

HERE = "here"  # the one record of what there is once


class UnknownUser(Exception):
    """There is no such user here."""


class UserExists(Exception):
    """That name is taken."""


class LastAdministrator(Exception):
    """Nobody would be left who can look after the installation."""


class WrongPassword(Exception):
    """The password that was shown is not theirs."""


class WrongCode(Exception):
    """The code is not right, or was used before."""


class NewUser(Struct, frozen=True, kw_only=True):
    """A person to be. Without a password they sign in elsewhere only."""

    name: str
    role: Role
    tenant: TenantId | None
    sites: tuple[str, ...] | None = None
    password: str | None = None
    must_change_password: bool = True


class UserChange(Struct, frozen=True, kw_only=True):
    """What is to change of a person; what is left out stays."""

    role: Role | UnsetType = UNSET
    sites: tuple[str, ...] | UnsetType | None = UNSET
    is_disabled: bool | UnsetType = UNSET


def user_id(name: str) -> str:
    """The id of a person of that name. Raises BadAccount."""
    id = name.casefold()
    if not _NAME.fullmatch(name) or len(id) > 100 or id.startswith(ELSEWHERE):
        raise BadAccount(
            "name",
            "a user's name has 1 to 100 letters, digits, or . @ + - _ and spaces inside, and does "
            f"not begin with {ELSEWHERE}",
        )
    return id


@asynccontextmanager
async def whole(begin: Begin, at: datetime) -> AsyncIterator[tuple[Work, Installation]]:
    """A work in which nobody else makes or unmakes accounts."""
    async with begin() as work:
        first = Installation(station=home(None), id=HERE, state=AccountState.ACTIVE, at=at)
        await work.installation.add(first)
        found = await work.installation.lock(home(None), HERE)
        assert found is not None, "it was added if it was not there"
        yield work, found


def is_whole(user: User) -> bool:
    """Whether a person may do anything anywhere."""
    return (
        user.is_active
        and user.role is Role.ADMINISTRATOR
        and user.tenant is None
        and user.sites is None
    )


async def check_one_is_left(work: Work) -> None:
    """Raises LastAdministrator."""
    look = Look(station="", states=(AccountState.ACTIVE,), limit=10_000)
    if not any(is_whole(user) for user in await work.users.page(INSTALLATION, look)):
        raise LastAdministrator(
            "nobody would be left who may do everything everywhere: "
            "make somebody else an administrator first"
        )


class UserService:
    """Makes and changes people. Whoever asks gives, changes and takes no more than they have."""

    def __init__(
        self,
        begin: Begin,
        read: Read,
        clock: Clock,
        passwords: Passwords,
        second_factor: SecondFactor,
        sessions: SessionService,
    ) -> None:
        self._begin = begin
        self._read = read
        self._clock = clock
        self._passwords = passwords
        self._second_factor = second_factor
        self._sessions = sessions
        self._tries: Buckets[str] = Buckets(_TRIES)  # of one's own password

    async def is_nobody(self) -> bool:
        """Whether there is no user at all: somebody has to be the first."""
        async with self._read() as work:
            return not await work.users.all(limit=1)

    async def users(self, by: Principal, look: Look) -> list[User]:
        """Of the tenant they act in, the latest changed first.

        Who is everywhere sees those that are at home everywhere by the look's station "".
        """
        if not by.is_everywhere or look.station is None:
            look = structs.replace(look, station=by.tenant)
        async with self._read() as work:
            return await work.users.page(INSTALLATION, look)

    async def user(self, by: Principal, name: str) -> User:
        """Raises UnknownUser, also for one of another tenant."""
        async with self._read() as work:
            return _seen(by, await work.users.find(INSTALLATION, name.casefold()), name)

    async def add(self, by: Principal, new: NewUser) -> User:
        """Raises BadAccount, UserExists, UnknownTenant, NotAllowed, TooBusy."""
        id, at = user_id(new.name), self._clock()
        user = User(
            station=home(new.tenant),
            id=id,
            state=AccountState.ACTIVE,
            at=at,
            name=new.name,
            role=new.role,
            sites=_sorted(new.sites),
            created_at=at,
            must_change_password=new.password is not None and new.must_change_password,
        )
        may_give(by, user.grant)
        if new.password is not None:
            check_password(new.password, new.name)
            password_hash = await self._passwords.hash(new.password)
            user = structs.replace(user, password_hash=password_hash)
        async with whole(self._begin, at) as (work, _):
            if new.tenant is not None and not await tenant_exists(work, new.tenant):
                raise UnknownTenant(f"there is no tenant called {new.tenant}")
            await add_user(work, user)
            await _audit(work, user, at, "user.added", after=in_words(user))
        return user

    async def change(
        self,
        by: Principal,
        name: str,
        change: UserChange,
        *,
        unless_changed: Check[User] = as_it_is,
    ) -> User:
        """Raises UnknownUser, NotAllowed, LastAdministrator. Disabling ends their sessions."""
        at = self._clock()
        async with whole(self._begin, at) as (work, _):
            user = await self._changeable(work, by, name)
            unless_changed(user)
            state = user.state
            if change.is_disabled is not UNSET:
                state = AccountState.DISABLED if change.is_disabled else AccountState.ACTIVE
            changed = structs.replace(
                user,
                at=at,
                state=state,
                role=user.role if change.role is UNSET else change.role,
                sites=user.sites if change.sites is UNSET else _sorted(change.sites),
            )
            may_give(by, changed.grant)
            if structs.replace(changed, at=user.at) == user:
                return user
            await work.users.put(changed)
            if is_whole(user):
                await check_one_is_left(work)
            if not changed.is_active:
                await self._sessions.end_all(work, user.id)
            words = (in_words(user), in_words(changed))
            await _audit(work, user, at, "user.changed", before=words[0], after=words[1])
        self._sessions.forget_user(user.id)
        return changed

    async def remove(self, by: Principal, name: str) -> None:
        """Raises UnknownUser, NotAllowed, LastAdministrator."""
        at = self._clock()
        async with whole(self._begin, at) as (work, _):
            user = await self._changeable(work, by, name)
            await work.users.remove(user.station, user.id)
            if is_whole(user):
                await check_one_is_left(work)
            await self._sessions.end_all(work, user.id)
            await _audit(work, user, at, "user.removed", before=in_words(user))
        self._sessions.forget_user(user.id)

    async def set_password(self, by: Principal, name: str, password: str) -> User:
        """Of somebody else, who has to change it at once. Ends their sessions.

        Raises UnknownUser, NotAllowed, BadAccount, TooBusy.
        """
        at = self._clock()
        known = await self.user(by, name)
        _check_other(by, known)
        may_give(by, known.grant)
        if known.issuer:
            raise BadAccount("name", "this person signs in elsewhere, and has no password here")
        check_password(password, known.name)
        password_hash = await self._passwords.hash(password)
        async with whole(self._begin, at) as (work, _):
            user = await self._changeable(work, by, name)
            changed = structs.replace(
                user, at=at, password_hash=password_hash, must_change_password=True
            )
            await work.users.put(changed)
            await self._sessions.end_all(work, user.id)
            await _audit(work, user, at, "user.password-set")
        self._sessions.forget_user(user.id)
        return changed

    async def reset_second_factor(self, by: Principal, name: str) -> User:
        """Of somebody whose phone is gone. Raises UnknownUser, NotAllowed."""
        at = self._clock()
        async with whole(self._begin, at) as (work, _):
            user = await self._changeable(work, by, name)
            _check_other(by, user)
            changed = without_second_factor(user, at)
            await work.users.put(changed)
            await _audit(work, user, at, "user.second-factor-reset")
        self._sessions.forget_user(user.id)
        return changed

    # What people do for themselves.

    async def change_password(self, by: Principal, old: str, new: str) -> None:
        """One's own. Ends all other sessions. Raises WrongPassword, BadAccount, TooBusy."""
        known = await self._check_own(by, old)
        if old == new:
            raise BadAccount("new_password", "this is the old password: choose another")
        check_password(new, known.name)
        password_hash = await self._passwords.hash(new)
        async with self._own(by) as (work, user, at):
            if user.password_hash != known.password_hash:
                raise WrongPassword("the password was changed meanwhile")
            changed = structs.replace(
                user, at=at, password_hash=password_hash, must_change_password=False
            )
            await work.users.put(changed)
            await self._sessions.end_all(work, user.id, but=by.session)
            await _audit(work, user, at, "user.password-changed")

    async def enrol(self, by: Principal, password: str) -> Enrolment:
        """A new secret for one's app; it counts once `confirm` has had a code of it.

        Raises WrongPassword, BadAccount if there is a second factor already, TooBusy.
        """
        await self._check_own(by, password)
        async with self._own(by) as (work, user, at):
            if user.totp_secret is not None:
                raise BadAccount("totp", "there is a second factor already: turn it off first")
            enrolment, sealed = self._second_factor.enrol(user.name)
            await work.users.put(structs.replace(user, at=at, totp_pending=sealed))
        return enrolment

    async def confirm(self, by: Principal, code: str) -> list[str]:
        """From now on a code is asked for. Returns the recovery codes, this once.

        Raises WrongCode, BadAccount without `enrol`. Ends all other sessions.
        """
        async with self._own(by) as (work, user, at):
            if user.totp_pending is None:
                raise BadAccount("totp", "begin with a new secret")
            step = self._second_factor.step_of(user.totp_pending, code, user.totp_step, at)
            if step is None:
                raise WrongCode("the code is not right: is the clock of the phone?")
            codes, hashes = self._second_factor.new_recovery_codes()
            changed = structs.replace(
                user,
                at=at,
                totp_secret=user.totp_pending,
                totp_pending=None,
                totp_step=step,
                recovery_hashes=hashes,
            )
            await work.users.put(changed)
            await self._sessions.end_all(work, user.id, but=by.session)
            await _audit(work, user, at, "user.second-factor-added")
        return codes

    async def turn_off(self, by: Principal, password: str) -> None:
        """One's own second factor. Raises WrongPassword, TooBusy."""
        await self._check_own(by, password)
        async with self._own(by) as (work, user, at):
            await work.users.put(without_second_factor(user, at))
            await _audit(work, user, at, "user.second-factor-removed")

    async def _check_own(self, by: Principal, password: str) -> User:
        """A browser left alone changes nothing of this. Raises WrongPassword, TooBusy."""
        async with self._read() as work:
            known = await work.users.find(INSTALLATION, by.user) if by.user else None
        if known is None:
            raise NotAllowed("only a person who has signed in can do this")
        now = time.monotonic()
        if not self._tries.take(known.id, now):
            raise TooManyTries(self._tries.wait(known.id, now))
        if not await self._passwords.matches(known.password_hash, password):
            raise WrongPassword("the password is not right")
        self._tries.forget(known.id)
        return known

    @asynccontextmanager
    async def _own(self, by: Principal) -> AsyncIterator[tuple[Work, User, datetime]]:
        at = self._clock()
        async with whole(self._begin, at) as (work, _):
            user = await work.users.find(INSTALLATION, by.user) if by.user else None
            if user is None or not user.is_active:
                raise NotAllowed("only a person who has signed in can do this")
            yield work, user, at
        self._sessions.forget_user(by.user)

    async def _changeable(self, work: Work, by: Principal, name: str) -> User:
        user = _seen(by, await work.users.find(INSTALLATION, name.casefold()), name)
        may_give(by, user.grant)
        return user


async def add_user(work: Work, user: User) -> None:
    """In a work that is `whole`. Raises UserExists."""
    if await work.users.find(INSTALLATION, user.id) is not None:
        raise UserExists(f"there is a user called {user.name} already")
    await work.users.put(user)


def without_second_factor(user: User, at: datetime) -> User:
    return structs.replace(user, at=at, totp_secret=None, totp_pending=None, recovery_hashes=())


def _check_other(by: Principal, user: User) -> None:
    """Who finds a browser open must not take the account over. Raises NotAllowed."""
    if by.user == user.id:
        raise NotAllowed("this is you: change it with your password, below `me`")


def _seen(by: Principal, user: User | None, name: str) -> User:
    if user is None or not sees(by, user.tenant):
        raise UnknownUser(f"there is no user {name[:60]!a}")
    return user


def in_words(user: User) -> str:
    """What a person may, for the audit log."""
    sites = "" if user.sites is None else f", sites {', '.join(user.sites) or 'none'}"
    return f"{user.role} of {user.tenant or 'everywhere'}{sites}, {user.state}"


async def _audit(
    work: Work, user: User, at: datetime, action: str, *, before: str = "", after: str = ""
) -> None:
    deed = Deed(action=action, object=user.name, before=before, after=after)
    await audit(work, audited_tenant(user.tenant), at, deed)


def _sorted(sites: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if sites is None else tuple(sorted(set(sites)))
