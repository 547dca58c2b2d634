"""Charging profiles in the words of each version, and what stations tell in ours."""

from datetime import UTC, datetime

import pytest
from msgspec import Raw, json

from tests.dialects.recorder import SENDER, Recorder
from voltkeep.dialects import DIALECTS
from voltkeep.domain.commands import (
    ClearChargingProfiles,
    CompositeTold,
    GetChargingProfiles,
    GetCompositeSchedule,
    ProfileTold,
    SetChargingProfile,
)
from voltkeep.domain.identity import Evse, TransactionRef
from voltkeep.domain.smart_charging import (
    ChargingProfile,
    Kind,
    Period,
    ProfileCriteria,
    Purpose,
    RateUnit,
    Recurrency,
    Schedule,
    Step,
)
from voltkeep.services.ports import CommandUnfit

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
VERSIONS = sorted(DIALECTS)
TWO = ["ocpp2.0.1", "ocpp2.1"]


def schedule(*periods, **fields):
    return Schedule(periods=periods or (Period(limit_a=16.0),), **fields)


def sent(version, command):
    asked = DIALECTS[version].request(command)
    assert asked is not None
    action, payload = asked
    return action, json.decode(payload)


def limit(**fields):
    return SetChargingProfile(
        profile=ChargingProfile(
            **({"id": 1, "purpose": Purpose.TX_DEFAULT, "schedules": (schedule(),)} | fields)
        )
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_every_field_of_a_profile_is_said(version):
    """TC_056, TC_K_01: a kind that recurs, in W."""
    periods = (Period(limit_w=11_000.0, phases=3), Period(start_s=60, limit_w=3_700.5, phases=1))
    command = SetChargingProfile(
        evse=Evse(2),
        profile=ChargingProfile(
            id=7,
            purpose=Purpose.TX,
            kind=Kind.RECURRING,
            stack_level=4,
            recurrency=Recurrency.WEEKLY,
            valid_from=NOON,
            valid_to=NOON.replace(day=2),
            transaction=TransactionRef("99"),
            schedules=(schedule(*periods, starts_at=NOON, duration_s=600, min_rate_w=1_400.0),),
        ),
    )

    action, payload = sent(version, command)

    said = {
        "chargingRateUnit": "W",
        "startSchedule": "2026-01-01T12:00:00Z",
        "duration": 600,
        "minChargingRate": 1400.0,
        "chargingSchedulePeriod": [
            {"startPeriod": 0, "limit": 11000.0, "numberPhases": 3},
            {"startPeriod": 60, "limit": 3700.5, "numberPhases": 1},
        ],
    }
    common = {
        "stackLevel": 4,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Recurring",
        "recurrencyKind": "Weekly",
        "validFrom": "2026-01-01T12:00:00Z",
        "validTo": "2026-01-02T12:00:00Z",
    }
    assert action == "SetChargingProfile"
    if version == "ocpp1.6":
        profile = {"chargingProfileId": 7, "transactionId": 99, "chargingSchedule": said}
        assert payload == {"connectorId": 2, "csChargingProfiles": common | profile}
    else:
        profile = {"id": 7, "transactionId": "99", "chargingSchedule": [{"id": 1} | said]}
        assert payload == {"evseId": 2, "chargingProfile": common | profile}


@pytest.mark.parametrize(
    ("versions", "command", "why"),
    [
        (["ocpp1.6"], limit(schedules=(schedule(), schedule())), "one schedule"),
        (["ocpp1.6"], limit(purpose=Purpose.EXTERNAL_CONSTRAINTS), "has no ChargingStation"),
        (["ocpp1.6"], limit(transaction=TransactionRef("tx-1")), "by number"),
        (["ocpp1.6"], limit(schedules=(schedule(Period(limit_a=6.25)),)), "one decimal"),
        (
            ["ocpp1.6"],
            limit(schedules=(schedule(Period(limit_a=6.0, phases=1, phase_to_use=2)),)),
            "which phase",
        ),
        (["ocpp1.6"], GetChargingProfiles(request_id=1), "cannot be asked"),
        (["ocpp1.6", "ocpp2.0.1"], limit(purpose=Purpose.LOCAL_GENERATION), "LocalGeneration"),
        (VERSIONS, ClearChargingProfiles(criteria=ProfileCriteria(ids=(1, 2))), "at a time"),
        (VERSIONS, ClearChargingProfiles(criteria=ProfileCriteria(sources=("EMS",))), "who has"),
        (TWO, ClearChargingProfiles(), "K10.FR.02"),
    ],
)
def test_what_a_version_cannot_say_is_unfit(versions, command, why):
    for version in versions:
        with pytest.raises(CommandUnfit) as unfit:
            DIALECTS[version].request(command)
        assert why in str(unfit.value) or "chargingProfilePurpose" in str(unfit.value)


def test_further_purposes_of_2_1_are_said_there():
    _, payload = sent("ocpp2.1", limit(purpose=Purpose.PRIORITY_CHARGING))
    assert payload["chargingProfile"]["chargingProfilePurpose"] == "PriorityCharging"


@pytest.mark.parametrize("version", TWO)
def test_profiles_are_asked_for_by_something(version):
    """K09.FR.03: all of them are those of every source."""

    def asked(**which):
        command = GetChargingProfiles(request_id=1, criteria=ProfileCriteria(**which))
        return sent(version, command)[1]

    everything = {"chargingLimitSource": ["CSO", "EMS", "SO", "Other"]}
    assert asked() == {"requestId": 1, "chargingProfile": everything}
    assert asked(whole_station=True) == {
        "requestId": 1,
        "evseId": 0,
        "chargingProfile": everything,
    }
    assert asked(evse=Evse(2), stack_level=1, sources=("EMS",)) == {
        "requestId": 1,
        "evseId": 2,
        "chargingProfile": {"stackLevel": 1, "chargingLimitSource": ["EMS"]},
    }
    assert asked(ids=(1, 2), evse=Evse(2))["chargingProfile"] == {"chargingProfileId": [1, 2]}


COMPOSITES = {
    "ocpp1.6": {
        "status": "Accepted",
        "connectorId": 1,
        "scheduleStart": "2026-01-01T12:00:00",
        "chargingSchedule": {
            "duration": 300,
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [
                {"startPeriod": 60, "limit": 8},
                {"startPeriod": 0, "limit": 16},
            ],
        },
    },
    "ocpp2.0.1": {
        "status": "Accepted",
        "schedule": {
            "evseId": 1,
            "duration": 300,
            "scheduleStart": "2026-01-01T12:00:00Z",
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [
                {"startPeriod": 60, "limit": 8},
                {"startPeriod": 0, "limit": 16},
            ],
        },
    },
}
COMPOSITES["ocpp2.1"] = COMPOSITES["ocpp2.0.1"]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_composite_schedule_is_told_in_order(version):
    command = GetCompositeSchedule(duration_s=300)

    def told(answer):
        raw = Raw(json.encode(answer))
        return DIALECTS[version].outcome(command, "GetCompositeSchedule", raw).told

    assert isinstance(found := told(COMPOSITES[version]), CompositeTold)
    assert found.schedule is not None
    assert found.schedule.evse is not None
    assert (found.schedule.starts_at, found.schedule.duration_s) == (NOON, 300)
    assert (found.schedule.evse.id, found.schedule.unit) == (1, RateUnit.A)
    assert found.schedule.steps == (
        Step(start_s=0.0, limit_a=16.0),
        Step(start_s=60.0, limit_a=8.0),
    )
    assert told({"status": "Rejected"}) is None


def test_a_composite_schedule_may_begin_where_the_errata_forbid_it():
    """1.6 errata 3.57: startSchedule is to be left out here, and is not by all."""
    schedule = {
        "chargingRateUnit": "W",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 1.5}],
        "startSchedule": "2026-01-01T12:00:00Z",
    }
    answer = {"status": "Accepted", "chargingSchedule": schedule}

    def starts_at():
        command, raw = GetCompositeSchedule(duration_s=1), Raw(json.encode(answer))
        told = DIALECTS["ocpp1.6"].outcome(command, "GetCompositeSchedule", raw).told
        assert isinstance(told, CompositeTold)
        assert told.schedule is not None
        return told.schedule.starts_at

    assert starts_at() == NOON
    del schedule["startSchedule"]
    assert starts_at() is None


