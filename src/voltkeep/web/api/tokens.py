"""Tokens: who may charge, their groups, and those seen that nobody registered."""

from datetime import UTC, datetime
from typing import Annotated

from litestar import Response, delete, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody, PathParameter, QueryParameter
from msgspec import UNSET, Meta, Struct, UnsetType, structs

from voltkeep.domain.accounts import Permission
from voltkeep.domain.authorization import (
    Authorization,
    GroupCount,
    SeenState,
    SeenToken,
    Token,
    decide,
)
from voltkeep.domain.identity import IdToken, IdTokenKind
from voltkeep.services import lists
from voltkeep.services.authorization import TokenEdit
from voltkeep.services.lists import Place, TokenFilter, TokenSort
from voltkeep.web.access import Given, Paging, Who, check_sees_every_site
from voltkeep.web.editing import IfMatch, tagged, unchanged
from voltkeep.web.looks import LOOK, Looking, Time
from voltkeep.web.paging import DEFAULT_LIMIT, Cursor, Limit, Page, page_of, page_of_records
from voltkeep.web.problems import Asked, Unfit

_AT = datetime(2026, 5, 2, 9, 30, tzinfo=UTC)
_WORDS = r"^[^\x00-\x1f\x7f-\x9f]*$"
_Group = Annotated[str, Meta(min_length=1, max_length=255, pattern=_WORDS)]
_Kind = Annotated[str, Meta(min_length=1, max_length=20, pattern=_WORDS)]
_MaxActive = Annotated[int, Meta(ge=0, le=1_000_000)]
_Note = Annotated[str, Meta(max_length=2000)]
_Time = Annotated[datetime, Meta(tz=True)]
Value = Annotated[str, PathParameter(description="What the station reads, in any case.")]
_GroupName = Annotated[str, PathParameter(description="The group's name.")]


class TokenOut(Struct, frozen=True, kw_only=True):
    """A token. ``status`` is what a station would be told now, if nothing charges with it."""

    value: str
    kind: str
    status: Authorization
    group: str | None
    blocked: bool
    group_blocked: bool
    expires_at: datetime | None
    max_active: int
    note: str
    created_at: datetime


