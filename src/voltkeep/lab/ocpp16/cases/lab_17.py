"""LAB_17: frames that are none."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.robustness import heartbeat_after, is_code
from voltkeep.lab.ocpp16.states import booted

_GARBAGE = ("this is no JSON", "", "[", "[]", "{}", "null", '[2,"half a frame"]', "[" * 2_000)
_UNKNOWN_TYPE = '[9,"laboratory-unknown-type","Heartbeat",{}]'


@case(
    "LAB_17",
    "Garbage on the wire",
    Functionality.CORE,
    source="OCPP-J 1.6, sections 4.1.3 and 4.2.3",
    official=False,
)
async def garbage(bench: Bench) -> None:
    """Frames that nobody can read end nothing: the station is served as before.

    A CALLERROR may come of each, with a code that OCPP 1.6 has.
    """
    station = await booted(bench)

    bench.step("The station sends frames that are no frames of OCPP-J; Heartbeat is answered")
    for text in _GARBAGE:
        for stray in await heartbeat_after(station, text):
            is_code(bench, stray.code)

    bench.step("It sends a message type that nobody knows, which is ignored; Heartbeat is answered")
    if await heartbeat_after(station, _UNKNOWN_TYPE):
        bench.warn("a message of an unknown type was answered; it is to be ignored")
