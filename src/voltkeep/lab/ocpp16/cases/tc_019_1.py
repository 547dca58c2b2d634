"""TC_019_1: all configuration keys."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16 import orders
from voltkeep.lab.ocpp16.states import booted, is_served

_SETTINGS = {
    "GetConfigurationMaxKeys": "10",
    "NumberOfConnectors": "2",
    "SupportedFeatureProfiles": "Core",
}


@case(
    "TC_019_1",
    "Retrieve all configuration keys",
    Functionality.CORE,
    source="OCPP 1.6 edition 2, section 5.8; OCTT, TC_019_1",
)
async def all_keys(bench: Bench) -> None:
    """A person has the CSMS read the whole configuration: it names no key."""
    station = await booted(bench)

    bench.step("The operator orders that the whole configuration is read; the station tells it")
    await orders.read_configuration(station, (), _SETTINGS)

    bench.step("The station is served as before, and nothing more is read")
    await is_served(station)
