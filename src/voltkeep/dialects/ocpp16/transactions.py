"""StartTransaction and StopTransaction."""

from msgspec import UNSET

from voltkeep.dialects.dialect import Handler, Notes, Services
from voltkeep.dialects.ocpp16.meter_values import meter_values
from voltkeep.dialects.ocpp16.names import evse, id_tag_info, id_token, stop_reason
from voltkeep.dialects.times import utc
from voltkeep.domain.authorization import Authorization, Decision
from voltkeep.domain.identity import Sender, TransactionRef
from voltkeep.domain.transactions import Phase, TransactionUpdate
from voltkeep.ocpp import v16

_INVALID = Decision(Authorization.INVALID)


async def start_transaction(
    services: Services, sender: Sender, request: v16.StartTransactionRequest, notes: Notes
) -> v16.StartTransactionResponse:
    place = evse(request.connector_id)
    if place is None:
        notes.append("connectorId: a transaction needs a connector, and this is none")
    update = TransactionUpdate(
        phase=Phase.STARTED,
        at=utc(request.timestamp, sender, notes),
        evse=place,
        id_token=id_token(request.id_tag),
        meter_wh=float(request.meter_start),
        reservation_id=None if request.reservation_id is UNSET else request.reservation_id,
    )
    recorded = await services.transactions.record(sender, update)
    return v16.StartTransactionResponse(
        transaction_id=int(recorded.ref),
        id_tag_info=id_tag_info(recorded.decision or _INVALID, notes),
    )


async def stop_transaction(
    services: Services, sender: Sender, request: v16.StopTransactionRequest, notes: Notes
) -> v16.StopTransactionResponse | None:
    update = TransactionUpdate(
        phase=Phase.ENDED,
        at=utc(request.timestamp, sender, notes),
        ref=TransactionRef(str(request.transaction_id)),
        id_token=id_token(request.id_tag) if request.id_tag else None,
        meter_wh=float(request.meter_stop),
        values=meter_values(request.transaction_data or (), sender, notes),
        stop_reason=stop_reason(request.reason),
    )
    recorded = await services.transactions.record(sender, update)
    if recorded.decision is None:
        return None
    return v16.StopTransactionResponse(id_tag_info=id_tag_info(recorded.decision, notes))


HANDLERS: dict[str, Handler] = {
    "StartTransaction": start_transaction,
    "StopTransaction": stop_transaction,
}
