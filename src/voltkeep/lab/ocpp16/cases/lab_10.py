"""LAB_10: the client certificate of another station."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import WITH_CERTIFICATE, Functionality, case
from voltkeep.lab.ocpp16.security import is_let_in, is_shut_out, shown
from voltkeep.lab.ocpp16.station import ChargePoint


@case(
    "LAB_10",
    "Client certificate of another station",
    Functionality.SECURITY,
    source="Security whitepaper edition 3, A00.FR.405 and .407",
    profiles=WITH_CERTIFICATE,
    official=False,
)
async def certificate_of_another(bench: Bench) -> None:
    """A good certificate of another station is refused: its CN is another serial number."""
    station = ChargePoint(bench)

    bench.step("The station connects with the certificate of another station, and is refused")
    await is_shut_out(station, station.way(shown=shown(bench, "of another station")))

    bench.step("With its own certificate it is let in")
    await is_let_in(station)
