"""TC_017_1: unlocking a connector that nobody charges at."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16 import orders
from voltkeep.lab.ocpp16.states import booted, is_served


@case(
    "TC_017_1",
    "Unlock connector, no charging session running (not fixed cable)",
    Functionality.CORE,
    source="OCPP 1.6 edition 2, section 5.18; OCTT, TC_017_1",
)
async def unlock_without_session(bench: Bench) -> None:
    """A person has a cable freed that is stuck in a connector."""
    station = await booted(bench)

    bench.step("The operator orders that connector 1 is unlocked; it is")
    await orders.unlock(station, 1, orders.Unlocked.UNLOCKED)

    bench.step("The station is served as before")
    await is_served(station)
