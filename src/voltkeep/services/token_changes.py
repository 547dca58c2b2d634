"""What changed of tokens, kept for those who keep copies: the local lists of stations."""

from datetime import datetime

from voltkeep.domain.authorization import ALL_TOKENS, Token, TokenChange, token_digest
from voltkeep.domain.identity import IdToken, StationId, TenantId
from voltkeep.services.ports import Work

_GROUPS_KEPT = 10


async def changed(
    work: Work, tenant: TenantId, at: datetime, *, before: Token | None, after: Token | None
) -> None:
    """Note that a token is another than it was; ``after`` None: it was removed."""
    token = after or before
    assert token is not None, "of no token nothing changed"
    everywhere = StationId(tenant, "")
    id = token_digest(token.id_token)
    known = await work.token_changes.get(everywhere, id)
    groups = [each.group for each in (after, before) if each is not None and each.group]
    lately = dict.fromkeys([*groups, *(known.groups if known is not None else ())])
    await work.token_changes.put(
        TokenChange(
            station=everywhere,
            id=id,
            state="removed" if after is None else "changed",
            at=at,
            id_token=token.id_token,
            groups=tuple(lately)[:_GROUPS_KEPT],
        )
    )


async def all_changed(work: Work, tenant: TenantId, at: datetime) -> None:
    """Note that more has changed than can be told one by one: after an import, or of a group."""
    await work.token_changes.put(
        TokenChange(
            station=StationId(tenant, ""),
            id=ALL_TOKENS,
            state="changed",
            at=at,
            id_token=IdToken(""),
        )
    )
