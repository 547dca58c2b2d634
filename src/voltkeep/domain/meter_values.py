"""Meter values: one wide row for each instant a meter was read, in SI units.

A station says "3.1 kWh on L1, at the inlet"; past its dialect that is 3100 Wh in a named field.
What has no field here stays in ``raw``.
"""

import math
from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from voltkeep.domain.identity import Evse, TransactionRef

SAMPLE_PERIODIC = "Sample.Periodic"  # the context of a sample that names none
ENERGY = "Energy.Active.Import.Register"  # the measurand of a sample that names none
OUTLET = "Outlet"  # the location of a sample that names none


Reading = tuple[str, str | None, float]
"""One sampled value: measurand, phase, and the value in SI units (Wh, W, A, V, %, °C, Hz).

Six of them in every message of a charging car: a tuple, because anything else costs three times.
"""


class MeterValue(Struct, frozen=True, kw_only=True, gc=False):
    """What a meter said at one instant. Energy registers are absolute: never re-based."""

    at: datetime
    context: str = SAMPLE_PERIODIC
    energy_wh: float | None = None
    energy_export_wh: float | None = None
    power_w: float | None = None
    power_offered_w: float | None = None
    current_a: float | None = None
    current_l1_a: float | None = None
    current_l2_a: float | None = None
    current_l3_a: float | None = None
    current_offered_a: float | None = None
    voltage_v: float | None = None
    voltage_l1_v: float | None = None
    voltage_l2_v: float | None = None
    voltage_l3_v: float | None = None
    soc_percent: float | None = None
    temperature_c: float | None = None
    raw: bytes = b"[]"  # the station's samples as JSON, as decoded


class MeterReport(Struct, frozen=True, kw_only=True, gc=False):
    """The meter values of one message; ``ref`` None is a meter read outside a transaction."""

    evse: Evse | None
    ref: TransactionRef | None
    values: tuple[MeterValue, ...]


_FIELDS: dict[tuple[str, str | None], str] = {
    (ENERGY, None): "energy_wh",
    ("Energy.Active.Export.Register", None): "energy_export_wh",
    ("Power.Active.Import", None): "power_w",
    ("Power.Offered", None): "power_offered_w",
    ("Current.Import", None): "current_a",
    ("Current.Offered", None): "current_offered_a",
    ("Voltage", None): "voltage_v",
    ("SoC", None): "soc_percent",
    ("Temperature", None): "temperature_c",
}
# Stations name a phase against neutral for currents too, and plainly for voltages.
for _n in (1, 2, 3):
    for _phase in (f"L{_n}", f"L{_n}-N"):
        _FIELDS["Current.Import", _phase] = f"current_l{_n}_a"
        _FIELDS["Voltage", _phase] = f"voltage_l{_n}_v"

_SUMMED = {ENERGY: "energy_wh", "Power.Active.Import": "power_w"}
_PHASES = ({"L1", "L2", "L3"}, {"L1-N", "L2-N", "L3-N"})


def meter_value(
    at: datetime, readings: Iterable[Reading], *, context: str = SAMPLE_PERIODIC, raw: bytes
) -> MeterValue:
    """Spread readings over the named fields; the first of a kind wins, the rest stays in raw.

    Energy and power given per phase only are summed once all three phases are there.
    """
    fields: dict[str, float] = {}
    by_phase: dict[str, dict[str, float]] = {}
    for measurand, phase, value in readings:
        if not math.isfinite(value):
            continue
        name = _FIELDS.get((measurand, phase))
        if name is not None:
            fields.setdefault(name, value)
        elif phase is not None and measurand in _SUMMED:
            by_phase.setdefault(measurand, {}).setdefault(phase, value)
    for measurand, values in by_phase.items():
        if values.keys() in _PHASES:
            fields.setdefault(_SUMMED[measurand], sum(values.values()))
    return MeterValue(at=at, context=context, raw=raw, **fields)
