"""What an OCPP 1.6 central system may ask of a station, and how the station takes it."""

from collections.abc import Callable
from functools import partial
from typing import Any

from msgspec import UNSET

from voltkeep.ocpp import v16
from voltkeep.ocpp.v21 import ChargingProfileKindEnum as Kind
from voltkeep.ocpp.v21 import ChargingProfilePurposeEnum as Purpose
from voltkeep.ocpp.v21 import ChargingRateUnitEnum as Unit
from voltkeep.ocpp.v21 import ReadingContextEnum as Context
from voltkeep.ocpp.v21 import ReasonEnum as Reason
from voltkeep.ocpp.v21 import RecurrencyKindEnum as Recurrency
from voltkeep.ocpp.v21 import TriggerReasonEnum as Trigger
from voltkeep.sim import commands
from voltkeep.sim.clock import seconds, timestamp
from voltkeep.sim.configuration import BY_KEY, Outcome, Setting
from voltkeep.sim.dialect import Verdict
from voltkeep.sim.ocpp16_security import FILE_STATUSES, file_status
from voltkeep.sim.profiles import Period, Profile, in_amperes
from voltkeep.sim.station import Station
from voltkeep.sim.transaction import Admission, Reservation, Token

_PURPOSES = {
    v16.ChargingProfilePurpose.CHARGE_POINT_MAX_PROFILE: Purpose.CHARGING_STATION_MAX_PROFILE,
    v16.ChargingProfilePurpose.TX_DEFAULT_PROFILE: Purpose.TX_DEFAULT_PROFILE,
    v16.ChargingProfilePurpose.TX_PROFILE: Purpose.TX_PROFILE,
}


def verdict(info: v16.IdTagInfo) -> Verdict:
    """What an idTagInfo says."""
    return Verdict(info.status.value, info.parent_id_tag or None)


# Core


def _remote_start(
    station: Station, request: v16.RemoteStartTransactionRequest
) -> v16.RemoteStartTransactionResponse:
    status = v16.RemoteStartTransactionResponseStatus
    token = Token(request.id_tag)
    if request.connector_id is UNSET:
        outlet = station.free_outlet(token)
    else:
        outlet = station.outlets.get(request.connector_id)
    if outlet is None or not station.accepted or not station.free(outlet):
        return v16.RemoteStartTransactionResponse(status=status.REJECTED)
    profile = None
    if request.charging_profile is not UNSET:
        profile = _profile(request.charging_profile, outlet.id, None)
        if profile.purpose is not Purpose.TX_PROFILE:
            return v16.RemoteStartTransactionResponse(status=status.REJECTED)  # errata 3.41
    station.later(partial(station.start_remotely, outlet, Admission(token), profile))
    return v16.RemoteStartTransactionResponse(status=status.ACCEPTED)


def _remote_stop(
    station: Station, request: v16.RemoteStopTransactionRequest
) -> v16.RemoteStopTransactionResponse:
    status = v16.RemoteStopTransactionResponseStatus
    outlet = station.find(request.transaction_id)
    if outlet is None:
        return v16.RemoteStopTransactionResponse(status=status.REJECTED)
    station.later(partial(station.stop, outlet, Trigger.REMOTE_STOP, Reason.REMOTE))
    return v16.RemoteStopTransactionResponse(status=status.ACCEPTED)


def _reset(station: Station, request: v16.ResetRequest) -> v16.ResetResponse:
    soft = request.type is v16.ResetRequestType.SOFT
    reason = Reason.REBOOT if soft else Reason.IMMEDIATE_RESET
    station.later(partial(station.reset, reason, patient=soft))
    return v16.ResetResponse(status=v16.ResetResponseStatus.ACCEPTED)


def _change_availability(
    station: Station, request: v16.ChangeAvailabilityRequest
) -> v16.ChangeAvailabilityResponse:
    status = v16.ChangeAvailabilityResponseStatus
    operative = request.type is v16.ChangeAvailabilityRequestType.OPERATIVE
    if request.connector_id == 0:
        done = commands.switch(station, operative=operative)
    elif request.connector_id in station.outlets:
        outlet = station.outlets[request.connector_id]
        done = station.change_availability(outlet, operative=operative)
    else:
        return v16.ChangeAvailabilityResponse(status=status.REJECTED)
    return v16.ChangeAvailabilityResponse(status=status.ACCEPTED if done else status.SCHEDULED)


