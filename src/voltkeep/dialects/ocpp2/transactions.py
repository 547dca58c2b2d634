"""TransactionEvent."""

from msgspec import UNSET

from voltkeep.dialects.dialect import Handler, Notes, Services
from voltkeep.dialects.ocpp2.meter_values import meter_values
from voltkeep.dialects.ocpp2.names import evse_of, id_token, id_token_info
from voltkeep.dialects.times import utc
from voltkeep.domain.availability import ChargingState
from voltkeep.domain.identity import Sender, TransactionRef
from voltkeep.domain.transactions import Phase, TransactionUpdate
from voltkeep.ocpp import v21, v201

_PHASE = {phase.value: phase for phase in Phase}
_CHARGING_STATE = {state.value: state for state in ChargingState}


async def transaction_event(
    services: Services,
    sender: Sender,
    request: v201.TransactionEventRequest | v21.TransactionEventRequest,
    notes: Notes,
) -> v21.TransactionEventResponse | None:
    info = request.transaction_info
    state, reason = info.charging_state, info.stopped_reason
    update = TransactionUpdate(
        phase=_PHASE[request.event_type],
        at=utc(request.timestamp, sender, notes),
        ref=TransactionRef(info.transaction_id),
        seq_no=request.seq_no,
        trigger=request.trigger_reason.value,
        offline=request.offline or False,
        evse=evse_of(request.evse),
        id_token=None if request.id_token is UNSET else id_token(request.id_token),
        values=()
        if request.meter_value is UNSET
        else meter_values(request.meter_value, sender, notes),
        charging_state=None if state is UNSET else _CHARGING_STATE[state],
        stop_reason=None if reason is UNSET else reason.value,
        remote_start_id=None if info.remote_start_id is UNSET else info.remote_start_id,
        reservation_id=None if request.reservation_id is UNSET else request.reservation_id,
    )
    recorded = await services.transactions.record(sender, update)
    if recorded.decision is None:
        return None
    return v21.TransactionEventResponse(id_token_info=id_token_info(recorded.decision, notes))


HANDLERS: dict[str, Handler] = {"TransactionEvent": transaction_event}
