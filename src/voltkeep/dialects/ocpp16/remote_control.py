"""Remote start and stop, TriggerMessage and its extended twin, UnlockConnector, ClearCache."""

import re

from msgspec import UNSET, Struct

from voltkeep.dialects.dialect import Build
from voltkeep.dialects.ocpp16.names import connector, fits_id_tag
from voltkeep.dialects.ocpp16.smart_charging import profile
from voltkeep.domain.commands import (
    ClearCache,
    StartTransaction,
    StopTransaction,
    Trigger,
    Triggered,
    UnlockConnector,
)
from voltkeep.ocpp import v16
from voltkeep.services.ports import CommandUnfit

_NUMBER = re.compile(r"-?\d{1,18}", re.ASCII)


def remote_start(command: StartTransaction) -> tuple[str, v16.RemoteStartTransactionRequest]:
    if not fits_id_tag(command.id_token.value):
        raise CommandUnfit("OCPP 1.6 takes tokens of 1 to 20 characters")
    return "RemoteStartTransaction", v16.RemoteStartTransactionRequest(
        id_tag=command.id_token.value,
        connector_id=UNSET if command.evse is None else connector(command.evse),
        charging_profile=UNSET if command.profile is None else profile(command.profile),
    )


def remote_stop(command: StopTransaction) -> tuple[str, v16.RemoteStopTransactionRequest]:
    if not _NUMBER.fullmatch(command.ref):
        raise CommandUnfit(f"OCPP 1.6 names transactions by number, and {command.ref} is none")
    return "RemoteStopTransaction", v16.RemoteStopTransactionRequest(
        transaction_id=int(command.ref)
    )


_TRIGGER = "TriggerMessage"
_EXTENDED = "ExtendedTriggerMessage"
_M = v16.TriggerMessageRequestRequestedMessage
_PLAIN = {
    Triggered.BOOT_NOTIFICATION: _M.BOOT_NOTIFICATION,
    Triggered.FIRMWARE_STATUS_NOTIFICATION: _M.FIRMWARE_STATUS_NOTIFICATION,
    Triggered.HEARTBEAT: _M.HEARTBEAT,
    Triggered.LOG_STATUS_NOTIFICATION: _M.DIAGNOSTICS_STATUS_NOTIFICATION,
    Triggered.METER_VALUES: _M.METER_VALUES,
    Triggered.STATUS_NOTIFICATION: _M.STATUS_NOTIFICATION,
}


_X = v16.MessageTriggerEnum
_NEWER = {
    Triggered.BOOT_NOTIFICATION: _X.BOOT_NOTIFICATION,
    Triggered.FIRMWARE_STATUS_NOTIFICATION: _X.FIRMWARE_STATUS_NOTIFICATION,
    Triggered.HEARTBEAT: _X.HEARTBEAT,
    Triggered.LOG_STATUS_NOTIFICATION: _X.LOG_STATUS_NOTIFICATION,
    Triggered.METER_VALUES: _X.METER_VALUES,
    Triggered.SIGN_CERTIFICATE: _X.SIGN_CHARGE_POINT_CERTIFICATE,
    Triggered.STATUS_NOTIFICATION: _X.STATUS_NOTIFICATION,
}


def trigger(command: Trigger) -> tuple[str, Struct]:
    place = UNSET if command.evse is None else connector(command.evse)
    plain = _PLAIN.get(command.message)
    if plain is not None and not command.newer:
        return _TRIGGER, v16.TriggerMessageRequest(requested_message=plain, connector_id=place)
    extended = _NEWER.get(command.message)
    if extended is None:
        raise CommandUnfit(f"OCPP 1.6 has no {command.message} to trigger")
    if command.message is Triggered.SIGN_CERTIFICATE:
        place = UNSET  # whitepaper 5.3: a certificate is the charge point's
    return _EXTENDED, v16.ExtendedTriggerMessageRequest(
        requested_message=extended, connector_id=place
    )


def unlock(command: UnlockConnector) -> tuple[str, v16.UnlockConnectorRequest]:
    return "UnlockConnector", v16.UnlockConnectorRequest(connector_id=connector(command.evse))


def clear_cache(_: ClearCache) -> tuple[str, v16.ClearCacheRequest]:
    return "ClearCache", v16.ClearCacheRequest()


REQUESTS: dict[type, Build] = {
    StartTransaction: remote_start,
    StopTransaction: remote_stop,
    Trigger: trigger,
    UnlockConnector: unlock,
    ClearCache: clear_cache,
}

_DIFFERENT = {
    _X.FIRMWARE_STATUS_NOTIFICATION.value: "SignedFirmwareStatusNotification",
    _X.SIGN_CHARGE_POINT_CERTIFICATE.value: "SignCertificate",
}
INSTRUCTIONS = {
    _TRIGGER: {word.value: word.value for word in _M},
    _EXTENDED: {word.value: _DIFFERENT.get(word.value, word.value) for word in _X},
}
