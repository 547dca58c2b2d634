"""Functional block C, authorization: may this token charge?"""

from msgspec import structs

from voltkeep.domain.authorization import Decision, Token, decide
from voltkeep.domain.events import TokenPresented
from voltkeep.domain.identity import IdToken, Sender, TenantId
from voltkeep.services.ports import Announce, Begin, Clock, Read


class UnknownToken(LookupError):
    """No token of that value is registered."""


class AuthorizationService:
    """One answer to "may it charge?", reached from every version."""

    def __init__(self, begin: Begin, read: Read, clock: Clock, announce: Announce) -> None:
        self._begin = begin
        self._read = read
        self._clock = clock
        self._announce = announce

    async def authorize(self, sender: Sender, id_token: IdToken) -> Decision:
        """Answer a token shown before a transaction (C01). Nothing is stored."""
        async with self._read() as work:
            token = await work.tokens.get(sender.station.tenant, id_token)
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

    async def save(self, tenant: TenantId, token: Token) -> bool:
        """Register a token, or replace it. True if it is new.

        A blocked one stays blocked: only `block` lets it charge again.
        """
        async with self._begin() as work:
            known = await work.tokens.get(tenant, token.id_token)
            if known is not None and known.blocked:
                token = structs.replace(token, blocked=True)
            return await work.tokens.save(tenant, token)

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
        return token

    async def remove(self, tenant: TenantId, id_token: IdToken) -> None:
        """Forget a token; its transactions stay. Raises UnknownToken."""
        async with self._begin() as work:
            if not await work.tokens.remove(tenant, id_token):
                raise UnknownToken(f"no token {id_token.value} is registered")

    async def all(self, tenant: TenantId) -> list[Token]:
        """Every token of a tenant, in order of its value."""
        tokens: list[Token] = []
        async with self._read() as work:
            while page := await work.tokens.all(
                tenant, after=tokens[-1].id_token.key if tokens else ""
            ):
                tokens += page
        return tokens
