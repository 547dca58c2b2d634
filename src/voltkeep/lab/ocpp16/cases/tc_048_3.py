"""TC_048_3: a reservation that is refused: unavailable."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.reservations import ReservationStatus, made_operative, reserved
from voltkeep.lab.ocpp16.states import Status, booted, tell_status


@case(
    "TC_048_3",
    "Reservation of a connector, unavailable",
    Functionality.RESERVATION,
    source="OCPP 1.6 edition 2, sections 5.13 and 5.2",
)
async def reservation_unavailable(bench: Bench) -> None:
    """A connector that is out of service is asked for, and the CSMS takes the refusal."""
    station = await booted(bench)

    bench.step("The operator puts a connector out of service")
    await made_operative(station, operative=False)
    await tell_status(station, Status.UNAVAILABLE)

    bench.step("The operator reserves it; it is unavailable")
    await reserved(station, ReservationStatus.UNAVAILABLE)

    bench.step("The operator puts it into service again")
    await made_operative(station, operative=True)
    await tell_status(station, Status.AVAILABLE)
