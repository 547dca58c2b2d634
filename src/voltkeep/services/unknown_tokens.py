"""Tokens that nobody registered: what a station does with them, and the list of those seen."""

import asyncio
from datetime import datetime, timedelta
from typing import Annotated

import structlog
from cachetools import LRUCache
from msgspec import DecodeError, Meta, Struct, json, structs

from voltkeep.domain.audit import Deed
from voltkeep.domain.authorization import (
    Authorization,
    Decision,
    SeenState,
    SeenToken,
    Token,
    token_digest,
)
from voltkeep.domain.identity import IdToken, Sender, StationId, TenantId
from voltkeep.domain.stations import Station, UnknownTokens
from voltkeep.services.audit import audit
from voltkeep.services.outbound import Outbound, OutboundFailed, OutboundRefused
from voltkeep.services.ports import Begin, Clock, Read, StoreUnavailable, Work
from voltkeep.services.rates import MOST_KEYS, Buckets, Rate
from voltkeep.services.records import Look

log = structlog.get_logger(__name__)

_RECORDED = Rate(burst=60, per_s=1)  # of what one station shows
_MOST_SEEN = 1000  # of a tenant; of more, those not seen for longest are forgotten
_ANSWER_S = 3.0  # a driver waits meanwhile
_ANSWER_BYTES = 4096
_ASKED_AT_ONCE = 20
_BELIEVED = timedelta(seconds=30)
_NOT_ASKED_AGAIN = timedelta(seconds=10)  # who did not answer


class NotSeen(LookupError):
    """No unknown token of that id is in the list."""


class NeedsAnswer(Exception):
    """Somebody elsewhere decides, and is asked while no database transaction is held."""


class _Said(Struct, frozen=True):
    """What whoever is asked answers."""

    status: Authorization
    group: Annotated[str, Meta(min_length=1, max_length=255)] | None = None
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None


