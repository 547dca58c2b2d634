"""TC_085: HTTP Basic authentication."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import WITH_PASSWORD, Functionality, case
from voltkeep.lab.ocpp16.security import is_shut_out
from voltkeep.lab.ocpp16.states import boot
from voltkeep.lab.ocpp16.station import ChargePoint


@case(
    "TC_085",
    "HTTP Basic authentication, valid username and password",
    Functionality.SECURITY,
    source="Security whitepaper edition 3, A00.FR.201 to .206 and .301 to .304; OCTT, TC_085",
    profiles=WITH_PASSWORD,
)
async def basic_authentication(bench: Bench) -> None:
    """A station is let in with its identity and the octets of its key, and not without."""
    station = ChargePoint(bench)

    bench.step("The station connects without an Authorization header, and is refused")
    await is_shut_out(station, station.way(basic_auth=False), before_upgrade=True)

    bench.step("The station connects with its identity and its key, and boots")
    await station.connect()
    await boot(station)
