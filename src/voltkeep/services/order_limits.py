"""How many orders may wait: for one station, and in all."""

from datetime import datetime, timedelta

from voltkeep.domain.identity import StationId
from voltkeep.domain.orders import WAITING
from voltkeep.services.ports import Work

MOST_FOR_A_STATION = 100
MOST_IN_ALL = 100_000
_COUNTED_FOR = timedelta(seconds=5)


class TooManyWait(Exception):
    """So many orders wait already that this one may not wait as well."""


class Line:
    """The orders that wait for stations. All of them are counted now and then, not each time."""

    def __init__(
        self, *, for_a_station: int = MOST_FOR_A_STATION, in_all: int = MOST_IN_ALL
    ) -> None:
        self._for_a_station = for_a_station
        self._in_all = in_all
        self._counted = 0
        self._counted_at: datetime | None = None

    async def check(self, work: Work, station: StationId, now: datetime) -> None:
        """Whether one more may wait for this station. Raises TooManyWait."""
        if await self.is_full(work, station):
            raise TooManyWait(
                f"{self._for_a_station} commands wait for {station} already: cancel some, or wait "
                "until it has been there"
            )
        if self._counted_at is None or now - self._counted_at > _COUNTED_FOR:
            self._counted, self._counted_at = await _in_all(work), now
        if self._counted >= self._in_all:
            raise TooManyWait(
                f"{self._in_all} commands wait for stations already: cancel some, or try again "
                "once stations have been there"
            )
        self._counted += 1

    async def is_full(self, work: Work, station: StationId) -> bool:
        """Whether no further one may wait for this station."""
        return await work.orders.count(station, states=WAITING) >= self._for_a_station


async def _in_all(work: Work) -> int:
    count = 0
    for tenant in await work.audit.tenants():
        for state in WAITING:
            found = await work.orders.tally(tenant, ("state",), (("state", state),))
            count += sum(found.values())
    return count
