"""Reservations: who may use which EVSE until when, and what became of it."""

from datetime import UTC, datetime

from litestar import get
from litestar.params import FromPath
from msgspec import Struct

from voltkeep.domain.accounts import Permission, Principal
from voltkeep.domain.identity import Evse, IdToken, TransactionRef
from voltkeep.domain.reservations import Reservation, ReservationState
from voltkeep.web.access import Given, Known, Paging, Who
from voltkeep.web.discretion import shown_token
from voltkeep.web.looks import LOOK, Looking
from voltkeep.web.paging import Page, page_of_records
from voltkeep.web.problems import Asked

_AT = datetime(2026, 5, 2, 9, 30, tzinfo=UTC)


class ReservationOut(Struct, frozen=True, kw_only=True):
    """A reservation; without ``evse`` any of the station's. ``status`` is the station's word.

    Without `tokens:read` the token is shown by its last four characters, and so is its group.
    """

    id: int
    station: str
    state: ReservationState
    evse: Evse | None
    connector_type: str
    id_token: IdToken
    group: str | None
    expires_at: datetime
    requested_at: datetime
    changed_at: datetime
    status: str
    transaction: TransactionRef | None


def out(principal: Principal, reservation: Reservation) -> ReservationOut:
    group = None if reservation.group is None else IdToken(reservation.group)
    common = shown_token(principal, group)
    return ReservationOut(
        id=int(reservation.id),
        station=reservation.station.name,
        state=reservation.state,
        evse=reservation.evse,
        connector_type=reservation.connector_type,
        id_token=shown_token(principal, reservation.id_token),
        group=None if common is None else common.value,
        expires_at=reservation.expires_at,
        requested_at=reservation.requested_at,
        changed_at=reservation.at,
        status=reservation.status,
        transaction=reservation.transaction,
    )


@get("/reservations", needs=Permission.READ_STATIONS, states=ReservationState, dependencies=LOOK)
async def list_reservations(
    request: Asked, principal: Who, services: Given, cursors: Paging, look: Looking
) -> Page[ReservationOut]:
    """Reservations, the last changed first.

    The commands `Reserve` and `CancelReservation` make them and give them up.
    """
    found = await services.reservations.page(principal.tenant, look)
    return page_of_records(request, cursors, look, found, lambda row: out(principal, row))


@get("/stations/{station:str}/reservations/{reservation:str}", needs=Permission.READ_STATIONS)
async def show_reservation(
    known: Known, reservation: FromPath[str], principal: Who, services: Given
) -> ReservationOut:
    """One reservation."""
    return out(principal, await services.reservations.get(known.id, reservation))


ROUTES = [list_reservations, show_reservation]

EXAMPLES = [
    ReservationOut(
        id=17,
        station="CP-1001",
        state=ReservationState.USED,
        evse=Evse(1, 1),
        connector_type="",
        id_token=IdToken("04A2B3C4D5E680"),
        group="FLEET",
        expires_at=_AT,
        requested_at=_AT,
        changed_at=_AT,
        status="Accepted",
        transaction=TransactionRef("1093"),
    )
]
