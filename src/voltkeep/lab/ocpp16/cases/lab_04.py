"""LAB_04: a station that nobody knows."""

import secrets

from voltkeep.lab.bench import Bench, Credentials
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.security import is_let_in, is_shut_out
from voltkeep.lab.ocpp16.station import ChargePoint
from voltkeep.lab.plan import Account

_NOT_FOUND = 404


@case(
    "LAB_04",
    "Unknown station",
    Functionality.SECURITY,
    source="OCPP-J 1.6, section 3.2",
    official=False,
)
async def unknown_station(bench: Bench) -> None:
    """A station that was never registered is refused; with HTTP 404, as it is recommended."""
    station = ChargePoint(bench)

    bench.step("A station of an unknown identity connects, and is refused")
    name = f"NO-SUCH-STATION-{bench.profile}"
    own = station.credentials
    unknown = Credentials(
        Account(identity=name, serial_number=name),
        secrets.token_bytes(20),
        own.certificate,
        own.private_key,
    )
    stranger = ChargePoint(bench, unknown)
    refusal = await is_shut_out(stranger, stranger.way())
    if refusal.status not in {None, _NOT_FOUND}:
        bench.warn(f"an unknown station was told HTTP {refusal.status}; 404 is recommended")

    bench.step("A station of a known identity is let in")
    await is_let_in(station)
