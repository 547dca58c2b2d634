"""Parts of the charts that tell of now: power and limits at sites, and statuses of connectors."""

from datetime import UTC, datetime, timedelta

from litestar import Response, get
from msgspec import Struct

from voltkeep.domain.accounts import Permission, Principal
from voltkeep.domain.availability import ConnectorStatus
from voltkeep.domain.identity import Evse, StationId
from voltkeep.domain.smart_charging import LIVE
from voltkeep.services.lists import (
    ConnectorFilter,
    MeterFilter,
    StationFilter,
    TransactionFilter,
)
from voltkeep.services.ports import ConnectorRow
from voltkeep.services.provisioning import UnknownStation
from voltkeep.services.records import Look
from voltkeep.web.access import ApiServices, Given, Who, seen_sites
from voltkeep.web.api.days import zone_of
from voltkeep.web.pages.charts import which_of
from voltkeep.web.pages.rendering import page
from voltkeep.web.pages.station_pictures import Picture, state_of, states_of, strip
from voltkeep.web.problems import Asked

_SITES = 4  # if none is chosen
_LOOKED_AT = 40  # transactions, of all sites that are shown
_STATIONS = 200
_PROFILES = 200
_LIMITED = 15  # stations whose limit is computed
_HOLDS = timedelta(minutes=15)  # how long a meter's word counts
_CONNECTORS = 50
_WORST = 20
_SPAN = timedelta(hours=24)
_CHANGES = 200
_BEFORE = 20


class SitePower(Struct, frozen=True, kw_only=True):
    """What a site's transactions draw now.

    ``metered`` of the ``running`` transactions that were looked at said their power lately. What
    is ``left_over`` is not among them: a later one runs at the same place.
    ``limited`` of its ``stations`` have a limit that is known: ``limit_w`` together, now.
    """

    site: str
    name: str
    power_w: float
    metered: int
    running: int
    left_over: int
    is_more: bool
    limit_w: float
    limited: int
    stations: int
    are_more_stations: bool
    are_limits_cut: bool

    @property
    def is_whole(self) -> bool:
        """Whether power and limit are of the same stations, so that they can be compared."""
        return bool(
            self.limited
            and self.limited == self.stations
            and self.metered == self.running
            and not (self.is_more or self.are_more_stations or self.are_limits_cut)
        )

    @property
    def part(self) -> float:
        """The power, in a picture 1000 wide whose width is the limit or the power."""
        most = max(self.limit_w, self.power_w)
        return round(1000 * self.power_w / most, 1) if most else 0.0

    @property
    def limit_at(self) -> float:
        """Where the limit is in that picture."""
        most = max(self.limit_w, self.power_w)
        return round(1000 * self.limit_w / most, 1) if most else 0.0


class Strip(Struct, frozen=True, kw_only=True):
    """A connector's day."""

    station: str
    evse: Evse | None
    last: str
    picture: Picture


async def _power(
    services: ApiServices, by: Principal, site: str, looked_at: int, now: datetime
) -> SitePower:
    sites = (site,)
    power, metered, left_over = 0.0, 0, 0
    places: set[tuple[StationId, int]] = set()
    async with services.read() as work:
        which = TransactionFilter(sites=sites, active=True)
        found = await work.lists.transactions(by.tenant, which, "-started_at", limit=looked_at)
        for each in found.rows:  # the latest of a place first
            if each.evse is not None:
                place = (each.station, each.evse.id)
                if place in places:
                    left_over += 1
                    continue
                places.add(place)
            lately = MeterFilter(ref=each.ref, since=now - _HOLDS)
            said = await work.lists.meter_values(each.station, lately, "-at", limit=1)
            values = [row.value.power_w for row in said.rows if row.value.power_w is not None]
            power += sum(values)
            metered += bool(values)
        stations = await work.lists.stations(by.tenant, StationFilter(sites=sites), limit=_STATIONS)
    limits: list[float] = []
    is_cut = False
    if by.may(Permission.READ_STATIONS):
        limits, is_cut = await _limits(services, by, site)
    return SitePower(
        site=site,
        name=await _name(services, by, site),
        power_w=power,
        metered=metered,
        running=len(found.rows) - left_over,
        left_over=left_over,
        is_more=found.next is not None,
        limit_w=sum(limits),
        limited=len(limits),
        stations=len(stations.rows),
        are_more_stations=stations.next is not None,
        are_limits_cut=is_cut,
    )


