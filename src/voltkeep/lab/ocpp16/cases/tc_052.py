"""TC_052: a reservation that cannot be cancelled."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.reservations import CancelStatus, cancelled
from voltkeep.lab.ocpp16.states import booted, is_served

_UNKNOWN = 987_654_321


@case(
    "TC_052",
    "Cancel reservation, rejected",
    Functionality.RESERVATION,
    source="OCPP 1.6 edition 2, section 5.1; OCTT, TC_052",
)
async def cancel_rejected(bench: Bench) -> None:
    """The CSMS cancels a reservation, and takes it that the station has none of that id.

    Which id comes is not judged: a CSMS may only know how to name one of its own.
    """
    station = await booted(bench)

    bench.step("The operator cancels a reservation that the station does not have; it is rejected")
    await cancelled(station, _UNKNOWN, CancelStatus.REJECTED)

    bench.step("The station is served as before")
    await is_served(station)
