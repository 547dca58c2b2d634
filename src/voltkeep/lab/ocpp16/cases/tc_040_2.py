"""TC_040_2: a value that cannot be."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16 import orders
from voltkeep.lab.ocpp16.states import booted, is_served


@case(
    "TC_040_2",
    "Configuration keys: invalid value",
    Functionality.CORE,
    source="OCPP 1.6 edition 2, section 5.3; OCTT, TC_040_2",
)
async def change_to_wrong_value(bench: Bench) -> None:
    """A person can have a key changed to any value, also one out of range; the station says no."""
    station = await booted(bench)

    bench.step("The operator orders MeterValueSampleInterval = -1; the station rejects it")
    await orders.write_configuration(
        station, "MeterValueSampleInterval", "-1", orders.Changed.REJECTED
    )

    bench.step("The station is served as before")
    await is_served(station)
