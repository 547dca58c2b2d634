"""Configuration and templates, over the API of a server elsewhere."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from voltkeep.cli.remote_orders import asked
from voltkeep.cli.remote_part import PAGE, Part
from voltkeep.cli.remote_words import plain, station_of, taken
from voltkeep.client import ProblemError, models
from voltkeep.domain import asks
from voltkeep.domain.commands import Outcome, VariablesTold
from voltkeep.domain.configuration import (
    Applied,
    Drift,
    DriftKind,
    StationDrift,
    Template,
    Written,
)
from voltkeep.domain.device_model import (
    OPEN_REPORTS,
    Attribute,
    ComponentState,
    DeviceReport,
    Variable,
    VariableState,
    VariableTold,
    VariableValue,
    variable,
)
from voltkeep.domain.identity import StationId, TenantId
from voltkeep.domain.stations import Station
from voltkeep.services.ports import StationUnreachable
from voltkeep.services.templates import FleetDrift

_LOOK_EVERY_S = 0.5


class Configuration(Part):
    """As `ConfigurationService`."""

    async def read(
        self, station: StationId, variables: Sequence[Variable]
    ) -> Sequence[VariableTold]:
        ask = asks.ReadConfiguration(variables=tuple(map(str, variables)))
        return _variables(await asked(self._app, station, ask))

    async def write(
        self, station: StationId, values: Sequence[VariableValue]
    ) -> Sequence[VariableTold]:
        wanted = tuple(
            asks.ConfigurationValue(
                variable=str(each.variable), value=each.value, attribute=each.attribute
            )
            for each in values
        )
        return _variables(await asked(self._app, station, asks.WriteConfiguration(values=wanted)))

    async def known(self, station: StationId) -> tuple[Station, list[ComponentState]]:
        client = self._app.client(station.tenant)
        it = station_of(await client.show_station(station.name))
        components: dict[str, ComponentState] = {}
        async for each in client.list_variables(station.name, limit=PAGE):
            of = variable(each.variable)
            empty = ComponentState(
                station=station, id=of.component.key, at=each.at, component=of.component
            )
            before = components.get(of.component.key, empty)
            components[of.component.key] = msgspec.structs.replace(
                before, variables=(*before.variables, _state_of(of, each))
            )
        return it, list(components.values())

    async def ask_report(self, station: StationId) -> tuple[DeviceReport, Outcome]:
        outcome = await asked(self._app, station, asks.ReadConfiguration())
        reports = await self._reports(station)
        return max(reports, key=lambda each: each.asked_at), outcome

    async def wait(self, report: DeviceReport, timeout: float) -> DeviceReport:
        try:
            async with asyncio.timeout(timeout):
                while report.state in OPEN_REPORTS:
                    await asyncio.sleep(_LOOK_EVERY_S)
                    found = await self._reports(report.station)
                    report = next((each for each in found if each.id == report.id), report)
        except TimeoutError:
            pass
        return report

    async def _reports(self, station: StationId) -> list[DeviceReport]:
        told = await self._app.client(station.tenant).list_reports(station.name)
        return [_report_of(station, each) for each in told]


def _variables(outcome: Outcome) -> Sequence[VariableTold]:
    return outcome.told.variables if isinstance(outcome.told, VariablesTold) else ()


def _state_of(of: Variable, said: models.VariableOut) -> VariableState:
    values = plain(said) | {
        "name": of.name,
        "instance": of.instance,
        "others": tuple(said.others.items()),
        "is_known": said.known,
        "pending_at": said.at if said.needs_reboot else None,
    }
    state: VariableState = taken(VariableState, values)
    return state


def _report_of(station: StationId, said: models.ReportOut) -> DeviceReport:
    values = plain(said) | {"station": station, "parts": tuple(range(said.parts))}
    report: DeviceReport = taken(DeviceReport, values)
    return report


class Templates(Part):
    """As `TemplateService`."""

    async def add(self, template: Template) -> Template:
        content = _content(template)
        new = models.NewTemplate(name=template.id, **content)
        tenant = template.station.tenant
        return _template_of(tenant, await self._app.client(tenant).add_template(new))

    async def replace(self, template: Template) -> Template:
        content = models.TemplateContent(**_content(template))
        tenant = template.station.tenant
        client = self._app.client(tenant)
        return _template_of(tenant, await client.change_template(template.id, content))

    async def all(self, tenant: TenantId) -> list[Template]:
        listed = self._app.client(tenant).list_templates(limit=PAGE)
        return [_template_of(tenant, each) async for each in listed]

    async def get(self, tenant: TenantId, name: str) -> Template:
        return _template_of(tenant, await self._app.client(tenant).show_template(name))

    async def assigned(self, tenant: TenantId, name: str) -> list[StationId]:
        listed = self._app.client(tenant).list_assigned(name, limit=PAGE)
        return [StationId(tenant, each) async for each in listed]

    async def remove(self, tenant: TenantId, name: str) -> None:
        await self._app.client(tenant).remove_template(name)

    async def assign(self, name: str, station: StationId) -> None:
        await self._app.client(station.tenant).assign_template(name, station.name)

    async def unassign(self, name: str, station: StationId) -> None:
        await self._app.client(station.tenant).unassign_template(name, station.name)

    async def drift(self, station: StationId, template: str = "") -> StationDrift:
        found = await self._app.client(station.tenant).show_drift(station.name, template=template)
        return _drift_of(station.tenant, found)

    async def fleet(self, tenant: TenantId, *, after: str = "") -> FleetDrift:
        """All of them: the client turns the pages, so there is never an ``after``."""
        assert not after, "there was no next page"
        listed = self._app.client(tenant).list_drift(limit=PAGE)
        return FleetDrift(stations=tuple([_drift_of(tenant, each) async for each in listed]))

    async def apply_to(
        self, stations: Iterable[StationId], template: str = "", *, at_once: int = 10
    ) -> list[tuple[StationId, Applied | Exception]]:
        room = asyncio.Semaphore(at_once)

        async def one(station: StationId) -> tuple[StationId, Applied | Exception]:
            async with room:
                try:
                    return station, await self._apply(station, template)
                except (StationUnreachable, ProblemError) as failure:
                    return station, failure

        return list(await asyncio.gather(*map(one, stations)))

    async def _apply(self, station: StationId, template: str) -> Applied:
        said = _variables(await asked(self._app, station, asks.ApplyTemplate(template=template)))
        written = tuple(
            Written(
                variable=each.variable,
                value=each.value or "",
                status=each.status,
                reason=each.reason,
            )
            for each in said
        )
        left = (await self.drift(station, template)).drift
        return Applied(station=station, written=written, left=left)


def _content(template: Template) -> dict[str, Any]:
    return {
        "values": tuple(
            models.TemplateValue(
                variable=str(each.variable), value=each.value, attribute=each.attribute.value
            )
            for each in template.values
        ),
        "sites": template.sites,
        "makes": tuple(
            models.TemplateMake(vendor=each.vendor, model=each.model, firmware=each.firmware)
            for each in template.makes
        ),
        "after_boot": template.after_boot,
        "note": template.note,
    }


def _template_of(tenant: TenantId, said: models.TemplateOut) -> Template:
    values = plain(said) | {
        "station": (tenant, ""),
        "id": said.name,
        "values": [plain(each) | {"variable": variable(each.variable)} for each in said.values],
    }
    template: Template = taken(Template, values)
    return template


def _drift_of(tenant: TenantId, said: models.StationDriftOut) -> StationDrift:
    drift = tuple(
        Drift(
            wanted=VariableValue(
                variable=variable(each.variable),
                value=each.wanted,
                attribute=Attribute(each.attribute),
            ),
            template=each.template,
            kind=DriftKind(each.kind),
            value=each.value,
            at=each.at,
        )
        for each in said.drift
    )
    return StationDrift(
        station=StationId(tenant, said.station),
        templates=said.templates,
        wanted=said.wanted,
        drift=drift,
    )
