"""BootNotification, Heartbeat and Reset."""

from voltkeep.dialects.dialect import BOOT, Build, Handler, Notes, Services
from voltkeep.dialects.times import whole_seconds
from voltkeep.domain.commands import Reset, ResetKind
from voltkeep.domain.identity import Sender
from voltkeep.domain.stations import Boot, Make
from voltkeep.ocpp import v16
from voltkeep.services.ports import CommandUnfit


async def boot_notification(
    services: Services, sender: Sender, request: v16.BootNotificationRequest, notes: Notes
) -> v16.BootNotificationResponse:
    make = Make(
        vendor=request.charge_point_vendor,
        model=request.charge_point_model,
        # The charge box serial number is the older name of it (deprecated in 1.6).
        serial_number=request.charge_point_serial_number
        or request.charge_box_serial_number
        or None,
        firmware=request.firmware_version or None,
        iccid=request.iccid or None,
        imsi=request.imsi or None,
        meter_type=request.meter_type or None,
        meter_serial_number=request.meter_serial_number or None,
    )
    reply = await services.provisioning.boot(sender, Boot(make=make))
    return v16.BootNotificationResponse(
        status=v16.BootNotificationResponseStatus(reply.registration.value),
        current_time=whole_seconds(reply.now),
        interval=reply.interval_s,
    )


async def heartbeat(
    services: Services, sender: Sender, request: v16.HeartbeatRequest, notes: Notes
) -> v16.HeartbeatResponse:
    return v16.HeartbeatResponse(current_time=whole_seconds(services.provisioning.heartbeat()))


_RESET = {
    ResetKind.IMMEDIATE: v16.ResetRequestType.HARD,
    ResetKind.ON_IDLE: v16.ResetRequestType.SOFT,
}


def reset(command: Reset) -> tuple[str, v16.ResetRequest]:
    if command.evse is not None:
        raise CommandUnfit("OCPP 1.6 can only reset the whole station")
    return "Reset", v16.ResetRequest(type=_RESET[command.kind])


HANDLERS: dict[str, Handler] = {BOOT: boot_notification, "Heartbeat": heartbeat}
REQUESTS: dict[type, Build] = {Reset: reset}
