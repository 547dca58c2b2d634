"""LAB_03: an empty password."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import WITH_PASSWORD, Functionality, case
from voltkeep.lab.ocpp16.security import is_let_in, is_shut_out
from voltkeep.lab.ocpp16.station import ChargePoint
from voltkeep.sim.spec import basic


@case(
    "LAB_03",
    "No password",
    Functionality.SECURITY,
    source="Security whitepaper edition 3, A00.FR.202 and .205",
    profiles=WITH_PASSWORD,
    official=False,
)
async def no_password(bench: Bench) -> None:
    """A station that gives its identity and no password is refused."""
    station = ChargePoint(bench)

    bench.step("The station connects with its identity and an empty password, and is refused")
    header = basic(station.identity, b"")
    await is_shut_out(station, station.way()._replace(authorization=header), before_upgrade=True)

    bench.step("With its key it is let in")
    await is_let_in(station)
