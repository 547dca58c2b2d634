"""Functional block F, remote control: start, stop, trigger, and any message by hand."""

from msgspec import Raw

from voltkeep.domain.commands import (
    Outcome,
    RawCommand,
    StartTransaction,
    StopTransaction,
    Trigger,
    Triggered,
)
from voltkeep.domain.events import RemoteStartRequested
from voltkeep.domain.identity import Evse, IdToken, StationId, TransactionRef
from voltkeep.services.ports import Begin, Clock, Stations


class RemoteControlService:
    """Asks stations for things. Each method raises what `Stations.send` raises."""

    def __init__(self, begin: Begin, stations: Stations, clock: Clock) -> None:
        self._begin = begin
        self._stations = stations
        self._clock = clock

    async def start(self, station: StationId, id_token: IdToken, evse: Evse | None) -> Outcome:
        """Ask a station to start charging for a token (F01, F02)."""
        async with self._begin() as work:
            remote_start_id = await work.remote_starts.open(station, id_token, evse, self._clock())
        # No database transaction is held while a station makes up its mind.
        command = StartTransaction(remote_start_id=remote_start_id, id_token=id_token, evse=evse)
        outcome = await self._stations.send(station, command)
        async with self._begin() as work:
            work.emit(
                RemoteStartRequested(
                    station=station,
                    at=self._clock(),
                    remote_start_id=remote_start_id,
                    id_token=id_token,
                    accepted=outcome.accepted,
                    status=outcome.status,
                )
            )
        return outcome

    async def stop(self, station: StationId, ref: TransactionRef) -> Outcome:
        """Ask a station to stop a transaction (F03)."""
        return await self._stations.send(station, StopTransaction(ref=ref))

    async def trigger(
        self, station: StationId, message: Triggered, evse: Evse | None = None
    ) -> Outcome:
        """Ask a station to send a message now (F06)."""
        return await self._stations.send(station, Trigger(message=message, evse=evse))

    async def send_raw(
        self,
        station: StationId,
        action: str,
        payload: bytes,
        *,
        force: bool = False,
        timeout: float | None = None,
    ) -> Outcome:
        """Send any action with any payload; unless forced, only what its schema allows."""
        command = RawCommand(action=action, payload=Raw(payload), force=force)
        return await self._stations.send(station, command, timeout)
