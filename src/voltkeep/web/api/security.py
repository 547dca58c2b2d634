"""What matters for security: what stations report, what needs a person, who was refused."""

from datetime import UTC, datetime
from typing import Annotated

from litestar import get, post
from litestar.params import FromPath, QueryParameter
from msgspec import Struct

from voltkeep.domain.accounts import Permission
from voltkeep.domain.identity import DEFAULT_TENANT, StationId
from voltkeep.domain.security import Alert, Refusal, SecurityEvent
from voltkeep.services.explain import Explanation
from voltkeep.services.findings import Finding
from voltkeep.web.access import Given, Known, Paging, Who, check_visible, named
from voltkeep.web.looks import LOOK, Looking
from voltkeep.web.paging import Page, page_of_records
from voltkeep.web.problems import Asked

_AT = datetime(2026, 5, 2, 9, 30, tzinfo=UTC)
_Note = Annotated[
    str, QueryParameter(description="What they have found, for others.", max_length=500)
]


class SecurityEventOut(Struct, frozen=True, kw_only=True):
    """A security event of a station. ``type`` and ``tech_info`` are the station's own words."""

    id: str
    station: str
    is_critical: bool
    happened_at: datetime
    heard_at: datetime
    type: str
    tech_info: str | None


class AlertOut(Struct, frozen=True, kw_only=True):
    """Something a person should look at. ``station`` is null if it is not about one."""

    id: str
    station: str | None
    state: str
    kind: str
    text: str
    count: int
    first_at: datetime
    last_at: datetime
    acknowledged_by: str
    acknowledged_at: datetime | None
    note: str


class ReleasedOut(Struct, frozen=True, kw_only=True):
    """A station that is not in quarantine any more; ``was_quarantined``: it was until now."""

    station: str
    was_quarantined: bool


class RefusalOut(Struct, frozen=True, kw_only=True):
    """Connections refused for one reason at one address. ``station`` is what was asked for."""

    id: str
    station: str | None
    reason: str
    detail: str
    host: str
    count: int
    first_at: datetime
    last_at: datetime


class ExplanationOut(Struct, frozen=True, kw_only=True):
    """Why a station connects, or does not, and what to do."""

    station: str
    is_registered: bool
    is_connected: bool
    summary: str
    findings: list[Finding]
    refusals: list["ExplainedOut"]


class ExplainedOut(Struct, frozen=True, kw_only=True):
    """Refused connections of one reason and host: what that means, and what to do."""

    reason: str
    means: str
    do: str
    count: int
    first_at: datetime
    last_at: datetime
    host: str
    detail: str


def _event(event: SecurityEvent) -> SecurityEventOut:
    return SecurityEventOut(
        id=event.id,
        station=event.station.name,
        is_critical=event.state == "critical",
        happened_at=event.happened_at,
        heard_at=event.at,
        type=event.type,
        tech_info=event.tech_info,
    )


def _alert(alert: Alert) -> AlertOut:
    return AlertOut(
        id=alert.id,
        station=alert.station.name or None,
        state=alert.state,
        kind=alert.kind,
        text=alert.text,
        count=alert.count,
        first_at=alert.first_at,
        last_at=alert.at,
        acknowledged_by=alert.acknowledged_by,
        acknowledged_at=alert.acknowledged_at,
        note=alert.note,
    )


def _refusal(refusal: Refusal) -> RefusalOut:
    return RefusalOut(
        id=refusal.id,
        station=refusal.station.name or None,
        reason=refusal.reason,
        detail=refusal.detail,
        host=refusal.host,
        count=refusal.count,
        first_at=refusal.first_at,
        last_at=refusal.at,
    )


@get(
    "/security-events",
    needs=Permission.READ_SECURITY,
    states=("critical", "noted"),
    dependencies=LOOK,
)
async def list_security_events(
    request: Asked, principal: Who, services: Given, cursors: Paging, look: Looking
) -> Page[SecurityEventOut]:
    """Security events that stations reported. ``state`` is critical or noted."""
    async with services.read() as work:
        found = await work.security_events.page(principal.tenant, look)
    return page_of_records(request, cursors, look, found, _event)


