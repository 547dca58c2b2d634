"""TC_017_2: unlocking a connector whose cable is fixed."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16 import orders
from voltkeep.lab.ocpp16.states import booted, is_served


@case(
    "TC_017_2",
    "Unlock connector, no charging session running (fixed cable)",
    Functionality.CORE,
    source="OCPP 1.6 edition 2, section 5.18; OCTT, TC_017_2",
)
async def unlock_fixed_cable(bench: Bench) -> None:
    """A person has a connector unlocked whose cable is fixed: the CSMS takes the station's no."""
    station = await booted(bench)

    bench.step("The operator orders that connector 1 is unlocked; it has no lock")
    await orders.unlock(station, 1, orders.Unlocked.NOT_SUPPORTED)

    bench.step("The station is served as before")
    await is_served(station)
