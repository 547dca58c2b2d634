"""What a CSMS may ask of a station in OCPP 2.0.1 and 2.1, and how the station takes it."""

from collections.abc import Callable
from functools import partial
from typing import Any

from msgspec import UNSET, UnsetType

from voltkeep.ocpp import v21, v201
from voltkeep.ocpp.v21 import ChargingProfilePurposeEnum as Purpose
from voltkeep.ocpp.v21 import ReadingContextEnum as Context
from voltkeep.ocpp.v21 import ReasonEnum as Reason
from voltkeep.ocpp.v21 import TriggerReasonEnum as Trigger
from voltkeep.sim import commands
from voltkeep.sim.clock import seconds
from voltkeep.sim.dialect import Verdict
from voltkeep.sim.ocpp2_charging import CHARGING_HANDLERS, profile_of
from voltkeep.sim.ocpp2_security import FILE_STATUSES, file_status
from voltkeep.sim.ocpp2_variables import get_base_report, get_variables, set_variables
from voltkeep.sim.outlet import Outlet
from voltkeep.sim.station import Station
from voltkeep.sim.transaction import Admission, Reservation, Token


def verdict(info: v201.IdTokenInfo | v21.IdTokenInfo) -> Verdict:
    """What an IdTokenInfo says."""
    group = info.group_id_token
    return Verdict(info.status.value, None if group is UNSET else group.id_token)


# Remote control


def _request_start(
    station: Station,
    request: v201.RequestStartTransactionRequest | v21.RequestStartTransactionRequest,
) -> v21.RequestStartTransactionResponse:
    status = v21.RequestStartStopStatusEnum
    rejected = v21.RequestStartTransactionResponse(status=status.REJECTED)
    token = Token(request.id_token.id_token, str(request.id_token.type))
    if request.evse_id is UNSET:
        outlet = station.free_outlet(token)
    else:
        outlet = station.outlets.get(request.evse_id)
    if outlet is None or not station.accepted or not station.free(outlet):
        return rejected
    profile = None
    if request.charging_profile is not UNSET:
        profile = profile_of(request.charging_profile, outlet.id, None)
        if profile is None or profile.purpose is not Purpose.TX_PROFILE:
            return rejected  # F01.FR.09, F01.FR.10
    admission = Admission(token, request.remote_start_id)
    station.later(partial(station.start_remotely, outlet, admission, profile))
    # F01.FR.13: where a transaction runs since the car was plugged in, its id is known.
    running = outlet.transaction
    return v21.RequestStartTransactionResponse(
        status=status.ACCEPTED, transaction_id=running.id if running is not None else UNSET
    )


def _request_stop(
    station: Station,
    request: v201.RequestStopTransactionRequest | v21.RequestStopTransactionRequest,
) -> v21.RequestStopTransactionResponse:
    status = v21.RequestStartStopStatusEnum
    outlet = station.find(request.transaction_id)
    if outlet is None:
        return v21.RequestStopTransactionResponse(status=status.REJECTED)
    station.later(partial(station.stop, outlet, Trigger.REMOTE_STOP, Reason.REMOTE))
    return v21.RequestStopTransactionResponse(status=status.ACCEPTED)


def _unlock(
    station: Station, request: v201.UnlockConnectorRequest | v21.UnlockConnectorRequest
) -> v21.UnlockConnectorResponse:
    status = v21.UnlockStatusEnum
    outlet = station.outlets.get(request.evse_id)
    if outlet is None or request.connector_id != 1:
        return v21.UnlockConnectorResponse(status=status.UNKNOWN_CONNECTOR)
    if outlet.transaction is not None and outlet.admission is not None:
        return v21.UnlockConnectorResponse(status=status.ONGOING_AUTHORIZED_TRANSACTION)
    return v21.UnlockConnectorResponse(status=status.UNLOCKED)


# Availability and reset


def _change_availability(
    station: Station, request: v201.ChangeAvailabilityRequest | v21.ChangeAvailabilityRequest
) -> v21.ChangeAvailabilityResponse:
    status = v21.ChangeAvailabilityStatusEnum
    operative = request.operational_status.value == v21.OperationalStatusEnum.OPERATIVE
    if request.evse is UNSET:
        done = commands.switch(station, operative=operative)
    elif (outlet := _outlet(station, request.evse)) is not None:
        done = station.change_availability(outlet, operative=operative)
    else:
        return v21.ChangeAvailabilityResponse(status=status.REJECTED)
    return v21.ChangeAvailabilityResponse(status=status.ACCEPTED if done else status.SCHEDULED)


def _reset(station: Station, request: v201.ResetRequest | v21.ResetRequest) -> v21.ResetResponse:
    status = v21.ResetStatusEnum
    if request.evse_id is not UNSET:
        return v21.ResetResponse(status=status.REJECTED)  # B11.FR.09: not one EVSE alone
    if request.type.value == v21.ResetEnum.ON_IDLE:
        at_once = station.reset_when_idle()
        return v21.ResetResponse(status=status.ACCEPTED if at_once else status.SCHEDULED)
    station.later(partial(station.reset, Reason.IMMEDIATE_RESET, patient=True))
    return v21.ResetResponse(status=status.ACCEPTED)


def _trigger(
    station: Station, request: v201.TriggerMessageRequest | v21.TriggerMessageRequest
) -> v21.TriggerMessageResponse:
    status = v21.TriggerMessageStatusEnum
    evse = request.evse
    if evse is not UNSET and _outlet(station, evse) is None:
        return v21.TriggerMessageResponse(status=status.REJECTED)
    outlets = [o for o in station.outlets.values() if evse is UNSET or evse.id == o.id]
    message = request.requested_message.value
    actions = _triggered(station, message, outlets)
    if actions is None:
        return v21.TriggerMessageResponse(status=status.NOT_IMPLEMENTED)
    if not actions:
        return v21.TriggerMessageResponse(status=status.REJECTED)
    for action in actions:
        station.later(action)
    return v21.TriggerMessageResponse(status=status.ACCEPTED)


