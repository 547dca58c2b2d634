"""TC_048_4: a reservation that is refused: rejected."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.reservations import ReservationStatus, reserved
from voltkeep.lab.ocpp16.states import booted, is_served


@case(
    "TC_048_4",
    "Reservation of a connector, rejected",
    Functionality.RESERVATION,
    source="OCPP 1.6 edition 2, section 5.13",
)
async def reservation_rejected(bench: Bench) -> None:
    """The CSMS asks for a reservation, and takes it that the station accepts none."""
    station = await booted(bench)

    bench.step("The operator reserves a connector; the station accepts no reservations")
    await reserved(station, ReservationStatus.REJECTED)

    bench.step("The station is served as before")
    await is_served(station)
