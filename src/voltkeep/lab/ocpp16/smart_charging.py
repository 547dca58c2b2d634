"""Charging profiles: what is ordered, and whether what a CSMS sends is that."""

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import UNSET, UnsetType

from voltkeep.lab.bench import Bench
from voltkeep.lab.driver import Profile
from voltkeep.lab.ocpp16 import checks
from voltkeep.lab.ocpp16.fields import is_absent, is_just, is_near, is_optional, utc
from voltkeep.lab.ocpp16.station import ChargePoint, now
from voltkeep.lab.verdicts import Failed
from voltkeep.ocpp.v16 import (
    ChargingProfile,
    ChargingProfilePurpose,
    ChargingRateUnit,
    ChargingSchedule,
    ChargingSchedulePeriod,
    ClearChargingProfileRequest,
    ClearChargingProfileResponse,
    ClearChargingProfileResponseStatus,
    GetCompositeScheduleRequest,
    GetCompositeScheduleResponse,
    GetCompositeScheduleResponseStatus,
    RemoteStartTransactionRequest,
    RemoteStartTransactionResponse,
    RemoteStartTransactionResponseStatus,
    SetChargingProfileRequest,
    SetChargingProfileResponse,
    SetChargingProfileResponseStatus,
)

Purpose = ChargingProfilePurpose
_LIMITS = {"A": 6.0, "W": 6000.0}  # OCTT, TC_056
_PHASES = 3  # that are assumed if nothing is said (errata 3.69)
_VALID = timedelta(hours=1)
_PROFILES_SET = "charging profiles"  # to take back
_KINDS = {"Absolute", "Relative"}  # that a TxProfile may have (OCTT, TC_057 and TC_059)


def a_profile(
    bench: Bench,
    purpose: Purpose,
    id: int,
    *,
    kind: str = "Absolute",
    transaction: int | None = None,
) -> Profile:
    """A profile to order, with one period, from this minute on; a Relative one says no times."""
    charging = bench.plan.charging
    begin = datetime.now(UTC).replace(second=0, microsecond=0)
    schedule: dict[str, Any] = {
        "duration": charging.duration_s,
        "chargingRateUnit": charging.unit,
        "chargingSchedulePeriod": [
            {
                "startPeriod": 0,
                "limit": _LIMITS[charging.unit],
                "numberPhases": charging.phases,
            }
        ],
    }
    profile: Profile = {
        "chargingProfileId": id,
        "stackLevel": charging.stack_level,
        "chargingProfilePurpose": purpose.value,
        "chargingProfileKind": kind,
        "chargingSchedule": schedule,
    }
    if transaction is not None:
        profile["transactionId"] = transaction
    if kind == "Absolute":
        schedule["startSchedule"] = _text(begin)
        profile |= {"validFrom": _text(begin), "validTo": _text(begin + _VALID)}
    return profile


async def given_profile(station: ChargePoint, connector: int, ordered: Profile) -> ChargingProfile:
    """The CSMS is told to set a profile, and does; it is accepted. What came. Raises Failed."""
    bench = station.bench
    order = bench.driver.set_charging_profile(
        station.identity, connector=connector, profile=ordered
    )
    asked = await station.asked(order, SetChargingProfileRequest)
    if ordered["chargingProfilePurpose"] != Purpose.TX_PROFILE:  # which ends with its transaction
        station.takes_back(
            _PROFILES_SET,
            lambda: bench.driver.clear_charging_profiles(station.identity),
            ClearChargingProfileRequest,
            ClearChargingProfileResponse(status=ClearChargingProfileResponseStatus.ACCEPTED),
        )
    is_just(bench, "connectorId", asked.request.connector_id, connector)
    is_profile(bench, asked.request.cs_charging_profiles, ordered)
    accepted = SetChargingProfileResponse(status=SetChargingProfileResponseStatus.ACCEPTED)
    await asked.answer(accepted)
    return asked.request.cs_charging_profiles


def is_profile(bench: Bench, came: ChargingProfile, ordered: Profile) -> None:
    """Whether it is the profile that was ordered; its id is for the CSMS to choose.

    So is the kind of a TxProfile, and the rules are those of the kind that came. A time must be
    there; which one it is earns a warning only. Raises Failed.
    """
    is_just(bench, "stackLevel", came.stack_level, ordered["stackLevel"])
    purpose, kind = ordered["chargingProfilePurpose"], came.charging_profile_kind
    is_just(bench, "chargingProfilePurpose", came.charging_profile_purpose, purpose)
    if purpose != Purpose.TX_PROFILE or kind not in _KINDS:
        is_just(bench, "chargingProfileKind", kind, ordered["chargingProfileKind"])
    is_optional(bench, "transactionId", came.transaction_id, ordered.get("transactionId"))
    is_absent(bench, "recurrencyKind", came.recurrency_kind)
    schedule, schedule_ordered = came.charging_schedule, ordered["chargingSchedule"]
    start = schedule.start_schedule
    if kind == "Absolute":
        _is_there(bench, "validFrom", came.valid_from, ordered.get("validFrom"))
        _is_there(bench, "validTo", came.valid_to, ordered.get("validTo"))
        _is_there(bench, "startSchedule", start, schedule_ordered.get("startSchedule"))
    else:
        is_absent(bench, "startSchedule", start)
    if came.valid_from is not UNSET and came.valid_to is not UNSET:
        words = f"{came.valid_from.isoformat()} and {came.valid_to.isoformat()}"
        bench.check(utc(came.valid_from) < utc(came.valid_to), "validFrom before validTo", words)
    if kind == "Relative" and schedule.duration is UNSET:  # then it lasts as long as charging does
        bench.warn(
            f"a Relative profile has no duration, and {schedule_ordered['duration']} s were ordered"
        )
    else:
        is_just(bench, "duration", schedule.duration, schedule_ordered["duration"])
    _is_schedule(bench, schedule, schedule_ordered)


