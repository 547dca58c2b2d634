"""API keys: how programs show who they are."""

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from cachetools import TTLCache
from msgspec import structs

from voltkeep.domain.accounts import (
    INSTALLATION,
    AccountState,
    ApiKey,
    Grant,
    Permission,
    Principal,
    home,
)
from voltkeep.domain.audit import Actor, Deed
from voltkeep.domain.identity import DEFAULT_TENANT, BadName, TenantId, station_id
from voltkeep.services.audit import audit
from voltkeep.services.background import now_and_then
from voltkeep.services.ports import Begin, Clock, Read, Work
from voltkeep.services.records import Look

log = structlog.get_logger(__name__)

CACHED_S = 5.0  # how long what another process revoked may still be let in
_MOST_CACHED = 10_000
_SAVE_USE_EVERY = timedelta(minutes=1)
_TOKEN = re.compile(r"vk_([0-9a-f]{16})([0-9a-f]{16})_([0-9a-f]{64})")
_LONGEST_NAME = 100


class NotAuthenticated(Exception):
    """Nobody we know; unknown, wrong, revoked and expired are told alike."""


class NotAllowed(Exception):
    """We know who asks, and they may not."""


class UnknownKey(Exception):
    """There is no such API key here."""


class UnknownTenant(Exception):
    """There is no such tenant."""


