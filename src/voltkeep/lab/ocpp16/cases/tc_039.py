"""TC_039: whole sessions while the station is offline."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.states import (
    Reason,
    booted,
    is_served,
    start_transaction,
    stop_transaction,
)


@case(
    "TC_039",
    "Offline transaction",
    Functionality.CORE,
    source=(
        "OCPP 1.6 edition 2, sections 3.7, 4.8 and 4.10; OCPP-J 1.6, section 5.4; errata 3.54;"
        " OCTT, TC_039"
    ),
)
async def offline_transaction(bench: Bench) -> None:
    """What was charged offline is told when the station is back, without a boot, and is taken.

    A second transaction follows the first, so that it is seen to have an id of its own.
    """
    station = await booted(bench)
    token = bench.plan.tokens.valid

    bench.step("The connection is lost; offline two drivers charge, one after the other")
    await station.leave()

    bench.step("The station connects again, and does not boot")
    await station.connect()

    bench.step("It tells of the first transaction, which began ten minutes ago and is over")
    first = await start_transaction(station, ago_s=600)
    await stop_transaction(station, first, Reason.LOCAL, ago_s=420, token=token)

    bench.step("It tells of the second, which began five minutes ago and is over")
    second = await start_transaction(station, ago_s=300)
    await stop_transaction(station, second, Reason.LOCAL, ago_s=60, token=token)

    bench.step("The station is served as before")
    await is_served(station)
