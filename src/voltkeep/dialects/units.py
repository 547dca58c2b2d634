"""Units of measure: what stations count in, in SI. The only place where they are converted."""

import functools

_WATT_HOURS = {"Wh": 1.0, "kWh": 1000.0}
_WATTS = {"W": 1.0, "kW": 1000.0}
_AMPERES = {"A": 1.0}
_VOLTS = {"V": 1.0}
_HERTZ = {"Hz": 1.0, "Hertz": 1.0, "mHz": 0.001}
_PERCENT = {"Percent": 1.0, "%": 1.0}
_DEGREES = {
    "Celsius": (1.0, 0.0),
    "Celcius": (1.0, 0.0),  # so the schema of 1.6 has it beside the right one (errata J 2.1)
    "K": (1.0, -273.15),
    "Fahrenheit": (5 / 9, -160 / 9),
}

# The first unit of each is what a station means that names none.
_UNITS: dict[str, dict[str, float]] = {
    "Energy.Active.Import.Register": _WATT_HOURS,
    "Energy.Active.Export.Register": _WATT_HOURS,
    "Energy.Active.Import.Interval": _WATT_HOURS,
    "Energy.Active.Export.Interval": _WATT_HOURS,
    "Energy.Active.Net": _WATT_HOURS,
    "Power.Active.Import": _WATTS,
    "Power.Active.Export": _WATTS,
    "Power.Offered": _WATTS,
    "Current.Import": _AMPERES,
    "Current.Export": _AMPERES,
    "Current.Offered": _AMPERES,
    "Voltage": _VOLTS,
    "Frequency": _HERTZ,
    "SoC": _PERCENT,
}
_LARGEST_MULTIPLIER = 30  # a power of ten: quetta. Beyond it is a mistake, or an attack.

Scale = tuple[str, str | None, float, float]
"""Measurand, phase, factor and offset of a reading in SI units."""


@functools.lru_cache(maxsize=4096)  # a 2.x station makes up units as it likes
def scale(measurand: str, phase: str | None, unit: str | None, multiplier: int) -> Scale | None:
    """How a value becomes a reading; None where we do not know: then it stays in raw."""
    factor, offset = 1.0, 0.0
    if measurand == "Temperature":
        if unit is not None and unit not in _DEGREES:
            return None
        factor, offset = _DEGREES[unit or "Celsius"]
    else:
        units = _UNITS.get(measurand)
        if units is None or (unit is not None and unit not in units):
            return None
        factor = 1.0 if unit is None else units[unit]
    if not -_LARGEST_MULTIPLIER <= multiplier <= _LARGEST_MULTIPLIER:
        return None
    return measurand, phase, factor * 10.0**multiplier, offset


def in_si(value: float, factor: float, offset: float) -> float:
    """Without the dust of binary fractions: 1.001 kWh are 1001 Wh."""
    return value if factor == 1.0 and not offset else round(value * factor + offset, 6)