@pytest.mark.parametrize("version", VERSIONS)
def test_1_6_replaces_also_what_is_never_valid_at_the_same_time(version):
    """1.6 3.13.2, K01.FR.06."""
    raw = Raw(b'{"status":"Accepted"}')
    told = DIALECTS[version].outcome(limit(), "SetChargingProfile", raw).told
    assert told == ProfileTold(whenever_valid=version == "ocpp1.6")


async def heard(version, action, payload):
    recorder = Recorder()
    raw = Raw(json.encode(payload))
    answer = await DIALECTS[version].answer(recorder, SENDER, action, raw, None)
    return recorder.heard[-1], json.decode(answer.payload)


def reported(**fields):
    profile = {
        "id": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [
            {
                "id": 1,
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16}],
            }
        ],
    } | fields
    return {
        "requestId": 1,
        "chargingLimitSource": "CSO",
        "evseId": 0,
        "chargingProfile": [profile],
    }


@pytest.mark.parametrize("version", TWO)
async def test_a_reported_profile_is_read_as_it_was_sent(version):
    profile = limit(transaction=TransactionRef("tx"), recurrency=Recurrency.DAILY).profile
    _, request = sent(version, SetChargingProfile(profile=profile))

    told, answer = await heard(
        version, "ReportChargingProfiles", reported(**request["chargingProfile"])
    )

    assert answer == {}
    (one,) = told.profiles
    assert one.profile.with_utc() == ChargingProfile(
        id=1,
        purpose=Purpose.TX_DEFAULT,
        recurrency=Recurrency.DAILY,
        transaction=TransactionRef("tx"),
        schedules=(schedule(id=1),),
    )


async def test_what_2_1_adds_is_known_and_not_computed_with():
    setpoint = [{"startPeriod": 0, "setpoint": -5000, "operationMode": "CentralSetpoint"}]
    for fields in (
        {"chargingProfileKind": "Dynamic"},
        {
            "chargingSchedule": [
                {"id": 1, "chargingRateUnit": "W", "chargingSchedulePeriod": setpoint}
            ]
        },
    ):
        told, _ = await heard("ocpp2.1", "ReportChargingProfiles", reported(**fields))
        assert [(each.id, each.profile) for each in told.profiles] == [(1, None)]


async def test_a_session_of_15118_20_is_told_so_by_its_own_word():
    """K15.FR.04, K18.FR.04."""
    needs = {
        "requestedEnergyTransfer": "DC",
        "dcChargingParameters": {"evMaxCurrent": 1, "evMaxVoltage": 2},
    }
    _, answer = await heard(
        "ocpp2.1", "NotifyEVChargingNeeds", {"evseId": 1, "chargingNeeds": needs}
    )
    assert answer == {"status": "Rejected"}

    later = needs | {"controlMode": "ScheduledControl"}
    told, answer = await heard(
        "ocpp2.1", "NotifyEVChargingNeeds", {"evseId": 1, "chargingNeeds": later}
    )
    assert answer == {"status": "NoChargingProfile"}
    assert (told.ev_max_current_a, told.ev_max_voltage_v, told.energy_wh) == (1.0, 2.0, None)
