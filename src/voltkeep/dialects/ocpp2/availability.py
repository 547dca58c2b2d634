"""StatusNotification, ChangeAvailability."""

from msgspec import UNSET

from voltkeep.dialects.dialect import Build, Handler, Notes, Services
from voltkeep.dialects.ocpp2.names import evse
from voltkeep.dialects.times import utc
from voltkeep.domain.availability import ConnectorStatus, StatusUpdate
from voltkeep.domain.commands import ChangeAvailability
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


def change_availability(
    command: ChangeAvailability,
) -> tuple[str, v21.ChangeAvailabilityRequest]:
    status, place = v21.OperationalStatusEnum, command.evse
    return "ChangeAvailability", v21.ChangeAvailabilityRequest(
        operational_status=status.OPERATIVE if command.operative else status.INOPERATIVE,
        evse=v21.EVSE(id=place.id, connector_id=place.connector_id or UNSET) if place else UNSET,
    )


HANDLERS: dict[str, Handler] = {"StatusNotification": status_notification}
REQUESTS: dict[type, Build] = {ChangeAvailability: change_availability}
