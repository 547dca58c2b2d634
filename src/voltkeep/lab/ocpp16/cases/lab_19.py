"""LAB_19: payloads that are wrong."""

from typing import Any

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.robustness import heartbeat_after, is_code, is_refused
from voltkeep.lab.ocpp16.states import booted

_WRONG: tuple[Any, ...] = ({}, {"idTag": {"of": "another type"}}, ["no object"])


@case(
    "LAB_19",
    "Wrong payload",
    Functionality.CORE,
    source="OCPP-J 1.6, section 4.2.3; errata to OCPP-J 1.6, section 5",
    official=False,
)
async def wrong_payload(bench: Bench) -> None:
    """What is not as its schema says is refused with a CALLERROR, its code as OCPP 1.6 spells it.

    FormationViolation and OccurenceConstraintViolation are spelled so, and not as in OCPP 2.0.1.
    """
    station = await booted(bench)

    bench.step("The station sends Authorize without idTag, with a wrong type, and as an array")
    for payload in _WRONG:
        is_code(bench, await is_refused(station, "Authorize", payload))

    bench.step("It sends Heartbeat, which is answered")
    await heartbeat_after(station)
