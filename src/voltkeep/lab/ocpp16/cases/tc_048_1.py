"""TC_048_1: a reservation that is refused: faulted."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.reservations import ReservationStatus, reserved
from voltkeep.lab.ocpp16.states import booted, is_served


@case(
    "TC_048_1",
    "Reservation of a connector, faulted",
    Functionality.RESERVATION,
    source="OCPP 1.6 edition 2, section 5.13",
)
async def reservation_faulted(bench: Bench) -> None:
    """The CSMS asks for a reservation, and takes it that the connector is faulted."""
    station = await booted(bench)

    bench.step("The operator reserves a connector; it is faulted")
    await reserved(station, ReservationStatus.FAULTED)

    bench.step("The station is served as before")
    await is_served(station)
