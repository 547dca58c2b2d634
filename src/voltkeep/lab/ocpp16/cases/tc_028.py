"""TC_028: remote stop of a transaction that is not there."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16 import orders
from voltkeep.lab.ocpp16.states import Reason, booted, charging, end_charging

_FURTHER = 1_000_003  # from the id of the transaction that is there


@case(
    "TC_028",
    "Remote stop transaction: rejected",
    Functionality.CORE,
    source="OCPP 1.6 edition 2, section 5.12; OCTT, TC_028",
)
async def remote_stop_rejected(bench: Bench) -> None:
    """A person can have any transaction stopped, an unknown one too; the station says no.

    The one that is there goes on, and ends as usual.
    """
    station = await booted(bench)
    transaction = await charging(station)
    largest = 2**31 - 1
    unknown = transaction + (_FURTHER if transaction <= largest - _FURTHER else -_FURTHER)

    bench.step("The operator orders that an unknown transaction is stopped; the station rejects it")
    await orders.remote_stop(station, unknown, orders.RemoteStop.REJECTED)

    bench.step("The transaction that is there goes on, and is stopped by its driver")
    await end_charging(station, transaction, Reason.LOCAL, token=bench.plan.tokens.valid)
