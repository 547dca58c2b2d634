"""TC_088: which version is spoken."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.line import SUBPROTOCOL
from voltkeep.lab.ocpp16.security import is_shut_out
from voltkeep.lab.ocpp16.states import boot
from voltkeep.lab.ocpp16.station import ChargePoint

_UNKNOWN = "ocpp0.1"


@case(
    "TC_088",
    "WebSocket subprotocol negotiation",
    Functionality.SECURITY,
    source="OCPP-J 1.6, sections 3.1.2 and 3.2; OCTT, TC_088",
)
async def subprotocol_negotiation(bench: Bench) -> None:
    """Of the versions that a station offers, the CSMS chooses one that both speak, or refuses."""
    station = ChargePoint(bench)

    bench.step("The station offers ocpp0.1 only: the connection is not upgraded")
    await is_shut_out(station, station.way(subprotocols=(_UNKNOWN,)), before_upgrade=True)

    bench.step("The station offers ocpp0.1 and ocpp1.6: ocpp1.6 is chosen, and the station boots")
    await station.connect(station.way(subprotocols=(_UNKNOWN, SUBPROTOCOL)))
    await boot(station)
