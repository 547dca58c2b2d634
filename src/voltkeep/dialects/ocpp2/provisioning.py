"""BootNotification, Heartbeat and Reset."""

from msgspec import UNSET

from voltkeep.dialects.dialect import BOOT, Build, Handler, Notes, Services
from voltkeep.dialects.times import whole_seconds
from voltkeep.domain.commands import Reset
from voltkeep.domain.identity import Sender
from voltkeep.domain.stations import Boot, Make
from voltkeep.ocpp import v21, v201


async def boot_notification(
    services: Services,
    sender: Sender,
    request: v201.BootNotificationRequest | v21.BootNotificationRequest,
    notes: Notes,
) -> v21.BootNotificationResponse:
    station = request.charging_station
    modem = station.modem
    make = Make(
        vendor=station.vendor_name,
        model=station.model,
        serial_number=station.serial_number or None,
        firmware=station.firmware_version or None,
        iccid=None if modem is UNSET else modem.iccid or None,
        imsi=None if modem is UNSET else modem.imsi or None,
    )
    reply = await services.provisioning.boot(sender, Boot(make=make, reason=request.reason.value))
    return v21.BootNotificationResponse(
        current_time=whole_seconds(reply.now),
        interval=reply.interval_s,
        status=v21.RegistrationStatusEnum(reply.registration.value),
    )


async def heartbeat(
    services: Services,
    sender: Sender,
    request: v201.HeartbeatRequest | v21.HeartbeatRequest,
    notes: Notes,
) -> v21.HeartbeatResponse:
    return v21.HeartbeatResponse(current_time=whole_seconds(services.provisioning.heartbeat()))


def reset(command: Reset) -> tuple[str, v21.ResetRequest]:
    return "Reset", v21.ResetRequest(
        type=v21.ResetEnum(command.kind.value),
        evse_id=command.evse.id if command.evse else UNSET,
    )


HANDLERS: dict[str, Handler] = {BOOT: boot_notification, "Heartbeat": heartbeat}
REQUESTS: dict[type, Build] = {Reset: reset}
