"""LAB_12: weak suites of TLS."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import OVER_TLS, Functionality, case
from voltkeep.lab.ocpp16.security import is_let_in
from voltkeep.lab.ocpp16.station import ChargePoint
from voltkeep.lab.ocpp16.transport import refuses_weak_suites


@case(
    "LAB_12",
    "Weak cipher suites",
    Functionality.SECURITY,
    source="Security whitepaper edition 3, A00.FR.319 to .321 and .423",
    profiles=OVER_TLS,
    official=False,
)
async def weak_suites(bench: Bench) -> None:
    """A station that offers only suites with primitives unfit for use is refused.

    Those are, as we read ENISA: SHA-1, MD5, RC4, DES, 3DES, NULL, and suites that prove nobody's
    identity.
    """
    station = ChargePoint(bench)

    bench.step("The station offers weak cipher suites only, and is refused")
    await refuses_weak_suites(station)

    bench.step("With the suites of the whitepaper it is let in")
    await is_let_in(station)
