"""What the commands of both versions come to."""

from typing import Any

from msgspec import UNSET

from voltkeep.sim.profiles import Load, Period
from voltkeep.sim.spec import ECHO
from voltkeep.sim.station import Station
from voltkeep.sim.transaction import Reservation


def transfer(station: Station, vendor: str, message: str, data: Any) -> tuple[str, Any]:
    """What a vendor's message is answered, and with which data: as the station's spec has it.

    `UNSET` for none; what a script has as ``ECHO`` is answered with what came.
    """
    of_vendor = station.spec.vendors.get(vendor)
    if of_vendor is None:
        return "UnknownVendorId", UNSET
    if message not in of_vendor:
        return "UnknownMessageId", UNSET
    scripted = of_vendor[message]
    return "Accepted", data if scripted == ECHO else scripted or UNSET


def switch(station: Station, *, operative: bool) -> bool:
    """Switch the whole station; False if an outlet's transaction has to end first."""
    station.operative = operative
    done = [station.change_availability(o, operative=operative) for o in station.outlets.values()]
    return all(done)


def reserve(station: Station, number: int | None, reservation: Reservation) -> str:
    """Keep an outlet for someone, any if none is named; OCPP's word for how it went (H01)."""
    if number is not None and number not in station.outlets:
        return "Rejected"
    cancel_reservation(station, reservation.id)  # the same id replaces (H01.FR.02)
    outlets = [o for o in station.outlets.values() if number in {None, o.id}]
    if all(outlet.fault is not None for outlet in outlets):
        return "Faulted"
    if not (station.operative and any(outlet.operative for outlet in outlets)):
        return "Unavailable"
    for outlet in outlets:
        if station.free(outlet) and not outlet.plugged and outlet.reservation is None:
            outlet.reservation = reservation
            station.moved(outlet)
            return "Accepted"
    return "Occupied"


def cancel_reservation(station: Station, id: int) -> bool:
    """Give up a reservation; False if there is none of that id."""
    for outlet in station.outlets.values():
        if outlet.reservation is not None and outlet.reservation.id == id:
            outlet.reservation = None
            station.moved(outlet)
            return True
    return False


def composite(station: Station, number: int, duration: float) -> tuple[Load, list[Period]]:
    """The limits of an outlet, or of the station as a whole (0), in W (K08)."""
    now = station.wall(station.clock.now())
    if number:
        load = station.load(station.outlets[number])
        most = station.spec.max_power_w
    else:
        load = Load(0, station.spec.phases, None, None, dc=station.spec.dc)
        most = station.spec.max_power_w * len(station.outlets)
    return load, station.profiles.composite(load, now, duration, most)
