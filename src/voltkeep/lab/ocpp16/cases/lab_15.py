"""LAB_15: the two ways in which stations send their key."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import WITH_PASSWORD, Functionality, case
from voltkeep.lab.ocpp16.security import is_let_in
from voltkeep.lab.ocpp16.station import ChargePoint
from voltkeep.lab.verdicts import Failed
from voltkeep.sim.spec import basic


@case(
    "LAB_15",
    "Password as octets and as hex digits",
    Functionality.SECURITY,
    source="OCPP-J 1.6, section 6.2; security whitepaper edition 3, A00.FR.205",
    profiles=WITH_PASSWORD,
    official=False,
)
async def both_forms_of_a_key(bench: Bench) -> None:
    """A key is sent as its octets; many stations send its hex digits, as they were configured.

    Whether those are let in as well is informative: a CSMS that refuses them earns a warning.
    """
    station = ChargePoint(bench)

    bench.step("The station sends the octets of its key, and is let in")
    await is_let_in(station)

    bench.step("It sends its key as hex digits")
    header = basic(station.identity, station.credentials.key.hex())
    try:
        await station.connect(station.way()._replace(authorization=header))
    except Failed:
        bench.warn("a key is refused as hex digits; stations in the field send it so")
    await station.disconnect()

    bench.step("It sends the octets again, and is let in")
    await is_let_in(station)
