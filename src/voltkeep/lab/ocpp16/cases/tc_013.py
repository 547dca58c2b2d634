"""TC_013: hard reset."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.states import boot, booted
from voltkeep.ocpp.v16 import ResetRequest, ResetRequestType, ResetResponse, ResetResponseStatus


@case(
    "TC_013",
    "Hard reset without transaction",
    Functionality.CORE,
    source="OCPP 1.6 edition 2, sections 5.14 and 4.2",
)
async def hard_reset(bench: Bench) -> None:
    """A person has the CSMS restart a station at once, and it is accepted again after."""
    station = await booted(bench)

    bench.step("The operator orders a hard reset")
    asked = await station.asked(bench.driver.reset(station.identity, kind="Hard"), ResetRequest)
    bench.check(asked.request.type == ResetRequestType.HARD, "type Hard", asked.request.type)
    await asked.answer(ResetResponse(status=ResetResponseStatus.ACCEPTED))

    bench.step("The station restarts and boots")
    await station.disconnect()
    await station.connect()
    await boot(station)
