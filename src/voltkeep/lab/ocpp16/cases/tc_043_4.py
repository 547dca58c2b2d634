"""TC_043_4: a full local list."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.local_list import ListStatus, sent_full
from voltkeep.lab.ocpp16.states import booted, is_served


@case(
    "TC_043_4",
    "Send local list (full)",
    Functionality.LOCAL_AUTH_LIST,
    source="OCPP 1.6 edition 2, section 5.15; errata 3.52; OCTT, TC_043_4",
)
async def full_list(bench: Bench) -> None:
    """The CSMS sends a full list that says of every token what the station is to make of it."""
    station = await booted(bench)

    bench.step("The operator has a full list of two tokens sent")
    await sent_full(station, ListStatus.ACCEPTED)

    bench.step("The station is served as before")
    await is_served(station)
