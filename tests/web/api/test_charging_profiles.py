"""Charging profiles over the API."""

from datetime import UTC, datetime

from voltkeep.domain.commands import CompositeTold, Outcome, SetChargingProfile
from voltkeep.domain.identity import Evse, StationId, TenantId
from voltkeep.domain.smart_charging import CompositeSchedule, RateUnit, Step
from voltkeep.services.ports import StationRefused

LIMIT = {
    "purpose": "TxDefaultProfile",
    "schedules": [{"starts_at": "2026-01-01T00:00:00Z", "periods": [{"limit_a": 16}]}],
}


async def give(api, expect=202, **ask):
    return await api.request("POST", "/stations/CP1/commands?wait=10", expect, json=ask)


async def test_a_profile_is_set_and_seen_until_it_is_cleared(api):
    await api.add("CP1")

    done = await give(api, command="SetChargingProfile", evse={"id": 1}, profile=LIMIT)
    assert (done["result"], done["status"]) == ("accepted", "Accepted"), done
    sent = api.stations.asked[-1][1]
    assert isinstance(sent, SetChargingProfile)
    assert (sent.profile.id, sent.evse) == (1, Evse(1))

    (live,) = await api.request("GET", "/stations/CP1/charging-profiles")
    assert (live["state"], live["id"], live["evse"]["id"]) == ("accepted", 1, 1)
    assert live["profile"]["schedules"][0]["periods"] == [{"limit_a": 16.0}]
    composite = await api.request("GET", "/stations/CP1/composite-schedule?evse=1&unit=A")
    assert composite["steps"] == [{"start_s": 0.0, "limit_a": 16.0}]

    await give(api, command="ClearChargingProfiles")
    assert await api.request("GET", "/stations/CP1/charging-profiles") == []
    page = await api.request("GET", "/charging-profiles?station=CP1")
    assert [each["state"] for each in page["items"]] == ["cleared"]


async def test_what_a_station_will_refuse_has_to_be_forced(api):
    await api.add("CP1")
    bad = LIMIT | {"purpose": "ChargingStationMaxProfile"}

    refused = await give(api, command="SetChargingProfile", evse={"id": 1}, profile=bad)
    assert refused["result"] == "unfit"
    assert "of the whole station" in refused["error"]
    assert api.stations.asked == []

    forced = await give(api, command="SetChargingProfile", evse={"id": 1}, profile=bad, force=True)
    assert forced["result"] == "accepted"
    assert "of the whole station" in forced["warning"]


async def test_what_is_wrong_with_a_profile_is_said_by_the_name_of_the_field(api):
    await api.add("CP1")
    for change, words in (
        ({"stack_level": -1}, "stack_level"),
        ({"limit_kw": 7}, "limit_kw"),
        ({"schedules": []}, "schedules"),
        ({"schedules": [{"periods": [{"limit_a": 6}, {"limit_w": 6}]}]}, "W or in A"),
        ({"schedules": [{"periods": [{"limit_a": 6, "limit_w": 6}]}]}, "limit_w or limit_a"),
        ({"schedules": [{"periods": [{"start_s": 0}]}]}, "limit_w or limit_a"),
        ({"schedules": [{"periods": [{"limit_a": 1e300}]}]}, "limit_a"),
        ({"schedules": [{"periods": [{"limit_a": 6}] * 1025}]}, "periods"),
    ):
        problem = await give(api, 400, command="SetChargingProfile", profile=LIMIT | change)
        assert words in problem["detail"], problem


async def test_both_composite_schedules_and_their_differences_are_told(api):
    await api.add("CP1")
    await give(api, command="SetChargingProfile", evse={"id": 1}, profile=LIMIT)
    said = CompositeSchedule(
        evse=None,
        starts_at=datetime(2026, 6, 1, tzinfo=UTC),
        duration_s=0,
        unit=RateUnit.A,
        steps=(Step(start_s=0.0, limit_a=16.0), Step(start_s=60.0, limit_a=20.0)),
    )
    api.stations.outcome = Outcome(accepted=True, status="Accepted", told=CompositeTold(said))

    done = await give(api, command="GetCompositeSchedule", evse={"id": 1}, duration_s=300)

    told = done["told"]
    assert told["schedule"]["duration_s"] == 300
    assert told["computed"]["steps"] == [{"start_s": 0.0, "limit_a": 16.0}]
    assert told["differences"] == [
        {"start_s": 60.0, "end_s": 300.0, "station": 20.0, "computed": 16.0, "more": 4.0}
    ]


async def test_a_report_that_was_refused_has_failed(api):
    await api.add("CP1")
    api.stations.outcome = StationRefused("NotSupported")

    await give(api, command="GetChargingProfiles", criteria={"evse": {"id": 1}})

    (report,) = await api.request("GET", "/stations/CP1/profile-reports")
    assert (report["state"], report["status"]) == ("failed", "refused")
    assert await api.request("GET", "/stations/CP1/charging-needs") == []


async def test_nobody_sees_the_profiles_of_others(api):
    other = TenantId("acme")
    await api.add("CP1", tenant=other)
    await api.services.smart_charging.clear(StationId(other, "CP1"))

    for path in ("charging-profiles", "composite-schedule", "charging-needs", "profile-reports"):
        await api.request("GET", f"/stations/CP1/{path}", 404)


async def test_a_composite_schedule_is_of_a_week_at_most(api):
    await api.add("CP1")
    for query in ("duration_s=1e9", "duration_s=0", "evse=0", "voltage_v=0", "phases=4", "unit=X"):
        problem = await api.request("GET", f"/stations/CP1/composite-schedule?{query}", 400)
        assert query.split("=")[0] in problem["detail"], problem
