"""TC_003: charging begins with the cable."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.states import Status, authorize, booted, start_transaction, tell_status


@case(
    "TC_003",
    "Regular charging session: plugin first",
    Functionality.CORE,
    source="OCPP 1.6 edition 2, sections 4.1, 4.8 and 4.9; OCTT, TC_003",
)
async def plugin_first(bench: Bench) -> None:
    """A driver plugs in, then presents a valid token, and charging starts.

    The transaction is started before the status Charging is told; the other order is allowed too.
    """
    station = await booted(bench)

    bench.step("The cable is plugged in")
    await tell_status(station, Status.PREPARING)

    bench.step("A valid token is presented, and accepted")
    await authorize(station, bench.plan.tokens.valid)

    bench.step("Charging starts: the transaction is accepted and given an id")
    await start_transaction(station)
    await tell_status(station, Status.CHARGING)
