"""What was charged on each day: totals as people read them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

from msgspec import Struct

from voltkeep.domain.days import (
    BUSY_S,
    CONNECTOR_S,
    ENERGY_WH,
    EVERYWHERE,
    KINDS,
    OTHER,
    RUNNING,
    SECURITY,
    SESSIONS,
    Key,
    Total,
    begin_of,
    day_of,
    seconds_of,
)
from voltkeep.domain.identity import TenantId
from voltkeep.domain.sites import Site, of_tenant
from voltkeep.services.ports import Clock, Read, Work

RANKED_BY = 7  # days: by their energy sites are ranked
MOST_DAYS = 4000  # of all sites together, when each is told by itself
_CHARGED = (SESSIONS, ENERGY_WH, BUSY_S)
_WHATS = (*_CHARGED, *(f"{RUNNING}{each}" for each in _CHARGED), CONNECTOR_S)
_KINDS = tuple(f"{SECURITY}{kind}" for kind in sorted({*KINDS, OTHER}))


class Day(Struct, frozen=True, kw_only=True):
    """What was charged on a day; ``connector_s`` None: nobody knows how many connectors there are.

    ``busy_s`` is how long transactions took, and ``connector_s`` how long they could have: the
    seconds of the day, as far as it has come, for each connector. Where sites are of several time
    zones it has come to several hours, and ``connector_s`` of today is None.
    """

    day: date
    sessions: int = 0
    energy_wh: int = 0
    busy_s: int = 0
    connector_s: int | None = None

    @property
    def utilisation(self) -> float | None:
        """From 0 to 1: a transaction that is told late may take longer than there was time."""
        return min(self.busy_s / self.connector_s, 1.0) if self.connector_s else None


class SiteDays(Struct, frozen=True, kw_only=True):
    """A site's days, in order; "" is where stations stand that have no site."""

    site: str
    name: str
    zone: str
    days: list[Day]


class KindDays(Struct, frozen=True, kw_only=True):
    """How many security events of a kind were heard of, on each of some days, in order."""

    kind: str
    numbers: list[int]

    @property
    def number(self) -> int:
        return sum(self.numbers)


class State(Struct, frozen=True, kw_only=True):
    """How far counting is: once it is complete, what was there before it began is in it too."""

    is_begun: bool
    is_complete: bool


