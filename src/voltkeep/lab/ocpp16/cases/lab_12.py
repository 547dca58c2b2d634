"""LAB_12: weak suites of TLS."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import OVER_TLS, Functionality, case
from voltkeep.lab.ocpp16.security import is_let_in
from voltkeep.lab.ocpp16.station import ChargePoint
from voltkeep.lab.ocpp16.transport import refuses_broken_suites, should_refuse_sha1


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

    Those are, as we read ENISA: MD5, RC4, DES, 3DES, NULL, and suites that prove nobody's identity.
    CBC with SHA-1 earns a warning: the whitepaper itself has such a suite for old stations.
    """
    station = ChargePoint(bench)

    bench.step("The station offers broken cipher suites only, and is refused")
    await refuses_broken_suites(station)

    bench.step("It offers suites of CBC with SHA-1 only, which should be refused")
    await should_refuse_sha1(station)

    bench.step("With the suites of the whitepaper it is let in")
    await is_let_in(station)
