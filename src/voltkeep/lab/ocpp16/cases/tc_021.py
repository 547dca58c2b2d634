"""TC_021: a configuration key is changed."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16 import orders
from voltkeep.lab.ocpp16.states import booted, is_left_alone, is_served


@case(
    "TC_021",
    "Change/set configuration",
    Functionality.CORE,
    source="OCPP 1.6 edition 2, section 5.3; OCTT, TC_021",
)
async def change_configuration(bench: Bench) -> None:
    """A person has the CSMS change a key of the configuration."""
    station = await booted(bench)

    bench.step("The operator orders MeterValueSampleInterval = 60; the station accepts")
    await orders.write_configuration(
        station, "MeterValueSampleInterval", "60", orders.Changed.ACCEPTED
    )

    bench.step("The station is served as before")
    await is_served(station)

    bench.step("For a while nothing more is asked of it")
    await is_left_alone(station)
