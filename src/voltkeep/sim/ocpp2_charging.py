"""Charging profiles in OCPP 2.0.1 and 2.1: set, cleared, reported (functional block K)."""

import math
from collections.abc import Callable, Iterator
from functools import partial
from itertools import groupby
from typing import Any

from msgspec import UNSET, structs

from voltkeep.ocpp import v21, v201
from voltkeep.ocpp.messages import encode
from voltkeep.ocpp.v21 import ChargingProfileKindEnum as Kind
from voltkeep.ocpp.v21 import ChargingProfilePurposeEnum as Purpose
from voltkeep.ocpp.v21 import ChargingRateUnitEnum as Unit
from voltkeep.ocpp.v21 import RecurrencyKindEnum as Recurrency
from voltkeep.sim import commands
from voltkeep.sim.clock import seconds, timestamp
from voltkeep.sim.profiles import Period, Profile, in_amperes
from voltkeep.sim.station import Station

_SOURCE = "CSO"  # whoever sets profiles over OCPP
_PER_REPORT = 2
_LIMITS = frozenset(
    {
        Purpose.CHARGING_STATION_MAX_PROFILE,
        Purpose.TX_DEFAULT_PROFILE,
        Purpose.TX_PROFILE,
    }
)


def profile_of(
    profile: v201.ChargingProfile | v21.ChargingProfile, evse: int, transaction: str | None
) -> Profile | None:
    """A profile of limits; None for what 2.1 adds and this station does not do."""
    schedule = profile.charging_schedule[0]
    limits = [period.limit for period in schedule.charging_schedule_period]
    purpose = Purpose(profile.charging_profile_purpose.value)
    kind = Kind(profile.charging_profile_kind.value)
    if purpose not in _LIMITS or kind is Kind.DYNAMIC or UNSET in limits:
        return None
    return Profile(
        id=profile.id,
        stack_level=profile.stack_level,
        purpose=purpose,
        kind=kind,
        unit=Unit(schedule.charging_rate_unit.value),
        periods=tuple(
            Period(p.start_period, p.limit or 0.0, p.number_phases or None)
            for p in schedule.charging_schedule_period
        ),
        evse=evse,
        starts=None if schedule.start_schedule is UNSET else seconds(schedule.start_schedule),
        duration=None if schedule.duration is UNSET else schedule.duration,
        recurrency=Recurrency(profile.recurrency_kind.value) if profile.recurrency_kind else None,
        valid_from=-math.inf if profile.valid_from is UNSET else seconds(profile.valid_from),
        valid_to=math.inf if profile.valid_to is UNSET else seconds(profile.valid_to),
        transaction=transaction,
        said=profile,
    )


def _set_profile(
    station: Station, request: v201.SetChargingProfileRequest | v21.SetChargingProfileRequest
) -> v21.SetChargingProfileResponse:
    asked, evse = request.charging_profile, request.evse_id
    reason = _unfit(station, asked, evse)
    if reason is not None:
        return v21.SetChargingProfileResponse(
            status=v21.ChargingProfileStatusEnum.REJECTED,
            status_info=v21.StatusInfo(reason_code=reason),
        )
    transaction = None if asked.transaction_id is UNSET else asked.transaction_id
    profile = profile_of(asked, evse, transaction)
    assert profile is not None
    station.profiles.install(profile)
    return v21.SetChargingProfileResponse(status=v21.ChargingProfileStatusEnum.ACCEPTED)


def _unfit(
    station: Station, asked: v201.ChargingProfile | v21.ChargingProfile, evse: int
) -> str | None:
    """Why a profile cannot be taken, in a reason code of appendix 5."""
    profile = profile_of(asked, evse, None)
    if profile is None:
        return "UnsupportedParam"
    if evse != 0 and evse not in station.outlets:
        return "UnknownEvse"  # K01.FR.28
    if profile.purpose is Purpose.TX_PROFILE:
        outlet = station.outlets.get(evse)
        running = outlet.transaction if outlet is not None else None
        if running is None or asked.transaction_id != running.id:
            return "TxNotFound"  # K01.FR.09, .16, .33
    if profile.purpose is Purpose.CHARGING_STATION_MAX_PROFILE and (
        evse != 0 or profile.kind is Kind.RELATIVE
    ):
        return "InvalidProfile"  # K01.FR.38
    if profile.kind is not Kind.RELATIVE and profile.starts is None:
        return "InvalidSchedule"  # K01.FR.40
    duplicate = any(
        other.id != profile.id
        and other.purpose is profile.purpose is Purpose.TX_DEFAULT_PROFILE
        and other.stack_level == profile.stack_level
        and (other.evse == 0) is not (evse == 0)
        for other in station.profiles
    )
    return "DuplicateProfile" if duplicate else None  # K01.FR.52, .53


