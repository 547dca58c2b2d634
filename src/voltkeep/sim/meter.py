"""The meter of an outlet: a register that only grows, and what flows now."""

from dataclasses import dataclass
from typing import NamedTuple

from voltkeep.ocpp.v21 import LocationEnum, MeasurandEnum, PhaseEnum

VOLTAGE = 230.0
PACK_VOLTAGE = 400.0
_SAG = 0.15  # V lost for each A: the cable to the grid is not ideal

_LINES = (PhaseEnum.L1, PhaseEnum.L2, PhaseEnum.L3)
_TO_NEUTRAL = (PhaseEnum.L1_N, PhaseEnum.L2_N, PhaseEnum.L3_N)
_UNITS = {
    MeasurandEnum.ENERGY_ACTIVE_IMPORT_REGISTER: "Wh",
    MeasurandEnum.POWER_ACTIVE_IMPORT: "W",
    MeasurandEnum.POWER_OFFERED: "W",
    MeasurandEnum.CURRENT_IMPORT: "A",
    MeasurandEnum.CURRENT_OFFERED: "A",
    MeasurandEnum.VOLTAGE: "V",
    MeasurandEnum.SO_C: "Percent",
}


class Reading(NamedTuple):
    """One measured value, in SI units and OCPP 2.x's words."""

    measurand: MeasurandEnum
    value: float
    unit: str
    phase: PhaseEnum | None = None
    location: LocationEnum | None = None


@dataclass(slots=True)
class Meter:
    """Register in Wh and power in W; current and voltage follow from the power."""

    phases: int = 3
    dc: bool = False
    energy_wh: float = 0.0
    power_w: float = 0.0
    phases_used: int = 3

    def read(
        self, measurands: tuple[str, ...], soc: float | None = None, offered_w: float = 0.0
    ) -> list[Reading]:
        """What it shows, in the order asked; a measurand it does not know is left out."""
        readings: list[Reading] = []
        for name in measurands:
            readings.extend(self._measure(name, soc, offered_w))
        return readings

    def current(self) -> float:
        """In A: of each phase in use, or of the direct current."""
        if self.dc:
            return self.power_w / PACK_VOLTAGE
        return self.power_w / (VOLTAGE * max(self.phases_used, 1))

    def _measure(self, name: str, soc: float | None, offered_w: float) -> list[Reading]:
        values: list[tuple[float, PhaseEnum | None]]
        match name:
            case MeasurandEnum.ENERGY_ACTIVE_IMPORT_REGISTER:
                values = [(round(self.energy_wh, 1), None)]
            case MeasurandEnum.POWER_ACTIVE_IMPORT:
                values = [(round(self.power_w, 1), None)]
            case MeasurandEnum.POWER_OFFERED:
                values = [(round(offered_w, 1), None)]
            case MeasurandEnum.CURRENT_OFFERED:
                values = [(round(offered_w / self._per_ampere(), 2), None)]
            case MeasurandEnum.CURRENT_IMPORT:
                values = self._currents()
            case MeasurandEnum.VOLTAGE:
                values = self._voltages()
            case MeasurandEnum.SO_C if soc is not None:
                percent = round(soc * 100.0, 1)
                return [Reading(MeasurandEnum.SO_C, percent, "Percent", None, LocationEnum.EV)]
            case _:
                return []
        measurand = MeasurandEnum(name)
        return [Reading(measurand, value, _UNITS[measurand], phase) for value, phase in values]

    def _per_ampere(self) -> float:
        return PACK_VOLTAGE if self.dc else VOLTAGE * max(self.phases_used, 1)

    def _currents(self) -> list[tuple[float, PhaseEnum | None]]:
        amperes = round(self.current(), 2)
        if self.dc:
            return [(amperes, None)]
        used = self.phases_used
        return [(amperes if n < used else 0.0, _LINES[n]) for n in range(self.phases)]

    def _voltages(self) -> list[tuple[float, PhaseEnum | None]]:
        if self.dc:
            return [(PACK_VOLTAGE, None)]
        loaded = round(VOLTAGE - _SAG * self.current(), 1)
        used = self.phases_used
        return [(loaded if n < used else VOLTAGE, _TO_NEUTRAL[n]) for n in range(self.phases)]
