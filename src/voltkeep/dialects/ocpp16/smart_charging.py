"""SetChargingProfile, ClearChargingProfile and GetCompositeSchedule."""

import re
from collections.abc import Callable
from typing import Any

from msgspec import UNSET, UnsetType

from voltkeep.dialects.dialect import Build
from voltkeep.dialects.ocpp16.names import connector, evse
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
from voltkeep.domain.smart_charging import (
    ChargingProfile,
    CompositeSchedule,
    Period,
    Purpose,
    RateUnit,
    Schedule,
    Step,
)
from voltkeep.ocpp import v16
from voltkeep.services.ports import CommandUnfit

_NUMBER = re.compile(r"-?\d{1,18}", re.ASCII)
_STATION = 0  # the connector that is the charge point as a whole
_PURPOSE = {
    Purpose.STATION_MAX: v16.ChargingProfilePurpose.CHARGE_POINT_MAX_PROFILE,
    Purpose.TX_DEFAULT: v16.ChargingProfilePurpose.TX_DEFAULT_PROFILE,
    Purpose.TX: v16.ChargingProfilePurpose.TX_PROFILE,
}


def set_profile(command: SetChargingProfile) -> tuple[str, v16.SetChargingProfileRequest]:
    return "SetChargingProfile", v16.SetChargingProfileRequest(
        connector_id=connector(command.evse), cs_charging_profiles=profile(command.profile)
    )


def profile(wanted: ChargingProfile) -> v16.ChargingProfile:
    """Raises CommandUnfit for what 1.6 cannot say."""
    if len(wanted.schedules) > 1:
        raise CommandUnfit("a charging profile of OCPP 1.6 has one schedule")
    return v16.ChargingProfile(
        charging_profile_id=wanted.id or 0,
        stack_level=wanted.stack_level,
        charging_profile_purpose=_purpose(wanted.purpose),
        charging_profile_kind=v16.ChargingProfileKind(wanted.kind.value),
        charging_schedule=_schedule(wanted.schedule),
        transaction_id=UNSET if wanted.transaction is None else _number(wanted.transaction),
        recurrency_kind=UNSET
        if wanted.recurrency is None
        else v16.ChargingProfileRecurrencyKind(wanted.recurrency.value),
        valid_from=UNSET if wanted.valid_from is None else whole_seconds(wanted.valid_from),
        valid_to=UNSET if wanted.valid_to is None else whole_seconds(wanted.valid_to),
    )


def _purpose(purpose: Purpose) -> v16.ChargingProfilePurpose:
    if purpose not in _PURPOSE:
        raise CommandUnfit(f"OCPP 1.6 has no {purpose}")
    return _PURPOSE[purpose]


def _number(ref: str) -> int:
    if not _NUMBER.fullmatch(ref):
        raise CommandUnfit(f"OCPP 1.6 names transactions by number, and {ref} is none")
    return int(ref)


def _schedule(wanted: Schedule) -> v16.ChargingSchedule:
    starts_at = wanted.starts_at
    return v16.ChargingSchedule(
        charging_rate_unit=v16.ChargingRateUnit(wanted.unit.value),
        charging_schedule_period=[_period(each) for each in wanted.periods],
        duration=UNSET if wanted.duration_s is None else wanted.duration_s,
        start_schedule=UNSET if starts_at is None else whole_seconds(starts_at),
        min_charging_rate=UNSET if wanted.min_rate is None else _decimal(wanted.min_rate),
    )


def _period(wanted: Period) -> v16.ChargingSchedulePeriod:
    if wanted.phase_to_use is not None:
        raise CommandUnfit("OCPP 1.6 cannot say which phase to use")
    return v16.ChargingSchedulePeriod(
        start_period=wanted.start_s,
        limit=_decimal(wanted.limit),
        number_phases=UNSET if wanted.phases is None else wanted.phases,
    )


def _decimal(value: float) -> float:
    """Sections 7.13 and 7.14: one decimal."""
    if round(value, 1) != value:
        raise CommandUnfit(f"OCPP 1.6 takes limits of one decimal, and {value} has more")
    return value


def clear(command: ClearChargingProfiles) -> tuple[str, v16.ClearChargingProfileRequest]:
    which = command.criteria
    if len(which.ids) > 1:
        raise CommandUnfit("OCPP 1.6 clears one profile by its id at a time")
    if which.sources:
        raise CommandUnfit("OCPP 1.6 does not know who has set a limit")
    if which.ids:  # errata 3.25: the others would be ignored
        return "ClearChargingProfile", v16.ClearChargingProfileRequest(id=which.ids[0])
    place: int | UnsetType = UNSET if which.evse is None else connector(which.evse)
    return "ClearChargingProfile", v16.ClearChargingProfileRequest(
        connector_id=_STATION if which.whole_station else place,
        charging_profile_purpose=UNSET if which.purpose is None else _purpose(which.purpose),
        stack_level=UNSET if which.stack_level is None else which.stack_level,
    )


def get_composite(
    command: GetCompositeSchedule,
) -> tuple[str, v16.GetCompositeScheduleRequest]:
    unit = command.unit
    return "GetCompositeSchedule", v16.GetCompositeScheduleRequest(
        connector_id=connector(command.evse),
        duration=command.duration_s,
        charging_rate_unit=UNSET if unit is None else v16.ChargingRateUnit(unit.value),
    )


def get_profiles(_: GetChargingProfiles) -> None:
    raise CommandUnfit("a station of OCPP 1.6 cannot be asked which profiles it has")


def profile_told(answer: v16.SetChargingProfileResponse) -> ProfileTold:
    return ProfileTold(whenever_valid=True)  # 3.13.2: also if it is valid later


def composite_told(answer: v16.GetCompositeScheduleResponse) -> CompositeTold | None:
    schedule = answer.charging_schedule
    if schedule is UNSET:
        return None
    # Errata 3.57: it begins at scheduleStart; some stations say it as startSchedule.
    start = schedule.start_schedule if answer.schedule_start is UNSET else answer.schedule_start
    unit = RateUnit(schedule.charging_rate_unit.value)
    periods = sorted(schedule.charging_schedule_period, key=lambda period: period.start_period)
    return CompositeTold(
        CompositeSchedule(
            evse=None if answer.connector_id is UNSET else evse(answer.connector_id),
            starts_at=None if start is UNSET else planned(start),
            duration_s=0 if schedule.duration is UNSET else schedule.duration,
            unit=unit,
            steps=tuple(
                Step(start_s=float(each.start_period), limit_a=each.limit)
                if unit is RateUnit.A
                else Step(start_s=float(each.start_period), limit_w=each.limit)
                for each in periods
            ),
        )
    )


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
