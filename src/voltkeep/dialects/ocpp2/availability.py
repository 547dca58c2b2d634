"""StatusNotification."""

from voltkeep.dialects.dialect import Handler, Notes, Services
from voltkeep.dialects.ocpp2.names import evse
from voltkeep.dialects.times import utc
from voltkeep.domain.availability import ConnectorStatus, StatusUpdate
from voltkeep.domain.identity import Sender
from voltkeep.ocpp import v21, v201


async def status_notification(
    services: Services,
    sender: Sender,
    request: v201.StatusNotificationRequest | v21.StatusNotificationRequest,
    notes: Notes,
) -> None:
    word = request.connector_status.value
    services.availability.record(
        sender,
        StatusUpdate(
            evse=evse(request.evse_id, request.connector_id),
            status=ConnectorStatus(word),
            raw_status=word,
            at=utc(request.timestamp, sender, notes),
        ),
    )


HANDLERS: dict[str, Handler] = {"StatusNotification": status_notification}
