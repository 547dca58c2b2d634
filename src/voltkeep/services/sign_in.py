"""How people sign in: with a password and a code, with OpenID Connect, or as the very first."""

import hashlib
import hmac
import secrets
import time
from datetime import datetime, timedelta

import structlog
from msgspec import Struct, structs

from voltkeep.domain.accounts import (
    INSTALLATION,
    AccountState,
    Installation,
    Principal,
    Role,
    User,
    home,
)
from voltkeep.domain.audit import Actor, Deed
from voltkeep.domain.identity import TenantId
from voltkeep.services.accounts import NotAllowed, NotAuthenticated, audited_tenant
from voltkeep.services.audit import acting_as, audit
from voltkeep.services.passwords import LONGEST, Passwords, TooManyTries, check_password
from voltkeep.services.ports import Begin, Clock, Read, Work
from voltkeep.services.rates import Buckets, Rate, source
from voltkeep.services.second_factor import SecondFactor
from voltkeep.services.sessions import SessionService, Visit
from voltkeep.services.users import ELSEWHERE, HERE, add_user, in_words, user_id, whole

log = structlog.get_logger(__name__)

FLOW_LASTS_S = 600  # from the way to an OpenID provider to the way back
SETUP_LASTS = timedelta(hours=24)
# What one address may try with one name, and with all names together. Nobody is locked out by
# what others try elsewhere.
_OF_A_NAME = Rate(burst=5, per_s=1 / 30)
_OF_AN_ADDRESS = Rate(burst=30, per_s=1 / 5)
# A code has six digits, so wrong ones count wherever they come from: who sends one here knows
# the password. A recovery code is taken all the same.
_CODES = Rate(burst=10, per_s=1 / 60)
_LONGEST_NAME = 100
_CODE_DIGITS = 6


class CodeNeeded(Exception):
    """The password is right; a code of the second factor is needed beside it."""


class ProviderAway(Exception):
    """The OpenID provider did not answer, or with nonsense."""


class SignedIn(Struct, frozen=True):
    """Who has signed in: ``token`` is for the cookie, and told this once."""

    user: User
    token: str
    csrf: str


class Credentials(Struct, frozen=True):
    """What somebody types."""

    name: str
    password: str
    code: str | None = None  # of the app, or a recovery code


class Identity(Struct, frozen=True, kw_only=True):
    """Who an OpenID provider says that somebody is, and which role it gives them here."""

    issuer: str
    subject: str
    name: str
    role: Role | None
    tenant: TenantId | None = None


