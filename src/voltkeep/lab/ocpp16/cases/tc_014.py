"""TC_014: soft reset."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16 import orders
from voltkeep.lab.ocpp16.states import booted, restart
from voltkeep.ocpp.v16 import ResetRequestType


@case(
    "TC_014",
    "Soft reset without transaction",
    Functionality.CORE,
    source="OCPP 1.6 edition 2, sections 5.14 and 4.2; OCTT, TC_014",
)
async def soft_reset(bench: Bench) -> None:
    """A person has the CSMS restart a station gracefully, and it is accepted again after."""
    station = await booted(bench)

    bench.step("The operator orders a soft reset; the station accepts")
    await orders.reset(station, ResetRequestType.SOFT)

    bench.step("The station restarts, boots, and tells the status of its connectors")
    await restart(station)
