"""How a station may charge, and does: its charging profiles as schedules, and its power."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from litestar import Response, get
from litestar.params import FromQuery, QueryParameter
from msgspec import DecodeError, Struct, ValidationError, convert, json

from voltkeep.domain.accounts import Permission
from voltkeep.domain.identity import Evse
from voltkeep.domain.orders import OrderState
from voltkeep.domain.smart_charging import CompositeSchedule, HeldProfile, RateUnit
from voltkeep.domain.stations import Station
from voltkeep.services.lists import MeterFilter
from voltkeep.services.records import Look
from voltkeep.web.access import ApiServices, Given, Known, Who
from voltkeep.web.pages.station_frame import framed
from voltkeep.web.pages.station_pictures import Picture, of_schedule, of_steps
from voltkeep.web.problems import Asked

_Evse = Annotated[int | None, QueryParameter(ge=1, le=2**31 - 1)]
_LOOKED_AT = 200  # orders, for the last answer about a schedule
_SHOWN = 50
_SPAN = timedelta(hours=6)
_BUCKET_S = 60
_HOLDS_S = 900  # how long a meter's word counts, if it says nothing more
_MOST_VALUES = 5000
_COLORS = ("--busy", "--good", "--warn", "--bad", "--off")


class Drawn(Struct, frozen=True, kw_only=True):
    """A profile that a station may have, and each of its schedules as a picture."""

    held: HeldProfile
    pictures: list[Picture]


class Told(Struct, frozen=True, kw_only=True):
    """The schedule that the station told when it was asked, and what that came to then."""

    at: datetime
    station: Picture | None
    computed: Picture | None
    status: str


@get("/stations/{station:str}/charging", needs=Permission.READ_STATIONS, include_in_schema=False)
async def charging_page(
    request: Asked,
    known: Known,
    principal: Who,
    services: Given,
    evse: _Evse = None,
    unit: FromQuery[RateUnit] = RateUnit.W,
) -> Response[str]:
    """The charging profiles of a station, drawn over time, and what they come to."""
    profiles = await services.smart_charging.profiles(known.id, live=True)
    place = None if evse is None else Evse(evse)
    computed = await services.smart_charging.computed(known.id, place, 86_400, unit=unit)
    needs = []
    if principal.may(Permission.READ_TRANSACTIONS):
        needs = await services.smart_charging.needs_of(known.id)
    availability = await services.availability.show(known.id)
    places = {
        each.row.update.evse.id for each in availability.connectors if each.row.update.evse
    } - {0}
    return await framed(
        request,
        services,
        known,
        "station_charging.html",
        profiles=[_drawn(each) for each in profiles[:_SHOWN]],
        more=max(0, len(profiles) - _SHOWN),
        composite=_picture(computed),
        is_limited=any(each.limit is not None for each in computed.steps),
        told=(
            await _told(services, known, evse) if principal.may(Permission.SEND_COMMANDS) else None
        ),
        needs=needs,
        places=sorted(places | ({evse} if evse else set())),
        evse=evse,
        unit=unit,
    )


def _drawn(held: HeldProfile) -> Drawn:
    if held.profile is None:
        return Drawn(held=held, pictures=[])
    starts = held.profile.valid_from or held.sent_at
    return Drawn(held=held, pictures=[of_schedule(each, starts) for each in held.profile.schedules])


def _picture(schedule: CompositeSchedule) -> Picture:
    return of_steps(schedule.steps, float(schedule.duration_s), schedule.unit, schedule.starts_at)


async def _told(services: ApiServices, known: Station, evse: int | None) -> Told | None:
    """What the station said when it was last asked for the schedule of that place."""
    look = Look(station=known.id.name, states=(OrderState.DONE,), limit=_LOOKED_AT)
    for order in await services.orders.page(known.id.tenant, look):
        if order.command != "GetCompositeSchedule" or order.told is None:
            continue
        asked = _read(order.ask).get("evse") or {}
        if asked.get("id") == evse:
            said = _read(order.told)
            return Told(
                at=order.done_at or order.at,
                station=_schedule(said.get("schedule") or said.get("station")),
                computed=_schedule(said.get("computed")),
                status=order.status,
            )
    return None


def _read(text: str) -> dict[str, Any]:
    try:
        found = json.decode(text)
    except DecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _schedule(found: Any) -> Picture | None:
    try:
        return _picture(convert(found, CompositeSchedule))
    except ValidationError:
        return None


class Series(Struct, frozen=True, kw_only=True):
    """A line of a chart: ``values`` at its times, null where there is none."""

    label: str
    unit: str
    color: str
    values: list[float | None]


class Chart(Struct, frozen=True, kw_only=True):
    """Lines over time; ``times`` are seconds since 1970."""

    times: list[int]
    series: list[Series]


@get(
    "/stations/{station:str}/power.json",
    needs=Permission.READ_TRANSACTIONS,
    include_in_schema=False,
)
async def power_chart(known: Known, services: Given) -> Chart:
    """The power of each EVSE in the last hours, a value for each minute."""
    now = datetime.now(UTC)
    since = now - _SPAN
    async with services.read() as work:
        found = await work.lists.meter_values(
            known.id, MeterFilter(since=since), "-at", limit=_MOST_VALUES
        )
    said: dict[int, dict[int, float]] = defaultdict(dict)
    for row in reversed(found.rows):
        if row.value.power_w is not None and since <= row.value.at <= now:
            minute = int(row.value.at.timestamp()) // _BUCKET_S * _BUCKET_S
            said[row.evse.id if row.evse else 0][minute] = row.value.power_w
    first = min((min(each) for each in said.values()), default=None)
    if first is None:
        return Chart(times=[], series=[])
    times = list(range(first, int(now.timestamp()) + 1, _BUCKET_S))
    return Chart(
        times=times,
        series=[
            Series(
                label=f"EVSE {evse}" if evse else known.id.name,
                unit="kW",
                color=_COLORS[number % len(_COLORS)],
                values=_held(times, said[evse]),
            )
            for number, evse in enumerate(sorted(said))
        ],
    )


def _held(times: list[int], said: dict[int, float]) -> list[float | None]:
    """A meter's last word counts for a while."""
    values: list[float | None] = []
    last: tuple[int, float] | None = None
    for at in times:
        if at in said:
            last = (at, said[at])
        holds = last is not None and at - last[0] <= _HOLDS_S
        values.append(round(last[1] / 1000, 3) if last is not None and holds else None)
    return values


AT_THE_ROOT = [charging_page, power_chart]
EXAMPLES: list[object] = []
