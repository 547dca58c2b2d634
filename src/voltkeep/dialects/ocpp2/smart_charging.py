"""Charging profiles: set, cleared, reported; limits of others, and the wishes of EVs."""

from collections.abc import Callable
from typing import Any

from msgspec import UNSET, UnsetType, structs

from voltkeep.dialects.dialect import Build, Handler, Notes, Services
from voltkeep.dialects.ocpp2.names import evse
from voltkeep.dialects.times import planned, whole_seconds
from voltkeep.domain.commands import (
    ClearChargingProfiles,
    CompositeTold,
    GetChargingProfiles,
    GetCompositeSchedule,
    ProfileTold,
    SetChargingProfile,
    Told,
)
from voltkeep.domain.identity import Evse, Sender, TransactionRef
from voltkeep.domain.smart_charging import (
    ChargingNeeds,
    ChargingProfile,
    CompositeSchedule,
    Kind,
    LimitTold,
    Period,
    ProfileCriteria,
    ProfilesTold,
    Purpose,
    RateUnit,
    Recurrency,
    Schedule,
    Step,
    ToldProfile,
    readable,
)
from voltkeep.ocpp import v21, v201
from voltkeep.services.ports import CommandUnfit

_STATION = 0  # the EVSE that is the station as a whole
_SOURCES = ["CSO", "EMS", "SO", "Other"]
_MOST_SCHEDULES = 3  # of a profile

# What we ask.


def set_profile(command: SetChargingProfile) -> tuple[str, v21.SetChargingProfileRequest]:
    return "SetChargingProfile", v21.SetChargingProfileRequest(
        evse_id=_place(command.evse), charging_profile=profile(command.profile)
    )


def profile(wanted: ChargingProfile) -> v21.ChargingProfile:
    return v21.ChargingProfile(
        id=wanted.id or 0,
        stack_level=wanted.stack_level,
        charging_profile_purpose=v21.ChargingProfilePurposeEnum(wanted.purpose.value),
        charging_profile_kind=v21.ChargingProfileKindEnum(wanted.kind.value),
        charging_schedule=[
            _schedule(each, number) for number, each in enumerate(wanted.schedules, 1)
        ],
        recurrency_kind=UNSET
        if wanted.recurrency is None
        else v21.RecurrencyKindEnum(wanted.recurrency.value),
        valid_from=UNSET if wanted.valid_from is None else whole_seconds(wanted.valid_from),
        valid_to=UNSET if wanted.valid_to is None else whole_seconds(wanted.valid_to),
        transaction_id=UNSET if wanted.transaction is None else wanted.transaction,
    )


def _place(wanted: Evse | None) -> int:
    return _STATION if wanted is None else wanted.id


def _schedule(wanted: Schedule, number: int) -> v21.ChargingSchedule:
    starts_at = wanted.starts_at
    return v21.ChargingSchedule(
        id=number if wanted.id is None else wanted.id,
        charging_rate_unit=v21.ChargingRateUnitEnum(wanted.unit.value),
        charging_schedule_period=[_period(each) for each in wanted.periods],
        start_schedule=UNSET if starts_at is None else whole_seconds(starts_at),
        duration=UNSET if wanted.duration_s is None else wanted.duration_s,
        min_charging_rate=UNSET if wanted.min_rate is None else wanted.min_rate,
    )


def _period(wanted: Period) -> v21.ChargingSchedulePeriod:
    return v21.ChargingSchedulePeriod(
        start_period=wanted.start_s,
        limit=wanted.limit,
        number_phases=UNSET if wanted.phases is None else wanted.phases,
        phase_to_use=UNSET if wanted.phase_to_use is None else wanted.phase_to_use,
    )


