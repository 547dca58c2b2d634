"""Which service carries out which ask: one row for each."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from voltkeep.domain import asks
from voltkeep.domain.commands import Outcome
from voltkeep.domain.identity import StationId
from voltkeep.services.provisioning import ProvisioningService
from voltkeep.services.remote_control import RemoteControlService
from voltkeep.services.reservations import ReservationService, Wish

CarryOut = Callable[[StationId, Any], Awaitable[Outcome]]
"""Does what is asked of a station. Raises what `Stations.send` raises."""


class Doers(Protocol):
    """The services that asks need."""

    @property
    def provisioning(self) -> ProvisioningService: ...
    @property
    def remote_control(self) -> RemoteControlService: ...
    @property
    def reservations(self) -> ReservationService: ...


def table(doers: Doers) -> Mapping[type[Any], CarryOut]:
    """How each kind of ask is carried out."""

    async def remote_start(station: StationId, ask: asks.RemoteStart) -> Outcome:
        return await doers.remote_control.start(station, ask.id_token, ask.evse)

    async def remote_stop(station: StationId, ask: asks.RemoteStop) -> Outcome:
        return await doers.remote_control.stop(station, ask.transaction)

    async def reset(station: StationId, ask: asks.Reset) -> Outcome:
        return await doers.provisioning.reset(station, ask.kind, ask.evse)

    async def trigger(station: StationId, ask: asks.Trigger) -> Outcome:
        return await doers.remote_control.trigger(station, ask.message, ask.evse)

    async def raw(station: StationId, ask: asks.RawMessage) -> Outcome:
        return await doers.remote_control.send_raw(
            station, ask.action, bytes(ask.payload), force=ask.force
        )

    return {
        asks.RemoteStart: remote_start,
        asks.RemoteStop: remote_stop,
        asks.Reset: reset,
        asks.Trigger: trigger,
        asks.RawMessage: raw,
        **_reservations(doers),
    }


def _reservations(doers: Doers) -> Mapping[type[Any], CarryOut]:
    async def reserve(station: StationId, ask: asks.Reserve) -> Outcome:
        wish = Wish(
            id_token=ask.id_token,
            expires_at=ask.expires_at,
            evse=ask.evse,
            connector_type=ask.connector_type,
            group=ask.group,
            id=ask.id,
        )
        return (await doers.reservations.reserve(station, wish)).outcome

    async def cancel(station: StationId, ask: asks.CancelReservation) -> Outcome:
        return await doers.reservations.cancel(station, ask.id)

    return {asks.Reserve: reserve, asks.CancelReservation: cancel}
