"""TC_047: a reservation that expires."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.reservations import reserved, soon, until
from voltkeep.lab.ocpp16.states import Status, booted, tell_status


@case(
    "TC_047",
    "Reservation of a connector, expire",
    Functionality.RESERVATION,
    source="OCPP 1.6 edition 2, section 5.13",
)
async def reservation_expired(bench: Bench) -> None:
    """A connector is reserved until the time that was ordered, and nobody comes."""
    station = await booted(bench)

    bench.step("The operator reserves a connector for a short time")
    reservation = await reserved(station, expires_at=soon(bench))
    await tell_status(station, Status.RESERVED)

    bench.step("The time is over, and the connector is available again")
    await until(station, reservation.expiry_date)
    await tell_status(station, Status.AVAILABLE)
