"""TC_037_1: a session begins while the station is offline."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.states import Status, booted, is_left_alone, start_transaction, tell_status


@case(
    "TC_037_1",
    "Offline start transaction: valid idTag",
    Functionality.CORE,
    source="OCPP 1.6 edition 2, sections 3.5, 3.7 and 4.8; OCPP-J 1.6, section 5.4; OCTT, TC_037_1",
)
async def offline_start(bench: Bench) -> None:
    """Charging starts offline; the station tells of it when it is back, without a boot.

    The transaction is told before the status Charging; the other order is allowed too.
    """
    station = await booted(bench)

    bench.step("The connection is lost; offline a valid token is presented and charging starts")
    await station.leave()

    bench.step("The station connects again, and does not boot")
    await station.connect()

    bench.step("It tells of a transaction that started two minutes ago, and it is accepted")
    await start_transaction(station, ago_s=120)
    await tell_status(station, Status.CHARGING)

    bench.step("For a while nothing is asked of it")
    await is_left_alone(station)
