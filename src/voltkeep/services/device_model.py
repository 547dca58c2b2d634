"""What is kept of what stations say of their variables: bounded, whatever a station says."""

from collections.abc import Iterable
from datetime import datetime

from cachetools import LRUCache

from voltkeep.domain.device_model import ComponentState, Variable, VariableTold
from voltkeep.domain.identity import StationId
from voltkeep.services.ports import Work

MOST_COMPONENTS = 1_000
MOST_VARIABLES = 20_000  # of one station
MOST_OF_A_COMPONENT = 1_000
_SIZES_KEPT = 10_000


async def known(work: Work, station: StationId, variable: Variable) -> str | None:
    """What a station last said a variable is; None if it has not."""
    component = await work.variables.get(station, variable.component.key)
    state = component.find(variable) if component is not None else None
    return state.value if state is not None and state.is_known else None


class DeviceModels:
    """Keeps what is said, in works of whoever heard it."""

    def __init__(self) -> None:
        self._sizes: LRUCache[StationId, int] = LRUCache(_SIZES_KEPT)

    async def forget_older(self, work: Work, station: StationId, at: datetime) -> None:
        """What a full report does not tell of is not there any more."""
        size = 0
        for component in await work.variables.of(station, limit=MOST_COMPONENTS):
            kept = component.since(at)
            size += len(kept.variables)
            if not kept.variables:
                await work.variables.remove(station, component.id)
            elif kept != component:
                await work.variables.put(kept)
        self._sizes[station] = size

    async def keep(
        self,
        work: Work,
        station: StationId,
        said: Iterable[VariableTold],
        at: datetime,
        *,
        is_written: bool = False,
    ) -> int:
        """Keep what was said; returns how many variables had no room."""
        of: dict[str, list[VariableTold]] = {}
        for each in said:
            of.setdefault(each.variable.component.key, []).append(each)
        dropped = 0
        for key, some in of.items():
            component = await work.variables.lock(station, key)
            if component is None:
                if await work.variables.count(station) >= MOST_COMPONENTS:
                    dropped += len(some)
                    continue
                component = ComponentState(
                    station=station, id=key, at=at, component=some[0].variable.component
                )
            size = await self._size(work, station)
            before = len(component.variables)
            room = min(MOST_OF_A_COMPONENT, before + max(0, MOST_VARIABLES - size))
            component, without = component.heard(some, at, room=room, is_written=is_written)
            self._sizes[station] = size + len(component.variables) - before
            dropped += without
            if component.variables:
                await work.variables.put(component)
        return dropped

    async def _size(self, work: Work, station: StationId) -> int:
        """How many variables are kept of a station."""
        if (size := self._sizes.get(station)) is None:
            components = await work.variables.of(station, limit=MOST_COMPONENTS)
            size = sum(len(each.variables) for each in components)
            self._sizes[station] = size
        return size
