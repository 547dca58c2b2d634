"""What a case of a feature profile leaves behind is taken back, and nothing else is ordered."""

import pytest

from tests.lab.csms.running import running
from tests.lab.fault import CASES
from tests.lab.spoils import asks, by, never
from voltkeep.lab.bench import Bench, Credentials
from voltkeep.lab.plan import Deadlines
from voltkeep.lab.run import play

DEADLINES = Deadlines(answer_s=20.0, order_s=20.0, case_s=60.0, quiet_s=0.05, idle_s=0.05)
IMPATIENT = Deadlines(answer_s=20.0, order_s=0.5, case_s=60.0, quiet_s=0.05, idle_s=0.05)


async def ordered(monkeypatch, case, *spoils, deadlines=DEADLINES):
    """What the operator is asked for in a case, and after it."""
    asked = []
    async with running(*spoils, deadlines=deadlines) as tested:
        perform = tested.driver.perform

        async def noted(operation, station, arguments):
            asked.append((operation, arguments))
            await perform(operation, station, arguments)

        monkeypatch.setattr(tested.driver, "perform", noted)
        credentials = {name: Credentials.of(each) for name, each in tested.plan.stations.items()}
        await play(CASES[case], Bench(tested.plan, tested.driver, 1, credentials))
    return asked


async def test_a_connector_is_put_into_service_again(monkeypatch):
    spoil = never("ReserveNow")
    asked = await ordered(monkeypatch, "TC_048_3", spoil, deadlines=IMPATIENT)

    assert [name for name, _ in asked] == ["change_availability", "reserve", "change_availability"]
    assert asked[-1][1] == {"operative": True, "connector": 1}


@pytest.mark.parametrize("case", ["TC_046", "TC_047", "TC_049", "TC_051", "TC_053"])
async def test_a_reservation_that_nobody_used_is_cancelled(monkeypatch, case):
    (_, _), *after = await ordered(monkeypatch, case, asks("ReserveNow", idTag="OTHER"))

    assert after == [("cancel_reservation", {"reservation": 1})]


async def test_a_default_profile_is_cleared(monkeypatch):
    asked = await ordered(monkeypatch, "TC_056")

    assert [name for name, _ in asked] == ["set_charging_profile", "clear_charging_profiles"]
    assert set(asked[-1][1].values()) == {None}


async def test_what_could_not_be_cleared_one_by_one_is_cleared(monkeypatch):
    asked = await ordered(monkeypatch, "TC_067", asks("ClearChargingProfile", 1, id=by(1)))

    cleared = [arguments for name, arguments in asked if name == "clear_charging_profiles"]
    assert len(cleared) == 2
    assert set(cleared[-1].values()) == {None}


@pytest.mark.parametrize(("case", "version"), [("TC_043_4", 2), ("TC_043_5", 3)])
async def test_a_local_list_is_emptied(monkeypatch, case, version):
    asked = await ordered(monkeypatch, case)

    assert asked[-1] == ("send_local_list", {"full": True, "tokens": (), "version": version})


@pytest.mark.parametrize(
    ("case", "orders"),
    [
        ("TC_043_1", ["send_local_list"]),
        ("TC_043_3", ["send_local_list"]),
        ("TC_046", ["reserve"]),
        ("TC_047", ["reserve"]),
        ("TC_048_1", ["reserve"]),
        ("TC_048_3", ["change_availability", "reserve", "change_availability"]),
        ("TC_051", ["reserve", "cancel_reservation"]),
        ("TC_052", ["cancel_reservation"]),
        ("TC_057", ["set_charging_profile"]),
        ("TC_059", ["remote_start"]),
        ("TC_067", ["set_charging_profile"] * 3 + ["clear_charging_profiles"] * 3),
    ],
)
async def test_what_a_case_has_ended_itself_is_not_ended_again(monkeypatch, case, orders):
    assert [name for name, _ in await ordered(monkeypatch, case)] == orders