def clear(command: ClearChargingProfiles) -> tuple[str, v21.ClearChargingProfileRequest]:
    which = command.criteria
    if len(which.ids) > 1:
        raise CommandUnfit("OCPP 2.x clears one profile by its id at a time")
    if which.sources:
        raise CommandUnfit("OCPP 2.x does not clear profiles by who has set them")
    if which.ids:
        return "ClearChargingProfile", v21.ClearChargingProfileRequest(
            charging_profile_id=which.ids[0]
        )
    if which == ProfileCriteria():
        raise CommandUnfit(
            "K10.FR.02: OCPP 2.x has to be told which: by id, purpose, stack level or EVSE"
        )
    return "ClearChargingProfile", v21.ClearChargingProfileRequest(
        charging_profile_criteria=v21.ClearChargingProfile(
            evse_id=_where(which),
            charging_profile_purpose=_purpose(which),
            stack_level=UNSET if which.stack_level is None else which.stack_level,
        )
    )


def _where(which: ProfileCriteria) -> int | UnsetType:
    if which.whole_station:
        return _STATION
    return UNSET if which.evse is None else which.evse.id


def _purpose(which: ProfileCriteria) -> v21.ChargingProfilePurposeEnum | UnsetType:
    return UNSET if which.purpose is None else v21.ChargingProfilePurposeEnum(which.purpose.value)


def get_composite(
    command: GetCompositeSchedule,
) -> tuple[str, v21.GetCompositeScheduleRequest]:
    unit = command.unit
    return "GetCompositeSchedule", v21.GetCompositeScheduleRequest(
        duration=command.duration_s,
        evse_id=_place(command.evse),
        charging_rate_unit=UNSET if unit is None else v21.ChargingRateUnitEnum(unit.value),
    )


def get_profiles(command: GetChargingProfiles) -> tuple[str, v21.GetChargingProfilesRequest]:
    which = command.criteria
    if which.ids:
        criterion = v21.ChargingProfileCriterion(charging_profile_id=list(which.ids))
    else:
        says = (which.purpose, which.stack_level, which.sources) != (None, None, ())
        # K09.FR.03: something has to be said. Of every source is of all.
        sources = list(which.sources) if says else _SOURCES
        criterion = v21.ChargingProfileCriterion(
            charging_profile_purpose=_purpose(which),
            stack_level=UNSET if which.stack_level is None else which.stack_level,
            charging_limit_source=sources or UNSET,
        )
    return "GetChargingProfiles", v21.GetChargingProfilesRequest(
        request_id=command.request_id,
        charging_profile=criterion,
        evse_id=UNSET if which.ids else _where(which),
    )


# What the answers say.


def profile_told(
    answer: v201.SetChargingProfileResponse | v21.SetChargingProfileResponse,
) -> ProfileTold:
    return ProfileTold(whenever_valid=False)  # K01.FR.06


def composite_told(
    answer: v201.GetCompositeScheduleResponse | v21.GetCompositeScheduleResponse,
) -> CompositeTold | None:
    told = answer.schedule
    if told is UNSET:
        return None
    unit = RateUnit(told.charging_rate_unit.value)
    steps = [_step(each.start_period, each.limit, unit) for each in told.charging_schedule_period]
    return CompositeTold(
        CompositeSchedule(
            evse=evse(told.evse_id),
            starts_at=planned(told.schedule_start),
            duration_s=told.duration,
            unit=unit,
            steps=tuple(sorted(steps, key=lambda step: step.start_s)),
        )
    )


def _step(start: int, limit: float | UnsetType, unit: RateUnit) -> Step:
    if limit is UNSET:
        return Step(start_s=float(start))
    if unit is RateUnit.A:
        return Step(start_s=float(start), limit_a=limit)
    return Step(start_s=float(start), limit_w=limit)


# What stations say.


async def profiles_reported(
    services: Services,
    sender: Sender,
    request: v201.ReportChargingProfilesRequest | v21.ReportChargingProfilesRequest,
    notes: Notes,
) -> None:
    await services.charging_reports.reported(
        sender,
        ProfilesTold(
            request_id=request.request_id,
            source=str(request.charging_limit_source),
            evse=evse(request.evse_id),
            profiles=tuple(_told(each) for each in request.charging_profile),
            more=request.tbc or False,
        ),
    )


