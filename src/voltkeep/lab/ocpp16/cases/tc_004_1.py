"""TC_004_1: charging begins with the token."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.states import (
    Reason,
    Status,
    authorize,
    booted,
    end_charging,
    start_transaction,
    tell_status,
)


@case(
    "TC_004_1",
    "Regular charging session: identification first",
    Functionality.CORE,
    source="OCPP 1.6 edition 2, sections 4.1, 4.8 to 4.10; OCTT, TC_004_1",
)
async def identification_first(bench: Bench) -> None:
    """A driver presents a valid token, then plugs in, charges, and ends it with the same token.

    The transaction is started before the status Charging is told, and stopped before Finishing;
    the other orders are allowed too.
    """
    station = await booted(bench)
    token = bench.plan.tokens.valid

    bench.step("A valid token is presented, and accepted")
    await authorize(station, token)

    bench.step("The cable is plugged in, and charging starts: the transaction is given an id")
    await tell_status(station, Status.PREPARING)
    transaction = await start_transaction(station)
    await tell_status(station, Status.CHARGING)

    bench.step("The driver ends it with the same token, and leaves")
    await end_charging(station, transaction, Reason.LOCAL, token=token)
