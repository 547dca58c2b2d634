"""TC_001: cold boot."""

import asyncio

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.states import Status, boot, connected, tell_status
from voltkeep.ocpp.v16 import HeartbeatRequest, HeartbeatResponse

_LONGEST_PAUSE_S = 1.0


@case(
    "TC_001",
    "Cold boot",
    Functionality.CORE,
    source="OCPP 1.6 edition 2, sections 4.2, 4.6 and 4.9; errata 3.22",
)
async def cold_boot(bench: Bench) -> None:
    """A station that starts is accepted, with a heartbeat interval and the time."""
    bench.step("The station connects and sends BootNotification")
    station = await connected(bench)
    booted = await boot(station)

    bench.step("It sends Heartbeat after the interval it was given")
    await asyncio.sleep(min(booted.interval, _LONGEST_PAUSE_S))
    await station.tell(HeartbeatRequest(), HeartbeatResponse)
    await tell_status(station, Status.AVAILABLE)
