"""TC_001: cold boot."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.states import boot, connected, is_served


@case(
    "TC_001",
    "Cold boot",
    Functionality.CORE,
    source="OCPP 1.6 edition 2, sections 4.2, 4.6 and 4.9; errata 3.22",
)
async def cold_boot(bench: Bench) -> None:
    """A station that starts is accepted, with a heartbeat interval and the time.

    The laboratory does not wait for the interval: a heartbeat may come whenever a station likes.
    """
    bench.step("The station connects, sends BootNotification, and tells the status of connectors")
    station = await connected(bench)
    await boot(station)

    bench.step("It sends Heartbeat, and is told the time")
    await is_served(station)