def _is_there(bench: Bench, name: str, came: datetime | UnsetType, ordered: str | None) -> None:
    """A time that must be said, and which it is only if it was ordered. Raises Failed."""
    if came is UNSET:
        raise Failed(name, f"{name} (absent)")
    if ordered is not None and not is_near(came, datetime.fromisoformat(ordered)):
        bench.warn(f"{name} is {came.isoformat()}, and {ordered} was ordered")


def _is_schedule(bench: Bench, came: ChargingSchedule, ordered: dict[str, Any]) -> None:
    is_just(bench, "chargingRateUnit", came.charging_rate_unit, ordered["chargingRateUnit"])
    periods = ordered["chargingSchedulePeriod"]
    is_just(bench, "number of periods", len(came.charging_schedule_period), len(periods))
    for period, wanted in zip(came.charging_schedule_period, periods, strict=True):
        is_just(bench, "startPeriod", period.start_period, wanted["startPeriod"])
        is_just(bench, "limit", period.limit, wanted["limit"])
        phases = _PHASES if period.number_phases is UNSET else period.number_phases
        is_just(bench, "numberPhases", phases, wanted["numberPhases"])


async def cleared(station: ChargePoint, **which: Any) -> None:
    """The CSMS is told to clear profiles that all of this is true of, and says just that.

    Raises Failed.
    """
    bench = station.bench
    order = bench.driver.clear_charging_profiles(station.identity, **which)
    asked = await station.asked(order, ClearChargingProfileRequest)
    came = asked.request
    is_optional(bench, "id", came.id, which.get("profile_id"))
    is_optional(bench, "connectorId", came.connector_id, which.get("connector"))
    purpose = which.get("purpose")
    is_optional(bench, "chargingProfilePurpose", came.charging_profile_purpose, purpose)
    is_optional(bench, "stackLevel", came.stack_level, which.get("stack_level"))
    status = ClearChargingProfileResponseStatus.ACCEPTED
    await asked.answer(ClearChargingProfileResponse(status=status))
    if not which:
        station.taken_back(_PROFILES_SET)


def _text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


async def started_with_profile(station: ChargePoint, id: int) -> None:
    """The CSMS is told to start charging on connector 1 with a profile; accepted. Raises Failed."""
    bench, token = station.bench, station.bench.plan.tokens.valid
    ordered = a_profile(bench, Purpose.TX_PROFILE, id, kind="Relative")
    order = bench.driver.remote_start(station.identity, token=token, connector=1, profile=ordered)
    asked = await station.asked(order, RemoteStartTransactionRequest)
    checks.is_token(bench, asked.request.id_tag, token)
    is_just(bench, "connectorId", asked.request.connector_id, 1)
    came = asked.request.charging_profile
    bench.check(came is not UNSET, "a chargingProfile", "none")
    if came is not UNSET:
        is_profile(bench, came, ordered)
    status = RemoteStartTransactionResponseStatus.ACCEPTED
    await asked.answer(RemoteStartTransactionResponse(status=status))


async def asked_for_composite_schedule(station: ChargePoint, connector: int) -> None:
    """The CSMS is told to ask for it, in the unit of the plan; it is told. Raises Failed."""
    bench, charging = station.bench, station.bench.plan.charging
    order = bench.driver.get_composite_schedule(
        station.identity,
        connector=connector,
        duration_s=charging.duration_s,
        unit=charging.unit,
    )
    asked = await station.asked(order, GetCompositeScheduleRequest)
    is_just(bench, "connectorId", asked.request.connector_id, connector)
    is_just(bench, "duration", asked.request.duration, charging.duration_s)
    is_just(bench, "chargingRateUnit", asked.request.charging_rate_unit, charging.unit)
    start = now()
    period = ChargingSchedulePeriod(
        start_period=0, limit=_LIMITS[charging.unit], number_phases=charging.phases
    )
    schedule = ChargingSchedule(
        charging_rate_unit=ChargingRateUnit(charging.unit),
        charging_schedule_period=[period],
        duration=charging.duration_s,
        start_schedule=start,
    )
    told = GetCompositeScheduleResponse(
        status=GetCompositeScheduleResponseStatus.ACCEPTED,
        connector_id=connector,
        schedule_start=start,
        charging_schedule=schedule,
    )
    await asked.answer(told)
