"""TC_004_2: a token is presented, and no cable comes."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.states import Status, authorize, booted, is_served, tell_status


@case(
    "TC_004_2",
    "Identification first: connection time-out",
    Functionality.CORE,
    source="OCPP 1.6 edition 2, sections 4.1 and 4.9; errata 3.21; OCTT, TC_004_2",
)
async def connection_times_out(bench: Bench) -> None:
    """A driver presents a valid token and does not plug in: the connector is available again."""
    station = await booted(bench)

    bench.step("A valid token is presented, and accepted; the connector prepares")
    await authorize(station, bench.plan.tokens.valid)
    await tell_status(station, Status.PREPARING)

    bench.step("ConnectionTimeOut passes without a cable: the connector is available")
    await tell_status(station, Status.AVAILABLE)

    bench.step("The station is served as before")
    await is_served(station)
