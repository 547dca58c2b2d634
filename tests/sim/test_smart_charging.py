"""A CSMS sets charging profiles, and a simulated station obeys them."""

import pytest

from tests.sim.test_commands import soon, status
from tests.sim.test_story import ended, remote_start, remote_stop
from voltkeep.sim.meter import VOLTAGE


@pytest.fixture(autouse=True)
def _schemas_hold(csms):
    yield
    assert csms.refused == []
    assert csms.strays == []


def profile(version, id, purpose, *periods, unit="A", kind="Absolute", level=0, **more):
    schedule = {
        "charging_rate_unit": unit,
        "charging_schedule_period": [
            {"start_period": start, "limit": limit} for start, limit in periods
        ],
    }
    if kind == "Absolute":
        schedule["start_schedule"] = soon(hours=-1)
    if version == "1.6":
        purpose = purpose.replace("ChargingStation", "ChargePoint")
        return {
            "charging_profile_id": id,
            "stack_level": level,
            "charging_profile_purpose": purpose,
            "charging_profile_kind": kind,
            "charging_schedule": schedule,
        } | more
    return {
        "id": id,
        "stack_level": level,
        "charging_profile_purpose": purpose,
        "charging_profile_kind": kind,
        "charging_schedule": [schedule | {"id": 1}],
    } | more


async def install(csms, version, where, profile):
    if version == "1.6":
        asked = {"connector_id": where, "cs_charging_profiles": profile}
    else:
        asked = {"evse_id": where, "charging_profile": profile}
    return (await csms.call("SetChargingProfile", **asked))["status"]


async def clear(csms, version, **which):
    if version != "1.6":
        number = which.pop("id", None)
        purpose = which.pop("charging_profile_purpose", None)
        asked = {"charging_profile_id": number} if number else {}
        if purpose:
            asked["charging_profile_criteria"] = {"charging_profile_purpose": purpose}
        which = asked
    return (await csms.call("ClearChargingProfile", **which))["status"]


async def power(station, expected):
    """Wait until the first outlet draws so much."""
    meter = station.core.outlets[1].meter
    await station.until(lambda: meter.power_w == pytest.approx(expected, abs=1.0), timeout=10)


async def test_profiles_are_obeyed_and_the_strictest_wins(csms, connect, version):
    station = await connect()
    await station.plug(1)
    await station.authorize(1, "TOKEN")
    transaction = await station.charging(1)
    ref = {"transaction_id": transaction.ref}

    await power(station, 11_000)
    default = profile(version, 1, "TxDefaultProfile", (0, 10.0))
    statuses = [await install(csms, version, 0, default)]
    await power(station, 10 * 3 * VOLTAGE)
    own = profile(version, 2, "TxProfile", (0, 14.0), kind="Relative", **ref)
    statuses.append(await install(csms, version, 1, own))
    await power(station, 14 * 3 * VOLTAGE)
    most = profile(version, 3, "ChargingStationMaxProfile", (0, 5_000.0), unit="W")
    statuses.append(await install(csms, version, 0, most))
    await power(station, 5_000)
    cleared = [await clear(csms, version, id=3)]
    await power(station, 14 * 3 * VOLTAGE)
    cleared.append(await clear(csms, version, charging_profile_purpose="TxProfile"))
    await power(station, 10 * 3 * VOLTAGE)
    cleared.append(await clear(csms, version, id=99))
    cleared.append(await clear(csms, version))
    await power(station, 11_000)

    assert statuses == ["Accepted"] * 3
    assert cleared == ["Accepted", "Accepted", "Unknown", "Accepted"]


async def test_a_limit_of_nothing_suspends(csms, connect, version):
    station = await connect()
    await station.plug(1)
    await station.authorize(1, "TOKEN")
    await station.charging(1)

    await install(csms, version, 0, profile(version, 1, "TxDefaultProfile", (0, 0.0)))

    if version == "1.6":
        await status(csms, version, "SuspendedEVSE")
    else:
        await csms.until(
            lambda: (
                csms.of("TransactionEvent")[-1]["transactionInfo"].get("chargingState")
                == "SuspendedEVSE"
            )
        )


