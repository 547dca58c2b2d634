"""Readings become named columns."""

from datetime import UTC, datetime

import pytest

from voltkeep.domain.meter_values import meter_value

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ENERGY, POWER = "Energy.Active.Import.Register", "Power.Active.Import"


def spread(*readings):
    return meter_value(NOON, list(readings), raw=b"[]")


def test_each_measurand_has_its_column():
    value = spread(
        (ENERGY, None, 1000.0),
        (POWER, None, 7360.0),
        ("Current.Import", "L1", 16.0),
        ("Current.Import", "L2-N", 16.1),
        ("Voltage", "L1-N", 230.4),
        ("Voltage", "L3", 231.0),
        ("SoC", None, 54.0),
        ("Energy.Active.Export.Register", None, 3.0),
    )

    assert (value.energy_wh, value.power_w, value.soc_percent) == (1000.0, 7360.0, 54.0)
    assert (value.current_l1_a, value.current_l2_a) == (16.0, 16.1)
    assert (value.voltage_l1_v, value.voltage_l3_v) == (230.4, 231.0)
    assert value.energy_export_wh == 3.0


def test_the_first_of_a_kind_wins():
    assert spread((ENERGY, None, 1.0), (ENERGY, None, 2.0)).energy_wh == 1.0


@pytest.mark.parametrize("phases", [("L1", "L2", "L3"), ("L1-N", "L2-N", "L3-N")])
def test_three_phases_are_summed_when_there_is_no_total(phases):
    assert spread(*((POWER, phase, 1000.0) for phase in phases)).power_w == 3000.0


def test_a_total_is_better_than_a_sum():
    value = spread((POWER, None, 2900.0), *((POWER, f"L{n}", 1000.0) for n in (1, 2, 3)))

    assert value.power_w == 2900.0


def test_two_of_three_phases_are_no_total():
    assert spread((POWER, "L1", 1.0), (POWER, "L2", 1.0)).power_w is None


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_reaches_no_column(value):
    assert spread((ENERGY, None, value)).energy_wh is None


def test_what_has_no_column_is_left_to_raw():
    assert spread(("Power.Factor", None, 0.98), ("Voltage", "L1-L2", 400.0)) == spread()
