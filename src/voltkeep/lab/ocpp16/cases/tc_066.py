"""TC_066: a composite schedule."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.smart_charging import asked_for_composite_schedule
from voltkeep.lab.ocpp16.states import booted, is_served


@case(
    "TC_066",
    "Get composite schedule",
    Functionality.SMART_CHARGING,
    source="OCPP 1.6 edition 2, sections 5.7 and 6.21; OCTT, TC_066",
)
async def composite_schedule(bench: Bench) -> None:
    """The CSMS asks what all profiles of a connector come to, for a time and in a unit."""
    station = await booted(bench)

    bench.step("The operator asks for the composite schedule of a connector")
    await asked_for_composite_schedule(station, 1)

    bench.step("The station is served as before")
    await is_served(station)