def _triggered(
    station: Station, message: str, outlets: list[Outlet]
) -> list[Callable[[], object]] | None:
    """What a trigger brings about; None for what this station cannot, nothing for not now."""
    match message:
        case "BootNotification":
            # B02, errata: not once accepted, until the next start.
            return [] if station.accepted else [partial(station.boot, triggered=True)]
        case "Heartbeat":
            return [partial(station.heartbeat, triggered=True)]
        case "StatusNotification":
            return [partial(station.tell_status, o, anew=True, triggered=True) for o in outlets]
        case "MeterValues":
            setting = "AlignedDataCtrlr.Measurands"
            return [partial(station.tell_readings, o, Context.TRIGGER, setting) for o in outlets]
        case "TransactionEvent":
            setting = "SampledDataCtrlr.TxUpdatedMeasurands"
            running = [o for o in outlets if o.transaction is not None]
            return [partial(station.tell_meter, o, Context.TRIGGER, setting) for o in running]
        case "SignChargingStationCertificate":
            return [station.renew_certificate]
        case _ if message in FILE_STATUSES:
            said = file_status(station, message)
            return [partial(station.say, message, said, triggered=True)]
        case _:
            return None


# Authorization, reservation, data transfer


def _clear_cache(station: Station, _: Any) -> v21.ClearCacheResponse:
    status = v21.ClearCacheStatusEnum
    if not station.configuration.flag("AuthCacheCtrlr.Enabled"):
        return v21.ClearCacheResponse(status=status.REJECTED)  # C11.FR.04
    station.authorizer.cache.clear()
    return v21.ClearCacheResponse(status=status.ACCEPTED)


def _send_local_list(
    station: Station, request: v201.SendLocalListRequest | v21.SendLocalListRequest
) -> v21.SendLocalListResponse:
    status = v21.SendLocalListStatusEnum
    full = request.update_type.value == v21.UpdateEnum.FULL
    if not station.configuration.flag("LocalAuthListCtrlr.Enabled"):
        return v21.SendLocalListResponse(status=status.FAILED)
    if not full and request.version_number <= station.authorizer.version:
        return v21.SendLocalListResponse(status=status.VERSION_MISMATCH)  # D01.FR.18
    entries = {
        entry.id_token.id_token: None
        if entry.id_token_info is UNSET
        else verdict(entry.id_token_info)
        for entry in request.local_authorization_list or ()
    }
    station.authorizer.update(entries, request.version_number, full=full)
    return v21.SendLocalListResponse(status=status.ACCEPTED)


def _local_list_version(station: Station, _: Any) -> v21.GetLocalListVersionResponse:
    return v21.GetLocalListVersionResponse(version_number=station.authorizer.version)


def _reserve(
    station: Station, request: v201.ReserveNowRequest | v21.ReserveNowRequest
) -> v21.ReserveNowResponse:
    group = request.group_id_token
    reservation = Reservation(
        request.id,
        request.id_token.id_token,
        station.simulated(seconds(request.expiry_date_time)),
        None if group is UNSET else group.id_token,
    )
    number = None if request.evse_id is UNSET else request.evse_id
    status = commands.reserve(station, number, reservation)
    return v21.ReserveNowResponse(status=v21.ReserveNowStatusEnum(status))


def _cancel_reservation(
    station: Station, request: v201.CancelReservationRequest | v21.CancelReservationRequest
) -> v21.CancelReservationResponse:
    status = v21.CancelReservationStatusEnum
    done = commands.cancel_reservation(station, request.reservation_id)
    return v21.CancelReservationResponse(status=status.ACCEPTED if done else status.REJECTED)


def _data_transfer(
    station: Station, request: v201.DataTransferRequest | v21.DataTransferRequest
) -> v21.DataTransferResponse:
    message = request.message_id or ""
    status, data = commands.transfer(station, request.vendor_id, message, request.data)
    return v21.DataTransferResponse(status=v21.DataTransferStatusEnum(status), data=data)


def _transaction_status(
    station: Station,
    request: v201.GetTransactionStatusRequest | v21.GetTransactionStatusRequest,
) -> v21.GetTransactionStatusResponse:
    ref = request.transaction_id
    if ref is UNSET:
        return v21.GetTransactionStatusResponse(messages_in_queue=bool(station.queue))
    return v21.GetTransactionStatusResponse(
        messages_in_queue=station.queue.concerns(ref),
        ongoing_indicator=station.find(ref) is not None,
    )


def _outlet(station: Station, evse: v201.EVSE | v21.EVSE) -> Outlet | None:
    """The outlet that an EVSE is, if its connector is the one each of them has."""
    connector: int | UnsetType = evse.connector_id
    return station.outlets.get(evse.id) if connector in {UNSET, 1} else None


HANDLERS: dict[str, Callable[[Station, Any], Any]] = {
    **CHARGING_HANDLERS,
    "CancelReservation": _cancel_reservation,
    "ChangeAvailability": _change_availability,
    "ClearCache": _clear_cache,
    "DataTransfer": _data_transfer,
    "GetBaseReport": get_base_report,
    "GetLocalListVersion": _local_list_version,
    "GetTransactionStatus": _transaction_status,
    "RequestStartTransaction": _request_start,
    "RequestStopTransaction": _request_stop,
    "GetVariables": get_variables,
    "ReserveNow": _reserve,
    "Reset": _reset,
    "SendLocalList": _send_local_list,
    "SetVariables": set_variables,
    "TriggerMessage": _trigger,
    "UnlockConnector": _unlock,
}
