"""How a battery takes power."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltkeep.sim.battery import Battery, Vehicle


def test_power_is_constant_and_then_falls():
    battery = Battery(capacity_wh=50_000, soc=0.1, max_power_w=100_000, taper_from=0.8)
    curve = []
    while not battery.full():
        curve.append((battery.soc, battery.acceptance()))
        battery.charge(150_000, 30)

    assert {power for soc, power in curve if soc <= 0.8} == {100_000}
    falling = [power for soc, power in curve if soc > 0.8]
    assert falling == sorted(falling, reverse=True)
    assert falling[-1] < 0.05 * 100_000
    assert 0.99 < battery.soc <= 1.0


def test_a_weak_charger_meets_the_taper_late():
    battery = Battery(capacity_wh=50_000, soc=0.9, max_power_w=100_000, taper_from=0.8)

    energy = battery.charge(11_000, 600)

    assert energy == pytest.approx(11_000 / 6)


def test_cold_batteries_take_less():
    cold = Battery(temperature_c=-15.0)

    assert cold.acceptance() == pytest.approx(0.3 * Battery().acceptance())


def test_a_battery_stops_at_its_target():
    battery = Battery(soc=0.5, target=0.6)

    energy = battery.charge(100_000, 10_000)

    assert energy == pytest.approx(0.1 * battery.capacity_wh)
    assert battery.full()
    assert battery.charge(100_000, 60) == 0.0


@given(
    soc=st.floats(0.0, 1.0),
    power=st.floats(0.0, 300_000.0),
    seconds=st.floats(0.0, 20_000.0),
    parts=st.integers(1, 50),
    taper_from=st.floats(0.3, 0.95),
)
def test_the_curve_does_not_depend_on_the_steps(soc, power, seconds, parts, taper_from):
    whole = Battery(soc=soc, taper_from=taper_from)
    stepped = Battery(soc=soc, taper_from=taper_from)

    at_once = whole.charge(power, seconds)
    in_steps = sum(stepped.charge(power, seconds / parts) for _ in range(parts))

    assert in_steps == pytest.approx(at_once, rel=1e-6, abs=0.1)
    assert 0.0 <= at_once <= power * seconds / 3600 + 1e-6
    assert soc <= whole.soc <= 1.0


def test_a_cars_own_charger_limits_alternating_current():
    car = Vehicle(Battery(max_power_w=150_000), ac_power_w=7_400)

    assert (car.demand(dc=False), car.demand(dc=True)) == (7_400, 150_000)
