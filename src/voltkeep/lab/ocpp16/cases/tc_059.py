"""TC_059: a remote start with a profile."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.smart_charging import started_with_profile
from voltkeep.lab.ocpp16.states import Reason, booted, charging, end_charging


@case(
    "TC_059",
    "Remote start with charging profile",
    Functionality.SMART_CHARGING,
    source="OCPP 1.6 edition 2, sections 5.11 and 5.16.2; errata 3.41, 3.45; OCTT, TC_059",
)
async def remote_start_with_profile(bench: Bench) -> None:
    """A transaction is started from afar, with a profile that cannot name it yet.

    It may come as Relative or as Absolute, however it was ordered.
    """
    station = await booted(bench)

    bench.step("The operator starts charging on a connector, with a TxProfile")
    await started_with_profile(station, 59)
    transaction = await charging(station)

    bench.step("Charging ends")
    await end_charging(station, transaction, Reason.LOCAL)
