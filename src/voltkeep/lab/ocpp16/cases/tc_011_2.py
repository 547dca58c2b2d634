"""TC_011_2: remote start, and no cable comes."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16 import orders
from voltkeep.lab.ocpp16.states import Status, authorize, booted, is_served, tell_status


@case(
    "TC_011_2",
    "Remote start charging session: time out",
    Functionality.CORE,
    source="OCPP 1.6 edition 2, sections 5.11 and 4.9; errata 3.21; OCTT, TC_011_2",
)
async def remote_start_times_out(bench: Bench) -> None:
    """A person starts charging from afar and nobody plugs in: the connector is available again."""
    station = await booted(bench)

    bench.step("The operator orders a remote start on connector 1; the station accepts")
    await orders.remote_start(station)

    bench.step("The station asks about the token, and it is accepted; the connector prepares")
    await authorize(station, bench.plan.tokens.valid)
    await tell_status(station, Status.PREPARING)

    bench.step("ConnectionTimeOut passes without a cable: the connector is available")
    await tell_status(station, Status.AVAILABLE)

    bench.step("The station is served as before")
    await is_served(station)
