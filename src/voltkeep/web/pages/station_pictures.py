"""Pictures of a station over time: limits as steps, and statuses as strips.

A picture is 1000 wide and 100 high, whatever it shows: templates draw bars of it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from markupsafe import Markup
from msgspec import Struct

from voltkeep.domain.identity import Evse, StationId
from voltkeep.domain.smart_charging import Schedule, Step
from voltkeep.services.lists import StatusFilter
from voltkeep.services.ports import ConnectorRow, Work
from voltkeep.web.pages.formats import instant, look

_WIDTH = 1000
_HEIGHT = 100
_MOST_BARS = 1500
_DAY_S = 86_400

CONNECTED, AWAY = "Connected", "Away"
"""The states of a connection."""


class Bar(Struct, frozen=True, kw_only=True):
    """A rectangle of a picture; ``look`` is a class, and ``text`` what it means."""

    x: float
    width: float
    y: float
    height: float
    look: str
    text: str


class Picture(Struct, frozen=True, kw_only=True):
    """Bars, what is written below them, and how much the full height is."""

    bars: Sequence[Bar]
    begins: str | Markup
    ends: str | Markup
    top: str = ""


def _clock(seconds: float) -> str:
    """How long after the beginning."""
    minutes = int(seconds // 60)
    return f"+{minutes // 60}:{minutes % 60:02}"


def _amount(limit: float, unit: str) -> str:
    return f"{limit / 1000:g} kW" if unit == "W" else f"{limit:g} A"


def steps(
    changes: Sequence[tuple[float, float | None]],
    duration_s: float,
    unit: str,
    starts_at: datetime | None,
    zone: str = "",
) -> Picture:
    """Limits over time: ``changes`` are (seconds from the beginning, limit from there on).

    A limit of None is none: it is drawn as all of the height.
    """
    top = max((abs(limit) for _, limit in changes if limit is not None), default=0.0) or 1.0
    ends = [at for at, _ in changes[1:]] + [duration_s]
    span = max(duration_s, 1.0)
    bars = []
    for (start, limit), end in list(zip(changes, ends, strict=True))[:_MOST_BARS]:
        if end <= start or start >= span:
            continue
        height = _HEIGHT if limit is None else max(1.0, abs(limit) * (_HEIGHT - 10) / top)
        words = "no limit" if limit is None else _amount(limit, unit)
        bars.append(
            Bar(
                x=round(start * _WIDTH / span, 2),
                width=round((min(end, span) - start) * _WIDTH / span, 2),
                y=round(_HEIGHT - height, 2),
                height=round(height, 2),
                look="" if limit is None else "busy" if limit else "bad",
                text=f"{_clock(start)} – {_clock(min(end, span))}: {words}",
            )
        )
    return Picture(
        bars=bars,
        begins=instant(starts_at, zone) if starts_at else _clock(0),
        ends=_end(starts_at, span, zone),
        top=_amount(top, unit),
    )


def _end(starts_at: datetime | None, span: float, zone: str) -> str | Markup:
    if starts_at is None:
        return _clock(span)
    try:
        return instant(starts_at + timedelta(seconds=span), zone)
    except OverflowError:  # a station may name any time
        return _clock(span)


def of_schedule(schedule: Schedule, starts_at: datetime | None, zone: str = "") -> Picture:
    """The steps of a profile's schedule, from where it begins on."""
    changes = [(float(each.start_s), each.limit) for each in schedule.periods]
    last = changes[-1][0]
    duration = float(schedule.duration_s or max(_DAY_S, last + last / 4))
    return steps(changes, duration, schedule.unit, schedule.starts_at or starts_at, zone)


def of_steps(
    found: Sequence[Step],
    duration_s: float,
    unit: str,
    starts_at: datetime | None,
    zone: str = "",
) -> Picture:
    """The steps of a composite schedule."""
    return steps([(each.start_s, each.limit) for each in found], duration_s, unit, starts_at, zone)


async def states_of(
    work: Work,
    station: StationId,
    since: datetime,
    now: Iterable[ConnectorRow],
    *,
    most: int,
    before: int,
) -> dict[Evse | None, list[tuple[datetime, str]]]:
    """What connectors said since then, and how they are ``now``: each as `strip` takes it.

    Of more than ``most`` changes of a station the latest are told, and nothing from before them.
    ``before`` is among how many earlier ones it is looked how connectors were then.
    """
    wanted = StatusFilter(since=since)
    heard = await work.lists.status_history(station, wanted, "-at", limit=most)
    rows = [each.row for each in reversed(heard.rows)]
    begins = since
    if heard.next is None:
        wanted = StatusFilter(before=since)
        earlier = await work.lists.status_history(station, wanted, "-at", limit=before)
        rows = [*(each.row for each in reversed(earlier.rows)), *rows]
    elif rows:
        begins = rows[0].received_at
    told: dict[Evse | None, list[tuple[datetime, str]]] = {}
    for row in rows:
        changes = told.setdefault(row.update.evse, [])
        changes.append((max(row.received_at, begins), state_of(row)))
    for row in now:
        changes, at = told.setdefault(row.update.evse, []), max(row.received_at, begins)
        if not changes or at >= changes[-1][0]:
            changes.append((at, state_of(row)))
    return told


def state_of(row: ConnectorRow) -> str:
    """What a connector said, as near to its own words as we know."""
    update = row.update
    return str(update.charging_state or update.raw_status or update.status)


def strip(
    changes: Iterable[tuple[datetime, str]], begins: datetime, ends: datetime, zone: str = ""
) -> Picture:
    """States over time: ``changes`` are (from when on, state), in order of time.

    What was before ``begins`` counts until it was said otherwise.
    """
    span = (ends - begins).total_seconds()
    points: list[tuple[float, str]] = []
    for at, state in changes:
        place = min(max((at - begins).total_seconds(), 0.0), span)
        if points and (points[-1][0] == place or points[-1][1] == state):
            if points[-1][1] != state:
                points[-1] = (place, state)
            continue
        points.append((place, state))
    stops = [at for at, _ in points[1:]] + [span]
    bars = [
        Bar(
            x=round(at * _WIDTH / span, 2),
            width=round(max((stop - at) * _WIDTH / span, 0.5), 2),
            y=0,
            height=_HEIGHT,
            look="good" if state == CONNECTED else look(state) or "off",
            text=f"{state}: {_hours(stop - at)}",
        )
        for (at, state), stop in zip(points[-_MOST_BARS:], stops[-_MOST_BARS:], strict=True)
    ]
    return Picture(bars=bars, begins=instant(begins, zone), ends=instant(ends, zone))


def _hours(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"
