"""TC_049: a reservation of any connector."""

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
    "TC_049",
    "Reservation of a charge point",
    Functionality.RESERVATION,
    source="OCPP 1.6 edition 2, section 5.13; OCTT, TC_049",
)
async def reservation_of_charge_point(bench: Bench) -> None:
    """Connector 0 is reserved for a token: any of the station, which keeps one free."""
    station = await booted(bench)

    bench.step("The operator reserves a place at the station, whichever connector it is")
    reservation = await reserved(station, connector=0)
    await tell_status(station, Status.RESERVED)

    # So that the reservation ends with the case.
    transaction = await charging_as_reserved(station, reservation.reservation_id)

    bench.step("Charging ends")
    await end_charging(station, transaction, Reason.LOCAL)
