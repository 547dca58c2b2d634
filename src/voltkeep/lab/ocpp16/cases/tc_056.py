"""TC_056: a default profile."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.smart_charging import Purpose, a_profile, given_profile
from voltkeep.lab.ocpp16.states import booted, is_served


@case(
    "TC_056",
    "Central smart charging, TxDefaultProfile",
    Functionality.SMART_CHARGING,
    source="OCPP 1.6 edition 2, sections 5.16.4 and 3.13.1; errata 3.45, 3.56, 3.69; OCTT, TC_056",
)
async def default_profile(bench: Bench) -> None:
    """A default profile for transactions is set on a connector, just as it was ordered."""
    station = await booted(bench)

    bench.step("The operator sets a TxDefaultProfile on a connector, with absolute times")
    await given_profile(station, 1, a_profile(bench, Purpose.TX_DEFAULT_PROFILE, 56))

    bench.step("The station is served as before")
    await is_served(station)
