"""Availability: what connectors say, what is wanted of them, and what is planned."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from litestar import delete, get, post
from litestar.params import FromQuery, JSONBody, PathParameter, QueryParameter
from msgspec import Meta, Struct

from voltkeep.domain.accounts import Permission
from voltkeep.domain.audit import SYSTEM
from voltkeep.domain.availability import (
    AvailabilityPlan,
    AvailabilityWish,
    ChargingState,
    ConnectorStatus,
    Doubt,
    PlanState,
    StatusUpdate,
    WishState,
    place_id,
)
from voltkeep.domain.identity import Evse, StationId, TenantId
from voltkeep.domain.stations import Station
from voltkeep.services import lists
from voltkeep.services.availability import ConnectorState, WishShown
from voltkeep.services.lists import (
    ConnectorFilter,
    ConnectorSort,
    LoggedStatus,
    Place,
    StationFilter,
    StatusFilter,
    TimeSort,
)
from voltkeep.services.ports import ConnectorRow
from voltkeep.web.access import Given, Known, Paging, Who, seen_sites
from voltkeep.web.looks import LOOK, Looking, Time
from voltkeep.web.paging import DEFAULT_LIMIT, Cursor, Limit, Page, page_of, page_of_records
from voltkeep.web.problems import Asked

_EvseId = Annotated[
    int | None, QueryParameter(ge=0, description="0 is the station as a whole.", le=2**31 - 1)
]


class ConnectorOut(Struct, frozen=True, kw_only=True):
    """What a connector said last; ``evse`` null is the station as a whole.

    ``stale_since``: since then it may not be true any more, and ``stale_because`` tells why.
    ``raw_status`` is the station's own word.
    """

    station: str
    evse: Evse | None
    status: ConnectorStatus
    raw_status: str
    charging_state: ChargingState | None
    error_code: str | None
    info: str | None
    vendor_id: str | None
    vendor_error_code: str | None
    said_at: datetime
    heard_at: datetime
    age_s: int
    stale_since: datetime | None
    stale_because: Doubt | None


class WantedOut(Struct, frozen=True, kw_only=True):
    """What is wanted of a place; ``differs``: it was done, and the station says otherwise since."""

    evse: Evse | None
    operative: bool
    state: WishState
    status: str
    differs: bool
    asked_at: datetime
    asked_by: str
    changed_at: datetime


class PlanOut(Struct, frozen=True, kw_only=True):
    """A change at a time. The two ends of a window have ids that differ in their last letter."""

    id: str
    station: str
    evse: Evse | None
    operative: bool
    state: PlanState
    due_at: datetime
    expires_at: datetime
    asked_at: datetime
    asked_by: str
    reason: str


class AvailabilityOut(Struct, frozen=True, kw_only=True):
    """A station's connectors, what is wanted of it, and what is planned."""

    station: str
    connectors: tuple[ConnectorOut, ...]
    wanted: tuple[WantedOut, ...]
    planned: tuple[PlanOut, ...]


