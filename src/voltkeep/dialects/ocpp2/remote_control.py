"""RequestStartTransaction, RequestStopTransaction, TriggerMessage, UnlockConnector, ClearCache."""

from msgspec import UNSET, UnsetType

from voltkeep.dialects.dialect import Build
from voltkeep.dialects.ocpp2.smart_charging import profile
from voltkeep.domain.commands import (
    ClearCache,
    StartTransaction,
    StopTransaction,
    Trigger,
    Triggered,
    UnlockConnector,
)
from voltkeep.ocpp import v21
from voltkeep.services.ports import CommandUnfit


def request_start(command: StartTransaction) -> tuple[str, v21.RequestStartTransactionRequest]:
    return "RequestStartTransaction", v21.RequestStartTransactionRequest(
        remote_start_id=command.remote_start_id,
        id_token=v21.IdToken(id_token=command.id_token.value, type=command.id_token.kind),
        evse_id=command.evse.id if command.evse else UNSET,
        charging_profile=UNSET if command.profile is None else profile(command.profile),
    )


def request_stop(command: StopTransaction) -> tuple[str, v21.RequestStopTransactionRequest]:
    return "RequestStopTransaction", v21.RequestStopTransactionRequest(transaction_id=command.ref)


def trigger(command: Trigger) -> tuple[str, v21.TriggerMessageRequest]:
    return "TriggerMessage", v21.TriggerMessageRequest(
        requested_message=v21.MessageTriggerEnum(command.message.value),
        evse=_place(command),
        custom_trigger=command.custom or UNSET,
    )


def _place(command: Trigger) -> v21.EVSE | UnsetType:
    place = command.evse
    if command.message is Triggered.STATUS_NOTIFICATION:
        # F06.FR.13: the connector shall be named. Most EVSEs have one.
        if place is None:
            raise CommandUnfit("OCPP 2.x asks for the status of one connector: say of which EVSE")
        return v21.EVSE(id=place.id, connector_id=place.connector_id or 1)
    if place is None:
        return UNSET
    return v21.EVSE(id=place.id, connector_id=place.connector_id or UNSET)


def unlock(command: UnlockConnector) -> tuple[str, v21.UnlockConnectorRequest]:
    place = command.evse
    return "UnlockConnector", v21.UnlockConnectorRequest(
        evse_id=place.id, connector_id=1 if place.connector_id is None else place.connector_id
    )


def clear_cache(_: ClearCache) -> tuple[str, v21.ClearCacheRequest]:
    return "ClearCache", v21.ClearCacheRequest()


REQUESTS: dict[type, Build] = {
    StartTransaction: request_start,
    StopTransaction: request_stop,
    Trigger: trigger,
    UnlockConnector: unlock,
    ClearCache: clear_cache,
}

_M = v21.MessageTriggerEnum
_CERTIFICATES = (
    _M.SIGN_CHARGING_STATION_CERTIFICATE,
    _M.SIGN_COMBINED_CERTIFICATE,
    _M.SIGN_V2_G20_CERTIFICATE,
    _M.SIGN_V2_G_CERTIFICATE,
)
INSTRUCTIONS = {
    "TriggerMessage": {
        word.value: "SignCertificate" if word in _CERTIFICATES else word.value for word in _M
    },
    "GetBaseReport": {"": "NotifyReport"},
    "GetReport": {"": "NotifyReport"},
}
