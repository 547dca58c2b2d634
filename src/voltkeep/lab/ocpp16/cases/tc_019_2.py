"""TC_019_2: one configuration key."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16 import orders
from voltkeep.lab.ocpp16.states import booted, is_served

_KEY = "SupportedFeatureProfiles"


@case(
    "TC_019_2",
    "Retrieve specific configuration key",
    Functionality.CORE,
    source="OCPP 1.6 edition 2, section 5.8; OCTT, TC_019_2",
)
async def one_key(bench: Bench) -> None:
    """A person has the CSMS read one key of the configuration: it names just that."""
    station = await booted(bench)

    bench.step("The operator orders that SupportedFeatureProfiles is read; the station tells it")
    await orders.read_configuration(station, (_KEY,), {_KEY: "Core"})

    bench.step("The station is served as before, and nothing more is read")
    await is_served(station)