class DayService:
    """Reads totals. ``sites`` None is every site of the tenant."""

    def __init__(self, read: Read, clock: Clock) -> None:
        self._read = read
        self._clock = clock

    async def state(self, tenant: TenantId) -> State:
        """Whether what is told is all there is."""
        async with self._read() as work:
            found = await work.days.progress(tenant)
        is_begun = found is not None and found.since is not None
        return State(is_begun=is_begun, is_complete=found is not None and found.is_walked)

    def span(self, days: int, zone: str = "") -> list[date]:
        """So many days, the last of them today."""
        today = day_of(self._clock(), zone)
        return [today - timedelta(days=days - 1 - number) for number in range(days)]

    async def days(
        self, tenant: TenantId, sites: tuple[str, ...] | None, days: int, zone: str = ""
    ) -> list[Day]:
        """The days of these sites together, in order."""
        span = self.span(days, zone)
        keys = (EVERYWHERE,) if sites is None else sites
        async with self._read() as work:
            found = await work.days.sums(tenant, keys, _WHATS, span[0], span[-1])
            is_one_day = await _are_of(work, tenant, sites, zone)
        return self._days(span, _by_site(found).get("", {}), zone, is_one_day=is_one_day)

    async def by_site(
        self, tenant: TenantId, sites: tuple[str, ...] | None, days: int, limit: int
    ) -> list[SiteDays]:
        """The sites with the most energy in the last `RANKED_BY` days, and the days of each.

        They are fewer than ``limit`` if else there were more than `MOST_DAYS`.
        """
        limit = min(limit, max(MOST_DAYS // days, 1))
        now = self._clock()
        # Somewhere it is tomorrow already, and somewhere yesterday yet.
        tomorrow = day_of(now, "") + timedelta(days=1)
        energy = (ENERGY_WH, f"{RUNNING}{ENERGY_WH}")
        async with self._read() as work:
            first = tomorrow - timedelta(days=RANKED_BY)
            ranked = await work.days.greatest(
                tenant, energy, first, tomorrow, sites=sites, limit=limit
            )
            since = tomorrow - timedelta(days=days + 1)
            found = await work.days.totals(tenant, ranked, _WHATS, since, tomorrow)
            known = await _sites(work, tenant, ranked)
        by_site = _by_site(found)
        told = []
        for site in ranked:
            at = known.get(site)
            name, zone = (at.name or at.id, at.time_zone) if at else (site, "")
            those = self._days(self.span(days, zone), by_site.get(site, {}), zone)
            told.append(SiteDays(site=site, name=name, zone=zone, days=those))
        return told

    async def busiest(
        self, tenant: TenantId, sites: tuple[str, ...] | None, limit: int
    ) -> list[str]:
        """The sites with the most transactions that run."""
        tomorrow = day_of(self._clock(), "") + timedelta(days=1)
        since = tomorrow - timedelta(days=RANKED_BY + 2)  # as long as one is counted that runs
        running = (f"{RUNNING}{SESSIONS}",)
        async with self._read() as work:
            return await work.days.greatest(
                tenant, running, since, tomorrow, sites=sites, limit=limit
            )

    async def security(
        self, tenant: TenantId, sites: tuple[str, ...] | None, days: int, zone: str = ""
    ) -> list[KindDays]:
        """Security events of each kind that there are, the most first."""
        span = self.span(days, zone)
        keys = (EVERYWHERE,) if sites is None else sites
        async with self._read() as work:
            found = await work.days.sums(tenant, keys, _KINDS, span[0], span[-1])
        sums: dict[str, dict[date, int]] = defaultdict(lambda: defaultdict(int))
        for each in found:
            sums[each.what.removeprefix(SECURITY)][each.day] += each.number
        told = [
            KindDays(kind=kind, numbers=[numbers.get(day, 0) for day in span])
            for kind, numbers in sums.items()
        ]
        return sorted(told, key=lambda each: (-each.number, each.kind))

    def _days(
        self, span: list[date], found: Mapping[Key, int], zone: str, *, is_one_day: bool = True
    ) -> list[Day]:
        """A day on which connectors were not counted has those of the next; the first have none.

        ``is_one_day``: today is the same day at all of the sites.
        """
        numbers: dict[str, dict[date, int]] = defaultdict(dict)
        for (_, what, day), number in found.items():
            numbers[what][day] = number
        said = numbers[CONNECTOR_S]
        first, later = (min(said), said[max(said)]) if said else (None, None)
        told = []
        for day in reversed(span):
            later = said.get(day, later)
            connector_s = later if first is not None and day >= first else None
            charged = {
                what: numbers[what].get(day, 0) + numbers[f"{RUNNING}{what}"].get(day, 0)
                for what in _CHARGED
            }
            if connector_s is not None and day == span[-1]:
                connector_s = round(connector_s * self._gone(day, zone)) if is_one_day else None
            told.append(Day(day=day, connector_s=connector_s, **charged))
        return told[::-1]

    def _gone(self, day: date, zone: str) -> float:
        """How much of today is over."""
        gone = self._clock() - begin_of(day, zone)
        return min(max(gone.total_seconds() / seconds_of(day, zone), 0.0), 1.0)


def _by_site(found: Iterable[Total]) -> dict[str, dict[Key, int]]:
    told: dict[str, dict[Key, int]] = defaultdict(dict)
    for each in found:
        told[each.site][each.site, each.what, each.day] = each.number
    return told


async def _sites(work: Work, tenant: TenantId, ids: Sequence[str]) -> dict[str, Site]:
    """Those of these that are described, by their ids."""
    if not ids:
        return {}
    found = await work.sites.of_each(tenant, [of_tenant(tenant).name], ids)
    return {each.id: each for each in found}


async def _are_of(work: Work, tenant: TenantId, sites: tuple[str, ...] | None, zone: str) -> bool:
    """Whether all of these sites are of a time zone, as far as anything stands there."""
    if sites is None:
        progress = await work.days.progress(tenant)
        return not zone and progress is not None and progress.is_utc
    known = await _sites(work, tenant, sites)
    return all((known[site].time_zone if site in known else "") == zone for site in sites)
