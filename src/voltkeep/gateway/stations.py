"""Who is connected here, and how to reach them."""

from collections.abc import Iterator

from voltkeep.domain.commands import Command, Outcome
from voltkeep.domain.identity import StationId
from voltkeep.gateway.connection import Connection
from voltkeep.services.ports import StationOffline


class LocalStations:
    """The `Stations` whose sockets this process holds. One connection for each identity."""

    def __init__(self) -> None:
        self._connections: dict[StationId, Connection] = {}

    def __len__(self) -> int:
        return len(self._connections)

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._connections.values()))

    def get(self, station: StationId) -> Connection | None:
        """The live connection of a station, if it is here."""
        return self._connections.get(station)

    def subprotocol_of(self, station: StationId) -> str:
        """What a station speaks; "" if it has left."""
        connection = self._connections.get(station)
        return "" if connection is None else connection.subprotocol

    def admit(self, connection: Connection) -> bool:
        """Make this the live connection of its station; what an older one says counts no more.

        False if a newer one was faster: then this one must be closed.
        """
        before = self._connections.get(connection.station)
        if before is not None and before.epoch > connection.epoch:
            return False
        self._connections[connection.station] = connection
        if before is not None:
            before.supersede()
        return True

    def discard(self, connection: Connection) -> bool:
        """Forget a connection that is gone; False if it was not the live one any more."""
        if self._connections.get(connection.station) is not connection:
            return False
        del self._connections[connection.station]
        return True

    async def send(
        self, station: StationId, command: Command, timeout: float | None = None
    ) -> Outcome:
        """See `voltkeep.services.ports.Stations`."""
        connection = self._connections.get(station)
        if connection is None:
            raise StationOffline(f"{station} is not connected")
        return await connection.send(command, timeout)
