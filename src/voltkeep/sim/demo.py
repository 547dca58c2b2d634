"""Ten stations for `voltkeep serve --demo`: mixed in version and size, and seldom empty."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from voltkeep.sim.battery import Battery, Vehicle
from voltkeep.sim.clock import Clock, Ticker
from voltkeep.sim.driver import Visit, Visits, drive
from voltkeep.sim.simulator import SimStation
from voltkeep.sim.spec import StationSpec

DEMO_TOKENS = ("DEMO-ANNA", "DEMO-BORIS", "DEMO-CHLOE", "DEMO-DAVID", "DEMO-ELIF", "DEMO-FATIMA")
"""Drivers that the CSMS has to know, so that they may charge."""

STRANGER = "DEMO-STRANGER"
"""A driver that it should not know: now and then someone is refused."""

_STRANGERS = 0.05
# A charge lasts minutes because the batteries are small. The clock runs as ours does, so that a
# transaction's times are not in the future, and its energy is its power times its time.
_CHARGE_S = (50.0, 110.0)
_GAP_S = (5.0, 25.0)
_FIRST_S = 0.5
_APART_S = 1.5
_SECOND_CONNECTOR_S = (10.0, 40.0)
_METER_INTERVAL_S = 10


class DemoStation(NamedTuple):
    """One of the ten."""

    id: str
    version: str
    model: str
    max_power_w: float
    phases: int = 3
    dc: bool = False
    connectors: int = 1


DEMO_STATIONS = (
    DemoStation("DEMO-01", "1.6", "Wall 7", 7_400.0, phases=1),
    DemoStation("DEMO-02", "2.0.1", "Wall 11", 11_000.0),
    DemoStation("DEMO-03", "2.1", "Post 22", 22_000.0),
    DemoStation("DEMO-04", "1.6", "Post 22", 22_000.0),
    DemoStation("DEMO-05", "2.0.1", "Rapid 50", 50_000.0, dc=True, connectors=2),
    DemoStation("DEMO-06", "2.1", "Wall 11", 11_000.0),
    DemoStation("DEMO-07", "1.6", "Wall 11", 11_000.0),
    DemoStation("DEMO-08", "2.0.1", "Wall 7", 7_400.0, phases=1),
    DemoStation("DEMO-09", "2.1", "Rapid 150", 150_000.0, dc=True, connectors=2),
    DemoStation("DEMO-10", "1.6", "Rapid 50", 50_000.0, dc=True),
)


def demo_specs(url: str, keys: Mapping[str, str | bytes]) -> list[StationSpec]:
    """The ten as specs, or those of them that have a key. Other ids are given out in order."""
    rows = [row for row in DEMO_STATIONS if row.id in keys] or DEMO_STATIONS
    return [
        StationSpec(
            id=id,
            version=row.version,
            url=url,
            password=password,
            connectors=row.connectors,
            model=row.model,
            phases=row.phases,
            dc=row.dc,
            max_power_w=row.max_power_w,
            meter_interval_s=_METER_INTERVAL_S,
        )
        for row, (id, password) in zip(rows, keys.items(), strict=False)
    ]


async def demo_fleet(
    url: str,
    keys: Mapping[str, str | bytes],
    tokens: Sequence[str] = DEMO_TOKENS,
    seed: int = 0,
) -> None:
    """Run the demo until cancelled. `keys` are the passwords by station id (`DEMO_STATIONS`)."""
    clock, ticker = Clock(), Ticker()
    rng = random.Random(seed)
    stations = [
        SimStation(spec, clock=clock, ticker=ticker, keep=False, log_frames=0)
        for spec in demo_specs(url, keys)
    ]
    try:
        async with asyncio.TaskGroup() as drivers:
            for index, station in enumerate(stations):
                station.start()
                arrival = _FIRST_S + index * _APART_S
                for connector in station.core.outlets:
                    own = random.Random(rng.getrandbits(64))
                    visits = small_batteries(station.spec.max_power_w, tokens)
                    drivers.create_task(drive(station, connector, visits, own, arrival))
                    arrival += own.uniform(*_SECOND_CONNECTOR_S)
    finally:
        await asyncio.gather(*(station.leave() for station in stations))


def small_batteries(power_w: float, tokens: Sequence[str]) -> Visits:
    """Cars that an outlet of that power fills in minutes."""

    def plan(rng: random.Random) -> tuple[float, Visit]:
        soc, target = rng.uniform(0.1, 0.5), rng.uniform(0.85, 1.0)
        lasts = rng.uniform(*_CHARGE_S)
        battery = Battery(
            capacity_wh=power_w * lasts / 3600.0 / (target - soc),
            soc=soc,
            target=target,
            max_power_w=power_w * rng.uniform(1.0, 1.4),
            taper_from=rng.uniform(0.55, 0.75),
        )
        vehicle = Vehicle(battery, ac_power_w=power_w, ac_phases=3)
        token = STRANGER if rng.random() < _STRANGERS else rng.choice(tokens)
        return rng.uniform(*_GAP_S), Visit(token, vehicle, stay_s=4 * lasts)

    return plan
