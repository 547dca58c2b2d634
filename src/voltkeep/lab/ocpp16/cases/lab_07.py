"""LAB_07: a client certificate that it made itself."""

from datetime import UTC, datetime

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import WITH_CERTIFICATE, Functionality, case
from voltkeep.lab.ocpp16.security import is_let_in, is_shut_out
from voltkeep.lab.ocpp16.station import ChargePoint
from voltkeep.lab.plan import Shown
from voltkeep.sim.trust import foreign_credentials


@case(
    "LAB_07",
    "Foreign client certificate",
    Functionality.SECURITY,
    source="Security whitepaper edition 3, A00.FR.403",
    profiles=WITH_CERTIFICATE,
    official=False,
)
async def foreign_certificate(bench: Bench) -> None:
    """A certificate with the right name, issued by nobody whom the CSMS trusts, is refused."""
    station = ChargePoint(bench)

    bench.step("The station connects with a certificate of its own making, and is refused")
    name = station.credentials.account.serial_number
    certificate, key = foreign_credentials(name, datetime.now(UTC))
    shown = Shown(certificate=certificate, private_key=key)
    await is_shut_out(station, station.way(shown=shown))

    bench.step("With its own certificate it is let in")
    await is_let_in(station)