class UnknownTokenService:
    """Decides by the policy of the station, and keeps a bounded list of what was shown."""

    def __init__(self, begin: Begin, read: Read, outbound: Outbound, clock: Clock) -> None:
        self._begin = begin
        self._read = read
        self._outbound = outbound
        self._clock = clock
        self._answers: LRUCache[tuple[StationId, str], tuple[Decision, datetime]] = LRUCache(
            MOST_KEYS
        )
        self._asking = asyncio.Semaphore(_ASKED_AT_ONCE)
        self._recorded: Buckets[StationId] = Buckets(_RECORDED)

    # What stations show.

    def decided(self, station: Station, id_token: IdToken) -> Decision:
        """May a token that nobody registered charge there? Raises NeedsAnswer: `ask` first."""
        match station.policy.unknown_tokens:
            case UnknownTokens.RECORD:
                return Decision(Authorization.ACCEPTED)
            case UnknownTokens.ASK:
                decision, until = self._answers.get((station.id, id_token.key), (None, None))
                if decision is None or until is None or until <= self._clock():
                    raise NeedsAnswer
                return decision
            case _:
                return Decision(Authorization.UNKNOWN)

    async def ask(self, station: Station, id_token: IdToken) -> Decision:
        """Ask at the station's URL, and remember the answer for a while; no answer is a no."""
        try:
            async with self._asking:
                decision = await self._answer(station, id_token)
            believed = _BELIEVED
        except (OutboundRefused, OutboundFailed, DecodeError) as error:
            log.warning(
                "nobody answered for a token, so it is refused",
                station=str(station.id),
                url=station.policy.unknown_tokens_url,
                why=str(error)[:200],
            )
            decision, believed = Decision(Authorization.UNKNOWN), _NOT_ASKED_AGAIN
        self._answers[station.id, id_token.key] = (decision, self._clock() + believed)
        return decision

    async def _answer(self, station: Station, id_token: IdToken) -> Decision:
        question = {
            "tenant": station.id.tenant,
            "station": station.id.name,
            "token": {"value": id_token.value, "kind": id_token.kind},
        }
        answer = await self._outbound.post(
            station.policy.unknown_tokens_url,
            json.encode(question),
            {"Content-Type": "application/json"},
            _ANSWER_S,
            _ANSWER_BYTES,
        )
        if not answer.is_success or answer.is_cut:
            raise OutboundFailed(f"status {answer.status}" + ", too long" * answer.is_cut)
        said = json.decode(answer.content, type=_Said)
        if said.group is not None and not said.group.isprintable():
            raise OutboundFailed("the group has characters that cannot be shown")
        return Decision(said.status, said.group, said.expires_at)

    async def shown(self, sender: Sender, id_token: IdToken, status: Authorization) -> None:
        """As `note`, in a work of its own; no driver waits for a database that is away."""
        if self._is_noted(sender):
            try:
                async with self._begin() as work:
                    await self._note(work, sender, id_token, status)
            except StoreUnavailable as error:
                log.warning("an unknown token was not noted", error=str(error))

    async def note(
        self, work: Work, sender: Sender, id_token: IdToken, status: Authorization
    ) -> None:
        """Remember that a token was shown; of a flood only some."""
        if self._is_noted(sender):
            await self._note(work, sender, id_token, status)

    def _is_noted(self, sender: Sender) -> bool:
        return self._recorded.take(sender.station, sender.received_at.timestamp())

    async def _note(
        self, work: Work, sender: Sender, id_token: IdToken, status: Authorization
    ) -> None:
        whose, id, at = shelf(sender.station.tenant), token_digest(id_token), sender.received_at
        known = await work.unknown_tokens.lock(whose, id)
        if known is None:
            await _make_room(work, whose)
            known = SeenToken(
                station=whose,
                id=id,
                state=SeenState.SEEN,
                at=at,
                id_token=id_token,
                first_at=at,
                times=0,
            )
        await work.unknown_tokens.put(
            structs.replace(
                known,
                at=max(at, known.at),
                times=known.times + 1,
                seen_at=sender.station.name,
                status=status,
            )
        )

    # What operators do.

    async def page(self, tenant: TenantId, look: Look) -> list[SeenToken]:
        """Those seen, the last seen first; unless states are named, without those dismissed."""
        if not look.states:
            look = structs.replace(look, states=(SeenState.SEEN,))
        async with self._read() as work:
            return await work.unknown_tokens.page(tenant, look)

    async def get(self, tenant: TenantId, id: str) -> SeenToken:
        """Raises NotSeen."""
        async with self._read() as work:
            return _there(await work.unknown_tokens.get(shelf(tenant), id), id)

    async def dismiss(self, tenant: TenantId, id: str) -> SeenToken:
        """Take one off the list, also when it is seen again. Raises NotSeen."""
        async with self._begin() as work:
            known = _there(await work.unknown_tokens.lock(shelf(tenant), id), id)
            known = structs.replace(known, state=SeenState.DISMISSED)
            await work.unknown_tokens.put(known)
            deed = Deed(action="token.dismissed", object=known.id_token.masked)
            await audit(work, tenant, self._clock(), deed)
        return known


async def registered_now(work: Work, tenant: TenantId, token: Token) -> None:
    """A token is known from now on: off the list."""
    await work.unknown_tokens.remove(shelf(tenant), token_digest(token.id_token))


def shelf(tenant: TenantId) -> StationId:
    """Where what belongs to the tenant as a whole is kept."""
    return StationId(tenant, "")


def _there(known: SeenToken | None, id: str) -> SeenToken:
    if known is None:
        raise NotSeen(f"no unknown token {id[:60]} was seen, or it was registered meanwhile")
    return known


async def _make_room(work: Work, whose: StationId) -> None:
    too_many = await work.unknown_tokens.count(whose) - _MOST_SEEN + 1
    if too_many > 0:
        look = Look(station=whose.name, oldest_first=True, limit=too_many)
        for each in await work.unknown_tokens.page(whose.tenant, look):
            await work.unknown_tokens.remove(whose, each.id)