async def test_a_profile_without_its_transaction_is_rejected(csms, connect, version):
    """1.6, section 5.16.2; K01.FR.09, K01.FR.16, K01.FR.28, K01.FR.33."""
    await connect()
    ref = {"transaction_id": 5 if version == "1.6" else "unknown"}
    own = profile(version, 2, "TxProfile", (0, 14.0), kind="Relative", **ref)

    assert await install(csms, version, 1, own) == "Rejected"
    assert await install(csms, version, 0, own) == "Rejected"
    default = profile(version, 1, "TxDefaultProfile", (0, 10.0))
    assert await install(csms, version, 9, default) == "Rejected"


async def test_a_remote_start_may_bring_its_profile(csms, connect, version):
    """TC_059; F01.FR.11. It goes with its transaction."""
    station = await connect()
    brought = profile(version, 8, "TxProfile", (0, 8.0), kind="Relative")

    await remote_start(csms, version, charging_profile=brought)
    await station.plug(1)
    transaction = await station.charging(1)
    await power(station, 8 * 3 * VOLTAGE)
    await remote_stop(csms, version, transaction)
    await csms.until(lambda: ended(csms, version))

    assert len(station.core.profiles) == 0


async def test_the_composite_schedule_is_what_all_profiles_come_to(csms, connect, version):
    station = await connect(speed=1.0)
    await station.plug(1)
    await station.authorize(1, "TOKEN")
    await station.until(lambda: station.core.outlets[1].transaction is not None)
    steps = profile(version, 1, "TxDefaultProfile", (0, 16.0), (3_600 + 600, 8.0))
    await install(csms, version, 0, steps)
    where = {"connector_id": 1} if version == "1.6" else {"evse_id": 1}

    answer = await csms.call(
        "GetCompositeSchedule", duration=1_200, charging_rate_unit="A", **where
    )

    schedule = answer["charging_schedule" if version == "1.6" else "schedule"]
    periods = schedule["charging_schedule_period"]
    assert [float(p["limit"]) for p in periods] == [pytest.approx(15.9, abs=0.1), 8.0]
    assert periods[0]["start_period"] == 0
    assert 590 <= periods[1]["start_period"] <= 601


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
async def test_the_profiles_are_reported_in_parts(csms, connect, version):
    """K09.FR.01, 02, 04-06; TC_K_29, TC_K_31."""
    await connect()
    for id, level, evse in ((1, 0, 0), (2, 1, 0), (3, 2, 0), (4, 3, 1)):
        most = profile(version, id, "TxDefaultProfile", (0, 16.0), level=level)
        assert await install(csms, version, evse, most) == "Accepted"

    async def asked(id, **which):
        evse = {"evse_id": which.pop("evse")} if "evse" in which else {}
        answer = await csms.call(
            "GetChargingProfiles", request_id=id, charging_profile=which, **evse
        )
        return answer["status"]

    def parts(id):
        said = [m for m in csms.of("ReportChargingProfiles") if m["requestId"] == id]
        return [
            (m["evseId"], [p["id"] for p in m["chargingProfile"]], m.get("tbc", False))
            for m in said
        ]

    assert await asked(7, charging_limit_source=["CSO"]) == "Accepted"
    await csms.until(lambda: parts(7) and not parts(7)[-1][2])
    assert parts(7) == [(0, [1, 2], True), (0, [3], True), (1, [4], False)]
    assert await asked(8, evse=1, charging_profile_purpose="TxDefaultProfile") == "Accepted"
    await csms.until(lambda: parts(8))
    assert parts(8) == [(1, [4], False)]
    assert await asked(9, charging_profile_id=[5]) == "NoProfiles"
    assert await asked(9, stack_level=9) == "NoProfiles"
    assert await asked(9, charging_limit_source=["EMS"]) == "NoProfiles"
