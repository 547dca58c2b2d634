"""TC_010: remote start, with the cable in."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16 import orders
from voltkeep.lab.ocpp16.states import Status, authorize, booted, start_transaction, tell_status


@case(
    "TC_010",
    "Remote start charging session: cable plugged in first",
    Functionality.CORE,
    source="OCPP 1.6 edition 2, sections 5.11, 4.1 and 4.8; OCTT, TC_010",
)
async def cable_first(bench: Bench) -> None:
    """A person starts charging from afar, at a connector whose cable is in.

    The transaction is started before the status Charging is told; the other order is allowed too.
    """
    station = await booted(bench)

    bench.step("The cable is plugged in")
    await tell_status(station, Status.PREPARING)

    bench.step("The operator orders a remote start on connector 1; the station accepts")
    await orders.remote_start(station)

    bench.step("The station asks about the token, and it is accepted")
    await authorize(station, bench.plan.tokens.valid)

    bench.step("Charging starts: the transaction is accepted and given an id")
    await start_transaction(station)
    await tell_status(station, Status.CHARGING)
