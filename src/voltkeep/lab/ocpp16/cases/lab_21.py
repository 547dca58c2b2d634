"""LAB_21: a CALL before the boot."""

from msgspec import json

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.robustness import answered
from voltkeep.lab.ocpp16.states import authorize, boot, connected
from voltkeep.lab.verdicts import Kind


@case(
    "LAB_21",
    "CALL before the boot",
    Functionality.CORE,
    source="Errata to OCPP-J 1.6, section 3.10; OCPP-J 1.6, section 5.4",
    official=False,
)
async def before_boot(bench: Bench) -> None:
    """What a station sends before it boots is answered; SecurityError is recommended.

    A CSMS that has accepted the station before may serve it: after a mere reconnect stations do
    not boot.
    """
    station = await connected(bench)
    payload = json.encode({"idTag": bench.plan.tokens.valid})

    bench.step("The station connects and sends Authorize at once, which is answered")
    code = await answered(station, "Authorize", payload)
    if code is None:
        bench.log.add(Kind.NOTE, "it is served: the CSMS may have accepted it before")
    elif code != "SecurityError":
        bench.warn(f"before the boot CALLERROR {code} came; SecurityError is recommended")

    bench.step("It boots, and Authorize is accepted")
    await boot(station)
    await authorize(station, bench.plan.tokens.valid)
