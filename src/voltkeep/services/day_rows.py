"""The port that keeps what is counted of each day."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Protocol

from voltkeep.domain.days import Counted, Key, Progress, Total
from voltkeep.domain.identity import StationId, TenantId, TransactionRef
from voltkeep.domain.transactions import Transaction


class DayRows(Protocol):
    """What is counted, by tenant. Numbers are told by site, what they are of, and day."""

    async def tenants(self) -> list[TenantId]:
        """Those that have stations, or something counted, in order."""
        ...

    async def hold(self, tenant: TenantId) -> Progress:
        """How far counting is; nobody else may count until this work is over."""
        ...

    async def forget(self, tenant: TenantId) -> None:
        """All that is counted of it, and how far."""
        ...

    async def save(self, tenant: TenantId, progress: Progress) -> None: ...
    async def progress(self, tenant: TenantId) -> Progress | None: ...
    async def forgotten(self, tenant: TenantId) -> int:
        """Up to that position events may have been removed; 0 if all are there."""
        ...

    async def transactions(
        self, tenant: TenantId, keys: Iterable[tuple[str, TransactionRef]]
    ) -> list[Transaction]:
        """Those of these stations and names that are there."""
        ...

    async def walk(
        self, tenant: TenantId, after: tuple[str, str] | None, limit: int
    ) -> list[Transaction]:
        """Every transaction, by station and name, from the one after ``after`` on."""
        ...

    async def counted(
        self, tenant: TenantId, keys: Iterable[tuple[str, TransactionRef]]
    ) -> list[Counted]:
        """How these were counted, if they were."""
        ...

    async def count(self, found: Sequence[Counted]) -> None:
        """Note how these are counted now."""
        ...

    async def uncount(self, station: StationId, limit: int) -> list[Counted]:
        """Forget how some of a station's are counted; how those were."""
        ...

    async def add(self, tenant: TenantId, numbers: Mapping[Key, int]) -> None:
        """To what is there, or to nothing."""
        ...

    async def put(self, tenant: TenantId, numbers: Mapping[Key, int]) -> None:
        """In place of what is there."""
        ...

    async def replace(
        self, tenant: TenantId, kinds: Sequence[str], numbers: Mapping[Key, int]
    ) -> None:
        """In place of all that is there of these kinds."""
        ...

    async def connectors(self, tenant: TenantId) -> dict[str, int]:
        """How many there are now at each site, of those that we have heard of."""
        ...

    async def totals(
        self,
        tenant: TenantId,
        sites: Sequence[str],
        kinds: Sequence[str],
        since: date,
        until: date,
    ) -> list[Total]:
        """Of these days, the last among them."""
        ...

    async def sums(
        self,
        tenant: TenantId,
        sites: Sequence[str],
        kinds: Sequence[str],
        since: date,
        until: date,
    ) -> list[Total]:
        """As `totals`, all sites together: those told bear the site ""."""
        ...

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
        """Sites, of these if some are named, those with the most of all ``kinds`` first."""
        ...
