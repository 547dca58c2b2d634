"""TC_042_2: a local list that is empty."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.local_list import asked_version
from voltkeep.lab.ocpp16.states import booted, is_served


@case(
    "TC_042_2",
    "Get local list version (empty)",
    Functionality.LOCAL_AUTH_LIST,
    source="OCPP 1.6 edition 2, section 5.10; OCTT, TC_042_2",
)
async def version_of_empty_list(bench: Bench) -> None:
    """The CSMS asks for the version of the local list, and takes it that the list is empty."""
    station = await booted(bench)

    bench.step("The operator asks for the version of the local list; the station says 0")
    await asked_version(station, 0)

    bench.step("The station is served as before")
    await is_served(station)
