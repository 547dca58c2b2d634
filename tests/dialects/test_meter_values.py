"""What sampled values mean: units, contexts, places, and what is no number."""

import pytest

from tests.dialects.recorder import Recorder, answer, hears
from voltkeep.dialects import DIALECTS
from voltkeep.dialects.units import scale
from voltkeep.domain.identity import Evse

OCPP16, OCPP201, OCPP21 = (DIALECTS[f"ocpp{v}"] for v in ("1.6", "2.0.1", "2.1"))
TWO = pytest.mark.parametrize("dialect", [OCPP201, OCPP21], ids=["2.0.1", "2.1"])
AT = "2026-01-01T10:15:00Z"


def in_16(*samples, **more):
    return {
        "connectorId": 1,
        "meterValue": [{"timestamp": AT, "sampledValue": list(samples)}],
        **more,
    }


def in_2x(*samples):
    return {"evseId": 1, "meterValue": [{"timestamp": AT, "sampledValue": list(samples)}]}


async def values_16(*samples):
    return (await hears(OCPP16, "MeterValues", in_16(*samples))).values[0]


async def values_2x(*samples):
    return (await hears(OCPP21, "MeterValues", in_2x(*samples))).values[0]


UNITS = [
    ("Energy.Active.Import.Register", "3100", None, "energy_wh", 3100.0),
    ("Energy.Active.Import.Register", "1.001", "kWh", "energy_wh", 1001.0),
    ("Energy.Active.Export.Register", "3.1", "kWh", "energy_export_wh", 3100.0),
    ("Power.Active.Import", "11.04", "kW", "power_w", 11040.0),
    ("Power.Active.Import", "7360", None, "power_w", 7360.0),
    ("Power.Offered", "22", "kW", "power_offered_w", 22000.0),
    ("Current.Import", "16", "A", "current_a", 16.0),
    ("Current.Offered", "32", "A", "current_offered_a", 32.0),
    ("Voltage", "229.8", "V", "voltage_v", 229.8),
    ("SoC", "81", "Percent", "soc_percent", 81.0),
    ("SoC", "81", None, "soc_percent", 81.0),
]
TEMPERATURES = [
    ("Temperature", "21.5", "Celsius", "temperature_c", 21.5),
    ("Temperature", "21.5", None, "temperature_c", 21.5),
    ("Temperature", "294.65", "K", "temperature_c", 21.5),
    ("Temperature", "70.7", "Fahrenheit", "temperature_c", 21.5),
]
MISTAKES = [
    ("Energy.Active.Import.Register", "3", "kW", "energy_wh", None),
    ("Power.Active.Import", "3", "A", "power_w", None),
    ("Voltage", "3", "Wh", "voltage_v", None),
]


@pytest.mark.parametrize(
    ("measurand", "value", "unit", "field", "expected"),
    [*UNITS, *TEMPERATURES, ("Temperature", "21.5", "Celcius", "temperature_c", 21.5), *MISTAKES],
)
async def test_units_of_1_6_become_si(measurand, value, unit, field, expected):
    sample = {"measurand": measurand, "value": value, **({"unit": unit} if unit else {})}

    assert getattr(await values_16(sample), field) == expected


@pytest.mark.parametrize(
    ("measurand", "value", "unit", "field", "expected"),
    [
        *UNITS,
        ("SoC", "81", "%", "soc_percent", 81.0),
        *MISTAKES,
        ("Power.Active.Import", "3", "hp", "power_w", None),
    ],
)
async def test_units_of_2x_become_si(measurand, value, unit, field, expected):
    sample = {"measurand": measurand, "value": float(value)}

    found = await values_2x({**sample, **({"unitOfMeasure": {"unit": unit}} if unit else {})})

    assert getattr(found, field) == expected


@pytest.mark.parametrize(
    ("unit", "multiplier", "expected"),
    [
        (None, 3, 3100.0),
        ("Wh", 3, 3100.0),
        ("kWh", -3, 3.1),
        ("kWh", 0, 3100.0),
        ("Wh", 31, None),
        ("Wh", -31, None),
        ("Wh", 2**62, None),
    ],
)
async def test_a_multiplier_is_a_power_of_ten(unit, multiplier, expected):
    measure = {"multiplier": multiplier, **({"unit": unit} if unit else {})}

    assert (await values_2x({"value": 3.1, "unitOfMeasure": measure})).energy_wh == expected


