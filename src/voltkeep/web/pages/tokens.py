"""Tokens as people see them: who may charge, in which groups, and who came that nobody knows."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from litestar import Response, get
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import Struct

from voltkeep.domain.accounts import Permission, Principal
from voltkeep.domain.authorization import GroupCount, SeenState, Token
from voltkeep.domain.identity import IdToken, IdTokenKind, TenantId
from voltkeep.domain.transactions import Transaction
from voltkeep.services import lists
from voltkeep.services.lists import Place, TokenFilter, TransactionFilter
from voltkeep.services.records import Look
from voltkeep.web.access import ApiServices, Given, Paging, Who, check_sees_every_site
from voltkeep.web.api import transactions
from voltkeep.web.api.tokens import group_out, out, seen_out
from voltkeep.web.editing import etag
from voltkeep.web.pages.choosing import Instant, Text, filters_of
from voltkeep.web.pages.rendering import page
from voltkeep.web.paging import Cursor, page_of, page_of_records
from voltkeep.web.problems import Asked

_ROWS = 50
_LATEST = 20  # transactions of a token


class _Which(Struct, frozen=True, kw_only=True):
    """The filters, as they stand in an address."""

    prefix: Text = ""
    group: Text | None = None
    blocked: bool | None = None
    expires_before: Instant | None = None


FILTERS = _Which.__struct_fields__


@get("/tokens", needs=Permission.READ_TOKENS, include_in_schema=False)
async def tokens_page(
    request: Asked,
    principal: Who,
    services: Given,
    cursors: Paging,
    sort: FromQuery[Literal["key", "-created_at"]] = "key",
    cursor: Cursor = None,
) -> Response[str]:
    """Tokens that fit the filters, which stand in the address."""
    check_sees_every_site(principal, "tokens are")
    query = request.query_params
    said = filters_of(request, _Which, also=("sort",))
    which = TokenFilter(
        prefix=said.prefix.casefold(),
        group=said.group,
        blocked=said.blocked,
        expires_before=said.expires_before,
    )

    async def fetch(after: Place | None) -> lists.Page[Token]:
        async with services.read() as work:
            return await work.lists.tokens(principal.tenant, which, sort, after=after, limit=_ROWS)

    found = await page_of(request, cursors, cursor, fetch, out)
    seen = await services.authorization.unknown.page(principal.tenant, Look(limit=1))
    return page(
        request,
        "tokens.html",
        tokens=found,
        sort=sort,
        is_narrowed=any(query.get(name) for name in FILTERS),
        exported={name: query[name] for name in ("group", "blocked") if query.get(name)},
        last_seen=seen_out(seen[0]) if seen else None,
        kinds=_kinds(),
    )


@get("/tokens/{token:str}", needs=Permission.READ_TOKENS, include_in_schema=False)
async def token_page(
    request: Asked, principal: Who, services: Given, token: FromPath[str]
) -> Response[str]:
    """What a token is, and what was charged with it."""
    check_sees_every_site(principal, "tokens are")
    known = out(await services.authorization.get(principal.tenant, IdToken(token)))
    charged = None
    if principal.may(Permission.READ_TRANSACTIONS):
        charged = await _charged(services, principal, known.value)
    return page(
        request,
        "token.html",
        token=known,
        version=etag(known),
        now=datetime.now(UTC),
        transactions=charged,
        kinds=_kinds(known.kind),
    )


def _kinds(other: str | None = None) -> list[tuple[str, str]]:
    """Those to choose from, and the one that a token has."""
    found = [each.value for each in IdTokenKind]
    if other is not None and other not in found:
        found.append(other)
    return [(each, each) for each in found]


async def _charged(
    services: ApiServices, principal: Principal, token: str
) -> lists.Page[transactions.TransactionOut]:
    """The latest transactions of a token."""
    which = TransactionFilter(sites=principal.sites, id_token=IdToken(token))
    async with services.read() as work:
        found: lists.Page[Transaction] = await work.lists.transactions(
            principal.tenant, which, limit=_LATEST
        )
    return lists.Page([transactions.out(principal, row) for row in found.rows], found.next)


@get("/unknown-tokens", needs=Permission.READ_TOKENS, include_in_schema=False)
async def unknown_tokens_page(
    request: Asked,
    principal: Who,
    services: Given,
    cursors: Paging,
    in_state: Annotated[Literal["", "seen", "dismissed"], QueryParameter(name="state")] = "",
    cursor: Cursor = None,
) -> Response[str]:
    """Tokens that stations showed and nobody registered, the last seen first."""
    check_sees_every_site(principal, "tokens are")
    look = Look(
        states=(SeenState(in_state or "seen"),),
        after=cursors.place(request, cursor, tuple[datetime, str, str]),
        limit=_ROWS + 1,
    )
    found = await services.authorization.unknown.page(principal.tenant, look)
    return page(
        request,
        "unknown_tokens.html",
        tokens=page_of_records(request, cursors, look, found, seen_out),
        in_state=in_state or "seen",
    )


@get("/groups", needs=Permission.READ_TOKENS, include_in_schema=False)
async def groups_page(
    request: Asked, principal: Who, services: Given, cursors: Paging, cursor: Cursor = None
) -> Response[str]:
    """Groups of tokens, in order of their names."""
    check_sees_every_site(principal, "tokens are")

    async def fetch(after: Place | None) -> lists.Page[GroupCount]:
        return await _groups(services, principal.tenant, after)

    found = await page_of(request, cursors, cursor, fetch, group_out)
    return page(request, "groups.html", groups=found)


async def _groups(
    services: ApiServices, tenant: TenantId, after: Place | None
) -> lists.Page[GroupCount]:
    found = await services.authorization.groups.page(
        tenant, after=str(after[0]) if after else "", limit=_ROWS + 1
    )
    rows = found[:_ROWS]
    return lists.Page(rows, (rows[-1].name,) if len(found) > _ROWS else None)


@get("/groups/{group:str}", needs=Permission.READ_TOKENS, include_in_schema=False)
async def group_page(
    request: Asked,
    principal: Who,
    services: Given,
    cursors: Paging,
    group: FromPath[str],
    cursor: Cursor = None,
) -> Response[str]:
    """One group with its members."""
    check_sees_every_site(principal, "tokens are")
    known = group_out(await services.authorization.groups.get(principal.tenant, group))
    which = TokenFilter(group=known.name)

    async def fetch(after: Place | None) -> lists.Page[Token]:
        async with services.read() as work:
            return await work.lists.tokens(principal.tenant, which, "key", after=after, limit=_ROWS)

    members = await page_of(request, cursors, cursor, fetch, out)
    return page(request, "group.html", group=known, version=etag(known), members=members)


AT_THE_ROOT = [tokens_page, token_page, unknown_tokens_page, groups_page, group_page]
EXAMPLES: list[object] = []
