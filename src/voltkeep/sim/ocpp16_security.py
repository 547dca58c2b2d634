"""The security whitepaper as an OCPP 1.6 station knows it, and the messages for files of old."""

from collections.abc import Callable
from functools import partial
from typing import Any

from msgspec import UNSET

from voltkeep.ocpp import v16
from voltkeep.ocpp.messages import encode
from voltkeep.sim.clock import seconds
from voltkeep.sim.firmware import FirmwareRequest, update_firmware
from voltkeep.sim.logs import DIAGNOSTICS, LogRequest, send_log
from voltkeep.sim.security import SecurityEvent
from voltkeep.sim.station import Station
from voltkeep.sim.trust import CSMS_ROOT, MANUFACTURER_ROOT, Named

EXTENSIONS = frozenset(
    {
        *("CertificateSigned", "DeleteCertificate", "ExtendedTriggerMessage"),
        *("GetInstalledCertificateIds", "GetLog", "InstallCertificate", "SignedUpdateFirmware"),
    }
)
"""What a station without the whitepaper does not know."""

OF_OLD = frozenset({"UpdateFirmware"})
"""What a station with it refuses (L01.FR.20)."""

FILE_STATUSES = frozenset(
    {
        "DiagnosticsStatusNotification",
        "FirmwareStatusNotification",
        "LogStatusNotification",
        "SignedFirmwareStatusNotification",
    }
)

_EVENTS = {
    "FailedToAuthenticateAtCsms": "FailedToAuthenticateAtCentralSystem",
    "CsmsFailedToAuthenticate": "CentralSystemFailedToAuthenticate",
    "InvalidCsmsCertificate": "InvalidCentralSystemCertificate",
    "InvalidChargingStationCertificate": "InvalidChargePointCertificate",
}
_USES = {
    v16.CertificateUseEnum.CENTRAL_SYSTEM_ROOT_CERTIFICATE: CSMS_ROOT,
    v16.CertificateUseEnum.MANUFACTURER_ROOT_CERTIFICATE: MANUFACTURER_ROOT,
}
# DiagnosticsStatusNotification has one word for every failure, FirmwareStatusNotification seven.
_DIAGNOSTICS = {"Uploading": "Uploading", "Uploaded": "Uploaded"}
_PLAIN = frozenset(word.value for word in v16.FirmwareStatusNotificationRequestStatus)


def security_event(event: SecurityEvent) -> bytes:
    """A SecurityEventNotification."""
    return encode(
        v16.SecurityEventNotificationRequest(
            type=_EVENTS.get(event.type, event.type),
            timestamp=event.at,
            tech_info=event.text[:255] or UNSET,
        )
    )


# Certificates


def _install(
    station: Station, request: v16.InstallCertificateRequest
) -> v16.InstallCertificateResponse:
    status = station.install_root(_USES[request.certificate_type], request.certificate)
    return v16.InstallCertificateResponse(status=v16.InstallCertificateStatusEnum(status))


def _installed(
    station: Station, request: v16.GetInstalledCertificateIdsRequest
) -> v16.GetInstalledCertificateIdsResponse:
    status = v16.GetInstalledCertificateStatusEnum
    found = [
        v16.CertificateHashData(
            hash_algorithm=v16.HashAlgorithmEnum(named.algorithm),
            issuer_name_hash=named.issuer_name,
            issuer_key_hash=named.issuer_key,
            serial_number=named.serial,
        )
        for _, named in station.trust.installed({_USES[request.certificate_type]})
    ]
    return v16.GetInstalledCertificateIdsResponse(
        status=status.ACCEPTED if found else status.NOT_FOUND,
        certificate_hash_data=found or UNSET,
    )


def _delete(
    station: Station, request: v16.DeleteCertificateRequest
) -> v16.DeleteCertificateResponse:
    data = request.certificate_hash_data
    named = Named(
        data.hash_algorithm.value, data.issuer_name_hash, data.issuer_key_hash, data.serial_number
    )
    status = station.trust.delete(named, station.link.root)
    return v16.DeleteCertificateResponse(status=v16.DeleteCertificateStatusEnum(status))


def _signed(
    station: Station, request: v16.CertificateSignedRequest
) -> v16.CertificateSignedResponse:
    status = v16.CertificateSignedStatusEnum
    taken = station.take_certificate(request.certificate_chain)
    return v16.CertificateSignedResponse(status=status.ACCEPTED if taken else status.REJECTED)


# Files


