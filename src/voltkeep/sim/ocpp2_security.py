"""Certificates, network profiles, logs and firmware, as an OCPP 2.0.1 or 2.1 station has them."""

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

from msgspec import UNSET

from voltkeep.ocpp import v21, v201
from voltkeep.ocpp.messages import encode
from voltkeep.sim.clock import seconds
from voltkeep.sim.firmware import FirmwareRequest, update_firmware
from voltkeep.sim.logs import LogRequest, send_log
from voltkeep.sim.security import SecurityEvent, Slot
from voltkeep.sim.station import Station
from voltkeep.sim.trust import Named

FILE_STATUSES = frozenset(
    {
        "FirmwareStatusNotification",
        "LogStatusNotification",
        "PublishFirmwareStatusNotification",
    }
)
_AT_REST = frozenset({"Idle", "Installed"})
_request_ids = itertools.count(1)


def security_event(event: SecurityEvent) -> bytes:
    """A SecurityEventNotification."""
    return encode(
        v21.SecurityEventNotificationRequest(
            type=event.type, timestamp=event.at, tech_info=event.text[:255] or UNSET
        )
    )


def sign_certificate(csr: str, *, numbered: bool) -> bytes:
    """A SignCertificate; 2.1 gives it a number, to know the answer by."""
    return encode(
        v21.SignCertificateRequest(
            csr=csr,
            certificate_type=v21.CertificateSigningUseEnum.CHARGING_STATION_CERTIFICATE,
            request_id=next(_request_ids) if numbered else UNSET,
        )
    )


# Network profiles


def _set_network_profile(
    station: Station, request: v201.SetNetworkProfileRequest | v21.SetNetworkProfileRequest
) -> v21.SetNetworkProfileResponse:
    status = v21.SetNetworkProfileStatusEnum
    data = request.connection_data
    password = data.basic_auth_password if isinstance(data, v21.NetworkConnectionProfile) else UNSET
    slot = Slot(data.security_profile, data.ocpp_csms_url)
    why = station.set_slot(request.configuration_slot, slot, _or_none(password))
    if why is None:
        return v21.SetNetworkProfileResponse(status=status.ACCEPTED)
    return v21.SetNetworkProfileResponse(
        status=status.REJECTED, status_info=v21.StatusInfo(reason_code=why)
    )


# Certificates


def _install(
    station: Station, request: v201.InstallCertificateRequest | v21.InstallCertificateRequest
) -> v21.InstallCertificateResponse:
    status = station.install_root(request.certificate_type.value, request.certificate)
    return v21.InstallCertificateResponse(status=v21.InstallCertificateStatusEnum(status))


def _installed(
    station: Station,
    request: v201.GetInstalledCertificateIdsRequest | v21.GetInstalledCertificateIdsRequest,
) -> v21.GetInstalledCertificateIdsResponse:
    status = v21.GetInstalledCertificateStatusEnum
    uses = {use.value for use in request.certificate_type or ()} or None
    found = [
        v21.CertificateHashDataChain(
            certificate_type=v21.GetCertificateIdUseEnum(use),
            certificate_hash_data=v21.CertificateHashData(
                hash_algorithm=v21.HashAlgorithmEnum(named.algorithm),
                issuer_name_hash=named.issuer_name,
                issuer_key_hash=named.issuer_key,
                serial_number=named.serial,
            ),
        )
        for use, named in station.trust.installed(uses)
    ]
    return v21.GetInstalledCertificateIdsResponse(
        status=status.ACCEPTED if found else status.NOT_FOUND,
        certificate_hash_data_chain=found or UNSET,
    )


def _delete(
    station: Station, request: v201.DeleteCertificateRequest | v21.DeleteCertificateRequest
) -> v21.DeleteCertificateResponse:
    data = request.certificate_hash_data
    named = Named(
        data.hash_algorithm.value, data.issuer_name_hash, data.issuer_key_hash, data.serial_number
    )
    status = station.trust.delete(named, station.link.root)
    return v21.DeleteCertificateResponse(status=v21.DeleteCertificateStatusEnum(status))


def _signed(
    station: Station, request: v201.CertificateSignedRequest | v21.CertificateSignedRequest
) -> v21.CertificateSignedResponse:
    status = v21.CertificateSignedStatusEnum
    taken = station.take_certificate(request.certificate_chain)
    return v21.CertificateSignedResponse(status=status.ACCEPTED if taken else status.REJECTED)


# Files


def _get_log(
    station: Station, request: v201.GetLogRequest | v21.GetLogRequest
) -> v21.GetLogResponse:
    asked = LogRequest(
        kind=request.log_type.value,
        location=request.log.remote_location,
        retries=request.retries or 0,
        retry_s=_or_none(request.retry_interval),
        tell=partial(_tell_log, station, request.request_id),
    )
    status, name = send_log(station, asked)
    return v21.GetLogResponse(status=v21.LogStatusEnum(status), filename=name or UNSET)


def _tell_log(station: Station, request_id: int, status: str) -> None:
    station.log_told = (status, request_id)
    station.notices.add("LogStatusNotification", _log_status(status, request_id))


def _log_status(status: str, request_id: int) -> bytes:
    return encode(
        v21.LogStatusNotificationRequest(
            status=v21.UploadLogStatusEnum(status), request_id=request_id
        )
    )


def _update_firmware(
    station: Station, request: v201.UpdateFirmwareRequest | v21.UpdateFirmwareRequest
) -> v21.UpdateFirmwareResponse:
    firmware = request.firmware
    install = firmware.install_date_time
    asked = FirmwareRequest(
        location=firmware.location,
        retrieve_at=seconds(firmware.retrieve_date_time),
        install_at=None if install is UNSET else seconds(install),
        certificate=firmware.signing_certificate or "",
        signature=firmware.signature or "",
        retries=request.retries or 0,
        retry_s=_or_none(request.retry_interval),
        tell=partial(_tell_firmware, station, request.request_id),
    )
    status = update_firmware(station, asked)
    return v21.UpdateFirmwareResponse(status=v21.UpdateFirmwareStatusEnum(status))


def _tell_firmware(station: Station, request_id: int, status: str) -> None:
    station.firmware_told = (status, request_id)
    station.notices.add("FirmwareStatusNotification", _firmware_status(status, request_id))


def _firmware_status(status: str, request_id: int) -> bytes:
    return encode(
        v21.FirmwareStatusNotificationRequest(
            status=v21.FirmwareStatusEnum(status), request_id=request_id
        )
    )


def file_status(station: Station, message: str) -> bytes:
    """What a trigger of such a message brings (L01.FR.25 and .26, N01.FR.16)."""
    match message:
        case "LogStatusNotification" if station.log_told[0] == "Uploading":
            return _log_status(*station.log_told)
        case "FirmwareStatusNotification" if station.firmware_told[0] not in _AT_REST:
            return _firmware_status(*station.firmware_told)
        case _:
            return b'{"status":"Idle"}'


def _or_none(value: Any) -> Any:
    return None if value is UNSET else value


HANDLERS: dict[str, Callable[[Station, Any], Any]] = {
    "CertificateSigned": _signed,
    "DeleteCertificate": _delete,
    "GetInstalledCertificateIds": _installed,
    "GetLog": _get_log,
    "InstallCertificate": _install,
    "SetNetworkProfile": _set_network_profile,
    "UpdateFirmware": _update_firmware,
}
