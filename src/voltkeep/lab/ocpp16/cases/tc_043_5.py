"""TC_043_5: a differential local list."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.local_list import ListStatus, sent_differential, sent_full
from voltkeep.lab.ocpp16.states import booted


@case(
    "TC_043_5",
    "Send local list (differential)",
    Functionality.LOCAL_AUTH_LIST,
    source="OCPP 1.6 edition 2, section 5.15; errata 3.52; OCTT, TC_043_5",
)
async def differential_list(bench: Bench) -> None:
    """The CSMS sends a change of one token, and just that, as a newer version of the list.

    It may ask for the version that the station has before it sends the change.
    """
    station = await booted(bench)

    bench.step("The operator has a full list sent: the station has a list now")
    version = await sent_full(station, ListStatus.ACCEPTED)

    bench.step("The operator has the change of one token sent")
    await sent_differential(station, version)
