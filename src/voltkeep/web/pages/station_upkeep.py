"""One station's upkeep as people see it: configuration, firmware, logs, certificates, security."""

from datetime import datetime
from typing import Annotated, Literal

from litestar import Response, get
from litestar.params import FromQuery, QueryParameter
from msgspec import Struct

from voltkeep.domain.accounts import Permission
from voltkeep.domain.certificates import RevocationReason, RootUse
from voltkeep.domain.device_model import Variable, VariableState
from voltkeep.domain.diagnostics import LogKind
from voltkeep.services.records import Look
from voltkeep.web.access import Given, Known, Paging, Who
from voltkeep.web.pages.station_frame import ROWS, framed, look_at
from voltkeep.web.paging import Cursor, Page, page_of_records
from voltkeep.web.problems import Asked

_LISTED = 100
_VARIABLES = 100


class Row(Struct, frozen=True, kw_only=True):
    """A variable as the station last told it; ``pending`` waits for a boot."""

    name: str
    value: str | None
    pending: str | None
    can_write: bool
    kind: str
    unit: str
    choices: str
    state: VariableState


@get(
    "/stations/{station:str}/configuration", needs=Permission.READ_STATIONS, include_in_schema=False
)
async def configuration_page(
    request: Asked,
    known: Known,
    services: Given,
    cursors: Paging,
    search: FromQuery[str] = "",
    needs_reboot: FromQuery[bool | None] = None,
    cursor: Cursor = None,
) -> Response[str]:
    """The station's variables as it told them, and how far they are from its templates."""
    after: str = cursors.place(request, cursor, str) or ""
    station, components = await services.configuration.known(known.id)
    wanted = search.strip().casefold()
    named = sorted(
        (
            (Variable(part.component, state.name, state.instance), state)
            for part in components
            for state in part.variables
        ),
        key=lambda pair: pair[0].key,
    )
    fitting = [
        (of, state)
        for of, state in named
        if wanted in of.key and needs_reboot in {None, state.needs_reboot(station.booted_at)}
    ]
    shown = [pair for pair in fitting if pair[0].key > after][: _VARIABLES + 1]
    is_more = len(shown) > _VARIABLES
    following = cursors.after(request, shown[_VARIABLES - 1][0].key) if is_more else None
    rows = [_row(of, state, station.booted_at) for of, state in shown[:_VARIABLES]]
    return await framed(
        request,
        services,
        known,
        "station_configuration.html",
        variables=Page(items=rows, next=following),
        fitting=len(fitting),
        told=len(named),
        drift=await services.templates.drift(known.id),
        reports=await services.configuration.reports(known.id),
    )


def _row(of: Variable, state: VariableState, booted_at: datetime | None) -> Row:
    about = state.characteristics
    return Row(
        name=str(of),
        value=state.actual(booted_at),
        pending=state.pending if state.needs_reboot(booted_at) else None,
        can_write=state.is_known and state.read_only is not True and not of.is_secret,
        kind=about.data_type if about else "",
        unit=about.unit if about else "",
        choices=about.choices if about else "",
        state=state,
    )


@get("/stations/{station:str}/files", needs=Permission.READ_STATIONS, include_in_schema=False)
async def files_page(
    request: Asked, known: Known, principal: Who, services: Given
) -> Response[str]:
    """Updates of its firmware, and the logs that it was asked for."""
    look = Look(station=known.id.name, sites=principal.sites, limit=_LISTED)
    async with services.read() as work:
        updates = await work.updates.page(principal.tenant, look)
        logs = None
        if principal.may(Permission.READ_MESSAGES):
            logs = await work.logs.page(principal.tenant, look)
        images = []
        if principal.sites is None and principal.may(Permission.SEND_TECHNICAL):
            images = await work.images.page(principal.tenant, Look(limit=_LISTED))
    return await framed(
        request,
        services,
        known,
        "station_files.html",
        updates=updates,
        logs=logs,
        images=images,
        kinds=[each.value for each in LogKind],
    )


@get(
    "/stations/{station:str}/certificates", needs=Permission.READ_SECURITY, include_in_schema=False
)
async def certificates_page(request: Asked, known: Known, services: Given) -> Response[str]:
    """The certificates that we issued for a station, and the roots that it has."""
    async with services.read() as work:
        issued = await work.certificates.of(known.id, limit=_LISTED)
        roots = await work.installed.of(known.id)
    return await framed(
        request,
        services,
        known,
        "station_certificates.html",
        issued=issued,
        roots=roots,
        uses=[each.value for each in RootUse],
        reasons=[each.value for each in RevocationReason],
    )


@get("/stations/{station:str}/security", needs=Permission.READ_SECURITY, include_in_schema=False)
async def security_page(
    request: Asked,
    known: Known,
    principal: Who,
    services: Given,
    cursors: Paging,
    in_state: Annotated[Literal["critical", "noted"] | None, QueryParameter(name="state")] = None,
    cursor: Cursor = None,
) -> Response[str]:
    """Security events that the station reported, alerts about it, and who was refused."""
    look = look_at(request, principal, cursors, known, cursor, in_state or "")
    some = Look(station=known.id.name, sites=principal.sites, limit=ROWS)
    async with services.read() as work:
        rows = await work.security_events.page(principal.tenant, look)
        alerts = await work.alerts.page(principal.tenant, some)
    return await framed(
        request,
        services,
        known,
        "station_security.html",
        events=page_of_records(request, cursors, look, rows, lambda row: row),
        alerts=alerts,
        explanation=await services.explain.explain(known.id),
    )


AT_THE_ROOT = [configuration_page, files_page, certificates_page, security_page]
EXAMPLES: list[object] = []
