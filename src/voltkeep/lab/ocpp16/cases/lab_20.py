"""LAB_20: a CALL that is sent twice."""

from uuid import uuid4

from msgspec import Raw

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16 import reading
from voltkeep.lab.ocpp16.states import Reason, booted, stop_transaction
from voltkeep.lab.ocpp16.station import ChargePoint, now
from voltkeep.lab.verdicts import Failed
from voltkeep.ocpp import frames, messages
from voltkeep.ocpp.v16 import StartTransactionRequest, StartTransactionResponse


@case(
    "LAB_20",
    "Repeated message",
    Functionality.CORE,
    source="Errata to OCPP-J 1.6, section 3.1; OCPP 1.6 edition 2, section 3.7.1",
    official=False,
)
async def repeated_message(bench: Bench) -> None:
    """A station that missed an answer sends its StartTransaction again, with the same message id.

    It must be answered. Another transaction for it, or a CALLERROR, earns a warning.
    """
    station = await booted(bench)
    request = StartTransactionRequest(
        connector_id=1,
        id_tag=bench.plan.tokens.valid,
        meter_start=station.credentials.next_reading(),
        timestamp=now(),
    )
    call = frames.Call(str(uuid4()), "StartTransaction", Raw(messages.encode(request)))

    bench.step("The station sends StartTransaction, which is answered")
    first = await _started(station, call)
    if first is None:
        raise Failed("StartTransaction.conf", "came a CALLERROR")

    bench.step("It sends the same frame again, which is answered as well")
    second = await _started(station, call)
    if second is None:
        bench.warn("a CALL that was sent again got a CALLERROR")
    elif second != first:
        bench.warn("a StartTransaction that was sent again began another transaction")

    bench.step("The station stops what it has started")
    for transaction in {first, second or first}:
        await stop_transaction(station, transaction, Reason.LOCAL)


async def _started(station: ChargePoint, call: frames.Call) -> int | None:
    """The transaction; None if a CALLERROR came."""
    frame = await station.call(call)
    if isinstance(frame, frames.CallError):
        return None
    answer = reading.payload(StartTransactionResponse, frame.payload, "StartTransaction.conf")
    station.transaction = answer.transaction_id
    return answer.transaction_id
