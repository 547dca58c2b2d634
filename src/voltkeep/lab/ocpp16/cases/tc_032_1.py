"""TC_032_1: power fails in a transaction."""

import time

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.states import (
    Reason,
    Status,
    boot,
    booted,
    charging,
    stop_transaction,
    tell_status,
)


@case(
    "TC_032_1",
    "Power failure boot charge point: stop transaction(s)",
    Functionality.CORE,
    source="OCPP 1.6 edition 2, sections 3.7, 4.2 and 4.10; OCTT, TC_032_1",
)
async def power_failure(bench: Bench) -> None:
    """Power fails while a car charges; the station comes back and tells what it had to stop."""
    station = await booted(bench)
    transaction = await charging(station)

    bench.step("Power fails: the connection breaks without a close frame")
    failed_at = time.time()
    await station.leave(abruptly=True)

    bench.step("Power is back: the station boots, and tells that a cable is in connector 1")
    await station.connect()
    await boot(station, connector_1=Status.FINISHING)

    bench.step("It tells that the transaction has stopped, with the time of the power failure")
    ago_s = time.time() - failed_at
    await stop_transaction(station, transaction, Reason.POWER_LOSS, ago_s=ago_s)

    bench.step("The cable is unplugged")
    await tell_status(station, Status.AVAILABLE)
