"""LAB_06: no client certificate."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import WITH_CERTIFICATE, Functionality, case
from voltkeep.lab.ocpp16.security import is_let_in, is_shut_out
from voltkeep.lab.ocpp16.station import ChargePoint
from voltkeep.lab.plan import Shown


@case(
    "LAB_06",
    "No client certificate",
    Functionality.SECURITY,
    source="Security whitepaper edition 3, A00.FR.401 and .402",
    profiles=WITH_CERTIFICATE,
    official=False,
)
async def no_certificate(bench: Bench) -> None:
    """A station of security profile 3 that shows no certificate is refused."""
    station = ChargePoint(bench)

    bench.step("The station connects without a certificate, and is refused")
    await is_shut_out(station, station.way(shown=Shown()))

    bench.step("With its own certificate it is let in")
    await is_let_in(station)
