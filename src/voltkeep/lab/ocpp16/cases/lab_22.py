"""LAB_22: a transaction that never got an id."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.robustness import heartbeat_after
from voltkeep.lab.ocpp16.states import booted
from voltkeep.lab.ocpp16.station import now
from voltkeep.ocpp.v16 import (
    MeterValue,
    MeterValuesRequest,
    MeterValuesResponse,
    SampledValue,
    StopTransactionRequest,
    StopTransactionResponse,
)

_NEVER_TOLD = -1


@case(
    "LAB_22",
    "Transaction -1",
    Functionality.CORE,
    source="Errata to OCPP 1.6, 3.18; OCPP 1.6 edition 2, sections 4.7 and 4.10",
    official=False,
)
async def transaction_never_told(bench: Bench) -> None:
    """A station that was never told its transaction's id sends -1, and is answered."""
    station = await booted(bench)

    bench.step("The station sends MeterValues with transactionId -1, which is answered")
    values = MeterValue(timestamp=now(), sampled_value=[SampledValue(value="1000")])
    request = MeterValuesRequest(connector_id=1, transaction_id=_NEVER_TOLD, meter_value=[values])
    await station.tell(request, MeterValuesResponse)

    bench.step("It sends StopTransaction with transactionId -1, which is answered")
    stop = StopTransactionRequest(transaction_id=_NEVER_TOLD, meter_stop=1000, timestamp=now())
    await station.tell(stop, StopTransactionResponse)

    bench.step("It sends Heartbeat, which is answered")
    await heartbeat_after(station)
