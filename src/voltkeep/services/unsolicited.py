"""The one guard of passive stations: what nobody asked for is not sent to them."""

from voltkeep.domain.audit import SYSTEM
from voltkeep.domain.commands import Command, Outcome, SendCertificate
from voltkeep.domain.identity import StationId
from voltkeep.services.audit import acting
from voltkeep.services.ports import Read, StationPassive, Stations

# What a station has asked for itself: its request is answered in a CALL of ours (A02.FR.11).
_ANSWERS = (SendCertificate,)


class ConsiderateStations:
    """`Stations` for every service: whatever runs by itself acts as the system, people do not."""

    def __init__(self, stations: Stations, read: Read) -> None:
        self._stations = stations
        self._read = read

    async def send(
        self, station: StationId, command: Command, timeout: float | None = None
    ) -> Outcome:
        """See `Stations`. Raises also StationPassive."""
        if acting() == SYSTEM and not isinstance(command, _ANSWERS):
            async with self._read() as work:
                known = await work.stations.get(station)
            if known is not None and known.passive:
                raise StationPassive(f"{station} is passive, and nobody has asked for this")
        return await self._stations.send(station, command, timeout)
