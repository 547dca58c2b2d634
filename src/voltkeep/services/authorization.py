"""Functional block C, authorization: may this token charge?"""

from datetime import datetime

from cachetools import LRUCache
from msgspec import UNSET, Struct, UnsetType, structs

from voltkeep.domain.audit import Deed
from voltkeep.domain.authorization import Authorization, Decision, Token, decide
from voltkeep.domain.events import TokenPresented
from voltkeep.domain.identity import IdToken, IdTokenKind, Sender, StationId, TenantId
from voltkeep.domain.stations import Station
from voltkeep.services.audit import audit
from voltkeep.services.edits import Check, as_it_is
from voltkeep.services.ports import Announce, Begin, Clock, Read, Work
from voltkeep.services.rates import MOST_KEYS, Buckets, Rate
from voltkeep.services.security_events import raise_alert
from voltkeep.services.token_changes import changed
from voltkeep.services.token_groups import TokenGroups, joined
from voltkeep.services.unknown_tokens import NeedsAnswer, UnknownTokenService, registered_now

_UNKNOWN = Rate(burst=10, per_s=6 / 60)  # tokens that one station shows and nobody knows


class UnknownToken(LookupError):
    """No token of that value is registered."""


class TokenExists(ValueError):
    """A token of that value is registered already."""


class TokenEdit(Struct, frozen=True, kw_only=True):
    """What is to be changed of a token; what is left out stays."""

    kind: str | UnsetType = UNSET
    group: str | UnsetType | None = UNSET
    blocked: bool | UnsetType = UNSET
    expires_at: datetime | UnsetType | None = UNSET
    max_active: int | UnsetType = UNSET
    note: str | UnsetType = UNSET


