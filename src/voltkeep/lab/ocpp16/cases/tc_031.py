"""TC_031: unlocking a connector that is not there."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16 import orders
from voltkeep.lab.ocpp16.states import booted, is_served


@case(
    "TC_031",
    "Unlock connector: unknown connector",
    Functionality.CORE,
    source="OCPP 1.6 edition 2, section 5.18; errata 3.87; OCTT, TC_031",
)
async def unlock_unknown_connector(bench: Bench) -> None:
    """A person can have any connector unlocked, also one that the station does not have."""
    station = await booted(bench)

    bench.step("The operator orders that a connector is unlocked which the station does not have")
    await orders.unlock(station, bench.plan.connectors + 1, orders.Unlocked.NOT_SUPPORTED)

    bench.step("The station is served as before")
    await is_served(station)
