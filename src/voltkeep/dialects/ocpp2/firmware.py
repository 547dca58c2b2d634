"""UpdateFirmware and FirmwareStatusNotification."""

from msgspec import UNSET

from voltkeep.dialects.dialect import Build, Handler, Notes, Services
from voltkeep.dialects.times import whole_seconds
from voltkeep.domain.commands import UpdateFirmware
from voltkeep.domain.identity import Sender
from voltkeep.ocpp import v21


async def firmware_status(
    services: Services,
    sender: Sender,
    request: v21.FirmwareStatusNotificationRequest,
    notes: Notes,
) -> None:
    id = None if request.request_id is UNSET else request.request_id
    await services.firmware.status(sender, request.status.value, id)


def update_firmware(command: UpdateFirmware) -> tuple[str, v21.UpdateFirmwareRequest]:
    install_at = command.install_at
    return "UpdateFirmware", v21.UpdateFirmwareRequest(
        request_id=command.request_id,
        firmware=v21.Firmware(
            location=command.location,
            retrieve_date_time=whole_seconds(command.retrieve_at),
            install_date_time=UNSET if install_at is None else whole_seconds(install_at),
            signing_certificate=command.signing_certificate or UNSET,
            signature=command.signature or UNSET,
        ),
        retries=UNSET if command.retries is None else command.retries,
        retry_interval=UNSET if command.retry_interval_s is None else command.retry_interval_s,
    )


HANDLERS: dict[str, Handler] = {"FirmwareStatusNotification": firmware_status}
REQUESTS: dict[type, Build] = {UpdateFirmware: update_firmware}
