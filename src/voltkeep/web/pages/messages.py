"""The message inspector: what stations and we said to each other, as it is said."""

from typing import Literal

from litestar import MediaType, Response, get
from litestar.response import Stream
from msgspec import Struct

from voltkeep.domain.accounts import Permission, Principal
from voltkeep.services import lists
from voltkeep.services.lists import MessageFilter, Place
from voltkeep.services.ports import LoggedExchange
from voltkeep.web.access import Given, Paging, Who, seen_sites
from voltkeep.web.api.messages import out
from voltkeep.web.pages import frames
from voltkeep.web.pages.choosing import Instant, Text, filters, filters_of, sites_of
from voltkeep.web.pages.files import json_lines
from voltkeep.web.pages.rendering import page
from voltkeep.web.paging import Cursor, page_of
from voltkeep.web.problems import Asked

_ROWS = 50
_MOST = 10_000  # messages in a file
_MOST_TOLD = 500  # messages in a story


class _Which(Struct, frozen=True, kw_only=True):
    """The filters, as they stand in an address."""

    station: Text | None = None
    site: Text | None = None
    direction: Literal["in", "out"] | None = None
    action: Text | None = None
    message_id: Text | None = None
    verdict: Text | None = None
    since: Instant | None = None
    before: Instant | None = None


FILTERS = _Which.__struct_fields__


def _meant(which: _Which, principal: Principal) -> MessageFilter:
    """What the filters in an address mean."""
    return MessageFilter(
        sites=seen_sites(principal, which.site),
        station=which.station,
        direction=which.direction,
        action=which.action,
        message_id=which.message_id,
        verdict=which.verdict,
        since=which.since,
        before=which.before,
    )


@get("/messages", needs=Permission.READ_MESSAGES, include_in_schema=False)
async def messages_page(
    request: Asked,
    principal: Who,
    services: Given,
    cursors: Paging,
    cursor: Cursor = None,
) -> Response[str]:
    """The message log, the latest first: each call with its answer."""
    which = _meant(filters_of(request, _Which), principal)

    async def fetch(after: Place | None) -> lists.Page[LoggedExchange]:
        async with services.read() as work:
            return await work.lists.messages(
                principal.tenant, which, "-at", after=after, limit=_ROWS
            )

    found = await page_of(
        request, cursors, cursor, fetch, lambda row: frames.read(out(principal, row))
    )
    sites = await sites_of(services, principal)
    return page(
        request,
        "messages.html",
        exchanges=found,
        sites=sites,
        is_first=cursor is None,
        is_narrowed=any(request.query_params.get(name) for name in FILTERS),
        most=_MOST,
        most_told=_MOST_TOLD,
    )


@get("/messages.jsonl", needs=Permission.READ_MESSAGES, include_in_schema=False)
async def messages_file(request: Asked, principal: Who, services: Given) -> Stream:
    """Those that fit as JSON Lines, as the API has them, the latest first."""
    which = _meant(filters(request.query_params, _Which), principal)

    async def fetch(after: Place | None, limit: int) -> lists.Page[LoggedExchange]:
        async with services.read() as work:
            return await work.lists.messages(
                principal.tenant, which, "-at", after=after, limit=limit
            )

    return json_lines("messages", _MOST, fetch, lambda row: out(principal, row))


@get("/messages.story", needs=Permission.READ_MESSAGES, include_in_schema=False)
async def messages_story(request: Asked, principal: Who, services: Given) -> Response[str]:
    """The latest that fit as a story, in order of time."""
    which = _meant(filters(request.query_params, _Which), principal)
    async with services.read() as work:
        found = await work.lists.messages(principal.tenant, which, "-at", limit=_MOST_TOLD)
    told = [out(principal, row) for row in found.rows]
    told.sort(key=lambda each: each.called_at)
    return Response(frames.story(told), media_type=MediaType.TEXT)


AT_THE_ROOT = [messages_page, messages_file, messages_story]
EXAMPLES: list[object] = []
