"""TC_005_1: the cable is pulled out of the car."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.states import Reason, Status, booted, charging, end_charging, tell_status


@case(
    "TC_005_1",
    "EV side disconnected: transaction stopped, cable unlocked",
    Functionality.CORE,
    source="OCPP 1.6 edition 2, sections 4.9 and 4.10; OCTT, TC_005_1",
)
async def ev_side_disconnected(bench: Bench) -> None:
    """The cable is unplugged from the car: the station ends the transaction and unlocks.

    The transaction is stopped before the status Finishing is told; the other order is allowed too.
    """
    station = await booted(bench)
    transaction = await charging(station)

    bench.step("The cable is unplugged from the car: charging is suspended")
    await tell_status(station, Status.SUSPENDED_EV)

    bench.step("The station stops the transaction by itself, and is available again")
    await end_charging(station, transaction, Reason.EV_DISCONNECTED)
