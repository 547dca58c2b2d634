"""TC_057: a profile of a transaction."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.smart_charging import Purpose, a_profile, given_profile
from voltkeep.lab.ocpp16.states import Reason, booted, charging, end_charging


@case(
    "TC_057",
    "Central smart charging, TxProfile",
    Functionality.SMART_CHARGING,
    source="OCPP 1.6 edition 2, sections 5.16.3 and 3.13.1; errata 3.45, 3.65, 3.66; OCTT, TC_057",
)
async def transaction_profile(bench: Bench) -> None:
    """A profile is set for a transaction that is under way, and names it.

    It may come as Absolute or as Relative, however it was ordered.
    """
    station = await booted(bench)
    transaction = await charging(station)

    bench.step("The operator sets a TxProfile for the transaction")
    ordered = a_profile(bench, Purpose.TX_PROFILE, 57, transaction=transaction)
    await given_profile(station, 1, ordered)

    bench.step("Charging ends")
    await end_charging(station, transaction, Reason.LOCAL)