class BadAccount(ValueError):
    """What was asked of an account cannot be; ``field`` names what is wrong."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(why)
        self.field = field


def may_give(by: Principal, grant: Grant) -> None:
    """Nobody gives, changes or takes more than they have. Raises NotAllowed."""
    if not by.may(Permission.WRITE_ACCOUNTS):
        raise NotAllowed("this needs accounts:write")
    if not by.grant.covers(grant):
        raise NotAllowed(
            "nobody can give, change or take what they do not have themselves: "
            "a permission, a site or a tenant of it is beyond yours"
        )


def audited_tenant(tenant: TenantId | None) -> TenantId:
    """In whose audit log a deed to an account of that home is."""
    return tenant or DEFAULT_TENANT


def is_tenant_name(name: str) -> bool:
    try:
        station_id("any", name)
    except BadName:
        return False
    return True


async def tenant_exists(work: Work, tenant: TenantId) -> bool:
    """Added as one, the default one, or in use: a shell can add stations to any."""
    return (
        tenant == DEFAULT_TENANT
        or await work.tenants.get(home(None), tenant) is not None
        or bool(await work.stations.all(tenant, limit=1))
    )


class AccountService:
    """Makes and checks API keys. Tokens look like ``vk_<id>_<secret>``.

    A key has 256 random bits, so a keyed hash is enough; it is checked without a database for a
    few seconds after it was read. Half of an id is a code of the other half: who makes ids up
    costs no read either.
    """

    def __init__(self, begin: Begin, read: Read, clock: Clock, *, key: bytes) -> None:
        self._begin = begin
        self._read = read
        self._clock = clock
        self._key = key
        self._cached: TTLCache[str, ApiKey | None] = TTLCache(
            _MOST_CACHED, CACHED_S, timer=time.monotonic
        )
        self._changes = 0  # what was read before one is not remembered after it
        self._used: dict[str, tuple[datetime, str]] = {}
        self._tenants: TTLCache[TenantId, bool] = TTLCache(
            _MOST_CACHED, CACHED_S, timer=time.monotonic
        )

    # Whoever shows one.

    async def principal_of_key(
        self, token: str, tenant: TenantId | None, address: str
    ) -> Principal:
        """Who bears this token, acting in ``tenant`` (None: their own).

        Raises NotAuthenticated, NotAllowed for a tenant that is not theirs, UnknownTenant,
        StoreUnavailable.
        """
        match = _TOKEN.fullmatch(token)
        half, code, secret = match.groups() if match else ("", "", "")
        is_ours = hmac.compare_digest(code, self._code(half))
        id = half + code
        known = await self._known(id) if match and is_ours else None
        expected = known.secret_hash if known is not None else ""
        if not hmac.compare_digest(self._hash(id, secret), expected) or known is None:
            raise NotAuthenticated("this API key is not valid")
        at = self._clock()
        if not known.is_valid(at):
            raise NotAuthenticated("this API key is not valid")
        self._note_use(known, at, address)
        return Principal(
            actor=Actor(kind="api", name=known.name, address=address, authenticated_by=f"key {id}"),
            tenant=await self.acting_tenant(known.tenant, tenant),
            permissions=frozenset(known.scopes),
            sites=known.sites,
            is_everywhere=known.tenant is None,
        )

    async def acting_tenant(self, own: TenantId | None, asked: TenantId | None) -> TenantId:
        """Who is at home everywhere chooses; others are in their own.

        Raises NotAllowed, UnknownTenant.
        """
        if own is not None:
            if asked not in {None, own}:
                raise NotAllowed("this tenant is not yours")
            return own
        if asked is None:
            return DEFAULT_TENANT
        exists = self._tenants.get(asked)
        if exists is None:
            exists = is_tenant_name(asked)
            if exists:
                async with self._read() as work:
                    exists = await tenant_exists(work, asked)
            if exists:
                self._tenants[asked] = True
        if not exists:
            raise UnknownTenant(f"there is no tenant called {asked[:60]!a}")
        return asked

    async def _known(self, id: str) -> ApiKey | None:
        if id in self._cached:
            return self._cached.get(id)
        changes = self._changes
        async with self._read() as work:
            found = await work.api_keys.find(INSTALLATION, id)
        if changes == self._changes:
            self._cached[id] = found
        return found

    def forget(self, id: str) -> None:
        """It was changed: look again."""
        self._changes += 1
        self._cached.pop(id, None)

    def forget_tenant(self, tenant: TenantId) -> None:
        self._tenants.pop(tenant, None)

    def _note_use(self, key: ApiKey, at: datetime, address: str) -> None:
        if key.last_used_at is None or at - key.last_used_at >= _SAVE_USE_EVERY:
            self._used[key.id] = (at, address)

    async def run(self) -> None:
        """Save now and then when each key was used, until cancelled."""
        every_s = _SAVE_USE_EVERY.total_seconds()
        await now_and_then("last uses of API keys", self.save_uses, every_s, at_once=False)

    async def save_uses(self) -> None:
        """Raises StoreUnavailable."""
        used, self._used = self._used, {}
        for id, (at, address) in used.items():
            async with self._begin() as work:
                found = await work.api_keys.find(INSTALLATION, id)
                key = None
                if found is not None:
                    key = await work.api_keys.lock(found.station, id)
                if key is not None:
                    changed = structs.replace(key, last_used_at=at, last_used_from=address)
                    await work.api_keys.put(changed)
            self.forget(id)

    # Whoever looks after them.

    async def create_key(
        self,
        by: Principal,
        name: str,
        scopes: Sequence[Permission],
        *,
        tenant: TenantId | None,
        sites: Sequence[str] | None = None,
        expires_at: datetime | None = None,
    ) -> tuple[ApiKey, str]:
        """A new key and its token, which is told this once. ``tenant`` None: everywhere.

        Raises NotAllowed, UnknownTenant, BadAccount.
        """
        at = self._clock()
        _check_key(name, scopes, expires_at, at)
        half = secrets.token_hex(8)
        id, secret = half + self._code(half), secrets.token_hex(32)
        key = ApiKey(
            station=home(tenant),
            id=id,
            state=AccountState.ACTIVE,
            at=at,
            name=name,
            secret_hash=self._hash(id, secret),
            scopes=tuple(sorted(set(scopes))),
            sites=None if sites is None else tuple(sorted(set(sites))),
            created_at=at,
            created_by=by.actor.name,
            expires_at=expires_at,
        )
        may_give(by, key.grant)
        async with self._begin() as work:
            if tenant is not None and not await tenant_exists(work, tenant):
                raise UnknownTenant(f"there is no tenant called {tenant}")
            await work.api_keys.put(key)
            deed = Deed(action="api-key.created", object=f"{name} ({id})", after=_in_words(key))
            await audit(work, audited_tenant(tenant), at, deed)
        return key, f"vk_{id}_{secret}"

    async def keys(self, by: Principal, look: Look) -> list[ApiKey]:
        """Of the tenant they act in, the latest changed first.

        Who is everywhere sees those that are at home everywhere by the look's station "".
        """
        if not by.is_everywhere or look.station is None:
            look = structs.replace(look, station=by.tenant)
        async with self._read() as work:
            return await work.api_keys.page(INSTALLATION, look)

    async def key(self, by: Principal, id: str) -> ApiKey:
        """Raises UnknownKey, also for one of another tenant."""
        async with self._read() as work:
            found = await work.api_keys.find(INSTALLATION, id)
        return self._seen(by, found, id)

    async def revoke_key(self, by: Principal, id: str) -> ApiKey:
        """From now on it is worth nothing. Raises UnknownKey, NotAllowed."""
        known = await self.key(by, id)
        may_give(by, known.grant)
        at = self._clock()
        async with self._begin() as work:
            known = self._seen(by, await work.api_keys.lock(known.station, id), id)
            if known.state is not AccountState.REVOKED:
                known = structs.replace(known, state=AccountState.REVOKED, at=at)
                await work.api_keys.put(known)
                deed = Deed(action="api-key.revoked", object=f"{known.name} ({id})")
                await audit(work, audited_tenant(known.tenant), at, deed)
        self.forget(id)
        return known

    def _seen(self, by: Principal, key: ApiKey | None, id: str) -> ApiKey:
        if key is None or not sees(by, key.tenant):
            raise UnknownKey(f"there is no API key {id[:60]!a}")
        return key

    def _code(self, half: str) -> str:
        return hmac.new(self._key, b"id" + half.encode(), hashlib.sha256).hexdigest()[:16]

    def _hash(self, id: str, secret: str) -> str:
        content = f"key {id} {secret}".encode()
        return hmac.new(self._key, content, hashlib.sha256).hexdigest()


def sees(by: Principal, tenant: TenantId | None) -> bool:
    """Whether an account of that home is one they may know of."""
    return by.is_everywhere or tenant == by.tenant


def _check_key(
    name: str, scopes: Sequence[Permission], expires_at: datetime | None, now: datetime
) -> None:
    if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        raise BadAccount("name", f"a key needs a name of 1 to {_LONGEST_NAME} printable characters")
    if not scopes:
        raise BadAccount("scopes", "a key needs at least one scope")
    if expires_at is not None and expires_at <= now:
        raise BadAccount("expires_at", "a key has to expire in the future")


def _in_words(key: ApiKey) -> str:
    where = key.tenant or "everywhere"
    sites = "" if key.sites is None else f", sites {', '.join(key.sites) or 'none'}"
    until = f", until {key.expires_at:%FT%TZ}" if key.expires_at else ""
    return f"{where}{sites}: {', '.join(key.scopes)}{until}"
