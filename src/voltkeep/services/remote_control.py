"""Functional block F, remote control: start, stop, trigger, and any message by hand."""

from datetime import datetime

from msgspec import Raw

from voltkeep.domain.commands import (
    ClearCache,
    Outcome,
    RawCommand,
    StartTransaction,
    StopTransaction,
    Trigger,
    Triggered,
    UnlockConnector,
)
from voltkeep.domain.events import RemoteStartRequested
from voltkeep.domain.identity import Evse, IdToken, StationId, TransactionRef
from voltkeep.domain.smart_charging import ChargingProfile, HeldProfile, ProfileState
from voltkeep.domain.stations import Registration
from voltkeep.services.held_profiles import answered
from voltkeep.services.ports import (
    Begin,
    Clock,
    CommandUnfit,
    Read,
    Stations,
    StationUnreachable,
    Work,
)
from voltkeep.services.smart_charging import brought_along, state_after


class RemoteControlService:
    """Asks stations for things. Each method raises what `Stations.send` raises."""

    def __init__(self, begin: Begin, read: Read, stations: Stations, clock: Clock) -> None:
        self._begin = begin
        self._read = read
        self._stations = stations
        self._clock = clock

    async def start(
        self,
        station: StationId,
        id_token: IdToken,
        evse: Evse | None,
        *,
        profile: ChargingProfile | None = None,
        force: bool = False,
    ) -> Outcome:
        """Ask a station to start charging for a token (F01, F02), within a profile (K05).

        Raises UnsoundProfile, unless forced.
        """
        now, brought = self._clock(), None
        async with self._begin() as work:
            await _check_accepted(work, station)
            remote_start_id = await work.remote_starts.open(station, id_token, evse, now)
            if profile is not None:
                await work.stations.lock(station)
                brought = await brought_along(
                    work, station, profile, evse, now, remote_start_id=remote_start_id, force=force
                )
        # No database transaction is held while a station makes up its mind.
        command = StartTransaction(
            remote_start_id=remote_start_id,
            id_token=id_token,
            evse=evse,
            profile=None if brought is None else brought.profile,
        )
        try:
            outcome = await self._stations.send(station, command)
        except CommandUnfit as failure:
            async with self._begin() as work:
                await work.stations.lock(station)
                await work.remote_starts.withdraw(station, remote_start_id)
                await _settle(work, brought, state_after(failure), failure.result, self._clock())
            raise  # nothing was asked
        except StationUnreachable as failure:
            state = state_after(failure)
            await self._answered(station, command, brought, state, status=failure.result)
            raise
        state = ProfileState.ACCEPTED if outcome.accepted else ProfileState.REJECTED
        await self._answered(station, command, brought, state, status=outcome.status)
        return outcome

    async def _answered(
        self,
        station: StationId,
        command: StartTransaction,
        brought: HeldProfile | None,
        state: ProfileState,
        *,
        status: str,
    ) -> None:
        """Tell how a remote start went; one that failed must not claim the next driver's car."""
        accepted = state is ProfileState.ACCEPTED
        async with self._begin() as work:
            await work.stations.lock(station)
            if not accepted:
                await work.remote_starts.withdraw(station, command.remote_start_id)
            await _settle(work, brought, state, status, self._clock())
            work.emit(
                RemoteStartRequested(
                    station=station,
                    at=self._clock(),
                    remote_start_id=command.remote_start_id,
                    id_token=command.id_token,
                    accepted=accepted,
                    status=status,
                )
            )

    async def stop(self, station: StationId, ref: TransactionRef) -> Outcome:
        """Ask a station to stop a transaction (F03)."""
        async with self._read() as work:
            await _check_accepted(work, station)
        return await self._stations.send(station, StopTransaction(ref=ref))

    async def trigger(
        self,
        station: StationId,
        message: Triggered,
        evse: Evse | None = None,
        *,
        newer: bool = False,
        custom: str = "",
    ) -> Outcome:
        """Ask a station to send a message now (F06); see `Trigger`."""
        command = Trigger(message=message, evse=evse, newer=newer, custom=custom)
        return await self._stations.send(station, command)

    async def unlock(self, station: StationId, evse: Evse) -> Outcome:
        """Have a station let go of a cable (F05); what it charges there ends, in 1.6."""
        return await self._stations.send(station, UnlockConnector(evse=evse))

    async def clear_cache(self, station: StationId) -> Outcome:
        """Have a station forget what was answered for tokens (C11)."""
        return await self._stations.send(station, ClearCache())

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


async def _settle(
    work: Work, brought: HeldProfile | None, state: ProfileState, status: str, now: datetime
) -> None:
    if brought is not None:
        await answered(work, brought, state, status, now)


async def _check_accepted(work: Work, station: StationId) -> None:
    """1.6 4.2, 2.1 B02.FR.05: no remote start or stop before a station is accepted."""
    known = await work.stations.get(station)
    if known is not None and known.registration is not Registration.ACCEPTED:
        raise CommandUnfit(
            f"{station} is {known.registration.value.lower()}; accept it first, "
            "or send the raw message"
        )
