"""TC_011_1: remote start, before the cable."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16 import orders
from voltkeep.lab.ocpp16.states import Status, authorize, booted, start_transaction, tell_status


@case(
    "TC_011_1",
    "Remote start charging session: remote start first",
    Functionality.CORE,
    source="OCPP 1.6 edition 2, sections 5.11, 4.1 and 4.8; OCTT, TC_011_1",
)
async def remote_start_first(bench: Bench) -> None:
    """A person starts charging from afar, and the driver plugs in after that.

    The transaction is started before the status Charging is told; the other order is allowed too.
    """
    station = await booted(bench)

    bench.step("The operator orders a remote start on connector 1; the station accepts")
    await orders.remote_start(station)

    bench.step("The station asks about the token, and it is accepted")
    await authorize(station, bench.plan.tokens.valid)

    bench.step("The cable is plugged in")
    await tell_status(station, Status.PREPARING)

    bench.step("Charging starts: the transaction is accepted and given an id")
    await start_transaction(station)
    await tell_status(station, Status.CHARGING)
