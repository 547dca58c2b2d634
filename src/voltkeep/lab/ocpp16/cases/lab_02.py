"""LAB_02: a wrong password."""

import secrets

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import WITH_PASSWORD, Functionality, case
from voltkeep.lab.ocpp16.security import is_let_in, is_shut_out
from voltkeep.lab.ocpp16.station import ChargePoint
from voltkeep.sim.spec import basic


@case(
    "LAB_02",
    "Wrong password",
    Functionality.SECURITY,
    source="Security whitepaper edition 3, A00.FR.202, .205 and .302",
    profiles=WITH_PASSWORD,
    official=False,
)
async def wrong_password(bench: Bench) -> None:
    """A station with a key that is not its own is refused."""
    station = ChargePoint(bench)

    bench.step("The station connects with another key of 20 octets, and is refused")
    header = basic(station.identity, secrets.token_bytes(20))
    await is_shut_out(station, station.way()._replace(authorization=header), before_upgrade=True)

    bench.step("With its own key it is let in")
    await is_let_in(station)
