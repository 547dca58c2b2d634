"""Events: what happens, as it happens, and what was missed."""

from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

from litestar import get
from litestar.datastructures import State
from litestar.params import HeaderParameter, QueryParameter
from litestar.response import Stream

from voltkeep.bus.feed import Feed
from voltkeep.domain.accounts import Permission, Principal
from voltkeep.domain.telling import Choice, UnknownEventType, named, needs
from voltkeep.services.accounts import NotAllowed, NotAuthenticated, UnknownTenant
from voltkeep.web.access import Who
from voltkeep.web.auth import who_asks
from voltkeep.web.live import MEDIA_TYPE, frames
from voltkeep.web.openapi import MEDIA
from voltkeep.web.problems import Asked, Problem
from voltkeep.web.throttle import account_of

_MOST = 1000  # streams of this process
_MOST_OF_ONE = 50  # of one account
_MOST_NAMES = 100
_EXAMPLE = (
    "id: 4711\nevent: station.connected\n"
    'data: {"id":"4711","type":"station.connected","timestamp":"2026-05-04T08:00:00Z",'
    '"tenant":"default","station":"CP-1001","data":{}}\n\n'
)

Types = Annotated[
    str | None,
    QueryParameter(
        max_length=4000,
        description="Names of events, with commas between; `transaction.*` is all of a noun.",
    ),
]
Stations = Annotated[
    str | None,
    QueryParameter(
        max_length=5000, description="Ids of stations, with commas between, at most 100."
    ),
]
LastEventId = Annotated[
    str | None,
    HeaderParameter(
        name="Last-Event-ID",
        description="The id of the last event that was read: what followed it comes first.",
    ),
]
After = Annotated[
    int | None,
    QueryParameter(
        ge=0,
        le=2**63 - 1,
        description="As `Last-Event-ID`, which wins; 0 is all that is kept.",
    ),
]
Follow = Annotated[
    bool, QueryParameter(description="Go on with what happens; false: end after what is kept.")
]


@get(
    "/events",
    needs=Permission.READ_EVENTS,
    media_type=MEDIA_TYPE,
    opt={MEDIA: {MEDIA_TYPE: _EXAMPLE}},
)
async def stream_events(
    request: Asked,
    principal: Who,
    state: State,
    types: Types = None,
    stations: Stations = None,
    after: After = None,
    follow: Follow = True,
    last_event_id: LastEventId = None,
) -> Stream:
    """Server-sent events, in order per station, at least once.

    `data` is one JSON object: `id`, `type`, `timestamp`, `tenant`, `station`, `data`. Without
    `Last-Event-ID` or `after` it begins now. Events that are told live only have no id. An event
    `replay.truncated` says that some of what was missed is no longer kept.
    """
    feed: Feed = state.feed
    if feed.streams >= _MOST:
        raise Problem(503, "too many event streams are open", headers={"retry-after": "30"})
    open_streams: Counter[str] = state.streams
    account = account_of(principal)
    if open_streams[account] >= _MOST_OF_ONE:
        raise Problem(
            429,
            f"you have {_MOST_OF_ONE} event streams open: close some",
            code="too-many-requests",
            headers={"retry-after": "30"},
        )
    choice = _choice(principal, types, stations)
    begin = _position(last_event_id) if last_event_id else after

    async def recheck() -> Choice | None:
        try:
            known = (await who_asks(request)).user
        except (NotAuthenticated, NotAllowed, UnknownTenant):
            return None
        if known is None or not known.may(Permission.READ_EVENTS):
            return None
        try:
            return _choice(known, types, stations)
        except Problem:
            return None

    # Only for browsers: a session is theirs.
    accepted = request.headers.get("accept-encoding", "")
    is_packed = follow and request.auth is not None and "gzip" in accepted
    stream = frames(feed, choice, begin, recheck, follow=follow, is_packed=is_packed)
    told = _counted(stream, open_streams, account)
    headers = {"content-encoding": "gzip"} if is_packed else {}
    return Stream(told, media_type=MEDIA_TYPE, headers={"vary": "Accept-Encoding"} | headers)


async def _counted(
    stream: AsyncGenerator[bytes, None], open_streams: Counter[str], account: str
) -> AsyncGenerator[bytes, None]:
    """The stream, which is the account's as long as it is read."""
    open_streams[account] += 1
    try:
        async with aclosing(stream):
            async for piece in stream:
                yield piece
    finally:
        open_streams[account] -= 1
        if not open_streams[account]:
            del open_streams[account]


def _choice(principal: Principal, types: str | None, stations: str | None) -> Choice:
    """Raises Problem."""
    chosen = None
    if types is not None:
        names = _names(types, "types")
        try:
            chosen = named(names)
        except UnknownEventType as error:
            raise Problem(422, str(error), code="unfit", field="types") from error
        for name in sorted(chosen.intersection(names)):
            need = needs(name)
            if need is not None and not principal.may(need):
                raise Problem(
                    403, f"events of the type {name} need {need}", code="not-allowed", field="types"
                )
    return Choice(
        tenant=principal.tenant,
        permissions=principal.permissions,
        types=chosen,
        stations=None if stations is None else frozenset(_names(stations, "stations")),
        sites=None if principal.sites is None else frozenset(principal.sites),
    )


def _names(text: str, field: str) -> list[str]:
    names = [each.strip() for each in text.split(",") if each.strip()]
    if not names or len(names) > _MOST_NAMES:
        raise Problem(
            422, f"{field}: 1 to {_MOST_NAMES} names with commas between", code="unfit", field=field
        )
    return names


def _position(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) < 2**63):
        raise Problem(400, "not the id of an event", code="invalid", field="Last-Event-ID")
    return int(text)


ROUTES = [stream_events]

EXAMPLES: list[object] = []
