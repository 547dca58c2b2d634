"""TC_043_3: a full local list that fails."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.local_list import ListStatus, sent_full
from voltkeep.lab.ocpp16.states import booted, is_served


@case(
    "TC_043_3",
    "Send local list (failed)",
    Functionality.LOCAL_AUTH_LIST,
    source="OCPP 1.6 edition 2, section 5.15; errata 3.52; OCTT, TC_043_3",
)
async def list_failed(bench: Bench) -> None:
    """The CSMS sends a full list, and takes it that the update failed."""
    station = await booted(bench)

    bench.step("The operator has a full list sent; the station could not use it")
    await sent_full(station, ListStatus.FAILED)

    bench.step("The station is served as before")
    await is_served(station)
