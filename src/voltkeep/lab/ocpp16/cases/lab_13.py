"""LAB_13: TLS compression."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import OVER_TLS, Functionality, case
from voltkeep.lab.ocpp16.security import is_let_in
from voltkeep.lab.ocpp16.station import ChargePoint
from voltkeep.lab.ocpp16.transport import refuses_compression


@case(
    "LAB_13",
    "TLS compression",
    Functionality.SECURITY,
    source="Security whitepaper edition 3, A00.FR.320 and .424",
    profiles=OVER_TLS,
    official=False,
)
async def tls_compression(bench: Bench) -> None:
    """A CSMS does not compress what goes over TLS, though it is offered."""
    station = ChargePoint(bench)

    bench.step("The station offers DEFLATE in its ClientHello: the CSMS does not choose it")
    await refuses_compression(station)

    bench.step("Without compression it is let in")
    await is_let_in(station)
