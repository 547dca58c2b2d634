"""Charging stations in software: one by hand, ten for a demo, ten thousand for load."""

from voltkeep.sim.behaviour import MISBEHAVIOURS
from voltkeep.sim.demo import DEMO_STATIONS, DEMO_TOKENS, demo_fleet
from voltkeep.sim.fleet import Fleet, FleetOptions, FleetStatus, run_fleet
from voltkeep.sim.simulator import SimStation
from voltkeep.sim.spec import Credentials, StationSpec
from voltkeep.sim.transaction import Record

__all__ = [
    "DEMO_STATIONS",
    "DEMO_TOKENS",
    "MISBEHAVIOURS",
    "Credentials",
    "Fleet",
    "FleetOptions",
    "FleetStatus",
    "Record",
    "SimStation",
    "StationSpec",
    "demo_fleet",
    "run_fleet",
]
