"""TC_040_1: a configuration key that is not there."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16 import orders
from voltkeep.lab.ocpp16.states import booted, is_served


@case(
    "TC_040_1",
    "Configuration keys: unknown key",
    Functionality.CORE,
    source="OCPP 1.6 edition 2, section 5.3; OCTT, TC_040_1",
)
async def change_unknown_key(bench: Bench) -> None:
    """A person can have any key changed, also one that the station does not know; it says so."""
    station = await booted(bench)

    bench.step("The operator orders an unknown key to be changed; the station does not support it")
    await orders.write_configuration(
        station, "LaboratoryUnknownKey", "1", orders.Changed.NOT_SUPPORTED
    )

    bench.step("The station is served as before")
    await is_served(station)
