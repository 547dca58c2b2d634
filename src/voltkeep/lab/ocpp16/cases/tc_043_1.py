"""TC_043_1: a full local list, to a station without local lists."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.local_list import ListStatus, sent_full
from voltkeep.lab.ocpp16.states import booted, is_served


@case(
    "TC_043_1",
    "Send local list (not supported)",
    Functionality.LOCAL_AUTH_LIST,
    source="OCPP 1.6 edition 2, section 5.15; errata 3.52; OCTT, TC_043_1",
)
async def list_not_supported(bench: Bench) -> None:
    """The CSMS sends a full list, and takes it that the station has no such list."""
    station = await booted(bench)

    bench.step("The operator has a full list sent; the station does not support it")
    await sent_full(station, ListStatus.NOT_SUPPORTED)

    bench.step("The station is served as before")
    await is_served(station)
