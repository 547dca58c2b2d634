"""How a station's connection does, by what was said over it within a day."""

import statistics
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from urllib.parse import quote

from litestar import Response, get
from litestar.response import Redirect
from msgspec import Struct

from voltkeep.domain.accounts import Permission
from voltkeep.domain.identity import StationId
from voltkeep.services.lists import MessageFilter
from voltkeep.services.rows import Exchange
from voltkeep.web.access import ApiServices, Given, Known
from voltkeep.web.pages.rendering import is_part, page
from voltkeep.web.problems import Asked

_DAY = timedelta(days=1)
_MOST = 300  # messages of a kind: a day of heartbeats, one every five minutes
_FEWEST = 3  # pauses that make a rhythm
_UNEVEN = 1.5  # times the usual pause


class Answers(Struct, frozen=True, kw_only=True):
    """How a station answered what we asked, in milliseconds; ``failed`` counts each outcome."""

    asked: int
    median_ms: float | None
    last_ms: float | None
    failed: Sequence[tuple[str, int]]
    is_more: bool


class Rhythm(Struct, frozen=True, kw_only=True):
    """How regularly something comes; ``is_even`` is None where there is too little to tell."""

    times: int
    usual_s: float | None
    longest_s: float | None
    is_even: bool | None


def answers(exchanges: Sequence[Exchange], *, is_more: bool = False) -> Answers:
    """What our calls came to: they are given the latest first."""
    took = [
        (each.answered_at - each.called_at).total_seconds() * 1000
        for each in exchanges
        if each.answered_at is not None
    ]
    failed = Counter(each.verdict for each in exchanges if each.verdict != "ok")
    return Answers(
        asked=len(exchanges),
        median_ms=statistics.median(took) if took else None,
        last_ms=took[0] if took else None,
        failed=failed.most_common(),
        is_more=is_more,
    )


def rhythm(times: Sequence[datetime]) -> Rhythm:
    """The pauses between times, which are given the latest first."""
    pauses = [(later - earlier).total_seconds() for later, earlier in pairwise(times)]
    usual, longest = statistics.median(pauses) if pauses else None, max(pauses, default=None)
    is_even = None
    if usual is not None and longest is not None and len(pauses) >= _FEWEST:
        is_even = longest <= usual * _UNEVEN
    return Rhythm(times=len(times), usual_s=usual, longest_s=longest, is_even=is_even)


@get("/stations/{station:str}/connection", needs=Permission.READ_MESSAGES, include_in_schema=False)
async def connection_part(request: Asked, known: Known, services: Given) -> Response[Any]:
    """A part of the station's page, which asks for it once it is shown: it takes a moment."""
    if not is_part(request):
        return Redirect(f"/stations/{quote(known.id.name, safe='')}", status_code=303)
    since = datetime.now(UTC) - _DAY
    asked, is_more = await _said(services, known.id, since, direction="out")
    beats, _ = await _said(services, known.id, since, direction="in", action="Heartbeat")
    return page(
        request,
        "station_connection.html",
        station=known.id.name,
        since=since,
        answers=answers(asked, is_more=is_more),
        rhythm=rhythm([each.called_at for each in beats]),
    )


async def _said(
    services: ApiServices, id: StationId, since: datetime, **which: Any
) -> tuple[list[Exchange], bool]:
    """The latest of a kind, and whether there are more."""
    wanted = MessageFilter(station=id.name, since=since, **which)
    async with services.read() as work:
        found = await work.lists.messages(id.tenant, wanted, "-at", limit=_MOST)
    return [each.exchange for each in found.rows], found.next is not None


AT_THE_ROOT = [connection_part]
EXAMPLES: list[object] = []
