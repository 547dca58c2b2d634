"""Functional block C, authorization: may this token charge?"""

from cachetools import LRUCache
from msgspec import structs

from voltkeep.domain.audit import Deed
from voltkeep.domain.authorization import Authorization, Decision, Token, decide
from voltkeep.domain.events import TokenPresented
from voltkeep.domain.identity import IdToken, IdTokenKind, Sender, StationId, TenantId
from voltkeep.services.audit import audit
from voltkeep.services.ports import Announce, Begin, Clock, Read, Work
from voltkeep.services.rates import MOST_KEYS, Buckets, Rate
from voltkeep.services.security_events import raise_alert

_UNKNOWN = Rate(burst=10, per_s=6 / 60)  # tokens that one station shows and nobody knows


class UnknownToken(LookupError):
    """No token of that value is registered."""


class AuthorizationService:
    """One answer to "may it charge?", reached from every version."""

    def __init__(self, begin: Begin, read: Read, clock: Clock, announce: Announce) -> None:
        self._begin = begin
        self._read = read
        self._clock = clock
        self._announce = announce
        self._unknown: Buckets[StationId] = Buckets(_UNKNOWN)
        self._known: LRUCache[tuple[TenantId, str], None] = LRUCache(MOST_KEYS)

    async def authorize(self, sender: Sender, id_token: IdToken) -> Decision:
        """Answer a token shown before a transaction (C01). Nothing is stored of it.

        A station that shows one unknown token after the other is answered Invalid for a while
        without being looked up, but for tokens that are known: drivers can still charge there.
        """
        station, heard = sender.station, sender.received_at.timestamp()
        key = (station.tenant, id_token.key)
        needs_one = id_token.kind != IdTokenKind.NO_AUTHORIZATION
        if needs_one and key not in self._known and self._unknown.wait(station, heard) > 0:
            return Decision(Authorization.INVALID)
        async with self._read() as work:
            token = await work.tokens.get(station.tenant, id_token)
        is_news = needs_one and token is None and self._unknown.take(station, heard)
        if is_news and self._unknown.wait(station, heard) > 0:
            await self._alert(station)
        if token is not None:
            self._known[key] = None
        decision = decide(id_token, token, self._clock(), active=None)
        self._announce(
            TokenPresented(
                station=sender.station,
                at=sender.received_at,
                id_token=id_token,
                status=decision.status,
            )
        )
        return decision

    async def _alert(self, station: StationId) -> None:
        text = (
            f"{station} shows one unknown token after the other: somebody may be trying them out. "
            "Unknown ones are refused there without being looked up, for a while."
        )
        async with self._begin() as work:
            await raise_alert(work, station, "token enumeration", text, self._clock())

    async def save(self, tenant: TenantId, token: Token) -> bool:
        """Register a token, or replace it. True if it is new.

        A blocked one stays blocked: only `block` lets it charge again.
        """
        async with self._begin() as work:
            known = await work.tokens.get(tenant, token.id_token)
            if known is not None and known.blocked:
                token = structs.replace(token, blocked=True)
            is_new = await work.tokens.save(tenant, token)
            action = "token.added" if is_new else "token.changed"
            await self._audit(work, tenant, action, token, before=known, after=token)
        return is_new

    async def get(self, tenant: TenantId, id_token: IdToken) -> Token:
        """What we know of a token. Raises UnknownToken."""
        async with self._read() as work:
            token = await work.tokens.get(tenant, id_token)
        if token is None:
            raise UnknownToken(f"no token {id_token.value} is registered")
        return token

    async def block(self, tenant: TenantId, id_token: IdToken, *, blocked: bool) -> Token:
        """Block a token, or let it charge again. Raises UnknownToken."""
        async with self._begin() as work:
            token = await work.tokens.get(tenant, id_token)
            if token is None:
                raise UnknownToken(f"no token {id_token.value} is registered")
            token = structs.replace(token, blocked=blocked)
            await work.tokens.save(tenant, token)
            action = "token.blocked" if blocked else "token.unblocked"
            await self._audit(work, tenant, action, token)
        return token

    async def remove(self, tenant: TenantId, id_token: IdToken) -> None:
        """Forget a token; its transactions stay. Raises UnknownToken."""
        async with self._begin() as work:
            token = await work.tokens.get(tenant, id_token)
            if token is None or not await work.tokens.remove(tenant, id_token):
                raise UnknownToken(f"no token {id_token.value} is registered")
            await self._audit(work, tenant, "token.removed", token, before=token)

    async def _audit(
        self,
        work: Work,
        tenant: TenantId,
        action: str,
        token: Token,
        *,
        before: Token | None = None,
        after: Token | None = None,
    ) -> None:
        """A card's UID can be copied, and the log is kept for ever: it has the end of it only."""
        deed = Deed(
            action=action,
            object=token.id_token.masked,
            before=_allowed(before) if before is not None else "",
            after=_allowed(after) if after is not None else "",
        )
        await audit(work, tenant, self._clock(), deed)

    async def all(self, tenant: TenantId) -> list[Token]:
        """Every token of a tenant, in order of its value."""
        tokens: list[Token] = []
        async with self._read() as work:
            while page := await work.tokens.all(
                tenant, after=tokens[-1].id_token.key if tokens else ""
            ):
                tokens += page
        return tokens


def _allowed(token: Token) -> str:
    """What a token may do, without whose it is."""
    expires = f"expires {token.expires_at:%FT%TZ}" if token.expires_at is not None else ""
    group = "in a group" if token.group else ""
    blocked = "blocked" if token.blocked else ""
    at_once = f"{token.max_active or 'any number'} at once"
    return ", ".join(filter(None, (at_once, expires, group, blocked)))
