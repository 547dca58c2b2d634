"""LAB_16: a key that was replaced."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import WITH_PASSWORD, Functionality, case
from voltkeep.lab.ocpp16.security import is_let_in, is_shut_out, new_key, or_key_before
from voltkeep.lab.ocpp16.states import booted
from voltkeep.sim.spec import basic


@case(
    "LAB_16",
    "Replaced password",
    Functionality.SECURITY,
    source="Security whitepaper edition 3, A01.FR.03",
    profiles=WITH_PASSWORD,
    official=False,
)
async def replaced_key(bench: Bench) -> None:
    """As soon as a station has accepted a new key, the one before is refused."""
    station = await booted(bench)

    bench.step("The operator orders a new key, and the station accepts it")
    former = await new_key(station)
    async with or_key_before(station, former):
        await bench.finish_orders()
        await station.leave()

        bench.step("The station connects with the key before, and is refused")
        header = basic(station.identity, former)
        way = station.way()._replace(authorization=header)
        await is_shut_out(station, way, before_upgrade=True)

        bench.step("With the new key it is let in")
        await is_let_in(station)
