"""The security centre: what a person should look at, and what stations reported."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Literal

from litestar import Response, get
from msgspec import Meta, Struct, structs

from voltkeep.domain.accounts import Permission, Principal
from voltkeep.domain.barriers import meaning
from voltkeep.domain.events import DuplicateConnection
from voltkeep.domain.security import Alert, Refusal, SecurityEvent
from voltkeep.services.lists import EventFilter
from voltkeep.services.ports import Work
from voltkeep.services.records import Look
from voltkeep.services.security_events import CRITICAL
from voltkeep.web.access import ApiServices, Given, Paging, Who, seen_sites
from voltkeep.web.pages.choosing import filters, in_words, sites_of
from voltkeep.web.pages.rendering import page
from voltkeep.web.paging import Cursor, Cursors, Page, page_of_records
from voltkeep.web.problems import Asked

_ROWS = 50
_DAYS = 14
_MOST_A_DAY = 1000  # events that are counted
_OPEN = 25
_MOST_OPEN = 1000
_ACKNOWLEDGED = 20
_REFUSED = 1000
_DUPLICATES = 20
_DAY = timedelta(days=1)
_LONGEST_QUARANTINE = _DAY  # as the setting allows
_CONTENDING = "contending connections"
_HEIGHT = 100.0

_Text = Annotated[str, Meta(max_length=255)]
_Instant = Annotated[datetime, Meta(tz=True)]
_Place = tuple[datetime, str, str]


class _Which(Struct, frozen=True, kw_only=True):
    """The filters of the events, as they stand in an address."""

    station: _Text | None = None
    site: _Text | None = None
    type: _Text | None = None
    state: Literal["critical", "noted"] | None = None
    since: _Instant | None = None
    before: _Instant | None = None


FILTERS = _Which.__struct_fields__


class Day(Struct, frozen=True, kw_only=True):
    """How many events were heard on a day in UTC. ``is_cut``: there were more.

    ``x`` and the heights are of a picture 100 high; what is critical stands below the others.
    """

    at: datetime
    critical: int
    total: int
    is_cut: bool
    x: float
    critical_height: float
    total_height: float


class Quarantine(Struct, frozen=True, kw_only=True):
    """A station that nobody new is let in as."""

    station: str
    until: datetime
    is_connected: bool
    text: str


class Reason(Struct, frozen=True, kw_only=True):
    """Who was refused for one reason."""

    reason: str
    means: str
    sources: int
    attempts: int
    last_at: datetime


class Attention(Struct, frozen=True, kw_only=True):
    """What a person should look at, the most urgent first."""

    alerts: list[Alert]
    open: int
    acknowledged: list[Alert]
    quarantines: list[Quarantine]
    waits: list[Refusal]
    duplicates: list[DuplicateConnection]
    reasons: list[Reason]
    are_reasons_cut: bool


async def _events(
    request: Asked, principal: Principal, services: ApiServices, cursors: Cursors, cursor: Cursor
) -> Page[SecurityEvent]:
    """Those that fit, the latest heard first."""
    which = filters(request.query_params, _Which)
    look = Look(
        station=which.station,
        sites=seen_sites(principal, which.site),
        states=() if which.state is None else (which.state,),
        fields=() if which.type is None else (("type", which.type),),
        since=which.since,
        until=which.before,
        after=cursors.place(request, cursor, _Place),
        limit=_ROWS + 1,
    )
    async with services.read() as work:
        rows = await work.security_events.page(principal.tenant, look)
    return page_of_records(request, cursors, look, rows, lambda each: each)


async def _days(work: Work, principal: Principal, now: datetime) -> list[Day]:
    """The last days, the oldest first."""
    today = datetime.combine(now.date(), time(), UTC)
    begins = [today - ago * _DAY for ago in reversed(range(_DAYS))]
    looks = [
        Look(sites=principal.sites, since=begin, until=begin + _DAY, limit=_MOST_A_DAY)
        for begin in begins
    ]
    critical = [structs.replace(look, states=("critical",)) for look in looks]
    numbers = await work.security_events.amounts(principal.tenant, [*looks, *critical])
    counts = list(zip(begins, numbers[:_DAYS], numbers[_DAYS:], strict=True))
    top = max((total for _, total, _ in counts), default=0) or 1
    return [
        Day(
            at=begin,
            critical=bad,
            total=max(total, bad),
            is_cut=total >= _MOST_A_DAY,
            x=round(index * 1000 / _DAYS, 2),
            critical_height=round(bad * _HEIGHT / top, 2),
            total_height=round(max(total, bad) * _HEIGHT / top, 2),
        )
        for index, (begin, total, bad) in enumerate(counts)
    ]


async def _quarantines(work: Work, principal: Principal, now: datetime) -> list[Quarantine]:
    """Each was told in an alert when it began, whether or not somebody has seen that."""
    look = Look(sites=principal.sites, since=now - _LONGEST_QUARANTINE, limit=_MOST_OPEN)
    told = await work.alerts.page(principal.tenant, look)
    found = {}
    for alert in told:
        if alert.kind != _CONTENDING or alert.station in found:
            continue
        known = await work.stations.get(alert.station)
        until = known.trust.quarantined_until if known is not None else None
        if known is not None and until is not None and until > now:
            found[alert.station] = Quarantine(
                station=known.id.name,
                until=until,
                is_connected=known.is_connected,
                text=alert.text,
            )
    return list(found.values())


def _reasons(refused: Sequence[Refusal]) -> list[Reason]:
    """By reason, the most tried first."""
    sources, attempts = Counter[str](), Counter[str]()
    last: dict[str, datetime] = defaultdict(lambda: datetime.min.replace(tzinfo=UTC))
    for each in refused:
        sources[each.reason] += 1
        attempts[each.reason] += each.count
        last[each.reason] = max(last[each.reason], each.at)
    return [
        Reason(
            reason=reason,
            means=meaning(reason),
            sources=sources[reason],
            attempts=number,
            last_at=last[reason],
        )
        for reason, number in attempts.most_common()
    ]


async def _duplicates(work: Work, by: Principal, now: datetime) -> list[DuplicateConnection]:
    """Second connections of a week, for who may see events."""
    if not by.may(Permission.READ_EVENTS):
        return []
    which = EventFilter(sites=by.sites, types=(DuplicateConnection.__name__,))
    found = await work.lists.events(by.tenant, which, "-at", limit=_DUPLICATES)
    events = [row.event for row in found.rows]
    return [
        each
        for each in events
        if isinstance(each, DuplicateConnection) and each.at >= now - 7 * _DAY
    ]


async def _attention(work: Work, by: Principal, now: datetime) -> Attention:
    open_ = Look(sites=by.sites, states=("open",), limit=_OPEN)
    acknowledged = Look(sites=by.sites, states=("acknowledged",), limit=_ACKNOWLEDGED)
    lately = Look(sites=by.sites, since=now - _DAY, limit=_REFUSED)
    refused = await work.refusals.page(by.tenant, lately)
    return Attention(
        alerts=await work.alerts.page(by.tenant, open_),
        open=await work.alerts.amount(by.tenant, structs.replace(open_, limit=_MOST_OPEN)),
        acknowledged=await work.alerts.page(by.tenant, acknowledged),
        quarantines=await _quarantines(work, by, now),
        waits=[each for each in refused if each.until is not None and each.until > now],
        duplicates=await _duplicates(work, by, now),
        reasons=_reasons(refused),
        are_reasons_cut=len(refused) == _REFUSED,
    )


def _shown(query: Mapping[str, str]) -> bool:
    return any(query.get(name) for name in FILTERS)


@get("/security", needs=Permission.READ_SECURITY, include_in_schema=False)
async def security_page(
    request: Asked,
    principal: Who,
    services: Given,
    cursors: Paging,
    cursor: Cursor = None,
) -> Response[str]:
    """What needs attention, how many events there were, and the events that fit."""
    now = datetime.now(UTC)
    found = await _events(request, principal, services, cursors, cursor)
    async with services.read() as work:
        attention = await _attention(work, principal, now)
        days = await _days(work, principal, now)
    return page(
        request,
        "security.html",
        attention=attention,
        most_open=_MOST_OPEN,
        days=days,
        most_a_day=_MOST_A_DAY,
        day_width=round(1000 / _DAYS - 6, 2),
        events=found,
        types=sorted(CRITICAL),
        sites=in_words(await sites_of(services, principal)),
        is_narrowed=_shown(request.query_params),
    )


AT_THE_ROOT = [security_page]
EXAMPLES: list[object] = []
