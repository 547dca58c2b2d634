"""What a simulated station makes of its profiles is what we compute, over a real connection."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.gateway.csms import STATION, VERSIONS, Csms
from voltkeep.domain.identity import Evse
from voltkeep.domain.smart_charging import (
    ChargingProfile,
    Kind,
    Period,
    ProfileCriteria,
    Purpose,
    RateUnit,
    Recurrency,
    Schedule,
)
from voltkeep.sim import SimStation, StationSpec

EVSE = Evse(1)


def steps(*limits):
    return tuple(Period(start_s=start, limit_w=limit) for start, limit in limits)


def profiles(now):
    """Levels, a round that comes again, a limit of the station, and one that ends in an hour."""
    midnight = now.replace(hour=0, minute=0, second=0) - timedelta(days=3)
    daily = Schedule(starts_at=midnight, periods=steps((0, 9000.0), (43_200, 4000.0)))
    hour = Schedule(
        starts_at=now - timedelta(seconds=60), duration_s=3600, periods=steps((0, 2500.0))
    )
    most = Schedule(
        starts_at=now - timedelta(days=1), periods=steps((0, 8000.0), (100_000, 3000.0))
    )
    yield (
        EVSE,
        ChargingProfile(
            purpose=Purpose.TX_DEFAULT,
            kind=Kind.RECURRING,
            recurrency=Recurrency.DAILY,
            schedules=(daily,),
        ),
    )
    yield EVSE, ChargingProfile(purpose=Purpose.TX_DEFAULT, stack_level=2, schedules=(hour,))
    yield None, ChargingProfile(purpose=Purpose.STATION_MAX, schedules=(most,))


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_station_and_we_come_to_the_same(version):
    async with Csms() as csms:
        await csms.add()
        spec = StationSpec(id="CS-1", version=version.removeprefix("ocpp"), url=csms.url("/ocpp"))
        async with SimStation(spec, 1.0) as station:
            await station.booted()
            charging = csms.services.smart_charging
            now = datetime.now(UTC).replace(microsecond=0)
            for evse, profile in profiles(now):
                assert (await charging.set(STATION, profile, evse)).accepted

            outcome = await charging.composite(STATION, EVSE, 2 * 86_400, unit=RateUnit.W)

            told = outcome.told
            assert outcome.accepted
            assert told.differences == ()
            assert len(told.computed.steps) >= 3
            assert [step.limit_w for step in told.schedule.steps] == [
                step.limit_w for step in told.computed.steps
            ]
            if version == "ocpp1.6":
                return
            assert (await charging.ask_profiles(STATION)).accepted

            async with asyncio.timeout(10):
                while (await charging.reports_of(STATION))[0].state != "complete":  # noqa: ASYNC110  # no event tells
                    await asyncio.sleep(0.01)
            states = [each.state for each in await charging.profiles(STATION)]
            assert states == ["accepted"] * 3
            await charging.clear(STATION, ProfileCriteria(whole_station=True))
            assert len(await charging.profiles(STATION, live=True)) == 2
