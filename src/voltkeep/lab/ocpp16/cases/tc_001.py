"""TC_001: cold boot."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.states import boot, connected, is_left_alone, is_served


@case(
    "TC_001",
    "Cold boot",
    Functionality.CORE,
    source="OCPP 1.6 edition 2, sections 4.2, 4.6 and 4.9; errata 3.22",
)
async def cold_boot(bench: Bench) -> None:
    """A station that starts is accepted, with a heartbeat interval and the time, and left alone.

    The first Heartbeat does not wait for the interval: it may come whenever a station likes.
    """
    bench.step("The station connects, sends BootNotification, and tells the status of connectors")
    station = await connected(bench)
    await boot(station)

    bench.step("It sends Heartbeat, and is told the time")
    await is_served(station)

    bench.step("For a while nothing is asked of it; it sends Heartbeats at the interval")
    await is_left_alone(station)
