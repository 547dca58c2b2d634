"""TC_051: a reservation that is cancelled."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.fields import is_just
from voltkeep.lab.ocpp16.reservations import CancelStatus, cancelled, reserved
from voltkeep.lab.ocpp16.states import Status, booted, tell_status


@case(
    "TC_051",
    "Cancel reservation",
    Functionality.RESERVATION,
    source="OCPP 1.6 edition 2, sections 5.13 and 5.1",
)
async def reservation_cancelled(bench: Bench) -> None:
    """A reservation is cancelled by the id under which it was made."""
    station = await booted(bench)

    bench.step("The operator reserves a connector for a token")
    reservation = await reserved(station)
    await tell_status(station, Status.RESERVED)

    bench.step("The operator cancels the reservation")
    came = await cancelled(station, reservation.reservation_id, CancelStatus.ACCEPTED)
    is_just(bench, "reservationId", came, reservation.reservation_id)
    await tell_status(station, Status.AVAILABLE)
