"""LAB_01: the user name of another station."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import WITH_PASSWORD, Functionality, case
from voltkeep.lab.ocpp16.security import is_let_in, is_shut_out
from voltkeep.lab.ocpp16.station import ChargePoint
from voltkeep.sim.spec import basic


@case(
    "LAB_01",
    "Wrong user name",
    Functionality.SECURITY,
    source="Security whitepaper edition 3, A00.FR.204 and .303",
    profiles=WITH_PASSWORD,
    official=False,
)
async def wrong_user(bench: Bench) -> None:
    """A station that names another one in its Authorization header is refused."""
    station = ChargePoint(bench)

    bench.step("The station connects with its own key, and the identity of another as user name")
    others = (each.identity for each in bench.plan.stations.values())
    user = next((name for name in others if name != station.identity), "SOMEBODY-ELSE")
    header = basic(user, station.credentials.key)
    await is_shut_out(station, station.way()._replace(authorization=header), before_upgrade=True)

    bench.step("With its own identity as user name it is let in")
    await is_let_in(station)