@get("/alerts", needs=Permission.READ_SECURITY, states=("open", "acknowledged"), dependencies=LOOK)
async def list_alerts(
    request: Asked, principal: Who, services: Given, cursors: Paging, look: Looking
) -> Page[AlertOut]:
    """What a person should look at. ``state`` is open or acknowledged."""
    async with services.read() as work:
        found = await work.alerts.page(principal.tenant, look)
    return page_of_records(request, cursors, look, found, _alert)


@post("/alerts/{alert:str}/acknowledge", needs=Permission.WRITE_SECURITY, status_code=200)
async def acknowledge_alert(
    alert: FromPath[str], principal: Who, services: Given, note: _Note = ""
) -> AlertOut:
    """Say that somebody has looked at it. If it happens again, it is a new alert."""
    async with services.read() as work:
        found = await work.alerts.find(principal.tenant, alert)
    station = found.station if found is not None else StationId(principal.tenant, "")
    await check_visible(services, principal, station, f"there is no alert {alert[:60]}")
    return _alert(await services.security_events.acknowledge(principal.tenant, alert, note))


@post("/stations/{station:str}/release", needs=Permission.WRITE_SECURITY, status_code=200)
async def release_station(known: Known, services: Given) -> ReleasedOut:
    """End the quarantine of a station: its new connections are let in again."""
    was = await services.intrusion.lift_quarantine(known.id)
    return ReleasedOut(station=known.id.name, was_quarantined=was)


@get("/refusals", needs=Permission.READ_SECURITY, dependencies=LOOK)
async def list_refusals(
    request: Asked, principal: Who, services: Given, cursors: Paging, look: Looking
) -> Page[RefusalOut]:
    """Who was not let in, and why; also under ids that are not registered."""
    async with services.read() as work:
        found = await work.refusals.page(principal.tenant, look)
    return page_of_records(request, cursors, look, found, _refusal)


@get("/stations/{name:str}/explanation", needs=Permission.READ_SECURITY)
async def explain_station(name: FromPath[str], principal: Who, services: Given) -> ExplanationOut:
    """Why a station connects, or does not: also for an id that is not registered."""
    station = named(principal, name)
    if principal.sites is not None:
        await check_visible(services, principal, station, f"no station is called {name[:60]}")
    return _explained(await services.explain.explain(station))


def _explained(explanation: Explanation) -> ExplanationOut:
    return ExplanationOut(
        station=explanation.station.name,
        is_registered=explanation.is_registered,
        is_connected=explanation.is_connected,
        summary=explanation.summary,
        findings=list(explanation.findings),
        refusals=[
            ExplainedOut(
                reason=each.reason,
                means=each.means,
                do=each.do,
                count=each.count,
                first_at=each.first_at,
                last_at=each.at,
                host=each.host,
                detail=each.detail,
            )
            for each in explanation.refusals
        ],
    )


ROUTES = [
    list_security_events,
    list_alerts,
    acknowledge_alert,
    list_refusals,
    explain_station,
    release_station,
]

_ID = StationId(DEFAULT_TENANT, "CP-1001")
EXAMPLES = [
    SecurityEventOut(
        id="5f1d8b",
        station=_ID.name,
        is_critical=True,
        happened_at=_AT,
        heard_at=_AT,
        type="TamperDetectionActivated",
        tech_info="lid opened",
    ),
    AlertOut(
        id="a1b2c3",
        station=_ID.name,
        state="open",
        kind="clone",
        text="two connections contend for CP-1001",
        count=3,
        first_at=_AT,
        last_at=_AT,
        acknowledged_by="",
        acknowledged_at=None,
        note="",
    ),
    ReleasedOut(station=_ID.name, was_quarantined=True),
    RefusalOut(
        id="9c0ffe",
        station=_ID.name,
        reason="wrong password",
        detail="",
        host="192.0.2.17",
        count=12,
        first_at=_AT,
        last_at=_AT,
    ),
    ExplanationOut(
        station=_ID.name,
        is_registered=True,
        is_connected=False,
        summary="CP-1001 was refused 12 times in the last 10 minutes: wrong password",
        findings=[Finding(topic="key", text="it has a generated key")],
        refusals=[
            ExplainedOut(
                reason="wrong password",
                means="It knows another key than we do.",
                do="Give it the key again: POST /stations/CP-1001/key",
                count=12,
                first_at=_AT,
                last_at=_AT,
                host="192.0.2.17",
                detail="",
            )
        ],
    ),
]
