"""TC_007: a token that the station remembers."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.states import Status, booted, start_transaction, tell_status


@case(
    "TC_007",
    "Regular start of a charging session: cached id",
    Functionality.CORE,
    source="OCPP 1.6 edition 2, sections 3.5.1 and 4.8; OCTT, TC_007",
)
async def cached_id(bench: Bench) -> None:
    """A station that knows a token from its cache starts without Authorize.

    The transaction is started before the status Charging is told; the other order is allowed too.
    """
    station = await booted(bench)

    bench.step("The cable is plugged in, and a token is presented that the station remembers")
    await tell_status(station, Status.PREPARING)

    bench.step("Charging starts without Authorize: the token is accepted all the same")
    await start_transaction(station)
    await tell_status(station, Status.CHARGING)
