"""Two connections of one identity: which of them counts (reliability rule 1).

A newcomer that has shown as much as the older connection wins at once, for the older one is most
often dead: a station that lost its network comes back. What the older one says counts no more;
but it is looked at whether it lives. If it does, two contend for the identity: after a few such
swaps in a minute nobody new is let in for a while, as long as somebody is connected and alive.

A newcomer that has shown less waits until the older one is found dead, and is refused otherwise.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any

import structlog
from cachetools import LRUCache

from voltkeep.domain.barriers import Barrier
from voltkeep.domain.identity import StationId
from voltkeep.domain.stations import SecurityProfile, Station
from voltkeep.gateway.connection import SUPERSEDED, Connection
from voltkeep.gateway.limits import Limits
from voltkeep.gateway.stations import LocalStations
from voltkeep.services.intrusion import IntrusionService
from voltkeep.services.ports import Clock, StoreUnavailable
from voltkeep.services.rates import Buckets, Rate

log = structlog.get_logger(__name__)

_LOOK_S = 0.05
_PROBED_S = 1.0  # for so long the outcome of a probe counts for others who ask
_WINDOW_S = 60.0
_REMEMBERED = 10_000
_TOLD = Rate(3, 1 / 60)  # refused duplicates of one station: events, alerts

Spawn = Callable[[Coroutine[Any, Any, None]], None]


class Contention(Exception):
    """This connection may not take over now."""

    def __init__(self, barrier: Barrier) -> None:
        super().__init__(barrier.value)
        self.barrier = barrier


class Duplicates:
    """The second connections of this process. ``spawn`` runs something beside."""

    def __init__(
        self,
        stations: LocalStations,
        intrusion: IntrusionService,
        clock: Clock,
        limits: Limits,
        spawn: Spawn,
    ) -> None:
        self._stations = stations
        self._intrusion = intrusion
        self._clock = clock
        self._limits = limits
        self._spawn = spawn
        self._probes: dict[Connection, asyncio.Task[bool]] = {}
        self._swaps: LRUCache[StationId, deque[float]] = LRUCache(_REMEMBERED)
        self._quarantined: LRUCache[StationId, datetime] = LRUCache(_REMEMBERED)
        self._told: Buckets[StationId] = Buckets(_TOLD, _REMEMBERED)

    async def may_come(self, station: Station, profile: SecurityProfile, address: str) -> None:
        """May this authenticated newcomer take the place of an older connection?

        Raises Contention.
        """
        older = self._stations.get(station.id)
        if older is None:
            return
        if self._is_quarantined(station):
            if await self._is_alive(older):
                raise Contention(Barrier.QUARANTINED)
            return
        has_shown_less = profile is SecurityProfile.NONE or profile < older.profile
        if has_shown_less and await self._is_alive(older):
            if self._told.take(station.id, asyncio.get_running_loop().time()):
                self._spawn(self._tell(station.id, address, older, admitted=False))
            raise Contention(Barrier.CONNECTED)

    def took_over(self, older: Connection, newer: Connection) -> None:
        """``newer`` counts from now on; see what ``older`` was, and let it go."""
        self._spawn(self._let_go(older, newer))

    def release(self, station: StationId) -> None:
        """An operator ended the quarantine."""
        self._quarantined.pop(station, None)
        self._swaps.pop(station, None)

    def _is_quarantined(self, station: Station) -> bool:
        now, stored = self._clock(), station.trust.quarantined_until
        until = self._quarantined.get(station.id, now)
        return until > now or (stored is not None and stored > now)

    async def _let_go(self, older: Connection, newer: Connection) -> None:
        is_alive = await self._is_alive(older)
        older.close(1008, SUPERSEDED)
        if not is_alive:
            return
        addresses = (older.remote_address, newer.remote_address)
        swaps = self._count(older.station)
        log.warning(
            "two connections of one station",
            station=str(older.station),
            older=addresses[0],
            newer=addresses[1],
            swaps=swaps,
        )
        if swaps <= self._limits.live_swaps_per_min:
            await self._tell(older.station, addresses[1], older, admitted=True)
        elif self._quarantined.get(older.station, self._clock()) <= self._clock():
            await self._quarantine(older.station, swaps, addresses)

    def _count(self, station: StationId) -> int:
        """Swaps of the last minute, this one included."""
        now = asyncio.get_running_loop().time()
        swaps = self._swaps.get(station)
        if swaps is None:
            swaps = self._swaps[station] = deque(maxlen=100)
        swaps.append(now)
        while swaps[0] < now - _WINDOW_S:
            swaps.popleft()
        return len(swaps)

    async def _quarantine(self, station: StationId, swaps: int, addresses: tuple[str, str]) -> None:
        # Here at once, and in the register as soon as it can be: the next one is on its way.
        self._quarantined[station] = self._intrusion.quarantine_ends()
        try:
            await self._intrusion.quarantine(station, swaps, addresses)
        except StoreUnavailable as error:
            log.warning("a quarantine is not stored", station=str(station), error=str(error))

    async def _tell(
        self, station: StationId, address: str, older: Connection, *, admitted: bool
    ) -> None:
        try:
            await self._intrusion.duplicate(
                station, address, older.remote_address, admitted=admitted
            )
        except StoreUnavailable as error:
            log.warning("a duplicate is not stored", station=str(station), error=str(error))

    async def _is_alive(self, connection: Connection) -> bool:
        """Whether a sign of life comes in time. Who asks at once shares one probe."""
        probe = self._probes.get(connection)
        if probe is None:
            probe = self._probes[connection] = asyncio.create_task(self._probe(connection))
            probe.add_done_callback(lambda _: self._forget_soon(connection))
        return await asyncio.shield(probe)

    def _forget_soon(self, connection: Connection) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(_PROBED_S, self._probes.pop, connection, None)

    async def _probe(self, connection: Connection) -> bool:
        now = asyncio.get_running_loop().time
        since = now()
        connection.ping()
        while now() < since + self._limits.duplicate_probe_s:
            await asyncio.sleep(_LOOK_S)
            if not connection.is_open:
                return False  # it closed properly: nobody contends
            if connection.heard_at > since:
                return True
        return False
