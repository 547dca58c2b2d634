"""LAB_09: a revoked client certificate."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import WITH_CERTIFICATE, Functionality, case
from voltkeep.lab.ocpp16.security import is_let_in, is_shut_out, shown
from voltkeep.lab.ocpp16.station import ChargePoint


@case(
    "LAB_09",
    "Revoked client certificate",
    Functionality.SECURITY,
    source="Security whitepaper edition 3, A00.FR.702 and .704",
    profiles=WITH_CERTIFICATE,
    official=False,
)
async def revoked_certificate(bench: Bench) -> None:
    """A certificate that is on the revocation list of its issuer is refused."""
    station = ChargePoint(bench)

    bench.step("The station connects with a revoked certificate, and is refused")
    await is_shut_out(station, station.way(shown=shown(bench, "revoked")))

    bench.step("With its own certificate it is let in")
    await is_let_in(station)
