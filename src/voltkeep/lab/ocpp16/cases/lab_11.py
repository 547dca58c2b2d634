"""LAB_11: old versions of TLS."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import OVER_TLS, Functionality, case
from voltkeep.lab.ocpp16.security import is_let_in
from voltkeep.lab.ocpp16.station import ChargePoint
from voltkeep.lab.ocpp16.transport import refuses_old_versions


@case(
    "LAB_11",
    "TLS 1.1 and below",
    Functionality.SECURITY,
    source="Security whitepaper edition 3, A00.FR.312 to .314 and .416 to .418",
    profiles=OVER_TLS,
    official=False,
)
async def old_versions(bench: Bench) -> None:
    """A station that speaks no more than TLS 1.1 is refused, if it was not expected."""
    station = ChargePoint(bench)

    bench.step("The station offers TLS 1.1 and below only, and is refused")
    await refuses_old_versions(station)

    bench.step("With TLS 1.2 or higher it is let in")
    await is_let_in(station)
