"""TC_046: a reservation that is used."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.reservations import charging_as_reserved, reserved
from voltkeep.lab.ocpp16.states import (
    Reason,
    Status,
    booted,
    end_charging,
    tell_status,
)


@case(
    "TC_046",
    "Reservation of a connector, transaction",
    Functionality.RESERVATION,
    source="OCPP 1.6 edition 2, sections 5.13 and 4.8",
)
async def reservation_used(bench: Bench) -> None:
    """A connector is reserved for a token, whose driver comes and charges there."""
    station = await booted(bench)

    bench.step("The operator reserves a connector for a token")
    reservation = await reserved(station)
    await tell_status(station, Status.RESERVED)
    transaction = await charging_as_reserved(station, reservation.reservation_id)

    bench.step("Charging ends")
    await end_charging(station, transaction, Reason.LOCAL)