class NewPlan(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A change at ``due_at``, and back again at ``until``; ``evse`` null: of the whole station."""

    operative: bool
    due_at: Annotated[datetime, Meta(tz=True)]
    until: Annotated[datetime, Meta(tz=True)] | None = None
    evse: Evse | None = None


class StatusOut(Struct, frozen=True, kw_only=True):
    """What was heard of a connector once."""

    evse: Evse | None
    status: ConnectorStatus
    raw_status: str
    charging_state: ChargingState | None
    error_code: str | None
    info: str | None
    said_at: datetime
    heard_at: datetime


def connector_out(state: ConnectorState) -> ConnectorOut:
    """A connector as the API shows it."""
    row, fresh = state.row, state.freshness
    update = row.update
    return ConnectorOut(
        station=row.station.name,
        evse=update.evse,
        status=update.status,
        raw_status=update.raw_status,
        charging_state=update.charging_state,
        error_code=update.error_code,
        info=update.info,
        vendor_id=update.vendor_id,
        vendor_error_code=update.vendor_error_code,
        said_at=update.at,
        heard_at=row.received_at,
        age_s=int(fresh.age.total_seconds()),
        stale_since=fresh.stale_since,
        stale_because=fresh.doubt,
    )


def _wanted(shown: WishShown) -> WantedOut:
    wish = shown.wish
    return WantedOut(
        evse=wish.evse,
        operative=wish.operative,
        state=wish.state,
        status=wish.status,
        differs=shown.differs,
        asked_at=wish.asked_at,
        asked_by=wish.asked_by,
        changed_at=wish.at,
    )


def _plan(plan: AvailabilityPlan) -> PlanOut:
    return PlanOut(
        id=plan.id,
        station=plan.station.name,
        evse=plan.evse,
        operative=plan.operative,
        state=plan.state,
        due_at=plan.due_at,
        expires_at=plan.expires_at,
        asked_at=plan.asked_at,
        asked_by=plan.actor.name,
        reason=plan.reason,
    )


def _status(logged: LoggedStatus) -> StatusOut:
    update = logged.row.update
    return StatusOut(
        evse=update.evse,
        status=update.status,
        raw_status=update.raw_status,
        charging_state=update.charging_state,
        error_code=update.error_code,
        info=update.info,
        said_at=update.at,
        heard_at=logged.row.received_at,
    )


@get("/connectors", needs=Permission.READ_STATIONS)
async def list_connectors(
    request: Asked,
    principal: Who,
    services: Given,
    cursors: Paging,
    station: FromQuery[str | None] = None,
    site: FromQuery[str | None] = None,
    status: FromQuery[ConnectorStatus | None] = None,
    heard_since: Time = None,
    heard_before: Time = None,
    sort: FromQuery[ConnectorSort] = "station",
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[ConnectorOut]:
    """Connectors of every station, each with the age of its status, and since when it is stale."""
    which = ConnectorFilter(
        sites=seen_sites(principal, site),
        station=station,
        status=status,
        heard_since=heard_since,
        heard_before=heard_before,
    )
    known: dict[StationId, Station] = {}

    async def fetch(after: Place | None) -> lists.Page[ConnectorRow]:
        async with services.read() as work:
            found = await work.lists.connectors(
                principal.tenant, which, sort, after=after, limit=limit
            )
            names = tuple({row.station.name for row in found.rows})
            these = StationFilter(names=names)
            page = await work.lists.stations(principal.tenant, these, limit=max(1, len(names)))
        known.update({each.id: each for each in page.rows})
        return found

    def out(row: ConnectorRow) -> ConnectorOut:
        gone = Station(id=row.station, created_at=row.received_at)  # removed a moment ago
        return connector_out(services.availability.judge(row, known.get(row.station, gone)))

    return await page_of(request, cursors, cursor, fetch, out)


@get("/stations/{station:str}/availability", needs=Permission.READ_STATIONS)
async def show_availability(known: Known, services: Given) -> AvailabilityOut:
    """What a station's connectors said last, what is wanted of them, and what is planned."""
    found = await services.availability.show(known.id)
    return AvailabilityOut(
        station=known.id.name,
        connectors=tuple(map(connector_out, found.connectors)),
        wanted=tuple(map(_wanted, found.wishes)),
        planned=tuple(map(_plan, found.plans)),
    )


@get("/stations/{station:str}/status-history", needs=Permission.READ_STATIONS)
async def list_status_history(
    request: Asked,
    known: Known,
    services: Given,
    cursors: Paging,
    evse_id: _EvseId = None,
    since: Time = None,
    before: Time = None,
    sort: FromQuery[TimeSort] = "-at",
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[StatusOut]:
    """Every status that was heard of a station, by default the latest first."""
    which = StatusFilter(evse_id=evse_id, since=since, before=before)

    async def fetch(after: Place | None) -> lists.Page[LoggedStatus]:
        async with services.read() as work:
            return await work.lists.status_history(known.id, which, sort, after=after, limit=limit)

    return await page_of(request, cursors, cursor, fetch, _status)


@get("/availability-plans", needs=Permission.READ_STATIONS, states=PlanState, dependencies=LOOK)
async def list_plans(
    request: Asked, principal: Who, services: Given, cursors: Paging, look: Looking
) -> Page[PlanOut]:
    """Planned changes of availability, by default the latest first: those due by that time."""
    async with services.read() as work:
        found = await work.availability_plans.page(principal.tenant, look)
    return page_of_records(request, cursors, look, found, _plan)


@post("/stations/{station:str}/availability-plans", needs=Permission.SEND_COMMANDS)
async def add_plan(data: JSONBody[NewPlan], known: Known, services: Given) -> list[PlanOut]:
    """Plan a change. A station that is away then is asked once it is back."""
    plans = await services.availability.plans.add(
        known.id,
        operative=data.operative,
        evse=data.evse,
        due_at=data.due_at.astimezone(UTC),
        until=data.until and data.until.astimezone(UTC),
    )
    return [_plan(each) for each in plans]


@delete("/stations/{station:str}/availability-plans/{plan:str}", needs=Permission.SEND_COMMANDS)
async def cancel_plan(
    plan: Annotated[str, PathParameter(description="The plan's id.")],
    known: Known,
    services: Given,
) -> None:
    """Take back a change that was not done yet."""
    await services.availability.plans.cancel(known.id, plan)


ROUTES = [
    list_connectors,
    show_availability,
    list_status_history,
    list_plans,
    add_plan,
    cancel_plan,
]

_NOON = datetime(2026, 5, 2, 12, tzinfo=UTC)
_STATION = StationId(TenantId("default"), "CP-1001")
_WISH = AvailabilityWish(
    station=_STATION,
    id=place_id(Evse(1)),
    state=WishState.SCHEDULED,
    at=_NOON,
    operative=False,
    evse=Evse(1),
    asked_at=_NOON,
    asked_by="alice",
    status="Scheduled",
)
_PLAN = AvailabilityPlan(
    station=_STATION,
    id="0f3a9c27d1a",
    state=PlanState.PLANNED,
    at=_NOON + timedelta(hours=10),
    operative=False,
    evse=Evse(2),
    due_at=_NOON + timedelta(hours=10),
    expires_at=_NOON + timedelta(hours=18),
    asked_at=_NOON,
    actor=SYSTEM,
)
_SAID = ConnectorOut(
    station="CP-1001",
    evse=Evse(1, 1),
    status=ConnectorStatus.OCCUPIED,
    raw_status="Charging",
    charging_state=ChargingState.CHARGING,
    error_code=None,
    info=None,
    vendor_id=None,
    vendor_error_code=None,
    said_at=_NOON,
    heard_at=_NOON,
    age_s=95,
    stale_since=_NOON + timedelta(seconds=60),
    stale_because=Doubt.DISCONNECTED,
)

EXAMPLES = [
    _SAID,
    _wanted(WishShown(wish=_WISH, differs=False)),
    _plan(_PLAN),
    AvailabilityOut(
        station="CP-1001",
        connectors=(_SAID,),
        wanted=(_wanted(WishShown(wish=_WISH, differs=False)),),
        planned=(_plan(_PLAN),),
    ),
    NewPlan(
        operative=False,
        due_at=_NOON + timedelta(hours=10),
        until=_NOON + timedelta(hours=18),
        evse=Evse(2),
    ),
    _status(
        LoggedStatus(
            id=1,
            row=ConnectorRow(
                station=_STATION,
                update=StatusUpdate(
                    evse=Evse(1, 1),
                    status=ConnectorStatus.AVAILABLE,
                    raw_status="Available",
                    at=_NOON,
                ),
                received_at=_NOON,
            ),
        )
    ),
]
