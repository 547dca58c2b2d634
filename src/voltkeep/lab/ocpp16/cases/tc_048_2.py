"""TC_048_2: a reservation that is refused: occupied."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.reservations import ReservationStatus, reserved
from voltkeep.lab.ocpp16.states import Status, booted, tell_status


@case(
    "TC_048_2",
    "Reservation of a connector, occupied",
    Functionality.RESERVATION,
    source="OCPP 1.6 edition 2, section 5.13",
)
async def reservation_occupied(bench: Bench) -> None:
    """The CSMS asks for a reservation of a connector in use, and takes it that it is occupied."""
    station = await booted(bench)

    bench.step("A cable is plugged in")
    await tell_status(station, Status.PREPARING)

    bench.step("The operator reserves this connector; it is occupied")
    await reserved(station, ReservationStatus.OCCUPIED)

    bench.step("The cable is unplugged")
    await tell_status(station, Status.AVAILABLE)