def _unlock(station: Station, request: v16.UnlockConnectorRequest) -> v16.UnlockConnectorResponse:
    status = v16.UnlockConnectorResponseStatus
    outlet = station.outlets.get(request.connector_id)
    if outlet is None:
        return v16.UnlockConnectorResponse(status=status.NOT_SUPPORTED)  # errata 3.87
    if outlet.transaction is not None:
        station.later(partial(station.stop, outlet, Trigger.UNLOCK_COMMAND, Reason.OTHER))
    return v16.UnlockConnectorResponse(status=status.UNLOCKED)


def _clear_cache(station: Station, _: v16.ClearCacheRequest) -> v16.ClearCacheResponse:
    status = v16.ClearCacheResponseStatus
    if not station.configuration.flag("AuthCacheCtrlr.Enabled"):
        return v16.ClearCacheResponse(status=status.REJECTED)  # errata 3.23
    station.authorizer.cache.clear()
    return v16.ClearCacheResponse(status=status.ACCEPTED)


def _data_transfer(station: Station, request: v16.DataTransferRequest) -> v16.DataTransferResponse:
    message = request.message_id or ""
    status, data = commands.transfer(station, request.vendor_id, message, request.data)
    return v16.DataTransferResponse(status=v16.DataTransferResponseStatus(status), data=data)


# Configuration

_OUTCOMES = {
    Outcome.ACCEPTED: v16.ChangeConfigurationResponseStatus.ACCEPTED,
    Outcome.REJECTED: v16.ChangeConfigurationResponseStatus.REJECTED,
    Outcome.NOT_SUPPORTED: v16.ChangeConfigurationResponseStatus.NOT_SUPPORTED,
    Outcome.REBOOT_REQUIRED: v16.ChangeConfigurationResponseStatus.REBOOT_REQUIRED,
}


def _change_configuration(
    station: Station, request: v16.ChangeConfigurationRequest
) -> v16.ChangeConfigurationResponse:
    setting = BY_KEY.get(request.key.lower())
    if setting is None:
        status = v16.ChangeConfigurationResponseStatus.NOT_SUPPORTED
    else:
        status = _OUTCOMES[station.configure(setting, request.value)]
    return v16.ChangeConfigurationResponse(status=status)


def _get_configuration(
    station: Station, request: v16.GetConfigurationRequest
) -> v16.GetConfigurationResponse:
    asked = request.key or [s.key for s in BY_KEY.values() if s.key and not s.secret]
    known = [BY_KEY[key.lower()] for key in asked if key.lower() in BY_KEY]
    unknown = [key for key in asked if key.lower() not in BY_KEY]
    return v16.GetConfigurationResponse(
        configuration_key=[_key(station, setting) for setting in known] or UNSET,
        unknown_key=unknown or UNSET,
    )


def _key(station: Station, setting: Setting) -> v16.ConfigurationKey:
    assert setting.key is not None
    value = UNSET if setting.secret else station.configuration.text(setting.name)
    return v16.ConfigurationKey(key=setting.key, readonly=not setting.writable, value=value)


# Triggers


def _trigger(station: Station, request: v16.TriggerMessageRequest) -> v16.TriggerMessageResponse:
    status = _triggered(station, request.requested_message.value, request.connector_id)
    return v16.TriggerMessageResponse(status=v16.TriggerMessageResponseStatus(status))


def _trigger_extended(
    station: Station, request: v16.ExtendedTriggerMessageRequest
) -> v16.ExtendedTriggerMessageResponse:
    message = request.requested_message.value
    if message == "FirmwareStatusNotification":
        message = "SignedFirmwareStatusNotification"
    status = _triggered(station, message, request.connector_id)
    return v16.ExtendedTriggerMessageResponse(status=v16.TriggerMessageStatusEnum(status))


