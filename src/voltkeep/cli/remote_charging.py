"""Reservations, charging profiles and local lists, over the API of a server elsewhere."""

from collections.abc import Sequence
from typing import NamedTuple

from voltkeep.cli.remote_orders import asked
from voltkeep.cli.remote_part import PAGE, Part, first
from voltkeep.cli.remote_words import plain, taken
from voltkeep.client import models
from voltkeep.domain import asks
from voltkeep.domain.commands import Outcome
from voltkeep.domain.composite import Supply
from voltkeep.domain.identity import Evse, StationId, TenantId
from voltkeep.domain.local_list import ListEntry, LocalList
from voltkeep.domain.reservations import Reservation
from voltkeep.domain.smart_charging import (
    ChargingProfile,
    CompositeSchedule,
    HeldProfile,
    ProfileCriteria,
    RateUnit,
)
from voltkeep.services.records import Look
from voltkeep.services.reservations import Wish


class Reservations(Part):
    """As `ReservationService`."""

    async def reserve(self, station: StationId, wish: Wish) -> "Answered":
        ask = asks.Reserve(
            id_token=wish.id_token,
            expires_at=wish.expires_at,
            evse=wish.evse,
            connector_type=wish.connector_type,
            group=wish.group,
            id=wish.id,
        )
        return Answered(await asked(self._app, station, ask))

    async def cancel(self, station: StationId, id: int) -> Outcome:
        return await asked(self._app, station, asks.CancelReservation(id=id))

    async def page(self, tenant: TenantId, look: Look) -> list[Reservation]:
        listed = self._app.client(tenant).list_reservations(station=look.station, limit=PAGE)
        wanted = (each async for each in listed if not look.states or each.state in look.states)
        return [_reservation_of(tenant, each) for each in await first(wanted, look.limit)]


class Answered(NamedTuple):
    """As `Reserved`, without the reservation."""

    outcome: Outcome


def _reservation_of(tenant: TenantId, said: models.ReservationOut) -> Reservation:
    values = plain(said) | {
        "station": (tenant, said.station),
        "id": str(said.id),
        "at": said.changed_at,
    }
    reservation: Reservation = taken(Reservation, values)
    return reservation


class SmartCharging(Part):
    """As `SmartChargingService`."""

    async def set(
        self,
        station: StationId,
        profile: ChargingProfile,
        evse: Evse | None = None,
        *,
        force: bool = False,
    ) -> Outcome:
        ask = asks.SetChargingProfile(profile=profile, evse=evse, force=force)
        return await asked(self._app, station, ask)

    async def clear(self, station: StationId, which: ProfileCriteria) -> Outcome:
        return await asked(self._app, station, asks.ClearChargingProfiles(criteria=which))

    async def ask_profiles(self, station: StationId, which: ProfileCriteria) -> Outcome:
        return await asked(self._app, station, asks.GetChargingProfiles(criteria=which))

    async def profiles(self, station: StationId, *, live: bool = False) -> list[HeldProfile]:
        client = self._app.client(station.tenant)
        if live:
            told = await client.list_live_profiles(station.name)
            return [_held_of(station, each) for each in told]
        await client.show_station(station.name)
        listed = client.list_charging_profiles(station=station.name, limit=PAGE)
        return [_held_of(station, each) async for each in listed]

    async def composite(
        self,
        station: StationId,
        evse: Evse | None,
        duration_s: int,
        *,
        unit: RateUnit | None = None,
        supply: Supply,
    ) -> Outcome:
        ask = asks.GetCompositeSchedule(duration_s=duration_s, evse=evse, unit=unit, supply=supply)
        return await asked(self._app, station, ask)

    async def computed(
        self,
        station: StationId,
        evse: Evse | None,
        duration_s: int,
        *,
        unit: RateUnit,
        supply: Supply,
    ) -> CompositeSchedule:
        told = await self._app.client(station.tenant).compute_composite_schedule(
            station.name,
            evse=None if evse is None else evse.id,
            duration_s=duration_s,
            unit=unit.value,
            voltage_v=supply.voltage_v,
            phases=supply.phases,
        )
        schedule: CompositeSchedule = taken(CompositeSchedule, plain(told))
        return schedule


def _held_of(station: StationId, said: models.ChargingProfileOut) -> HeldProfile:
    values = plain(said) | {
        "station": station,
        "id": said.key,
        "at": said.changed_at,
        "profile_id": said.id,
        "told_at": said.reported_at,
        "grid_critical": said.is_grid_critical,
    }
    held: HeldProfile = taken(HeldProfile, values)
    return held


class LocalLists(Part):
    """As `LocalListService`."""

    async def get(self, station: StationId) -> LocalList:
        found = await self._app.client(station.tenant).show_local_list(station.name)
        return _list_of(station.tenant, found)

    async def page(self, tenant: TenantId, look: Look) -> list[LocalList]:
        listed = self._app.client(tenant).list_local_lists(limit=PAGE)
        return [_list_of(tenant, each) for each in await first(listed, look.limit)]

    async def set(
        self, station: StationId, *, is_on: bool, groups: Sequence[str] | None
    ) -> LocalList:
        change = models.LocalListChange(on=is_on)
        if groups is not None:
            change = models.LocalListChange(on=is_on, groups=tuple(groups))
        changed = await self._app.client(station.tenant).change_local_list(station.name, change)
        return _list_of(station.tenant, changed)

    async def sync(
        self, station: StationId, *, full: bool = False, exactly: bool = False
    ) -> Outcome:
        return await asked(self._app, station, asks.SendLocalList(full=full, exactly=exactly))

    async def send(
        self,
        station: StationId,
        entries: Sequence[ListEntry],
        *,
        full: bool,
        version: int | None = None,
    ) -> Outcome:
        ask = asks.SendLocalList(full=full, entries=tuple(entries), version=version)
        return await asked(self._app, station, ask)


def _list_of(tenant: str, said: models.LocalListOut) -> LocalList:
    values = plain(said) | {
        "station": (tenant, said.station),
        "at": said.changed_at,
        "is_on": said.on,
    }
    known: LocalList = taken(LocalList, values)
    return known
