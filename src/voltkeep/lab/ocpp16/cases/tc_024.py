"""TC_024: the cable cannot be locked."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.states import (
    ErrorCode,
    Status,
    authorize,
    booted,
    is_served,
    tell_status,
)


@case(
    "TC_024",
    "Start charging session: lock failure",
    Functionality.CORE,
    source="OCPP 1.6 edition 2, sections 4.9 and 7.6; OCTT, TC_024",
)
async def lock_failure(bench: Bench) -> None:
    """A driver plugs in, and the lock of the cable fails: the CSMS hears of it, and no session."""
    station = await booted(bench)

    bench.step("A valid token is presented, and accepted; the cable is plugged in")
    await authorize(station, bench.plan.tokens.valid)
    await tell_status(station, Status.PREPARING)

    bench.step("The lock fails: the connector tells Faulted with ConnectorLockFailure")
    await tell_status(station, Status.FAULTED, error_code=ErrorCode.CONNECTOR_LOCK_FAILURE)

    bench.step("The station is served as before")
    await is_served(station)