def _told(told: v201.ChargingProfile | v21.ChargingProfile) -> ToldProfile:
    return ToldProfile(
        id=told.id,
        purpose=told.charging_profile_purpose.value,
        stack_level=told.stack_level,
        profile=_read(told),
    )


def _read(told: v201.ChargingProfile | v21.ChargingProfile) -> ChargingProfile | None:
    """In our words; None for what 2.1 adds that we do not compute with."""
    if told.charging_profile_kind.value not in set(Kind):
        return None
    schedules = [_schedule_told(each) for each in told.charging_schedule]
    known = tuple(each for each in schedules if each is not None)
    if len(known) != len(schedules):
        return None
    recurrency, transaction = told.recurrency_kind, told.transaction_id
    return readable(
        ChargingProfile(
            id=told.id,
            purpose=Purpose(told.charging_profile_purpose.value),
            kind=Kind(told.charging_profile_kind.value),
            stack_level=told.stack_level,
            schedules=known,
            recurrency=None if recurrency is UNSET else Recurrency(recurrency.value),
            valid_from=None if told.valid_from is UNSET else planned(told.valid_from),
            valid_to=None if told.valid_to is UNSET else planned(told.valid_to),
            transaction=None if transaction is UNSET else TransactionRef(transaction),
        )
    )


def _schedule_told(told: v201.ChargingSchedule | v21.ChargingSchedule) -> Schedule | None:
    """None: a period sets no limit, but what else 2.1 has."""
    unit = RateUnit(told.charging_rate_unit.value)
    periods = [_period_told(each, unit) for each in told.charging_schedule_period]
    known = tuple(each for each in periods if each is not None)
    if len(known) != len(periods):
        return None
    rate = None if told.min_charging_rate is UNSET else told.min_charging_rate
    return Schedule(
        periods=known,
        id=told.id,
        starts_at=None if told.start_schedule is UNSET else planned(told.start_schedule),
        duration_s=None if told.duration is UNSET else told.duration,
        min_rate_w=rate if unit is RateUnit.W else None,
        min_rate_a=rate if unit is RateUnit.A else None,
    )


def _period_told(
    told: v201.ChargingSchedulePeriod | v21.ChargingSchedulePeriod, unit: RateUnit
) -> Period | None:
    limit: float | UnsetType = told.limit
    if limit is UNSET:
        return None
    return Period(
        start_s=told.start_period,
        limit_w=limit if unit is RateUnit.W else None,
        limit_a=limit if unit is RateUnit.A else None,
        phases=None if told.number_phases is UNSET else told.number_phases,
        phase_to_use=None if told.phase_to_use is UNSET else told.phase_to_use,
    )


async def limit_notified(
    services: Services,
    sender: Sender,
    request: v201.NotifyChargingLimitRequest | v21.NotifyChargingLimitRequest,
    notes: Notes,
) -> None:
    limit = request.charging_limit
    told = request.charging_schedule or ()
    schedules = [_schedule_told(each) for each in told[:_MOST_SCHEDULES]]
    known = tuple(each for each in schedules if each is not None)
    await services.charging_reports.limited(
        sender,
        LimitTold(
            source=str(limit.charging_limit_source),
            evse=None if request.evse_id is UNSET else evse(request.evse_id),
            is_grid_critical=limit.is_grid_critical or False,
            schedules=known if len(known) == len(schedules) else (),
        ),
    )


async def limit_cleared(
    services: Services,
    sender: Sender,
    request: v201.ClearedChargingLimitRequest | v21.ClearedChargingLimitRequest,
    notes: Notes,
) -> None:
    place = None if request.evse_id is UNSET else evse(request.evse_id)
    await services.charging_reports.limit_cleared(sender, str(request.charging_limit_source), place)