def _get_log(station: Station, request: v16.GetLogRequest) -> v16.GetLogResponse:
    asked = LogRequest(
        kind=request.log_type.value,
        location=request.log.remote_location,
        retries=request.retries or 0,
        retry_s=_or_none(request.retry_interval),
        tell=partial(_tell_log, station, request.request_id),
    )
    status, name = send_log(station, asked)
    return v16.GetLogResponse(status=v16.LogStatusEnum(status), filename=name or UNSET)


def _get_diagnostics(
    station: Station, request: v16.GetDiagnosticsRequest
) -> v16.GetDiagnosticsResponse:
    asked = LogRequest(
        kind=DIAGNOSTICS,
        location=request.location,
        retries=request.retries or 0,
        retry_s=_or_none(request.retry_interval),
        tell=partial(_tell_diagnostics, station),
    )
    _, name = send_log(station, asked)
    return v16.GetDiagnosticsResponse(file_name=name or UNSET)


def _tell_log(station: Station, request_id: int, status: str) -> None:
    station.log_told = (status, request_id)
    station.notices.add("LogStatusNotification", _log_status(status, request_id))


def _log_status(status: str, request_id: int | None) -> bytes:
    return encode(
        v16.LogStatusNotificationRequest(
            status=v16.UploadLogStatusEnum(status),
            request_id=UNSET if request_id is None else request_id,
        )
    )


def _tell_diagnostics(station: Station, status: str) -> None:
    station.notices.add("DiagnosticsStatusNotification", _diagnostics_status(status))


def _diagnostics_status(status: str) -> bytes:
    word = _DIAGNOSTICS.get(status, "UploadFailed")
    return encode(
        v16.DiagnosticsStatusNotificationRequest(
            status=v16.DiagnosticsStatusNotificationRequestStatus(word)
        )
    )


def _update_firmware(
    station: Station, request: v16.UpdateFirmwareRequest
) -> v16.UpdateFirmwareResponse:
    asked = FirmwareRequest(
        location=request.location,
        retrieve_at=seconds(request.retrieve_date),
        install_at=None,
        certificate="",
        signature="",
        retries=request.retries or 0,
        retry_s=_or_none(request.retry_interval),
        tell=partial(_tell_plain, station),
    )
    update_firmware(station, asked)
    return v16.UpdateFirmwareResponse()


def _tell_plain(station: Station, status: str) -> None:
    if status in _PLAIN:
        word = v16.FirmwareStatusNotificationRequestStatus(status)
        said = encode(v16.FirmwareStatusNotificationRequest(status=word))
        station.notices.add("FirmwareStatusNotification", said)


def _update_signed(
    station: Station, request: v16.SignedUpdateFirmwareRequest
) -> v16.SignedUpdateFirmwareResponse:
    firmware = request.firmware
    install = firmware.install_date_time
    asked = FirmwareRequest(
        location=firmware.location,
        retrieve_at=seconds(firmware.retrieve_date_time),
        install_at=None if install is UNSET else seconds(install),
        certificate=firmware.signing_certificate,
        signature=firmware.signature,
        retries=request.retries or 0,
        retry_s=_or_none(request.retry_interval),
        tell=partial(_tell_signed, station, request.request_id),
    )
    status = update_firmware(station, asked)
    return v16.SignedUpdateFirmwareResponse(status=v16.UpdateFirmwareStatusEnum(status))


def _tell_signed(station: Station, request_id: int, status: str) -> None:
    station.firmware_told = (status, request_id)
    station.notices.add("SignedFirmwareStatusNotification", _signed_status(status, request_id))


def _signed_status(status: str, request_id: int | None) -> bytes:
    return encode(
        v16.SignedFirmwareStatusNotificationRequest(
            status=v16.FirmwareStatusEnum(status),
            request_id=UNSET if request_id is None else request_id,
        )
    )


def file_status(station: Station, message: str) -> bytes:
    """What a trigger of such a message brings (L01.FR.28 and .29, N01.FR.12)."""
    match message:
        case "LogStatusNotification" if station.log_told[0] == "Uploading":
            return _log_status(*station.log_told)
        case "SignedFirmwareStatusNotification" if station.firmware_told[0] not in _AT_REST:
            return _signed_status(*station.firmware_told)
        case _:
            return b'{"status":"Idle"}'


_AT_REST = frozenset({"Idle", "Installed"})


def _or_none(value: Any) -> Any:
    return None if value is UNSET else value


HANDLERS: dict[str, Callable[[Station, Any], Any]] = {
    "CertificateSigned": _signed,
    "DeleteCertificate": _delete,
    "GetDiagnostics": _get_diagnostics,
    "GetInstalledCertificateIds": _installed,
    "GetLog": _get_log,
    "InstallCertificate": _install,
    "SignedUpdateFirmware": _update_signed,
    "UpdateFirmware": _update_firmware,
}
