"""ReserveNow and CancelReservation."""

from msgspec import UNSET

from voltkeep.dialects.dialect import Build
from voltkeep.dialects.ocpp16.names import fits_id_tag
from voltkeep.dialects.times import whole_seconds
from voltkeep.domain.commands import CancelReservation, ReserveNow
from voltkeep.ocpp import v16
from voltkeep.services.ports import CommandUnfit


def reserve_now(command: ReserveNow) -> tuple[str, v16.ReserveNowRequest]:
    if command.connector_type:
        raise CommandUnfit("OCPP 1.6 cannot reserve by the type of a connector")
    if not fits_id_tag(command.id_token.value):
        raise CommandUnfit("OCPP 1.6 takes tokens of 1 to 20 characters")
    group = command.group
    if group is not None and not fits_id_tag(group):
        raise CommandUnfit("OCPP 1.6 takes groups of 1 to 20 characters")
    return "ReserveNow", v16.ReserveNowRequest(
        connector_id=command.evse.id if command.evse else 0,
        expiry_date=whole_seconds(command.expires_at),
        id_tag=command.id_token.value,
        parent_id_tag=UNSET if group is None else group,
        reservation_id=command.id,
    )


def cancel_reservation(command: CancelReservation) -> tuple[str, v16.CancelReservationRequest]:
    return "CancelReservation", v16.CancelReservationRequest(reservation_id=command.id)


REQUESTS: dict[type, Build] = {
    ReserveNow: reserve_now,
    CancelReservation: cancel_reservation,
}
