"""LAB_08: an expired client certificate."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import WITH_CERTIFICATE, Functionality, case
from voltkeep.lab.ocpp16.security import is_let_in, is_shut_out, shown
from voltkeep.lab.ocpp16.station import ChargePoint


@case(
    "LAB_08",
    "Expired client certificate",
    Functionality.SECURITY,
    source="Security whitepaper edition 3, A00.FR.403 (RFC 5280, section 6)",
    profiles=WITH_CERTIFICATE,
    official=False,
)
async def expired_certificate(bench: Bench) -> None:
    """A certificate that was right until yesterday is refused."""
    station = ChargePoint(bench)

    bench.step("The station connects with an expired certificate, and is refused")
    await is_shut_out(station, station.way(shown=shown(bench, "expired")))

    bench.step("With its own certificate it is let in")
    await is_let_in(station)
