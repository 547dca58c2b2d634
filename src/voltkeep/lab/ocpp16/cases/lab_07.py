"""LAB_07: a client certificate that it made itself."""

from voltkeep.lab.authority import forged
from voltkeep.lab.bench import Bench
from voltkeep.lab.case import WITH_CERTIFICATE, Functionality, case
from voltkeep.lab.ocpp16.security import is_let_in, is_shut_out
from voltkeep.lab.ocpp16.station import ChargePoint
from voltkeep.lab.plan import Shown


@case(
    "LAB_07",
    "Foreign client certificate",
    Functionality.SECURITY,
    source="Security whitepaper edition 3, A00.FR.403",
    profiles=WITH_CERTIFICATE,
    official=False,
)
async def foreign_certificate(bench: Bench) -> None:
    """A certificate that only its signature tells from the station's own is refused.

    It names the same station, organization and issuer, and the issuer has not signed it.
    """
    station = ChargePoint(bench)

    bench.step("The station connects with a certificate of its own making, and is refused")
    own = station.credentials
    shown = forged(Shown(certificate=own.certificate, private_key=own.private_key))
    await is_shut_out(station, station.way(shown=shown))

    bench.step("With its own certificate it is let in")
    await is_let_in(station)
