"""Drivers: people who come with a car, charge and leave, one after the other at each outlet."""

import asyncio
import contextlib
import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

from voltkeep.sim.battery import Battery, Vehicle
from voltkeep.sim.simulator import SimStation

_SWIPES_FIRST = 0.3  # the share of drivers who present their token before they plug in
_JUST_UNPLUGS = 0.3  # and of those who stop by taking the cable out of the car
_FETCH_CABLE_S = (2.0, 8.0)
_TO_LEAVE_S = (2.0, 20.0)


class Visit(NamedTuple):
    """One driver's plan. Times are simulated seconds."""

    token: str
    vehicle: Vehicle
    stay_s: float


Visits = Callable[[random.Random], tuple[float, Visit]]
"""The next visit at an outlet, and how long it stays empty before."""


class Habits(NamedTuple):
    """How long drivers stay, in simulated seconds, and the share of time that an outlet is used."""

    stay_s: float = 2400.0
    busy: float = 0.6


def everyday(tokens: Sequence[str], habits: Habits) -> Visits:
    """Cars of all sizes, half empty when they come."""
    stay_s, busy = habits

    def plan(rng: random.Random) -> tuple[float, Visit]:
        battery = Battery(
            capacity_wh=rng.choice((38_000.0, 52_000.0, 60_000.0, 77_000.0, 95_000.0)),
            soc=rng.uniform(0.1, 0.6),
            max_power_w=rng.choice((50_000.0, 100_000.0, 150_000.0, 220_000.0)),
            taper_from=rng.uniform(0.6, 0.85),
        )
        phases = rng.choice((1, 3, 3))
        vehicle = Vehicle(
            battery, ac_power_w=rng.choice((3_700.0, 7_400.0, 11_000.0)), ac_phases=phases
        )
        stay = stay_s * rng.uniform(0.5, 1.5)
        gap = stay_s * (1.0 - busy) / busy * rng.uniform(0.2, 1.8)
        return gap, Visit(rng.choice(tokens), vehicle, stay)

    return plan


async def drive(
    station: SimStation,
    connector: int,
    visits: Visits,
    rng: random.Random,
    first_after_s: float | None = None,
) -> None:
    """Let drivers come to an outlet for ever."""
    clock = station.core.clock
    await station.until(lambda: station.core.accepted, timeout=None)
    while True:
        gap, visit = visits(rng)
        if first_after_s is not None:
            gap, first_after_s = first_after_s, None
        await asyncio.sleep(clock.real(gap))
        await charge(station, connector, visit, rng)


async def charge(station: SimStation, connector: int, visit: Visit, rng: random.Random) -> None:
    """One visit, from plugging in to leaving; a driver who is refused leaves at once."""
    outlet = station.core.outlets[connector]
    if not station.core.vacant(outlet):
        return
    pause = station.core.clock.real
    swipes_first = rng.random() < _SWIPES_FIRST
    if not swipes_first:
        await station.plug(connector, visit.vehicle)
        await asyncio.sleep(pause(rng.uniform(*_FETCH_CABLE_S)))
    verdict = await station.authorize(connector, visit.token, timeout=None)
    if swipes_first and verdict.accepted:
        await asyncio.sleep(pause(rng.uniform(*_FETCH_CABLE_S)))
        await station.plug(connector, visit.vehicle)
    if verdict.accepted:
        with contextlib.suppress(TimeoutError):  # time to go, charged or not
            await station.until(
                lambda: outlet.admission is None or visit.vehicle.battery.full(),
                pause(visit.stay_s),
            )
        await asyncio.sleep(pause(rng.uniform(*_TO_LEAVE_S)))
        if outlet.admission is not None and rng.random() >= _JUST_UNPLUGS:
            await station.stop(connector)
            await asyncio.sleep(pause(rng.uniform(*_FETCH_CABLE_S)))
    if outlet.plugged:
        await station.unplug(connector)
