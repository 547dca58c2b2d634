"""TC_012: remote stop."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16 import orders
from voltkeep.lab.ocpp16.states import Reason, booted, charging, end_charging


@case(
    "TC_012",
    "Remote stop charging session",
    Functionality.CORE,
    source="OCPP 1.6 edition 2, sections 5.12 and 4.10; OCTT, TC_012",
)
async def remote_stop(bench: Bench) -> None:
    """A person ends a transaction from afar.

    The transaction is stopped before the status Finishing is told; the other order is allowed too.
    """
    station = await booted(bench)
    transaction = await charging(station)

    bench.step("The operator orders that this very transaction is stopped; the station accepts")
    await orders.remote_stop(station, transaction, orders.RemoteStop.ACCEPTED)

    bench.step("The station stops it, and is available again")
    await end_charging(station, transaction, Reason.REMOTE)
