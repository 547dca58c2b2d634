"""TC_026: remote start, and the station does not."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16 import orders
from voltkeep.lab.ocpp16.states import booted, is_served


@case(
    "TC_026",
    "Remote start charging session: rejected",
    Functionality.CORE,
    source="OCPP 1.6 edition 2, section 5.11; OCTT, TC_026",
)
async def remote_start_rejected(bench: Bench) -> None:
    """A person starts charging from afar and the station says no: the CSMS lets it be."""
    station = await booted(bench)

    bench.step("The operator orders a remote start on connector 1; the station rejects it")
    await orders.remote_start(station, orders.RemoteStart.REJECTED)

    bench.step("The station is served as before")
    await is_served(station)
