"""Charging profiles: what we believe that stations have, what it comes to, what EVs need."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from litestar import get
from litestar.params import FromQuery, QueryParameter
from msgspec import Struct

from voltkeep.domain.accounts import Permission
from voltkeep.domain.composite import Supply
from voltkeep.domain.identity import Evse, TransactionRef
from voltkeep.domain.smart_charging import (
    ChargingNeeds,
    ChargingProfile,
    CompositeSchedule,
    HeldProfile,
    Kind,
    Period,
    ProfileReport,
    ProfileReportState,
    ProfileState,
    Purpose,
    RateUnit,
    Schedule,
    Step,
)
from voltkeep.web.access import Given, Known, Paging, Who
from voltkeep.web.looks import LOOK, Looking
from voltkeep.web.paging import Page, page_of_records
from voltkeep.web.problems import Asked

_EvseNumber = Annotated[
    int | None,
    QueryParameter(ge=1, le=2**31 - 1, description="Else the station as a whole."),
]
_Duration = Annotated[int, QueryParameter(ge=1, le=7 * 86_400, description="Seconds from now.")]
_Voltage = Annotated[
    float, QueryParameter(gt=0, le=2000, description="Between phase and neutral, as set.")
]
_Phases = Annotated[int, QueryParameter(ge=1, le=3)]


class ChargingProfileOut(Struct, frozen=True, kw_only=True):
    """A charging profile at a station, and what we believe of it.

    ``evse`` null is the station as a whole. ``profile`` is null where a station told of it in
    words that we do not compute with. ``source`` is who set it: CSO is us. ``status`` is the
    station's own word.
    """

    key: str
    station: str
    state: ProfileState
    changed_at: datetime
    id: int
    purpose: str
    stack_level: int
    evse: Evse | None
    profile: ChargingProfile | None
    source: str
    status: str
    sent_at: datetime | None
    reported_at: datetime | None
    transaction: TransactionRef | None
    remote_start_id: int | None
    is_grid_critical: bool


class ChargingNeedsOut(Struct, frozen=True, kw_only=True):
    """What an EV has said: what it needs, and how it will charge. Null is what it did not say."""

    evse: Evse
    transaction: TransactionRef | None
    told_at: datetime
    energy_transfer: str
    energy_wh: float | None
    departure_at: datetime | None
    ev_min_current_a: float | None
    ev_max_current_a: float | None
    ev_max_voltage_v: float | None
    ev_max_power_w: float | None
    battery_wh: float | None
    soc_percent: float | None
    full_soc_percent: float | None
    max_schedule_periods: int | None
    schedule: tuple[Step, ...]
    schedule_starts_at: datetime | None
    schedule_answer: str


class ProfileReportOut(Struct, frozen=True, kw_only=True):
    """A station was asked which profiles it has (OCPP 2.x), and how far its report has come."""

    id: int
    state: ProfileReportState
    asked_at: datetime
    changed_at: datetime
    status: str
    profiles: int


def _out(held: HeldProfile) -> ChargingProfileOut:
    held = held.as_of(datetime.now(UTC))
    return ChargingProfileOut(
        key=held.id,
        station=held.station.name,
        state=held.state,
        changed_at=held.at,
        id=held.profile_id,
        purpose=held.purpose,
        stack_level=held.stack_level,
        evse=held.evse,
        profile=held.profile,
        source=held.source,
        status=held.status,
        sent_at=held.sent_at,
        reported_at=held.told_at,
        transaction=held.transaction,
        remote_start_id=held.remote_start_id,
        is_grid_critical=held.grid_critical,
    )


def _needs(needs: ChargingNeeds) -> ChargingNeedsOut:
    return ChargingNeedsOut(
        evse=Evse(int(needs.id)),
        transaction=needs.transaction,
        told_at=needs.at,
        energy_transfer=needs.energy_transfer,
        energy_wh=needs.energy_wh,
        departure_at=needs.departure_at,
        ev_min_current_a=needs.ev_min_current_a,
        ev_max_current_a=needs.ev_max_current_a,
        ev_max_voltage_v=needs.ev_max_voltage_v,
        ev_max_power_w=needs.ev_max_power_w,
        battery_wh=needs.battery_wh,
        soc_percent=needs.soc_percent,
        full_soc_percent=needs.full_soc_percent,
        max_schedule_periods=needs.max_schedule_periods,
        schedule=needs.schedule,
        schedule_starts_at=needs.schedule_starts_at,
        schedule_answer=needs.schedule_answer,
    )


def _report(report: ProfileReport) -> ProfileReportOut:
    return ProfileReportOut(
        id=int(report.id),
        state=report.state,
        asked_at=report.asked_at,
        changed_at=report.at,
        status=report.status,
        profiles=len(report.told),
    )


@get("/charging-profiles", needs=Permission.READ_STATIONS, states=ProfileState, dependencies=LOOK)
async def list_charging_profiles(
    request: Asked, principal: Who, services: Given, cursors: Paging, look: Looking
) -> Page[ChargingProfileOut]:
    """Charging profiles of all stations, with those that are over; the last changed first.

    The commands `SetChargingProfile` and `ClearChargingProfiles` send and clear them. One whose
    time is over is shown as expired, and found by the state that it had.
    """
    found = await services.smart_charging.page(principal.tenant, look)
    return page_of_records(request, cursors, look, found, _out)


@get("/stations/{station:str}/charging-profiles", needs=Permission.READ_STATIONS)
async def list_live_profiles(known: Known, services: Given) -> list[ChargingProfileOut]:
    """What may limit the station now: what it has, as far as we know, or may have.

    Looked for among the thousand of the station that changed last.
    """
    return [_out(each) for each in await services.smart_charging.profiles(known.id, live=True)]


@get("/stations/{station:str}/composite-schedule", needs=Permission.READ_STATIONS)
async def compute_composite_schedule(
    known: Known,
    services: Given,
    evse: _EvseNumber = None,
    duration_s: _Duration = 86_400,
    unit: FromQuery[RateUnit] = RateUnit.W,
    voltage_v: _Voltage = 230.0,
    phases: _Phases = 3,
) -> CompositeSchedule:
    """What the profiles that we believe the station has come to; the station is not asked.

    The command `GetCompositeSchedule` asks it, and compares. W and A are converted by
    ``voltage_v`` and ``phases``.
    """
    return await services.smart_charging.computed(
        known.id,
        None if evse is None else Evse(evse),
        duration_s,
        unit=unit,
        supply=Supply(voltage_v=voltage_v, phases=phases),
    )


@get("/stations/{station:str}/charging-needs", needs=Permission.READ_TRANSACTIONS)
async def list_charging_needs(known: Known, services: Given) -> list[ChargingNeedsOut]:
    """What the last EV at each EVSE has said of its needs (OCPP 2.x): of at most 100 EVSEs."""
    return [_needs(each) for each in await services.smart_charging.needs_of(known.id)]


@get("/stations/{station:str}/profile-reports", needs=Permission.READ_STATIONS)
async def list_profile_reports(known: Known, services: Given) -> list[ProfileReportOut]:
    """The last 100 reports that `GetChargingProfiles` asked for, the latest changed first."""
    return [_report(each) for each in await services.smart_charging.reports_of(known.id)]


ROUTES = [
    list_charging_profiles,
    list_live_profiles,
    compute_composite_schedule,
    list_charging_needs,
    list_profile_reports,
]

_AT = datetime(2026, 5, 2, 9, 30, tzinfo=UTC)
_PROFILE = ChargingProfile(
    id=1,
    purpose=Purpose.TX_DEFAULT,
    kind=Kind.ABSOLUTE,
    schedules=(
        Schedule(
            id=1,
            starts_at=_AT,
            duration_s=86_400,
            periods=(Period(limit_a=16.0), Period(start_s=28_800, limit_a=32.0)),
        ),
    ),
)
EXAMPLES = [
    ChargingProfileOut(
        key="5f2c1d7a90b3e844",
        station="CP-1001",
        state=ProfileState.ACCEPTED,
        changed_at=_AT,
        id=1,
        purpose=Purpose.TX_DEFAULT,
        stack_level=0,
        evse=Evse(1),
        profile=_PROFILE,
        source="CSO",
        status="Accepted",
        sent_at=_AT,
        reported_at=None,
        transaction=None,
        remote_start_id=None,
        is_grid_critical=False,
    ),
    CompositeSchedule(
        evse=Evse(1),
        starts_at=_AT,
        duration_s=86_400,
        unit=RateUnit.A,
        steps=(Step(start_s=0.0, limit_a=16.0), Step(start_s=28_800.0, limit_a=32.0)),
    ),
    ChargingNeedsOut(
        evse=Evse(1),
        transaction=TransactionRef("tx-1"),
        told_at=_AT,
        energy_transfer="AC_three_phase",
        energy_wh=20_000.0,
        departure_at=_AT + timedelta(hours=8),
        ev_min_current_a=6.0,
        ev_max_current_a=16.0,
        ev_max_voltage_v=400.0,
        ev_max_power_w=None,
        battery_wh=None,
        soc_percent=None,
        full_soc_percent=None,
        max_schedule_periods=12,
        schedule=(Step(start_s=0.0, limit_a=16.0),),
        schedule_starts_at=_AT,
        schedule_answer="Accepted",
    ),
    ProfileReportOut(
        id=17,
        state=ProfileReportState.COMPLETE,
        asked_at=_AT,
        changed_at=_AT,
        status="Accepted",
        profiles=3,
    ),
]
