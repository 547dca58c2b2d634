"""ReserveNow, CancelReservation and ReservationStatusUpdate."""

from msgspec import UNSET

from voltkeep.dialects.dialect import Build, Handler, Notes, Services
from voltkeep.dialects.ocpp2.names import group_id_token, wire_token
from voltkeep.dialects.times import whole_seconds
from voltkeep.domain.commands import CancelReservation, ReserveNow
from voltkeep.domain.identity import Sender
from voltkeep.ocpp import v21, v201


async def reservation_status(
    services: Services,
    sender: Sender,
    request: v201.ReservationStatusUpdateRequest | v21.ReservationStatusUpdateRequest,
    notes: Notes,
) -> None:
    status = request.reservation_update_status.value
    await services.reservations.status(sender, request.reservation_id, status)


def reserve_now(command: ReserveNow) -> tuple[str, v21.ReserveNowRequest]:
    return "ReserveNow", v21.ReserveNowRequest(
        id=command.id,
        expiry_date_time=whole_seconds(command.expires_at),
        id_token=wire_token(command.id_token),
        connector_type=command.connector_type or UNSET,
        evse_id=command.evse.id if command.evse else UNSET,
        group_id_token=UNSET if command.group is None else group_id_token(command.group),
    )


def cancel_reservation(command: CancelReservation) -> tuple[str, v21.CancelReservationRequest]:
    return "CancelReservation", v21.CancelReservationRequest(reservation_id=command.id)


HANDLERS: dict[str, Handler] = {"ReservationStatusUpdate": reservation_status}
REQUESTS: dict[type, Build] = {
    ReserveNow: reserve_now,
    CancelReservation: cancel_reservation,
}