def _triggered(station: Station, message: str, connector: Any) -> str:
    """Send it after the answer; connector 0 or none means all of them."""
    if connector not in {UNSET, 0} and connector not in station.outlets:
        return "Rejected"
    outlets = [o for o in station.outlets.values() if connector in {UNSET, 0, o.id}]
    match message:
        case "BootNotification":
            station.later(partial(station.boot, triggered=True))
        case "Heartbeat":
            station.later(partial(station.heartbeat, triggered=True))
        case "StatusNotification":
            if connector in {UNSET, 0}:
                station.later(partial(station.tell_status, None, anew=True, triggered=True))
            for outlet in outlets:
                station.later(partial(station.tell_status, outlet, anew=True, triggered=True))
        case "MeterValues":
            sampled = "SampledDataCtrlr.TxUpdatedMeasurands"
            for outlet in outlets:
                station.later(partial(station.tell_meter, outlet, Context.TRIGGER, sampled))
        case "SignChargePointCertificate":
            station.later(station.renew_certificate)
        case _ if message in FILE_STATUSES:
            said = file_status(station, message)
            station.later(partial(station.say, message, said, triggered=True))
        case _:
            return "NotImplemented"
    return "Accepted"


# Reservation and local list


def _reserve(station: Station, request: v16.ReserveNowRequest) -> v16.ReserveNowResponse:
    reservation = Reservation(
        request.reservation_id,
        request.id_tag,
        station.simulated(seconds(request.expiry_date)),
        request.parent_id_tag or None,
    )
    status = commands.reserve(station, request.connector_id or None, reservation)
    return v16.ReserveNowResponse(status=v16.ReserveNowResponseStatus(status))


def _cancel_reservation(
    station: Station, request: v16.CancelReservationRequest
) -> v16.CancelReservationResponse:
    status = v16.CancelReservationResponseStatus
    done = commands.cancel_reservation(station, request.reservation_id)
    return v16.CancelReservationResponse(status=status.ACCEPTED if done else status.REJECTED)


def _send_local_list(
    station: Station, request: v16.SendLocalListRequest
) -> v16.SendLocalListResponse:
    status = v16.SendLocalListResponseStatus
    if not station.configuration.flag("LocalAuthListCtrlr.Enabled"):
        return v16.SendLocalListResponse(status=status.NOT_SUPPORTED)
    full = request.update_type is v16.SendLocalListRequestUpdateType.FULL
    if not full and request.list_version <= station.authorizer.version:
        return v16.SendLocalListResponse(status=status.VERSION_MISMATCH)
    entries = {
        entry.id_tag: verdict(entry.id_tag_info) if entry.id_tag_info is not UNSET else None
        for entry in request.local_authorization_list or ()
    }
    station.authorizer.update(entries, request.list_version, full=full)
    return v16.SendLocalListResponse(status=status.ACCEPTED)


def _local_list_version(
    station: Station, _: v16.GetLocalListVersionRequest
) -> v16.GetLocalListVersionResponse:
    enabled = station.configuration.flag("LocalAuthListCtrlr.Enabled")
    version = station.authorizer.version if enabled else -1
    return v16.GetLocalListVersionResponse(list_version=version)


# Smart charging


def _profile(profile: v16.ChargingProfile, connector: int, transaction: str | None) -> Profile:
    schedule = profile.charging_schedule
    return Profile(
        id=profile.charging_profile_id,
        stack_level=profile.stack_level,
        purpose=_PURPOSES[profile.charging_profile_purpose],
        kind=Kind(profile.charging_profile_kind.value),
        unit=Unit(schedule.charging_rate_unit.value),
        periods=tuple(
            Period(p.start_period, p.limit, p.number_phases or None)
            for p in schedule.charging_schedule_period
        ),
        evse=connector,
        starts=None if schedule.start_schedule is UNSET else seconds(schedule.start_schedule),
        duration=None if schedule.duration is UNSET else schedule.duration,
        recurrency=Recurrency(profile.recurrency_kind.value) if profile.recurrency_kind else None,
        valid_from=float("-inf") if profile.valid_from is UNSET else seconds(profile.valid_from),
        valid_to=float("inf") if profile.valid_to is UNSET else seconds(profile.valid_to),
        transaction=transaction,
    )


