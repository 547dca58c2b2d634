"""TC_018_1: unlocking a connector in use."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16 import orders
from voltkeep.lab.ocpp16.states import Reason, booted, charging, end_charging


@case(
    "TC_018_1",
    "Unlock connector with charging session running (not fixed cable)",
    Functionality.CORE,
    source="OCPP 1.6 edition 2, sections 5.18 and 4.10; OCTT, TC_018_1",
)
async def unlock_with_session(bench: Bench) -> None:
    """A person has a cable freed while a car charges: the station ends the transaction.

    The transaction is stopped before the status Finishing is told; the other order is allowed too.
    """
    station = await booted(bench)
    transaction = await charging(station)

    bench.step("The operator orders that connector 1 is unlocked; it is")
    await orders.unlock(station, 1, orders.Unlocked.UNLOCKED)

    bench.step("The station stops the transaction, and is available again")
    await end_charging(station, transaction, Reason.UNLOCK_COMMAND)