def test_temperatures_convert_in_every_version():
    for measurand, value, unit, _, expected in TEMPERATURES:
        found = scale(measurand, None, unit, 0)
        assert found is not None
        assert round(float(value) * found[2] + found[3], 6) == expected
    assert scale("Temperature", None, "Reaumur", 0) is None


@pytest.mark.parametrize(
    "text", ["", "abc", "NaN", "inf", "-Infinity", "1e999", "1_0", "3,1", "\u0663"]
)
async def test_what_is_no_number_stays_in_raw_and_is_noted(text):
    services = Recorder()

    answered = await answer(
        OCPP16,
        "MeterValues",
        in_16({"value": text}, {"value": "230", "measurand": "Voltage"}),
        services,
    )

    value = services.heard[0].values[0]
    assert (value.energy_wh, value.voltage_v) == (None, 230.0)
    assert text.encode() in value.raw
    assert "is no number" in answered.leniencies[0]


async def test_a_hostile_value_does_not_reach_the_log_as_it_is():
    answered = await answer(OCPP16, "MeterValues", in_16({"value": "\x1b[31m\u202e\n" + "x" * 99}))

    assert answered.leniencies[0].isprintable()
    assert len(answered.leniencies[0]) < 80


async def test_signed_data_stays_in_raw():
    signed = {"value": "123456", "format": "SignedData"}  # hex, whatever it looks like

    value = await values_16(signed, {"value": "5"})

    assert value.energy_wh == 5.0
    assert b"123456" in value.raw
    block = {"signedMeterData": "AA", "encodingMethod": "OCMF"}
    value = await values_2x({"value": 5, "signedMeterValue": block})
    assert value.energy_wh == 5.0
    assert b'"signedMeterData":"AA"' in value.raw


@pytest.mark.parametrize(
    ("contexts", "expected"),
    [
        ([None], "Sample.Periodic"),
        (["Sample.Periodic", "Transaction.Begin", "Trigger"], "Transaction.Begin"),
        ([None, "Sample.Clock"], "Sample.Clock"),
    ],
)
async def test_the_first_unusual_context_is_that_of_the_instant(contexts, expected):
    old = [{"value": "1", **({"context": c} if c else {})} for c in contexts]
    new = [{"value": 1, **({"context": c} if c else {})} for c in contexts]

    assert (await values_16(*old)).context == expected
    assert (await values_2x(*new)).context == expected


async def test_what_left_the_outlet_counts_before_what_came_in():
    old = await values_16({"value": "9", "location": "Inlet"}, {"value": "5", "location": "Outlet"})
    new = await values_2x({"value": 9, "location": "Inlet"}, {"value": 5})

    assert (old.energy_wh, new.energy_wh) == (5.0, 5.0)


async def test_a_station_that_only_says_inlet_is_read_all_the_same():
    assert (await values_16({"value": "9", "location": "Inlet"})).energy_wh == 9.0
    assert (await values_2x({"value": 9, "location": "Upstream"})).energy_wh == 9.0


async def test_samples_are_kept_as_they_came():
    value = await values_16({"value": "3.10", "unit": "kWh", "phase": "L1-N"})

    assert value.raw == b'[{"value":"3.10","phase":"L1-N","unit":"kWh"}]'


@pytest.mark.parametrize(
    ("connector", "more", "evse", "ref"),
    [
        (1, {"transactionId": 7}, Evse(1, 1), "7"),
        (1, {"transactionId": 0}, Evse(1, 1), "0"),
        (1, {}, Evse(1, 1), None),
        (0, {}, None, None),
    ],
)
async def test_whose_meter_values_of_1_6_these_are(connector, more, evse, ref):
    heard = await hears(
        OCPP16, "MeterValues", in_16({"value": "1"}, **{**more, "connectorId": connector})
    )

    assert (heard.evse, heard.ref) == (evse, ref)


@TWO
@pytest.mark.parametrize(("id", "evse"), [(0, None), (2, Evse(2))])
async def test_whose_meter_values_of_2x_these_are(dialect, id, evse):
    heard = await hears(dialect, "MeterValues", {**in_2x({"value": 1}), "evseId": id})

    assert (heard.evse, heard.ref) == (evse, None)