class AuthorizationService:
    """One answer to "may it charge?", reached from every version; and the tokens behind it."""

    def __init__(
        self,
        begin: Begin,
        read: Read,
        clock: Clock,
        announce: Announce,
        unknown: UnknownTokenService,
    ) -> None:
        self._begin = begin
        self._read = read
        self._clock = clock
        self._announce = announce
        self.unknown = unknown
        self.groups = TokenGroups(begin, read, clock)
        self._unknown: Buckets[StationId] = Buckets(_UNKNOWN)
        self._known: LRUCache[tuple[TenantId, str], None] = LRUCache(MOST_KEYS)

    async def authorize(self, sender: Sender, id_token: IdToken) -> Decision:
        """Answer a token shown before a transaction (C01).

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
            is_strange = needs_one and token is None
            where = await work.stations.get(station) if is_strange else None
        if where is not None:
            decision = await self._stranger(where, sender, id_token)
        else:
            decision = decide(id_token, token, self._clock(), active=None)
        if token is not None or (is_strange and decision.status is Authorization.ACCEPTED):
            self._known[key] = None
        elif (
            is_strange
            and self._unknown.take(station, heard)
            and self._unknown.wait(station, heard) > 0
        ):
            await self._alert(station)
        self._announce(
            TokenPresented(
                station=sender.station,
                at=sender.received_at,
                id_token=id_token,
                status=decision.status,
            )
        )
        return decision

    async def _stranger(self, station: Station, sender: Sender, id_token: IdToken) -> Decision:
        try:
            decision = self.unknown.decided(station, id_token)
        except NeedsAnswer:
            decision = await self.unknown.ask(station, id_token)
        await self.unknown.shown(sender, id_token, decision.status)
        return decision

    async def _alert(self, station: StationId) -> None:
        text = (
            f"{station} shows one unknown token after the other: somebody may be trying them out. "
            "Unknown ones are refused there without being looked up, for a while."
        )
        async with self._begin() as work:
            await raise_alert(work, station, "token enumeration", text, self._clock())

    # What operators do.

    async def add(self, tenant: TenantId, token: Token) -> Token:
        """Register a token, as it is or as an unknown one that was seen. Raises TokenExists."""
        async with self._begin() as work:
            is_blocked = await joined(work, tenant, token.group, self._clock())
            return await self._add(work, tenant, structs.replace(token, group_blocked=is_blocked))

    async def save(self, tenant: TenantId, token: Token) -> bool:
        """Register a token, or replace it. True if it is new.

        A blocked one stays blocked: only `block` lets it charge again. Raises TokenExists if
        somebody else registers it at this very moment.
        """
        async with self._begin() as work:
            is_blocked = await joined(work, tenant, token.group, self._clock())
            token = structs.replace(token, group_blocked=is_blocked)
            known = await work.tokens.hold(tenant, token.id_token)
            if known is None:
                await self._add(work, tenant, token)
            else:
                token = structs.replace(token, blocked=token.blocked or known.blocked)
                await self._replace(work, tenant, token, known, "token.changed")
        return known is None

    async def change(
        self,
        tenant: TenantId,
        id_token: IdToken,
        edit: TokenEdit,
        *,
        unless_changed: Check[Token] = as_it_is,
    ) -> Token:
        """Change what is said of a token, and nothing else. Raises UnknownToken."""
        async with self._begin() as work:
            is_blocked = False
            if edit.group is not UNSET:
                is_blocked = await joined(work, tenant, edit.group, self._clock())
            known = await _held(work, tenant, id_token)
            unless_changed(known)
            said = {
                name: value
                for name, value in structs.asdict(edit).items()
                if value is not UNSET and name != "kind"
            }
            token = structs.replace(known, **said)
            if edit.group is not UNSET:
                token = structs.replace(token, group_blocked=is_blocked)
            if edit.kind is not UNSET:
                kind = IdToken(known.id_token.value, edit.kind)
                token = structs.replace(token, id_token=kind)
            action = "token.changed"
            if edit.blocked is not UNSET and edit.blocked is not known.blocked:
                action = "token.blocked" if edit.blocked else "token.unblocked"
            return await self._replace(work, tenant, token, known, action)

    async def get(self, tenant: TenantId, id_token: IdToken) -> Token:
        """What we know of a token. Raises UnknownToken."""
        async with self._read() as work:
            return await _registered(work, tenant, id_token)

    async def block(self, tenant: TenantId, id_token: IdToken, *, blocked: bool) -> Token:
        """Block a token, or let it charge again. Raises UnknownToken."""
        async with self._begin() as work:
            known = await _held(work, tenant, id_token)
            token = structs.replace(known, blocked=blocked)
            action = "token.blocked" if blocked else "token.unblocked"
            return await self._replace(work, tenant, token, known, action)

    async def remove(self, tenant: TenantId, id_token: IdToken) -> None:
        """Forget a token; its transactions stay. Raises UnknownToken."""
        async with self._begin() as work:
            known = await _held(work, tenant, id_token)
            await work.tokens.remove(tenant, id_token)
            now = self._clock()
            await changed(work, tenant, now, before=known, after=None)
            await _audit(work, tenant, now, "token.removed", before=known, after=None)
        self._known.pop((tenant, id_token.key), None)

    async def all(self, tenant: TenantId) -> list[Token]:
        """Every token of a tenant, in order of its value."""
        tokens: list[Token] = []
        async with self._read() as work:
            while page := await work.tokens.all(
                tenant, after=tokens[-1].id_token.key if tokens else ""
            ):
                tokens += page
        return tokens

    async def _add(self, work: Work, tenant: TenantId, token: Token) -> Token:
        now = self._clock()
        if not await work.tokens.add(tenant, token):
            raise TokenExists(f"token {token.id_token.value} is registered already")
        await registered_now(work, tenant, token)
        await changed(work, tenant, now, before=None, after=token)
        await _audit(work, tenant, now, "token.added", before=None, after=token)
        return token

    async def _replace(
        self, work: Work, tenant: TenantId, token: Token, held: Token, action: str
    ) -> Token:
        now = self._clock()
        await work.tokens.save(tenant, token)
        await changed(work, tenant, now, before=held, after=token)
        await _audit(work, tenant, now, action, before=held, after=token)
        return token


async def _registered(work: Work, tenant: TenantId, id_token: IdToken) -> Token:
    token = await work.tokens.get(tenant, id_token)
    if token is None:
        raise UnknownToken(f"no token {id_token.value} is registered")
    return token


async def _held(work: Work, tenant: TenantId, id_token: IdToken) -> Token:
    """As `_registered`, and nobody else may change it until this work is over."""
    token = await work.tokens.hold(tenant, id_token)
    if token is None:
        raise UnknownToken(f"no token {id_token.value} is registered")
    return token


async def _audit(
    work: Work,
    tenant: TenantId,
    at: datetime,
    action: str,
    *,
    before: Token | None,
    after: Token | None,
) -> None:
    """A card's UID can be copied, and the log is kept for ever: it has the end of it only."""
    token = after or before
    assert token is not None, "nothing was done to no token"
    deed = Deed(
        action=action,
        object=token.id_token.masked,
        before=_allowed(before) if before is not None else "",
        after=_allowed(after) if after is not None else "",
    )
    await audit(work, tenant, at, deed)


def _allowed(token: Token) -> str:
    """What a token may do, without whose it is."""
    expires = f"expires {token.expires_at:%FT%TZ}" if token.expires_at is not None else ""
    group = "in a group" if token.group else ""
    blocked = "blocked" if token.blocked else ""
    at_once = f"{token.max_active or 'any number'} at once"
    return ", ".join(filter(None, (at_once, expires, group, blocked)))
