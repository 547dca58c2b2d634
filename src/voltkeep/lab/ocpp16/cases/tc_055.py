"""TC_055: a trigger that is rejected."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.states import booted, is_served
from voltkeep.lab.ocpp16.triggers import TriggerStatus, triggered


@case(
    "TC_055",
    "Trigger message, rejected",
    Functionality.REMOTE_TRIGGER,
    source="OCPP 1.6 edition 2, section 5.17; OCTT, TC_055",
)
async def trigger_rejected(bench: Bench) -> None:
    """The CSMS asks for MeterValues of a connector that there is not, and takes the refusal."""
    station = await booted(bench)

    bench.step("The operator triggers MeterValues of a connector that the station does not have")
    unknown = bench.plan.connectors + 1
    await triggered(station, "MeterValues", unknown, TriggerStatus.REJECTED)

    bench.step("The station is served as before")
    await is_served(station)
