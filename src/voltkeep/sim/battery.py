"""A car's battery: how much power it takes, and what becomes of it."""

import math
from dataclasses import dataclass

_FULL = 0.02  # of the greatest power: where a car calls itself full
_EPSILON = 1e-9
_WARM = 15.0  # °C; colder than this, lithium takes less
_FROZEN = -15.0
_FROZEN_SHARE = 0.3


@dataclass(slots=True)
class Battery:
    """Constant power up to `taper_from`, then falling in proportion to what is left to fill.

    The fall is solved, not stepped, so the curve does not depend on how often one looks.
    """

    capacity_wh: float = 60_000.0
    soc: float = 0.2
    max_power_w: float = 100_000.0
    taper_from: float = 0.8
    target: float = 1.0
    temperature_c: float = 20.0

    def acceptance(self) -> float:
        """The power it would take now, in W, from a charger without limits."""
        if self.full():
            return 0.0
        return self._peak() * min(1.0, (1.0 - self.soc) / (1.0 - self.taper_from))

    def full(self) -> bool:
        """Whether it asks for nothing more."""
        return self.soc >= self._end() - _EPSILON

    def charge(self, offered_w: float, seconds: float) -> float:
        """Charge with at most `offered_w`; the energy taken, in Wh."""
        before, peak = self.soc, self._peak()
        offered = min(offered_w, peak)
        if offered <= 0.0 or seconds <= 0.0 or self.full():
            return 0.0
        knee = 1.0 - (1.0 - self.taper_from) * offered / peak
        hours = seconds / 3600.0
        if self.soc < knee:
            steady = min(hours, (knee - self.soc) * self.capacity_wh / offered)
            self.soc += offered * steady / self.capacity_wh
            hours -= steady
        if hours > 0.0:
            rate = peak / (self.capacity_wh * (1.0 - self.taper_from))
            self.soc = 1.0 - (1.0 - self.soc) * math.exp(-rate * hours)
        self.soc = min(self.soc, self._end())
        return (self.soc - before) * self.capacity_wh

    def _end(self) -> float:
        """Where it stops: at its target, or where it would take next to nothing."""
        return min(self.target, 1.0 - (1.0 - self.taper_from) * _FULL)

    def _peak(self) -> float:
        if self.temperature_c >= _WARM:
            return self.max_power_w
        warmth = max(0.0, (self.temperature_c - _FROZEN) / (_WARM - _FROZEN))
        return self.max_power_w * (_FROZEN_SHARE + (1.0 - _FROZEN_SHARE) * warmth)


@dataclass(slots=True)
class Vehicle:
    """A car: its battery, and its charger on board for alternating current."""

    battery: Battery
    ac_power_w: float = 11_000.0
    ac_phases: int = 3

    def demand(self, *, dc: bool) -> float:
        """The power it asks for now, in W."""
        power = self.battery.acceptance()
        return power if dc else min(power, self.ac_power_w)