async def needs_notified(
    services: Services,
    sender: Sender,
    request: v201.NotifyEVChargingNeedsRequest | v21.NotifyEVChargingNeedsRequest,
    notes: Notes,
) -> v21.NotifyEVChargingNeedsResponse:
    needs = request.charging_needs
    departure, tuples = needs.departure_time, request.max_schedule_tuples
    await services.charging_reports.needs(
        sender,
        _with_parameters(
            needs,
            ChargingNeeds(
                station=sender.station,
                id=str(request.evse_id),
                state="refused",
                at=sender.received_at,
                energy_transfer=needs.requested_energy_transfer.value,
                departure_at=None if departure is UNSET else planned(departure),
                max_schedule_periods=None if tuples is UNSET else tuples,
            ),
        ),
    )
    # K15.FR.04, K18.FR.04: we plan no schedule. A session of ISO 15118-20 is told so by a word of
    # its own, for Rejected would refuse the kind of energy transfer.
    status = v21.NotifyEVChargingNeedsStatusEnum
    is_later = isinstance(request, v21.NotifyEVChargingNeedsRequest) and _is_15118_20(request)
    return v21.NotifyEVChargingNeedsResponse(
        status=status.NO_CHARGING_PROFILE if is_later else status.REJECTED
    )


def _with_parameters(
    told: v201.ChargingNeeds | v21.ChargingNeeds, needs: ChargingNeeds
) -> ChargingNeeds:
    ac, dc = told.ac_charging_parameters, told.dc_charging_parameters
    if ac is not UNSET:
        return structs.replace(
            needs,
            energy_wh=_number(ac.energy_amount),
            ev_min_current_a=_number(ac.ev_min_current),
            ev_max_current_a=_number(ac.ev_max_current),
            ev_max_voltage_v=_number(ac.ev_max_voltage),
        )
    if dc is not UNSET:
        return structs.replace(
            needs,
            energy_wh=_number(dc.energy_amount),
            ev_max_current_a=_number(dc.ev_max_current),
            ev_max_voltage_v=_number(dc.ev_max_voltage),
            ev_max_power_w=_number(dc.ev_max_power),
            battery_wh=_number(dc.ev_energy_capacity),
            soc_percent=_number(dc.state_of_charge),
            full_soc_percent=_number(dc.full_soc),
        )
    return needs


def _number(value: float | UnsetType) -> float | None:
    return None if value is UNSET else float(value)


def _is_15118_20(request: v21.NotifyEVChargingNeedsRequest) -> bool:
    needs = request.charging_needs
    return any(
        each is not UNSET
        for each in (
            needs.control_mode,
            needs.mobility_needs_mode,
            needs.v2x_charging_parameters,
            needs.ev_energy_offer,
            needs.der_charging_parameters,
        )
    )


async def schedule_notified(
    services: Services,
    sender: Sender,
    request: v201.NotifyEVChargingScheduleRequest | v21.NotifyEVChargingScheduleRequest,
    notes: Notes,
) -> v21.NotifyEVChargingScheduleResponse:
    schedule = _schedule_told(request.charging_schedule)
    is_within = schedule is not None and await services.charging_reports.ev_schedule(
        sender, request.evse_id, planned(request.time_base), schedule
    )
    status = v21.GenericStatusEnum
    return v21.NotifyEVChargingScheduleResponse(
        status=status.ACCEPTED if is_within else status.REJECTED
    )


HANDLERS: dict[str, Handler] = {
    "ClearedChargingLimit": limit_cleared,
    "NotifyChargingLimit": limit_notified,
    "NotifyEVChargingNeeds": needs_notified,
    "NotifyEVChargingSchedule": schedule_notified,
    "ReportChargingProfiles": profiles_reported,
}
REQUESTS: dict[type, Build] = {
    SetChargingProfile: set_profile,
    ClearChargingProfiles: clear,
    GetCompositeSchedule: get_composite,
    GetChargingProfiles: get_profiles,
}
TOLD: dict[type, Callable[[Any], Told | None]] = {
    SetChargingProfile: profile_told,
    GetCompositeSchedule: composite_told,
}
