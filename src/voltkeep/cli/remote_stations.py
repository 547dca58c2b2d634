"""Stations, their keys, and what their connectors say, over the API of a server elsewhere."""

from datetime import datetime
from typing import Any

from msgspec import structs

from voltkeep.cli.remote_orders import asked
from voltkeep.cli.remote_part import Part, Server
from voltkeep.cli.remote_words import connector_of, plain, station_of, taken
from voltkeep.client import models
from voltkeep.domain.asks import RotateKey
from voltkeep.domain.audit import Actor
from voltkeep.domain.availability import AvailabilityPlan, AvailabilityWish, PlanState, place_id
from voltkeep.domain.identity import DEFAULT_TENANT, Evse, StationId, TenantId
from voltkeep.domain.stations import Policy, Registration, SecurityProfile, Station
from voltkeep.services.availability import Availability, ConnectorState, WishShown
from voltkeep.services.availability_plans import UnknownPlan
from voltkeep.services.credentials import KeyRotation, Stage


class Provisioning(Part):
    """As `ProvisioningService`."""

    async def get(self, station: StationId) -> Station:
        return station_of(await self._app.client(station.tenant).show_station(station.name))

    async def all(self, tenant: TenantId | None = None) -> list[Station]:
        found = self._app.client(tenant or DEFAULT_TENANT).list_stations(limit=500)
        return [station_of(each) async for each in found]

    async def add(self, station: Station) -> None:
        new = models.NewStation(
            id=station.id.name,
            security_profile=int(station.security_profile),  # type: ignore[arg-type]  # 0 to 3
            registration=station.registration.value,
            site=station.site,
            note=station.note,
        )
        await self._app.client(station.id.tenant).add_station(new)

    async def remove(self, station: StationId) -> None:
        await self._app.client(station.tenant).remove_station(station.name)

    async def set_registration(self, station: StationId, registration: Registration) -> None:
        await self._change(station, registration=registration.value)

    async def set_passive(self, station: StationId, *, passive: bool) -> None:
        await self._change(station, passive=passive)

    async def set_profile(self, station: StationId, profile: SecurityProfile) -> None:
        body = models.WantedProfile(security_profile=int(profile))  # type: ignore[arg-type]  # 0 to 3
        await self._app.client(station.tenant).set_security_profile(station.name, body)

    async def describe(
        self,
        station: StationId,
        *,
        site: str | None = None,
        note: str | None = None,
        policy: Policy | None = None,
    ) -> None:
        said = {"site": site, "note": note, "policy": policy}
        await self._change(
            station, **{name: each for name, each in said.items() if each is not None}
        )

    async def _change(self, station: StationId, **said: Any) -> None:
        change = models.StationChange(**said)
        await self._app.client(station.tenant).change_station(station.name, change)


class AvailabilityNow(Part):
    """As `AvailabilityService`."""

    async def show(self, station: StationId) -> Availability:
        client = self._app.client(station.tenant)
        found = await client.show_availability(station.name)
        return Availability(
            station=station_of(await client.show_station(station.name)),
            connectors=tuple(connector_of(station.tenant, each) for each in found.connectors),
            wishes=tuple(_wish_of(station, each) for each in found.wanted),
            plans=tuple(_plan_of(station, each) for each in found.planned),
        )

    @property
    def plans(self) -> "Plans":
        return Plans(self._app)

    def judge(self, row: ConnectorState, station: Station) -> ConnectorState:
        """The server has judged already."""
        return row


def _wish_of(station: StationId, said: models.WantedOut) -> WishShown:
    wish: AvailabilityWish = taken(
        AvailabilityWish,
        plain(said) | {"station": station, "id": "", "at": said.changed_at},
    )
    wish = structs.replace(wish, id=place_id(wish.evse))
    return WishShown(wish=wish, differs=said.differs)


class Plans(Part):
    """As `AvailabilityPlans`."""

    async def add(
        self,
        station: StationId,
        *,
        operative: bool,
        evse: Evse | None = None,
        due_at: datetime,
        until: datetime | None = None,
    ) -> list[AvailabilityPlan]:
        place = None if evse is None else models.Evse(id=evse.id, connector_id=evse.connector_id)
        new = models.NewPlan(operative=operative, evse=place, due_at=due_at, until=until)
        made = await self._app.client(station.tenant).add_plan(station.name, new)
        return [_plan_of(station, each) for each in made]

    async def cancel(self, station: StationId, id: str) -> AvailabilityPlan:
        """Raises UnknownPlan."""
        client = self._app.client(station.tenant)
        planned = (await client.show_availability(station.name)).planned
        found = next((each for each in planned if each.id == id), None)
        if found is None:
            raise UnknownPlan(f"{station} has no plan {id} that can be cancelled")
        await client.cancel_plan(id, station.name)
        cancelled = structs.replace(found, state=PlanState.CANCELLED.value)
        return _plan_of(station, cancelled)


def _plan_of(station: StationId, said: models.PlanOut) -> AvailabilityPlan:
    values = plain(said) | {
        "station": station,
        "at": said.due_at,
        "actor": Actor(kind="system", name=said.asked_by),
    }
    plan: AvailabilityPlan = taken(AvailabilityPlan, values)
    return plan


class Security(Part):
    """As `SecurityService`."""

    async def set_password(self, station: StationId, password: str) -> None:
        body = models.StationPassword(password=password)
        await self._app.client(station.tenant).set_station_password(station.name, body)

    async def rotate_key(self, station: StationId) -> str:
        made = await self._app.client(station.tenant).make_station_key(station.name)
        self._app.services.addresses.told[station] = made.address
        return made.key


class Credentials(Part):
    """As `CredentialService`."""

    async def rotate_key(self, station: StationId) -> KeyRotation:
        """The key itself is told to the station only."""
        outcome = await asked(self._app, station, RotateKey())
        stage = Stage.REJECTED
        if outcome.accepted:
            is_later = outcome.status in _AFTER_REBOOT
            stage = Stage.AFTER_REBOOT if is_later else Stage.ACCEPTED
        elif outcome.status == Stage.UNANSWERED:
            stage = Stage.UNANSWERED
        return KeyRotation(stage=stage, status=outcome.status, problem=outcome.warning)


_AFTER_REBOOT = {Stage.AFTER_REBOOT, "RebootRequired"}


class Addresses(Part):
    """As `Addresses`, as far as the server has told where stations connect."""

    def __init__(self, app: Server) -> None:
        super().__init__(app)
        self.told: dict[StationId, str] = {}

    def station(self, station: StationId, _profile: SecurityProfile) -> str:
        return self.told.get(station, "")