def _clear_profile(
    station: Station, request: v201.ClearChargingProfileRequest | v21.ClearChargingProfileRequest
) -> v21.ClearChargingProfileResponse:
    wanted = request.charging_profile_criteria

    def matches(profile: Profile) -> bool:
        if request.charging_profile_id is not UNSET:
            return profile.id == request.charging_profile_id
        if wanted is UNSET:
            return True
        purpose = wanted.charging_profile_purpose
        return (
            wanted.evse_id in {UNSET, profile.evse}
            and wanted.stack_level in {UNSET, profile.stack_level}
            and (purpose is UNSET or purpose.value == profile.purpose)
        )

    status = v21.ClearChargingProfileStatusEnum
    cleared = station.profiles.clear(matches)
    return v21.ClearChargingProfileResponse(status=status.ACCEPTED if cleared else status.UNKNOWN)


def _composite(
    station: Station, request: v201.GetCompositeScheduleRequest | v21.GetCompositeScheduleRequest
) -> v21.GetCompositeScheduleResponse:
    if request.evse_id != 0 and request.evse_id not in station.outlets:
        return v21.GetCompositeScheduleResponse(status=v21.GenericStatusEnum.REJECTED)
    asked = request.charging_rate_unit
    unit = Unit.W if asked is UNSET else Unit(asked.value)
    load, periods = commands.composite(station, request.evse_id, request.duration)
    if unit is Unit.A:
        periods = in_amperes(periods, load)
    return v21.GetCompositeScheduleResponse(
        status=v21.GenericStatusEnum.ACCEPTED,
        schedule=v21.CompositeSchedule(
            evse_id=request.evse_id,
            duration=request.duration,
            schedule_start=timestamp(station.wall(station.clock.now())),
            charging_rate_unit=unit,
            charging_schedule_period=[
                v21.ChargingSchedulePeriod(start_period=round(p.start), limit=round(p.limit, 1))
                for p in periods
            ],
        ),
    )


def _get_profiles(
    station: Station,
    request: v201.GetChargingProfilesRequest | v21.GetChargingProfilesRequest,
) -> v21.GetChargingProfilesResponse:
    status = v21.GetChargingProfileStatusEnum
    wanted = request.charging_profile
    sources = [str(each) for each in wanted.charging_limit_source or ()]
    purpose = wanted.charging_profile_purpose

    def matches(profile: Profile) -> bool:
        return (
            request.evse_id in {UNSET, profile.evse}
            and profile.id in (wanted.charging_profile_id or [profile.id])
            and wanted.stack_level in {UNSET, profile.stack_level}
            and (purpose is UNSET or purpose.value == profile.purpose)
            and _SOURCE in (sources or [_SOURCE])
        )

    found = [profile for profile in station.profiles if matches(profile)]
    if not found:
        return v21.GetChargingProfilesResponse(status=status.NO_PROFILES)
    station.later(partial(_report, station, request.request_id, found))
    return v21.GetChargingProfilesResponse(status=status.ACCEPTED)


def _report(station: Station, request_id: int, found: list[Profile]) -> None:
    """K09.FR.01, 02: each part is of one EVSE, and all but the last say that more will come."""
    parts = list(_parts(found))
    for number, (evse, profiles) in enumerate(parts, 1):
        report = v21.ReportChargingProfilesRequest(
            request_id=request_id,
            charging_limit_source=_SOURCE,
            charging_profile=[_as_said(each) for each in profiles],
            evse_id=evse,
            tbc=number < len(parts),
        )
        station.say("ReportChargingProfiles", encode(report), triggered=True)


def _parts(found: list[Profile]) -> Iterator[tuple[int, list[Profile]]]:
    for evse, of_evse in groupby(sorted(found, key=lambda p: (p.evse, p.id)), lambda p: p.evse):
        profiles = list(of_evse)
        for at in range(0, len(profiles), _PER_REPORT):
            yield evse, profiles[at : at + _PER_REPORT]


def _as_said(profile: Profile) -> Any:
    """As it was set; one that came with a remote start belongs to its transaction by now."""
    ref = UNSET if profile.transaction is None else profile.transaction
    return structs.replace(profile.said, transaction_id=ref)


CHARGING_HANDLERS: dict[str, Callable[[Station, Any], Any]] = {
    "ClearChargingProfile": _clear_profile,
    "GetChargingProfiles": _get_profiles,
    "GetCompositeSchedule": _composite,
    "SetChargingProfile": _set_profile,
}