class NewToken(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token to let charge. ``max_active``: transactions at once; 0 is without limit."""

    value: Annotated[str, Meta(min_length=1, max_length=255, pattern=_WORDS)]
    kind: _Kind = IdTokenKind.ISO14443.value
    group: _Group | None = None
    blocked: bool = False
    expires_at: _Time | None = None
    max_active: _MaxActive = 1
    note: _Note = ""


class TokenChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be changed of a token; what is left out stays."""

    kind: _Kind | UnsetType = UNSET
    group: _Group | UnsetType | None = UNSET
    blocked: bool | UnsetType = UNSET
    expires_at: _Time | UnsetType | None = UNSET
    max_active: _MaxActive | UnsetType = UNSET
    note: _Note | UnsetType = UNSET


class GroupOut(Struct, frozen=True, kw_only=True):
    """Tokens whose owners may stop each other's transactions."""

    name: str
    tokens: int
    blocked: bool
    note: str


class GroupChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be changed of a group; a token that is blocked by itself stays so."""

    name: _Group | UnsetType = UNSET
    blocked: bool | UnsetType = UNSET
    note: _Note | UnsetType = UNSET


class UnknownTokenOut(Struct, frozen=True, kw_only=True):
    """A token that nobody registered, as stations showed it. ``status``: what it was told."""

    id: str
    value: str
    kind: str
    state: SeenState
    first_seen_at: datetime
    last_seen_at: datetime
    last_seen_at_station: str
    times: int
    status: Authorization


class Adoption(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a token that was seen is registered."""

    group: _Group | None = None
    expires_at: _Time | None = None
    max_active: _MaxActive = 1
    note: _Note = ""


def out(token: Token) -> TokenOut:
    return TokenOut(
        value=token.id_token.value,
        kind=token.id_token.kind,
        status=decide(token.id_token, token, datetime.now(UTC), active=None).status,
        group=token.group,
        blocked=token.blocked,
        group_blocked=token.group_blocked,
        expires_at=token.expires_at,
        max_active=token.max_active,
        note=token.note,
        created_at=token.created_at,
    )


def group_out(group: GroupCount) -> GroupOut:
    return GroupOut(name=group.name, tokens=group.tokens, blocked=group.blocked, note=group.note)


def seen_out(seen: SeenToken) -> UnknownTokenOut:
    return UnknownTokenOut(
        id=seen.id,
        value=seen.id_token.value,
        kind=seen.id_token.kind,
        state=seen.state,
        first_seen_at=seen.first_at,
        last_seen_at=seen.at,
        last_seen_at_station=seen.seen_at,
        times=seen.times,
        status=seen.status,
    )


def _utc(at: datetime | None) -> datetime | None:
    try:
        return None if at is None else at.astimezone(UTC)
    except OverflowError as error:
        raise Unfit("that is no time", "expires_at") from error


@get("/tokens", needs=Permission.READ_TOKENS)
async def list_tokens(
    request: Asked,
    principal: Who,
    services: Given,
    cursors: Paging,
    prefix: Annotated[str, QueryParameter(description="How its value begins.")] = "",
    group: FromQuery[str | None] = None,
    blocked: FromQuery[bool | None] = None,
    expires_before: Time = None,
    sort: FromQuery[TokenSort] = "key",
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[TokenOut]:
    """Tokens that fit every filter, in order of their values."""
    check_sees_every_site(principal, "tokens are")
    which = TokenFilter(
        prefix=prefix.casefold(), group=group, blocked=blocked, expires_before=expires_before
    )

    async def fetch(after: Place | None) -> lists.Page[Token]:
        async with services.read() as work:
            return await work.lists.tokens(principal.tenant, which, sort, after=after, limit=limit)

    return await page_of(request, cursors, cursor, fetch, out)


@post("/tokens", needs=Permission.WRITE_TOKENS)
async def add_token(
    data: JSONBody[NewToken], principal: Who, services: Given
) -> Response[TokenOut]:
    """Let a token charge."""
    check_sees_every_site(principal, "tokens are")
    if not data.value.strip():
        raise Unfit("a token is not blank", "value")
    token = Token(
        id_token=IdToken(data.value, data.kind),
        group=data.group,
        blocked=data.blocked,
        expires_at=_utc(data.expires_at),
        max_active=data.max_active,
        note=data.note,
        created_at=datetime.now(UTC),
    )
    return tagged(out(await services.authorization.add(principal.tenant, token)), 201)


@get("/tokens/{token:str}", needs=Permission.READ_TOKENS)
async def show_token(token: Value, principal: Who, services: Given) -> Response[TokenOut]:
    """One token."""
    check_sees_every_site(principal, "tokens are")
    return tagged(out(await services.authorization.get(principal.tenant, IdToken(token))))


@patch("/tokens/{token:str}", needs=Permission.WRITE_TOKENS)
async def change_token(
    data: JSONBody[TokenChange],
    token: Value,
    principal: Who,
    services: Given,
    if_match: IfMatch = None,
) -> Response[TokenOut]:
    """Change what is known of a token."""
    check_sees_every_site(principal, "tokens are")
    service, id_token = services.authorization, IdToken(token)
    edit = TokenEdit(**structs.asdict(data))
    if isinstance(data.expires_at, datetime):
        edit = structs.replace(edit, expires_at=_utc(data.expires_at))
    changed = await service.change(
        principal.tenant, id_token, edit, unless_changed=unchanged(if_match, out)
    )
    return tagged(out(changed))


@delete("/tokens/{token:str}", needs=Permission.WRITE_TOKENS)
async def remove_token(token: Value, principal: Who, services: Given) -> None:
    """Forget a token: it is unknown from now on. Its transactions stay."""
    check_sees_every_site(principal, "tokens are")
    await services.authorization.remove(principal.tenant, IdToken(token))


@get("/token-groups", needs=Permission.READ_TOKENS)
async def list_token_groups(
    request: Asked,
    principal: Who,
    services: Given,
    cursors: Paging,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[GroupOut]:
    """Groups in order of their names."""
    check_sees_every_site(principal, "tokens are")

    async def fetch(after: Place | None) -> lists.Page[GroupCount]:
        found = await services.authorization.groups.page(
            principal.tenant, after=str(after[0]) if after else "", limit=limit + 1
        )
        rows = found[:limit]
        return lists.Page(rows, (rows[-1].name,) if len(found) > limit else None)

    return await page_of(request, cursors, cursor, fetch, group_out)


@get("/token-groups/{group:str}", needs=Permission.READ_TOKENS)
async def show_token_group(
    group: _GroupName, principal: Who, services: Given
) -> Response[GroupOut]:
    """One group."""
    check_sees_every_site(principal, "tokens are")
    return tagged(group_out(await services.authorization.groups.get(principal.tenant, group)))


@patch("/token-groups/{group:str}", needs=Permission.WRITE_TOKENS)
async def change_token_group(
    data: JSONBody[GroupChange],
    group: _GroupName,
    principal: Who,
    services: Given,
    if_match: IfMatch = None,
) -> Response[GroupOut]:
    """Rename a group, block or unblock all of it, or note something."""
    check_sees_every_site(principal, "tokens are")
    groups = services.authorization.groups
    changed = await groups.change(
        principal.tenant,
        group,
        new_name=data.name,
        blocked=data.blocked,
        note=data.note,
        unless_changed=unchanged(if_match, group_out),
    )
    return tagged(group_out(changed))


@get("/unknown-tokens", needs=Permission.READ_TOKENS, dependencies=LOOK)
async def list_unknown_tokens(
    request: Asked, principal: Who, services: Given, cursors: Paging, look: Looking
) -> Page[UnknownTokenOut]:
    """Tokens that were shown and are not registered, the last seen first.

    The thousand last seen of a tenant are kept. Without `state`, those that were not dismissed.
    """
    check_sees_every_site(principal, "tokens are")
    found = await services.authorization.unknown.page(principal.tenant, look)
    return page_of_records(request, cursors, look, found, seen_out)


@get("/unknown-tokens/{seen:str}", needs=Permission.READ_TOKENS)
async def show_unknown_token(
    seen: FromPath[str], principal: Who, services: Given
) -> UnknownTokenOut:
    """One token that was seen."""
    check_sees_every_site(principal, "tokens are")
    return seen_out(await services.authorization.unknown.get(principal.tenant, seen))


@post("/unknown-tokens/{seen:str}/adopt", needs=Permission.WRITE_TOKENS)
async def adopt_unknown_token(
    data: JSONBody[Adoption], seen: FromPath[str], principal: Who, services: Given
) -> Response[TokenOut]:
    """Register a token that was seen: it may charge from now on."""
    check_sees_every_site(principal, "tokens are")
    found = await services.authorization.unknown.get(principal.tenant, seen)
    token = Token(
        id_token=found.id_token,
        group=data.group,
        expires_at=_utc(data.expires_at),
        max_active=data.max_active,
        note=data.note,
        created_at=datetime.now(UTC),
    )
    return tagged(out(await services.authorization.add(principal.tenant, token)), 201)


@delete("/unknown-tokens/{seen:str}", needs=Permission.WRITE_TOKENS)
async def dismiss_unknown_token(seen: FromPath[str], principal: Who, services: Given) -> None:
    """Take a token off the list, also when it is shown again."""
    check_sees_every_site(principal, "tokens are")
    await services.authorization.unknown.dismiss(principal.tenant, seen)


ROUTES = [
    list_tokens,
    add_token,
    show_token,
    change_token,
    remove_token,
    list_token_groups,
    show_token_group,
    change_token_group,
    list_unknown_tokens,
    show_unknown_token,
    adopt_unknown_token,
    dismiss_unknown_token,
]

EXAMPLES = [
    TokenOut(
        value="04A2B3C4D5E680",
        kind="ISO14443",
        status=Authorization.ACCEPTED,
        group="FLEET",
        blocked=False,
        group_blocked=False,
        expires_at=datetime(2030, 1, 1, tzinfo=UTC),
        max_active=1,
        note="Anna's card",
        created_at=_AT,
    ),
    NewToken(value="04A2B3C4D5E680", group="FLEET", note="Anna's card"),
    TokenChange(blocked=True, note="lost on Friday"),
    GroupOut(name="FLEET", tokens=12, blocked=False, note="the vans"),
    GroupChange(blocked=True),
    UnknownTokenOut(
        id="8a1d5c0e6f2b4a7c9d3e1f0a2b4c6d8e",
        value="04FFEEDDCCBBAA",
        kind="ISO14443",
        state=SeenState.SEEN,
        first_seen_at=_AT,
        last_seen_at=_AT,
        last_seen_at_station="CP-1001",
        times=3,
        status=Authorization.UNKNOWN,
    ),
    Adoption(note="the new van"),
]
