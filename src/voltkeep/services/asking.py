"""Which service carries out which ask: one row for each."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from msgspec import json

from voltkeep.domain import asks
from voltkeep.domain.accounts import Permission
from voltkeep.domain.commands import Outcome
from voltkeep.domain.device_model import (
    BadVariable,
    Component,
    Variable,
    VariableValue,
    component,
    variable,
)
from voltkeep.domain.identity import StationId
from voltkeep.services.asking_trust import CarryOut, TrustDoers, trust_table
from voltkeep.services.availability import AvailabilityService
from voltkeep.services.configuration import ConfigurationService, summed_up
from voltkeep.services.data_transfer import DataTransferService
from voltkeep.services.local_list import LocalListService
from voltkeep.services.ports import CommandUnfit
from voltkeep.services.provisioning import ProvisioningService
from voltkeep.services.remote_control import RemoteControlService
from voltkeep.services.reservations import ReservationService, Wish
from voltkeep.services.smart_charging import SmartChargingService
from voltkeep.services.templates import TemplateService, outcome_of

N = TypeVar("N", Component, Variable)

PERMISSIONS: Mapping[type[Any], Permission] = {
    asks.RemoteStart: Permission.SEND_COMMANDS,
    asks.RemoteStop: Permission.SEND_COMMANDS,
    asks.Reset: Permission.SEND_COMMANDS,
    asks.Trigger: Permission.SEND_COMMANDS,
    asks.ChangeAvailability: Permission.SEND_COMMANDS,
    asks.UnlockConnector: Permission.SEND_COMMANDS,
    asks.ClearCache: Permission.SEND_COMMANDS,
    asks.Reserve: Permission.SEND_COMMANDS,
    asks.CancelReservation: Permission.SEND_COMMANDS,
    asks.SendLocalList: Permission.SEND_TECHNICAL,
    asks.GetLocalListVersion: Permission.SEND_COMMANDS,
    asks.SetChargingProfile: Permission.SEND_TECHNICAL,
    asks.ClearChargingProfiles: Permission.SEND_TECHNICAL,
    asks.GetCompositeSchedule: Permission.SEND_COMMANDS,
    asks.GetChargingProfiles: Permission.SEND_COMMANDS,
    asks.ReadConfiguration: Permission.SEND_TECHNICAL,
    asks.WriteConfiguration: Permission.SEND_TECHNICAL,
    asks.ApplyTemplate: Permission.SEND_TECHNICAL,
    asks.TransferData: Permission.SEND_TECHNICAL,
    asks.RequestLog: Permission.SEND_TECHNICAL,
    asks.UpdateFirmware: Permission.SEND_TECHNICAL,
    asks.InstallCertificate: Permission.WRITE_SECURITY,
    asks.GetInstalledCertificates: Permission.SEND_TECHNICAL,
    asks.DeleteCertificate: Permission.WRITE_SECURITY,
    asks.RenewCertificate: Permission.WRITE_SECURITY,
    asks.RotateKey: Permission.WRITE_SECURITY,
    asks.RaiseProfile: Permission.WRITE_SECURITY,
    asks.RawMessage: Permission.SEND_TECHNICAL,
}
"""What whoever asks must be allowed; `needed` is how to look it up."""


def needed(kind: type[Any]) -> Permission:
    """What an ask of this kind takes: if nobody has said, it is a technical one."""
    return PERMISSIONS.get(kind, Permission.SEND_TECHNICAL)


class Doers(TrustDoers, Protocol):
    """The services that asks need."""

    @property
    def provisioning(self) -> ProvisioningService: ...
    @property
    def configuration(self) -> ConfigurationService: ...
    @property
    def templates(self) -> TemplateService: ...
    @property
    def data_transfer(self) -> DataTransferService: ...
    @property
    def availability(self) -> AvailabilityService: ...
    @property
    def remote_control(self) -> RemoteControlService: ...
    @property
    def reservations(self) -> ReservationService: ...
    @property
    def local_lists(self) -> LocalListService: ...
    @property
    def smart_charging(self) -> SmartChargingService: ...


def table(doers: Doers) -> Mapping[type[Any], CarryOut]:
    """How each kind of ask is carried out."""

    async def remote_start(station: StationId, ask: asks.RemoteStart) -> Outcome:
        return await doers.remote_control.start(
            station, ask.id_token, ask.evse, profile=ask.profile, force=ask.force
        )

    async def remote_stop(station: StationId, ask: asks.RemoteStop) -> Outcome:
        return await doers.remote_control.stop(station, ask.transaction)

    async def reset(station: StationId, ask: asks.Reset) -> Outcome:
        return await doers.provisioning.reset(station, ask.kind, ask.evse)

    async def trigger(station: StationId, ask: asks.Trigger) -> Outcome:
        return await doers.remote_control.trigger(
            station, ask.message, ask.evse, newer=ask.newer, custom=ask.custom
        )

    async def change_availability(station: StationId, ask: asks.ChangeAvailability) -> Outcome:
        return await doers.availability.change(station, operative=ask.operative, evse=ask.evse)

    async def unlock(station: StationId, ask: asks.UnlockConnector) -> Outcome:
        return await doers.remote_control.unlock(station, ask.evse)

    async def clear_cache(station: StationId, _: asks.ClearCache) -> Outcome:
        return await doers.remote_control.clear_cache(station)

    async def raw(station: StationId, ask: asks.RawMessage) -> Outcome:
        return await doers.remote_control.send_raw(
            station, ask.action, bytes(ask.payload), force=ask.force
        )

    return {
        asks.RemoteStart: remote_start,
        asks.RemoteStop: remote_stop,
        asks.Reset: reset,
        asks.Trigger: trigger,
        asks.ChangeAvailability: change_availability,
        asks.UnlockConnector: unlock,
        asks.ClearCache: clear_cache,
        asks.RawMessage: raw,
        **_reservations(doers),
        **_local_lists(doers),
        **_smart_charging(doers),
        **_configuration(doers),
        **trust_table(doers),
    }


def _named(read: Callable[[str], N], text: str) -> N:
    """Raises CommandUnfit: nothing is called that."""
    try:
        return read(text)
    except BadVariable as error:
        raise CommandUnfit(str(error)) from error


def _configuration(doers: Doers) -> Mapping[type[Any], CarryOut]:
    async def read(station: StationId, ask: asks.ReadConfiguration) -> Outcome:
        if ask.variables:
            variables = [_named(variable, each) for each in ask.variables]
            said = await doers.configuration.read(station, variables, ask.attribute)
            return summed_up(said)
        components = [_named(component, each) for each in ask.components]
        base = None if components else ask.report
        return (await doers.configuration.ask_report(station, base, components))[1]

    async def write(station: StationId, ask: asks.WriteConfiguration) -> Outcome:
        values = [
            VariableValue(
                variable=_named(variable, each.variable), value=each.value, attribute=each.attribute
            )
            for each in ask.values
        ]
        return summed_up(await doers.configuration.write(station, values))

    async def apply(station: StationId, ask: asks.ApplyTemplate) -> Outcome:
        return outcome_of(await doers.templates.apply(station, ask.template))

    async def transfer(station: StationId, ask: asks.TransferData) -> Outcome:
        data = b"" if ask.data is None else json.encode(ask.data)
        return await doers.data_transfer.send(station, ask.vendor, ask.message, data)

    return {
        asks.ReadConfiguration: read,
        asks.WriteConfiguration: write,
        asks.ApplyTemplate: apply,
        asks.TransferData: transfer,
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


def _smart_charging(doers: Doers) -> Mapping[type[Any], CarryOut]:
    async def set_profile(station: StationId, ask: asks.SetChargingProfile) -> Outcome:
        return await doers.smart_charging.set(station, ask.profile, ask.evse, force=ask.force)

    async def clear(station: StationId, ask: asks.ClearChargingProfiles) -> Outcome:
        return await doers.smart_charging.clear(station, ask.criteria)

    async def composite(station: StationId, ask: asks.GetCompositeSchedule) -> Outcome:
        return await doers.smart_charging.composite(
            station, ask.evse, ask.duration_s, unit=ask.unit, supply=ask.supply
        )

    async def ask_profiles(station: StationId, ask: asks.GetChargingProfiles) -> Outcome:
        return await doers.smart_charging.ask_profiles(station, ask.criteria)

    return {
        asks.SetChargingProfile: set_profile,
        asks.ClearChargingProfiles: clear,
        asks.GetCompositeSchedule: composite,
        asks.GetChargingProfiles: ask_profiles,
    }


def _local_lists(doers: Doers) -> Mapping[type[Any], CarryOut]:
    async def send(station: StationId, ask: asks.SendLocalList) -> Outcome:
        if ask.entries is None:
            return await doers.local_lists.sync(
                station, full=ask.full, exactly=ask.exactly, version=ask.version
            )
        return await doers.local_lists.send(
            station, ask.entries, full=ask.full, version=ask.version
        )

    async def version(station: StationId, _: asks.GetLocalListVersion) -> Outcome:
        return await doers.local_lists.version(station)

    return {asks.SendLocalList: send, asks.GetLocalListVersion: version}
