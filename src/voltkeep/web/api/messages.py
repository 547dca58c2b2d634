"""The message log: every call in either direction, what was answered, and how long it took."""

from datetime import UTC, datetime
from typing import Any, Literal

from litestar import get
from litestar.params import FromQuery
from msgspec import DecodeError, Struct, json

from voltkeep.domain.accounts import Permission, Principal
from voltkeep.services import lists
from voltkeep.services.lists import MessageFilter, Place, TimeSort
from voltkeep.services.ports import LoggedExchange
from voltkeep.web.access import Given, Paging, Who, seen_sites
from voltkeep.web.discretion import shown
from voltkeep.web.looks import Time
from voltkeep.web.paging import DEFAULT_LIMIT, Cursor, Limit, Page, page_of
from voltkeep.web.problems import Asked

_DEEPEST = 100


class MessageOut(Struct, frozen=True, kw_only=True):
    """One call and its answer, as they crossed the wire, with secrets masked.

    ``direction`` is seen from us. ``verdict`` is ok, an OCPP error code, or what else happened.
    Frames that are not JSON, or nested more than 100 deep, are text. Without `tokens:read` tokens
    are shown by their last four characters.
    """

    id: int
    station: str
    direction: Literal["in", "out"]
    message_id: str
    action: str
    call: Any
    called_at: datetime
    answer: Any
    answered_at: datetime | None
    latency_ms: float | None
    verdict: str
    note: str


def out(principal: Principal, logged: LoggedExchange) -> MessageOut:
    """A call and its answer as the API shows them to somebody."""
    exchange = logged.exchange
    latency = None
    if exchange.answered_at is not None:
        latency = round((exchange.answered_at - exchange.called_at).total_seconds() * 1000, 3)
    return MessageOut(
        id=logged.id,
        station=exchange.station.name,
        direction=exchange.direction,
        message_id=exchange.message_id,
        action=exchange.action,
        call=shown(principal, frame_of(exchange.call)),
        called_at=exchange.called_at,
        answer=None if exchange.answer is None else shown(principal, frame_of(exchange.answer)),
        answered_at=exchange.answered_at,
        latency_ms=latency,
        verdict=exchange.verdict,
        note=shown(principal, exchange.note),
    )


def frame_of(frame: bytes) -> Any:
    """What a frame says; one that is not JSON, or nested too deep to be written again, as text."""
    text = frame.decode("utf-8", "replace")
    try:
        read = json.decode(frame)
    except (DecodeError, RecursionError, UnicodeError):
        return text
    might_be_deep = text.count("[") + text.count("{") > _DEEPEST
    return text if might_be_deep and _is_deep(read) else read


def _is_deep(value: Any) -> bool:
    level: list[Any] = [[value]]
    for _ in range(_DEEPEST + 1):
        level = [
            each
            for node in level
            for each in (node.values() if isinstance(node, dict) else node)
            if isinstance(each, dict | list)
        ]
        if not level:
            return False
    return True


@get("/messages", needs=Permission.READ_MESSAGES)
async def list_messages(
    request: Asked,
    principal: Who,
    services: Given,
    cursors: Paging,
    station: FromQuery[str | None] = None,
    site: FromQuery[str | None] = None,
    direction: FromQuery[Literal["in", "out"] | None] = None,
    action: FromQuery[str | None] = None,
    message_id: FromQuery[str | None] = None,
    verdict: FromQuery[str | None] = None,
    since: Time = None,
    before: Time = None,
    sort: FromQuery[TimeSort] = "-at",
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[MessageOut]:
    """The message log, by default the latest first."""
    which = MessageFilter(
        sites=seen_sites(principal, site),
        station=station,
        direction=direction,
        action=action,
        message_id=message_id,
        verdict=verdict,
        since=since,
        before=before,
    )

    async def fetch(after: Place | None) -> lists.Page[LoggedExchange]:
        async with services.read() as work:
            return await work.lists.messages(
                principal.tenant, which, sort, after=after, limit=limit
            )

    return await page_of(request, cursors, cursor, fetch, lambda row: out(principal, row))


ROUTES = [list_messages]

EXAMPLES = [
    MessageOut(
        id=4711,
        station="CP-1001",
        direction="in",
        message_id="17",
        action="Heartbeat",
        call=[2, "17", "Heartbeat", {}],
        called_at=datetime(2026, 5, 2, 9, 30, tzinfo=UTC),
        answer=[3, "17", {"currentTime": "2026-05-02T09:30:00Z"}],
        answered_at=datetime(2026, 5, 2, 9, 30, 0, 1200, tzinfo=UTC),
        latency_ms=1.2,
        verdict="ok",
        note="",
    )
]