class SignInService:
    """Opens sessions. An unknown name and a wrong password take as long, and are told alike."""

    def __init__(
        self,
        begin: Begin,
        read: Read,
        clock: Clock,
        passwords: Passwords,
        second_factor: SecondFactor,
        sessions: SessionService,
        *,
        key: bytes,
    ) -> None:
        self._begin = begin
        self._read = read
        self._clock = clock
        self._passwords = passwords
        self._second_factor = second_factor
        self._sessions = sessions
        self._key = key
        self._of_a_name: Buckets[tuple[str, str]] = Buckets(_OF_A_NAME)
        self._of_an_address: Buckets[str] = Buckets(_OF_AN_ADDRESS)
        self._codes: Buckets[str] = Buckets(_CODES)

    async def sign_in(self, shown: Credentials, visit: Visit) -> SignedIn:
        """Raises NotAuthenticated, CodeNeeded, TooManyTries, TooBusy."""
        name, where = shown.name.casefold(), source(visit.address)
        if len(name) > _LONGEST_NAME or len(shown.password) > LONGEST:
            raise NotAuthenticated(_WRONG)
        self._take(name, where)
        async with self._read() as work:
            known = await work.users.find(INSTALLATION, name)
        password_hash = known.password_hash if known is not None and known.is_active else None
        if not await self._passwords.matches(password_hash, shown.password) or known is None:
            log.warning("a sign-in failed", user=name, address=visit.address)
            raise NotAuthenticated(_WRONG)
        if known.totp_secret is not None and not shown.code:
            self._give_back(name, where)
            raise CodeNeeded("a code of your second factor is needed")
        actor = Actor(
            kind="user", name=known.name, address=visit.address, authenticated_by="password"
        )
        with acting_as(actor):
            async with self._begin() as work:
                user = await work.users.lock(known.station, known.id)
                if user is None or not user.is_active or user.password_hash != password_hash:
                    raise NotAuthenticated(_WRONG)
                user = self._with_code(user, shown.code)
                signed_in = await self._open(work, user, "password", visit)
        self._give_back(name, where)
        self._sessions.forget_user(user.id)
        return signed_in

    def _take(self, name: str, where: str) -> None:
        now = time.monotonic()
        if wait := max(
            self._of_a_name.wait((where, name), now), self._of_an_address.wait(where, now)
        ):
            raise TooManyTries(wait)
        self._of_a_name.take((where, name), now)
        self._of_an_address.take(where, now)

    def _give_back(self, name: str, where: str) -> None:
        self._of_a_name.forget((where, name))
        self._of_an_address.give(where, time.monotonic())

    def _with_code(self, user: User, code: str | None) -> User:
        """The user once this code is used up. Raises CodeNeeded, NotAuthenticated."""
        if user.totp_secret is None:
            return user
        if not code:
            raise CodeNeeded("a code of your second factor is needed")
        plain = code.replace(" ", "")
        if len(plain) != _CODE_DIGITS:
            left = self._second_factor.without(user.recovery_hashes, plain)
            if left is None:
                raise NotAuthenticated(_WRONG_CODE)
            return structs.replace(user, recovery_hashes=left)
        now = time.monotonic()
        if not self._codes.take(user.id, now):
            raise TooManyTries(self._codes.wait(user.id, now))
        step = self._second_factor.step_of(user.totp_secret, plain, user.totp_step, self._clock())
        if step is None:
            log.warning("a code of a second factor was wrong", user=user.id)
            raise NotAuthenticated(_WRONG_CODE)
        self._codes.forget(user.id)
        return structs.replace(user, totp_step=step)

    async def _open(self, work: Work, user: User, by: str, visit: Visit) -> SignedIn:
        at = self._clock()
        user = structs.replace(user, last_sign_in_at=at)
        await work.users.put(user)
        token = await self._sessions.open(work, user, by, visit)
        deed = Deed(action="user.signed-in", object=user.name, after=by)
        await audit(work, audited_tenant(user.tenant), at, deed)
        return SignedIn(user, token, self._sessions.csrf(token))

    async def sign_out(self, by: Principal) -> None:
        """End the session that asks. Raises UnknownSession if none does."""
        await self._sessions.revoke(by, by.user, by.session)

    # Whom somebody else vouches for.

    async def vouched(self, identity: Identity, visit: Visit) -> SignedIn:
        """Sign in whom an OpenID provider has told us; a person unknown until now is added.

        Their role is what the provider says, each time. Raises NotAllowed.
        """
        at = self._clock()
        if identity.role is None:
            raise NotAllowed(f"{identity.issuer} gives {identity.name!a} no role here")
        key = f"{identity.issuer} {identity.subject}".encode()
        id = ELSEWHERE + hashlib.sha256(key).hexdigest()[:32]
        actor = Actor(
            kind="user", name=identity.name, address=visit.address, authenticated_by="oidc"
        )
        with acting_as(actor):
            async with whole(self._begin, at) as (work, _):
                known = await work.users.find(INSTALLATION, id)
                if known is not None and not known.is_active:
                    raise NotAllowed("this account is disabled")
                user = _as_told(known, identity, id, at)
                if known is not None and known.station != user.station:
                    await work.users.remove(known.station, id)
                if user != known:
                    deed = Deed(
                        action="user.added" if known is None else "user.changed",
                        object=user.name,
                        before="" if known is None else in_words(known),
                        after=in_words(user),
                    )
                    await audit(work, audited_tenant(user.tenant), at, deed)
                signed_in = await self._open(work, user, "oidc", visit)
        self._sessions.forget_user(id)
        return signed_in

    # The very first.

    async def new_setup_token(self) -> str:
        """What makes an administrator, once, for a day; an older one is over."""
        at, token = self._clock(), secrets.token_urlsafe(32)
        async with whole(self._begin, at) as (work, here):
            changed = structs.replace(
                here, at=at, setup_hash=self._hash(token), setup_expires_at=at + SETUP_LASTS
            )
            await work.installation.put(changed)
            deed = Deed(action="setup-link.made", object="the first administrator")
            await audit(work, audited_tenant(None), at, deed)
        return token

    async def set_up(self, token: str, name: str, password: str, visit: Visit) -> SignedIn:
        """Make the administrator that the token is for, and sign them in.

        Raises NotAuthenticated, BadAccount, UserExists, TooManyTries, TooBusy.
        """
        where = source(visit.address)
        self._take("", where)
        async with self._read() as work:
            here = await work.installation.get(home(None), HERE)
        self._check_setup(token, here)
        self._give_back("", where)
        id = user_id(name)
        check_password(password, name)
        password_hash = await self._passwords.hash(password)
        at = self._clock()
        actor = Actor(kind="user", name=name, address=visit.address, authenticated_by="setup link")
        with acting_as(actor):
            async with whole(self._begin, at) as (work, here):
                self._check_setup(token, here)
                unset = structs.replace(here, at=at, setup_hash=None, setup_expires_at=None)
                await work.installation.put(unset)
                user = User(
                    station=home(None),
                    id=id,
                    state=AccountState.ACTIVE,
                    at=at,
                    name=name,
                    role=Role.ADMINISTRATOR,
                    created_at=at,
                    password_hash=password_hash,
                )
                await add_user(work, user)
                deed = Deed(action="user.added", object=name, after=in_words(user))
                await audit(work, audited_tenant(None), at, deed)
                return await self._open(work, user, "setup", visit)

    def _check_setup(self, token: str, here: Installation | None) -> None:
        """Raises NotAuthenticated."""
        expected = here.setup_hash if here is not None else None
        expires_at = here.setup_expires_at if here is not None else None
        is_right = hmac.compare_digest(self._hash(token), expected or "")
        if not is_right or expires_at is None or self._clock() >= expires_at:
            raise NotAuthenticated(
                "this link is over or was used: `voltkeep user setup-link` makes a new one"
            )

    def _hash(self, token: str) -> str:
        return hmac.new(self._key, b"setup " + token.encode(), hashlib.sha256).hexdigest()


def _as_told(known: User | None, identity: Identity, id: str, at: datetime) -> User:
    assert identity.role is not None, "who has no role is not let in"
    if known is None:
        return User(
            station=home(identity.tenant),
            id=id,
            state=AccountState.ACTIVE,
            at=at,
            name=identity.name,
            role=identity.role,
            created_at=at,
            issuer=identity.issuer,
            subject=identity.subject,
        )
    told = structs.replace(
        known, station=home(identity.tenant), role=identity.role, name=identity.name
    )
    return known if told == known else structs.replace(told, at=at)


_WRONG = "the name or the password is not right"
_WRONG_CODE = "the code is not right, or was used before"
