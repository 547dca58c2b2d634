"""StatusNotification, ChangeAvailability."""

from msgspec import UNSET

from voltkeep.dialects.dialect import Build, Handler, Notes, Services
from voltkeep.dialects.ocpp16.names import CONNECTOR_STATUS, connector, evse
from voltkeep.dialects.times import utc
from voltkeep.domain.availability import StatusUpdate
from voltkeep.domain.commands import ChangeAvailability
from voltkeep.domain.identity import Sender
from voltkeep.ocpp import v16

_NO_ERROR = v16.StatusNotificationRequestErrorCode.NO_ERROR


async def status_notification(
    services: Services, sender: Sender, request: v16.StatusNotificationRequest, notes: Notes
) -> None:
    status, charging_state = CONNECTOR_STATUS[request.status]
    at = request.timestamp
    services.availability.record(
        sender,
        StatusUpdate(
            evse=evse(request.connector_id),
            status=status,
            raw_status=request.status.value,
            at=sender.received_at if at is UNSET else utc(at, sender, notes),
            charging_state=charging_state,
            error_code=None if request.error_code is _NO_ERROR else request.error_code.value,
            info=request.info or None,
            vendor_id=request.vendor_id or None,
            vendor_error_code=request.vendor_error_code or None,
        ),
    )


def change_availability(
    command: ChangeAvailability,
) -> tuple[str, v16.ChangeAvailabilityRequest]:
    type_ = v16.ChangeAvailabilityRequestType
    return "ChangeAvailability", v16.ChangeAvailabilityRequest(
        connector_id=connector(command.evse),
        type=type_.OPERATIVE if command.operative else type_.INOPERATIVE,
    )


HANDLERS: dict[str, Handler] = {"StatusNotification": status_notification}
REQUESTS: dict[type, Build] = {ChangeAvailability: change_availability}
