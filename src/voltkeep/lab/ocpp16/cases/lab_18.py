"""LAB_18: an action that nobody knows."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.robustness import heartbeat_after, is_refused
from voltkeep.lab.ocpp16.states import booted


@case(
    "LAB_18",
    "Unknown action",
    Functionality.CORE,
    source="OCPP-J 1.6, section 4.2.3",
    official=False,
)
async def unknown_action(bench: Bench) -> None:
    """A CALL whose action is unknown is answered with the CALLERROR NotImplemented."""
    station = await booted(bench)

    bench.step("The station sends an action that is in no specification: NotImplemented comes")
    code = await is_refused(station, "LaboratoryNoSuchAction", {})
    bench.check(code == "NotImplemented", "CALLERROR NotImplemented", f"CALLERROR {code}")

    bench.step("It sends Heartbeat, which is answered")
    await heartbeat_after(station)
