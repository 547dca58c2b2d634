"""What is counted of each day, in memory."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from voltkeep.domain.days import EVERYWHERE, Counted, Key, Progress, Total
from voltkeep.domain.identity import StationId, TenantId, TransactionRef
from voltkeep.domain.transactions import Transaction
from voltkeep.store.memory_rows import State


class MemoryDayRows:
    """`services.day_rows.DayRows`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def tenants(self) -> list[TenantId]:
        return sorted({id.tenant for id in self._state.stations} | {*self._state.day_progress})

    async def hold(self, tenant: TenantId) -> Progress:
        self._state.writes()
        return self._state.day_progress.setdefault(tenant, Progress())

    async def forget(self, tenant: TenantId) -> None:
        self._state.writes()
        self._state.day_progress.pop(tenant, None)
        for key in [key for key in self._state.day_totals if key[0] == tenant]:
            del self._state.day_totals[key]
        for name in [name for name in self._state.day_counted if name[0].tenant == tenant]:
            del self._state.day_counted[name]

    async def save(self, tenant: TenantId, progress: Progress) -> None:
        self._state.writes()
        self._state.day_progress[tenant] = progress

    async def progress(self, tenant: TenantId) -> Progress | None:
        return self._state.day_progress.get(tenant)

    async def forgotten(self, tenant: TenantId) -> int:
        return 0

    async def transactions(
        self, tenant: TenantId, keys: Iterable[tuple[str, TransactionRef]]
    ) -> list[Transaction]:
        named = set(keys)
        return [
            row
            for (station, ref), row in self._state.transactions.items()
            if station.tenant == tenant and (station.name, ref) in named
        ]

    async def walk(
        self, tenant: TenantId, after: tuple[str, str] | None, limit: int
    ) -> list[Transaction]:
        found = sorted(
            (station.name, ref)
            for station, ref in self._state.transactions
            if station.tenant == tenant and (after is None or (station.name, ref) > after)
        )[:limit]
        rows = await self.transactions(tenant, found)
        return sorted(rows, key=lambda row: (row.station.name, row.ref))

    async def counted(
        self, tenant: TenantId, keys: Iterable[tuple[str, TransactionRef]]
    ) -> list[Counted]:
        named = set(keys)
        return [
            row
            for (station, ref), row in self._state.day_counted.items()
            if station.tenant == tenant and (station.name, ref) in named
        ]

    async def count(self, found: Sequence[Counted]) -> None:
        self._state.writes()
        for each in found:
            self._state.day_counted[each.station, each.ref] = each

    async def uncount(self, station: StationId, limit: int) -> list[Counted]:
        self._state.writes()
        names = [name for name in self._state.day_counted if name[0] == station][:limit]
        return [self._state.day_counted.pop(name) for name in names]

    async def add(self, tenant: TenantId, numbers: Mapping[Key, int]) -> None:
        self._state.writes()
        for key, number in numbers.items():
            before = self._state.day_totals.get((tenant, *key), 0)
            self._state.day_totals[(tenant, *key)] = before + number

    async def put(self, tenant: TenantId, numbers: Mapping[Key, int]) -> None:
        self._state.writes()
        for key, number in numbers.items():
            self._state.day_totals[(tenant, *key)] = number

    async def replace(
        self, tenant: TenantId, kinds: Sequence[str], numbers: Mapping[Key, int]
    ) -> None:
        self._state.writes()
        for key in [*self._state.day_totals]:
            if key[0] == tenant and key[2] in kinds:
                del self._state.day_totals[key]
        await self.put(tenant, numbers)

    async def connectors(self, tenant: TenantId) -> dict[str, int]:
        stations = self._state.stations
        return dict(
            Counter(
                stations[station].site
                for station, evse, connector in self._state.connectors
                if station.tenant == tenant and evse and connector and station in stations
            )
        )

    async def totals(
        self,
        tenant: TenantId,
        sites: Sequence[str],
        kinds: Sequence[str],
        since: date,
        until: date,
    ) -> list[Total]:
        return [
            Total(site=site, what=what, day=day, number=number)
            for (whose, site, what, day), number in self._state.day_totals.items()
            if whose == tenant and site in sites and what in kinds and since <= day <= until
        ]

    async def sums(
        self,
        tenant: TenantId,
        sites: Sequence[str],
        kinds: Sequence[str],
        since: date,
        until: date,
    ) -> list[Total]:
        sums: Counter[tuple[str, date]] = Counter()
        for each in await self.totals(tenant, sites, kinds, since, until):
            sums[each.what, each.day] += each.number
        return [
            Total(site="", what=what, day=day, number=number)
            for (what, day), number in sums.items()
        ]

    async def greatest(
        self,
        tenant: TenantId,
        kinds: Sequence[str],
        since: date,
        until: date,
        *,
        sites: Sequence[str] | None = None,
        limit: int,
    ) -> list[str]:
        sums: Counter[str] = Counter()
        for (whose, site, what, day), number in self._state.day_totals.items():
            is_meant = whose == tenant and what in kinds and since <= day <= until
            if is_meant and site != EVERYWHERE and (sites is None or site in sites):
                sums[site] += number
        ranked = sorted(sums.items(), key=lambda each: (-each[1], each[0]))
        return [site for site, number in ranked if number > 0][:limit]
