"""Configuration: what stations say of their variables, and how far they are from templates.

They are read and written with commands: ReadConfiguration, WriteConfiguration, ApplyTemplate.
"""

from datetime import UTC, datetime
from typing import Annotated

from litestar import get
from litestar.params import FromQuery, QueryParameter
from msgspec import Struct

from voltkeep.domain.accounts import Permission
from voltkeep.domain.configuration import (
    Drift,
    DriftKind,
    StationDrift,
)
from voltkeep.domain.device_model import (
    Attribute,
    Characteristics,
    DeviceReport,
    ReportState,
    Variable,
    VariableState,
)
from voltkeep.web.access import Given, Known, Paging, Who
from voltkeep.web.paging import DEFAULT_LIMIT, Cursor, Limit, Page
from voltkeep.web.problems import Asked


class VariableOut(Struct, frozen=True, kw_only=True):
    """What a station last said of a variable, and when; a secret has no value.

    ``variable`` is written ``Component[instance]@evse:connector.Variable[instance]``. A value that
    was accepted and waits for a reboot is ``pending``. ``known`` false: the station has no such
    variable.
    """

    variable: str
    value: str | None
    others: dict[str, str]
    read_only: bool | None
    known: bool
    pending: str | None
    needs_reboot: bool
    characteristics: Characteristics | None
    at: datetime


class ReportOut(Struct, frozen=True, kw_only=True):
    """A report that a station was asked for: how far it is."""

    id: str
    base: str
    state: ReportState
    asked_at: datetime
    at: datetime
    parts: int
    variables: int
    dropped: int
    problem: str


class DriftOut(Struct, frozen=True, kw_only=True):
    """A variable that is not as a template wants it; ``at`` is when the station last said so."""

    variable: str
    attribute: Attribute
    wanted: str
    value: str | None
    kind: DriftKind
    template: str
    at: datetime | None


class StationDriftOut(Struct, frozen=True, kw_only=True):
    """How far a station is from the templates that are for it."""

    station: str
    templates: list[str]
    wanted: int
    drift: list[DriftOut]


# What stations say.


@get("/stations/{station:str}/configuration", needs=Permission.READ_STATIONS)
async def list_variables(
    request: Asked,
    known: Known,
    services: Given,
    cursors: Paging,
    component: Annotated[str, QueryParameter(description="How the component begins.")] = "",
    needs_reboot: FromQuery[bool | None] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[VariableOut]:
    """What a station has said of its variables, in order of their names. It is not asked."""
    after: str = cursors.place(request, cursor, str) or ""
    station, components = await services.configuration.known(known.id)
    booted_at = station.booted_at
    named = sorted(
        (
            (Variable(part.component, state.name, state.instance), state)
            for part in components
            if part.id.startswith(component.casefold())
            for state in part.variables
            if needs_reboot in {None, state.needs_reboot(booted_at)}
        ),
        key=lambda row: row[0].key,
    )
    rows = [row for row in named if row[0].key > after][: limit + 1]
    following = cursors.after(request, rows[limit - 1][0].key) if len(rows) > limit else None
    items = [_variable(of, state, booted_at) for of, state in rows[:limit]]
    return Page(items=items, next=following)


def _variable(of: Variable, state: VariableState, booted_at: datetime | None) -> VariableOut:
    waits = state.needs_reboot(booted_at)
    return VariableOut(
        variable=str(of),
        value=state.actual(booted_at),
        others={name.value: value for name, value in state.others},
        read_only=state.read_only,
        known=state.is_known,
        pending=state.pending if waits else None,
        needs_reboot=waits,
        characteristics=state.characteristics,
        at=state.at,
    )


@get("/stations/{station:str}/configuration/reports", needs=Permission.READ_STATIONS)
async def list_reports(known: Known, services: Given) -> list[ReportOut]:
    """The five reports that a station was asked for last, the latest changed first."""
    return [_report(each) for each in await services.configuration.reports(known.id)]


def _report(report: DeviceReport) -> ReportOut:
    return ReportOut(
        id=report.id,
        base=report.base,
        state=report.state,
        asked_at=report.asked_at,
        at=report.at,
        parts=len(report.parts),
        variables=report.variables,
        dropped=report.dropped,
        problem=report.problem,
    )


@get("/stations/{station:str}/configuration/drift", needs=Permission.READ_STATIONS)
async def show_drift(
    known: Known, services: Given, template: FromQuery[str] = ""
) -> StationDriftOut:
    """How far a station is from its templates, or from one, by what it said last."""
    return _of_station(await services.templates.drift(known.id, template))


@get("/configuration/drift", needs=Permission.READ_STATIONS)
async def list_drift(
    request: Asked,
    principal: Who,
    services: Given,
    cursors: Paging,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[StationDriftOut]:
    """The stations that templates are for, in order of name, and how far each is from them."""
    after: str = cursors.place(request, cursor, str) or ""
    found = await services.templates.fleet(
        principal.tenant, after=after, limit=limit, sites=principal.sites
    )
    return Page(
        items=[_of_station(each) for each in found.stations],
        next=cursors.after(request, found.next) if found.next else None,
    )


def _of_station(drift: StationDrift) -> StationDriftOut:
    return StationDriftOut(
        station=drift.station.name,
        templates=list(drift.templates),
        wanted=drift.wanted,
        drift=[_drift(each) for each in drift.drift],
    )


def _drift(each: Drift) -> DriftOut:
    return DriftOut(
        variable=str(each.wanted.variable),
        attribute=each.wanted.attribute,
        wanted=each.wanted.value,
        value=each.value,
        kind=each.kind,
        template=each.template,
        at=each.at,
    )


ROUTES = [
    list_variables,
    list_reports,
    show_drift,
    list_drift,
]

_AT = datetime(2026, 5, 2, 9, 30, tzinfo=UTC)
_DRIFT = DriftOut(
    variable="OCPPCommCtrlr.HeartbeatInterval",
    attribute=Attribute.ACTUAL,
    wanted="60",
    value="300",
    kind=DriftKind.DIFFERENT,
    template="depot",
    at=_AT,
)
EXAMPLES = [
    VariableOut(
        variable="OCPPCommCtrlr.HeartbeatInterval",
        value="300",
        others={},
        read_only=False,
        known=True,
        pending="60",
        needs_reboot=True,
        characteristics=Characteristics(data_type="integer", unit="s"),
        at=_AT,
    ),
    ReportOut(
        id="123456",
        base="FullInventory",
        state=ReportState.COMPLETE,
        asked_at=_AT,
        at=_AT,
        parts=12,
        variables=233,
        dropped=0,
        problem="",
    ),
    StationDriftOut(station="CP-1001", templates=["depot"], wanted=3, drift=[_DRIFT]),
    _DRIFT,
]
