"""Records of smart charging to store: every field of each has a value of its own."""

from datetime import UTC, datetime, timedelta
from typing import Any

from voltkeep.domain.identity import Evse, TransactionRef
from voltkeep.domain.smart_charging import (
    ChargingNeeds,
    ChargingProfile,
    HeldProfile,
    Kind,
    Period,
    ProfileCriteria,
    ProfileReport,
    ProfileReportState,
    ProfileState,
    Purpose,
    Recurrency,
    Schedule,
    Step,
)

NOON = datetime(2026, 5, 1, 12, 0, 0, 123457, tzinfo=UTC)
BEFORE, LATER = NOON - timedelta(seconds=1), NOON + timedelta(seconds=1)
REF = TransactionRef("tx-1")

_PROFILE = ChargingProfile(
    id=-7,
    purpose=Purpose.TX_DEFAULT,
    kind=Kind.RECURRING,
    stack_level=3,
    recurrency=Recurrency.WEEKLY,
    valid_from=NOON,
    valid_to=LATER,
    transaction=REF,
    schedules=(
        Schedule(
            id=2,
            starts_at=LATER,
            duration_s=60,
            min_rate_a=6.0,
            periods=(
                Period(limit_a=16.0, phases=1, phase_to_use=2),
                Period(start_s=30, limit_a=0.0),
            ),
        ),
    ),
)
_HELD = {
    "state": ProfileState.ACCEPTED,
    "profile_id": -7,
    "purpose": "TxDefaultProfile",
    "stack_level": 3,
    "evse": Evse(1),
    "profile": _PROFILE,
    "source": "E\u202eMS",
    "status": "Accepted",
    "sent_at": BEFORE,
    "told_at": LATER,
    "remote_start_id": 7,
    "transaction": REF,
    "grid_critical": True,
}
_NEEDS = {
    "state": "refused",
    "energy_transfer": "DC",
    "departure_at": LATER,
    "max_schedule_periods": 12,
    "energy_wh": 20_000.0,
    "ev_min_current_a": 6.0,
    "ev_max_current_a": 200.0,
    "ev_max_voltage_v": 800.0,
    "ev_max_power_w": 150_000.0,
    "battery_wh": 80_000.0,
    "soc_percent": 10.0,
    "full_soc_percent": 99.0,
    "transaction": REF,
    "schedule": (Step(start_s=0.0, limit_w=1.5), Step(start_s=9.5)),
    "schedule_starts_at": NOON,
    "schedule_answer": "Accepted",
}
_PROFILE_REPORT = {
    "state": ProfileReportState.RUNNING,
    "criteria": ProfileCriteria(
        ids=(1,), purpose=Purpose.TX, stack_level=2, evse=Evse(1), sources=("EMS",)
    ),
    "asked_at": BEFORE,
    "status": "Accepted",
    "told": ("1", "told-2"),
}

CHARGING: dict[str, tuple[Any, dict[str, Any]]] = {
    "charging_profiles": (HeldProfile, _HELD),
    "charging_needs": (ChargingNeeds, _NEEDS),
    "profile_reports": (ProfileReport, _PROFILE_REPORT),
}
