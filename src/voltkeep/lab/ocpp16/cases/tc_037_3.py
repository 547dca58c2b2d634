"""TC_037_3: a session that should not have begun, while the station was offline."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.states import (
    Reason,
    Status,
    booted,
    start_transaction,
    stop_transaction,
    tell_status,
)


@case(
    "TC_037_3",
    "Offline start transaction: invalid idTag, StopTransactionOnInvalidId is true",
    Functionality.CORE,
    source=(
        "OCPP 1.6 edition 2, sections 3.5.4, 3.7 and 4.8; OCPP-J 1.6, section 5.4; errata 3.17;"
        " OCTT, TC_037_3"
    ),
)
async def offline_start_with_invalid_token(bench: Bench) -> None:
    """A token was taken offline that is invalid: the CSMS says so, and gives an id none the less.

    The transaction is stopped before the status Finishing is told; the other order is allowed too.
    """
    station = await booted(bench)

    bench.step("The connection is lost; offline an unknown token is presented and charging starts")
    await station.leave()

    bench.step("The station connects again, and does not boot")
    await station.connect()

    bench.step("It tells of a transaction that started two minutes ago: Invalid, with an id")
    transaction = await start_transaction(
        station, token=bench.plan.tokens.unknown, status="Invalid", ago_s=120
    )
    await tell_status(station, Status.CHARGING)

    bench.step("The station stops it, as its token was not authorized")
    await stop_transaction(station, transaction, Reason.DE_AUTHORIZED)
    await tell_status(station, Status.FINISHING)
