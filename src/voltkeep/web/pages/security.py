"""The security centre: what a person should look at, and what stations reported."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from litestar import Response, get
from msgspec import Struct, structs

from voltkeep.domain.accounts import Permission, Principal
from voltkeep.domain.barriers import meaning
from voltkeep.domain.events import DuplicateConnection
from voltkeep.domain.security import Alert, Refusal, SecurityEvent
from voltkeep.domain.stations import Station
from voltkeep.services.lists import EventFilter, StationFilter
from voltkeep.services.ports import Work
from voltkeep.services.records import Look
from voltkeep.services.security_events import CRITICAL
from voltkeep.web.access import ApiServices, Given, Paging, Who, seen_sites
from voltkeep.web.pages.choosing import Instant, Text, filters_of, in_words, sites_of
from voltkeep.web.pages.looking import latest
from voltkeep.web.pages.rendering import page
from voltkeep.web.paging import Cursor, Cursors, Page, page_of_records
from voltkeep.web.problems import Asked

_ROWS = 50
_DAYS = 14
_OPEN = 25
_MOST_OPEN = 1000
_ACKNOWLEDGED = 20
_REFUSED = 1000
_DUPLICATES = 20
_DAY = timedelta(days=1)
_LONGEST_QUARANTINE = _DAY  # as the setting allows
_CONTENDING = "contending connections"
_HEIGHT = 100.0
_DAY_WIDTH = round(1000 / _DAYS - 6, 2)

_Place = tuple[datetime, str, str]


class _Which(Struct, frozen=True, kw_only=True):
    """The filters of the events, as they stand in an address."""

    station: Text | None = None
    site: Text | None = None
    type: Text | None = None
    state: Literal["critical", "noted"] | None = None
    since: Instant | None = None
    before: Instant | None = None


FILTERS = _Which.__struct_fields__


class Day(Struct, frozen=True, kw_only=True):
    """How many events were heard on a day.

    ``x`` and the heights are of a picture 100 high; what is critical stands below the others.
    """

    day: date
    critical: int
    total: int
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


class Duplicates(Struct, frozen=True, kw_only=True):
    """The latest second connections; all of a week, or all ``since`` then."""

    latest: list[DuplicateConnection]
    since: datetime | None = None


class Attention(Struct, frozen=True, kw_only=True):
    """What a person should look at, the most urgent first."""

    alerts: list[Alert]
    open: int
    acknowledged: list[Alert]
    quarantines: list[Quarantine]
    waits: list[Refusal]
    duplicates: Duplicates
    reasons: list[Reason]
    are_reasons_cut: bool


async def _events(
    request: Asked, principal: Principal, services: ApiServices, cursors: Cursors, cursor: Cursor
) -> Page[SecurityEvent]:
    """Those that fit, the latest heard first."""
    which = filters_of(request, _Which)
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


async def _days(services: ApiServices, principal: Principal) -> list[Day]:
    """The last days, the oldest first, as the charts have them."""
    kinds = await services.days.security(principal.tenant, principal.sites, _DAYS)
    totals, critical = [0] * _DAYS, [0] * _DAYS
    for kind in kinds:
        for index, number in enumerate(kind.numbers):
            totals[index] += number
            critical[index] += number if kind.kind in CRITICAL else 0
    top = max(totals) or 1
    return [
        Day(
            day=day,
            critical=bad,
            total=total,
            x=round(index * 1000 / _DAYS, 2),
            critical_height=round(bad * _HEIGHT / top, 2),
            total_height=round(total * _HEIGHT / top, 2),
        )
        for index, (day, total, bad) in enumerate(
            zip(services.days.span(_DAYS), totals, critical, strict=True)
        )
    ]


async def _quarantines(work: Work, principal: Principal, now: datetime) -> list[Quarantine]:
    """Each was told in an alert when it began, whether or not somebody has seen that."""
    look = Look(sites=principal.sites, since=now - _LONGEST_QUARANTINE, limit=_MOST_OPEN)
    told = [
        each for each in await work.alerts.page(principal.tenant, look) if each.kind == _CONTENDING
    ]
    texts = {each.station: each.text for each in reversed(told)}  # the latest of each
    names = tuple(dict.fromkeys(each.station.name for each in told))
    if not names:
        return []
    which = StationFilter(names=names)
    found = await work.lists.stations(principal.tenant, which, limit=len(names))
    quarantined = {each.id: each for each in found.rows if _until(each) > now}
    return [
        Quarantine(
            station=id.name,
            until=_until(quarantined[id]),
            is_connected=quarantined[id].is_connected,
            text=texts[id],
        )
        for id in dict.fromkeys(each.station for each in told)
        if id in quarantined
    ]


def _until(known: Station) -> datetime:
    """When its quarantine ends, or ended."""
    return known.trust.quarantined_until or datetime.min.replace(tzinfo=UTC)


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


async def _duplicates(work: Work, by: Principal, now: datetime) -> Duplicates:
    """Second connections of a week, for who may see events."""
    if not by.may(Permission.READ_EVENTS):
        return Duplicates(latest=[])
    which = EventFilter(sites=by.sites, types=(DuplicateConnection.__name__,))
    events, since = await latest(work, by.tenant, which, _DUPLICATES)
    begin = now - 7 * _DAY
    return Duplicates(
        latest=[
            each for each in events if isinstance(each, DuplicateConnection) and each.at >= begin
        ],
        since=since if since is not None and since >= begin else None,
    )


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
    found = await _events(request, principal, services, cursors, cursor)
    async with services.read() as work:
        attention = await _attention(work, principal, datetime.now(UTC))
    return page(
        request,
        "security.html",
        attention=attention,
        most_open=_MOST_OPEN,
        days=await _days(services, principal),
        day_width=_DAY_WIDTH,
        events=found,
        types=sorted(CRITICAL),
        sites=in_words(await sites_of(services, principal)),
        is_narrowed=_shown(request.query_params),
    )


@get("/security/attention", needs=Permission.READ_SECURITY, include_in_schema=False)
async def attention_part(request: Asked, principal: Who, services: Given) -> Response[str]:
    """What needs attention, which the page asks for again when something happens."""
    async with services.read() as work:
        attention = await _attention(work, principal, datetime.now(UTC))
    return page(request, "security_attention.html", attention=attention, most_open=_MOST_OPEN)


@get("/security/days", needs=Permission.READ_SECURITY, include_in_schema=False)
async def days_part(request: Asked, principal: Who, services: Given) -> Response[str]:
    """How many events there were."""
    days = await _days(services, principal)
    return page(request, "security_days.html", days=days, day_width=_DAY_WIDTH)


@get("/security/events", needs=Permission.READ_SECURITY, include_in_schema=False)
async def events_part(
    request: Asked, principal: Who, services: Given, cursors: Paging, cursor: Cursor = None
) -> Response[str]:
    """The events that fit."""
    return page(
        request,
        "security_events.html",
        events=await _events(request, principal, services, cursors, cursor),
        is_narrowed=_shown(request.query_params),
    )


AT_THE_ROOT = [security_page, attention_part, days_part, events_part]
EXAMPLES: list[object] = []
