"""Charging stations in software: one by hand, ten for a demo, ten thousand for load."""

from voltkeep.sim.simulator import SimStation
from voltkeep.sim.spec import StationSpec

__all__ = ["SimStation", "StationSpec"]
