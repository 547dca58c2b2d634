"""TC_030: unlocking fails."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16 import orders
from voltkeep.lab.ocpp16.states import booted, is_served


@case(
    "TC_030",
    "Unlock connector: unlock failure",
    Functionality.CORE,
    source="OCPP 1.6 edition 2, section 5.18; errata 3.87; OCTT, TC_030",
)
async def unlock_fails(bench: Bench) -> None:
    """A person has a cable freed, and the lock does not open: the CSMS takes it as it is."""
    station = await booted(bench)

    bench.step("The operator orders that connector 1 is unlocked; its lock fails")
    await orders.unlock(station, 1, orders.Unlocked.UNLOCK_FAILED)

    bench.step("The station is served as before")
    await is_served(station)
