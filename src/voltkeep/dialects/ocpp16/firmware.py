"""Firmware updates, signed and unsigned, and their status."""

from msgspec import UNSET, UnsetType

from voltkeep.dialects.dialect import Build, Handler, Notes, Services
from voltkeep.dialects.times import whole_seconds
from voltkeep.domain.commands import UpdateFirmware
from voltkeep.domain.identity import Sender
from voltkeep.ocpp import v16
from voltkeep.services.ports import CommandUnfit


async def firmware_status(
    services: Services,
    sender: Sender,
    request: v16.FirmwareStatusNotificationRequest,
    notes: Notes,
) -> None:
    await services.firmware.status(sender, request.status.value, None)


async def signed_firmware_status(
    services: Services,
    sender: Sender,
    request: v16.SignedFirmwareStatusNotificationRequest,
    notes: Notes,
) -> None:
    id = None if request.request_id is UNSET else request.request_id
    await services.firmware.status(sender, request.status.value, id)


def update_firmware(
    command: UpdateFirmware,
) -> tuple[str, v16.SignedUpdateFirmwareRequest | v16.UpdateFirmwareRequest]:
    if command.signature:
        return _signed(command)
    if command.install_at is not None:
        raise CommandUnfit("OCPP 1.6 cannot say when to install firmware that is not signed")
    return "UpdateFirmware", v16.UpdateFirmwareRequest(
        location=command.location,
        retrieve_date=whole_seconds(command.retrieve_at),
        retries=_number(command.retries),
        retry_interval=_number(command.retry_interval_s),
    )


def _signed(command: UpdateFirmware) -> tuple[str, v16.SignedUpdateFirmwareRequest]:
    install_at = command.install_at
    return "SignedUpdateFirmware", v16.SignedUpdateFirmwareRequest(
        request_id=command.request_id,
        firmware=v16.Firmware(
            location=command.location,
            retrieve_date_time=whole_seconds(command.retrieve_at),
            install_date_time=UNSET if install_at is None else whole_seconds(install_at),
            signing_certificate=command.signing_certificate,
            signature=command.signature,
        ),
        retries=_number(command.retries),
        retry_interval=_number(command.retry_interval_s),
    )


def _number(value: int | None) -> int | UnsetType:
    return UNSET if value is None else value


HANDLERS: dict[str, Handler] = {
    "FirmwareStatusNotification": firmware_status,
    "SignedFirmwareStatusNotification": signed_firmware_status,
}
REQUESTS: dict[type, Build] = {UpdateFirmware: update_firmware}