async def _limits(services: ApiServices, by: Principal, site: str) -> tuple[list[float], bool]:
    """Of stations with charging profiles, what these limit the whole station to now."""
    look = Look(sites=(site,), states=LIVE, limit=_PROFILES)
    held = await services.smart_charging.page(by.tenant, look)
    names: list[StationId] = [*dict.fromkeys(each.station for each in held)]
    limits = []
    for station in names[:_LIMITED]:
        try:
            schedule = await services.smart_charging.computed(station, None, 60)
        except UnknownStation:
            continue
        limit = schedule.steps[0].limit if schedule.steps else None
        if limit is not None:
            limits.append(limit)
    return limits, len(names) > _LIMITED or len(held) == _PROFILES


async def _name(services: ApiServices, by: Principal, site: str) -> str:
    if not by.may(Permission.READ_STATIONS):
        return site
    found = await services.sites.find(by.tenant, site)
    return found.name if found is not None and found.name else site


@get("/charts/power", needs=Permission.READ_TRANSACTIONS, include_in_schema=False)
async def power_part(request: Asked, principal: Who, services: Given) -> Response[str]:
    """The power of a site, or of the busiest ones; and the limits that are known."""
    which = which_of(request.query_params)
    if which.site is not None:
        sites = list(seen_sites(principal, which.site) or ())
    else:
        sites = await services.days.busiest(principal.tenant, principal.sites, _SITES)
    now = datetime.now(UTC)
    looked_at = _LOOKED_AT // max(len(sites), 1)
    found = [await _power(services, principal, each, looked_at, now) for each in sites]
    return page(request, "charts_power.html", sites=found, is_chosen=which.site is not None)


@get("/charts/status", needs=Permission.READ_STATIONS, include_in_schema=False)
async def status_part(request: Asked, principal: Who, services: Given) -> Response[str]:
    """The connectors of a site with few of them; else those that are faulted."""
    which = which_of(request.query_params)
    sites = seen_sites(principal, which.site)
    now = datetime.now(UTC)
    zone = await zone_of(services, principal, which.site)
    rows: list[ConnectorRow] = []
    is_whole = False
    async with services.read() as work:
        if which.site is not None:
            there = await work.lists.connectors(
                principal.tenant, ConnectorFilter(sites=sites), limit=2 * _CONNECTORS + 1
            )
            rows = [each for each in there.rows if _is_connector(each)]
            is_whole = there.next is None and len(rows) <= _CONNECTORS
        if not is_whole:
            faulted = ConnectorFilter(sites=sites, status=ConnectorStatus.FAULTED)
            worst = await work.lists.connectors(principal.tenant, faulted, limit=_WORST)
            rows = [each for each in worst.rows if _is_connector(each)]
    return page(
        request,
        "charts_status.html",
        strips=await _strips(services, rows, now, zone),
        is_chosen=which.site is not None,
        is_whole=is_whole,
        most=_CONNECTORS,
        worst=_WORST,
    )


def _is_connector(row: ConnectorRow) -> bool:
    return row.update.evse is not None and row.update.evse.id > 0


async def _strips(
    services: ApiServices, rows: list[ConnectorRow], now: datetime, zone: str
) -> list[Strip]:
    since = now - _SPAN
    there: dict[StationId, list[ConnectorRow]] = {}
    for row in rows:
        there.setdefault(row.station, []).append(row)
    async with services.read() as work:
        states = {
            station: await states_of(work, station, since, those, most=_CHANGES, before=_BEFORE)
            for station, those in there.items()
        }
    return [
        Strip(
            station=row.station.name,
            evse=row.update.evse,
            last=state_of(row),
            picture=strip(states[row.station][row.update.evse], since, now, zone),
        )
        for row in rows
    ]


AT_THE_ROOT = [power_part, status_part]
EXAMPLES: list[object] = []