def _set_profile(
    station: Station, request: v16.SetChargingProfileRequest
) -> v16.SetChargingProfileResponse:
    status = v16.SetChargingProfileResponseStatus
    rejected = v16.SetChargingProfileResponse(status=status.REJECTED)
    asked = request.cs_charging_profiles
    outlet = station.outlets.get(request.connector_id)
    if request.connector_id != 0 and outlet is None:
        return rejected
    transaction = None
    purpose = asked.charging_profile_purpose
    if purpose is v16.ChargingProfilePurpose.TX_PROFILE:
        if outlet is None or outlet.transaction is None:
            return rejected  # section 5.16.2: only while a transaction runs
        if asked.transaction_id not in {UNSET, outlet.transaction.ref}:
            return rejected
        transaction = outlet.transaction.id
    elif purpose is v16.ChargingProfilePurpose.CHARGE_POINT_MAX_PROFILE and outlet is not None:
        return rejected
    station.profiles.install(_profile(asked, request.connector_id, transaction))
    return v16.SetChargingProfileResponse(status=status.ACCEPTED)


def _clear_profile(
    station: Station, request: v16.ClearChargingProfileRequest
) -> v16.ClearChargingProfileResponse:
    asked = request.charging_profile_purpose
    purpose = None if asked is UNSET else _PURPOSES[asked]

    def matches(profile: Profile) -> bool:
        if request.id is not UNSET:
            return profile.id == request.id  # errata 3.25: the others are ignored
        return (
            request.connector_id in {UNSET, profile.evse}
            and request.stack_level in {UNSET, profile.stack_level}
            and purpose in {None, profile.purpose}
        )

    status = v16.ClearChargingProfileResponseStatus
    cleared = station.profiles.clear(matches)
    return v16.ClearChargingProfileResponse(status=status.ACCEPTED if cleared else status.UNKNOWN)


def _composite(
    station: Station, request: v16.GetCompositeScheduleRequest
) -> v16.GetCompositeScheduleResponse:
    status = v16.GetCompositeScheduleResponseStatus
    if request.connector_id != 0 and request.connector_id not in station.outlets:
        return v16.GetCompositeScheduleResponse(status=status.REJECTED)
    unit = request.charging_rate_unit or v16.ChargingRateUnit.W
    load, periods = commands.composite(station, request.connector_id, request.duration)
    if unit is v16.ChargingRateUnit.A:
        periods = in_amperes(periods, load)
    start = timestamp(station.wall(station.clock.now()))
    return v16.GetCompositeScheduleResponse(
        status=status.ACCEPTED,
        connector_id=request.connector_id,
        schedule_start=start,
        charging_schedule=v16.ChargingSchedule(
            charging_rate_unit=unit,
            duration=request.duration,
            charging_schedule_period=[
                v16.ChargingSchedulePeriod(start_period=round(p.start), limit=round(p.limit, 1))
                for p in periods
            ],
        ),
    )


HANDLERS: dict[str, Callable[[Station, Any], Any]] = {
    "CancelReservation": _cancel_reservation,
    "ChangeAvailability": _change_availability,
    "ChangeConfiguration": _change_configuration,
    "ClearCache": _clear_cache,
    "ClearChargingProfile": _clear_profile,
    "DataTransfer": _data_transfer,
    "ExtendedTriggerMessage": _trigger_extended,
    "GetCompositeSchedule": _composite,
    "GetConfiguration": _get_configuration,
    "GetLocalListVersion": _local_list_version,
    "RemoteStartTransaction": _remote_start,
    "RemoteStopTransaction": _remote_stop,
    "ReserveNow": _reserve,
    "Reset": _reset,
    "SendLocalList": _send_local_list,
    "SetChargingProfile": _set_profile,
    "TriggerMessage": _trigger,
    "UnlockConnector": _unlock,
}
