"""Reservations of all stations: who may use what until when, and what became of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from litestar import Response, get
from msgspec import Struct

from voltkeep.domain.accounts import Permission
from voltkeep.domain.reservations import OPEN_RESERVATIONS, ReservationState
from voltkeep.services.records import Look
from voltkeep.web.access import Given, Paging, Who, seen_sites
from voltkeep.web.api.reservations import out
from voltkeep.web.pages.choosing import Text, filters_of, sites_of
from voltkeep.web.pages.marking import _
from voltkeep.web.pages.rendering import page
from voltkeep.web.paging import Cursor, page_of_records
from voltkeep.web.problems import Asked

_ROWS = 50
_PAST = tuple(each for each in ReservationState if each not in OPEN_RESERVATIONS)

_Some = Literal["open", "past", "all"]
_One = Literal[
    "requested",
    "active",
    "unknown",
    "refused",
    "used",
    "unused",
    "expired",
    "cancelled",
    "removed",
]
_State = _Some | _One


class _Which(Struct, frozen=True, kw_only=True):
    """The filters, as they stand in an address. ``state`` "all" is every one."""

    state: _State = "open"
    station: Text | None = None
    site: Text | None = None


STATES_IN_WORDS: Mapping[ReservationState, tuple[str, str]] = {
    ReservationState.REQUESTED: ("requested", _("Asked for")),
    ReservationState.ACTIVE: ("active", _("Holds")),
    ReservationState.UNKNOWN: ("pending", _("Unclear: it may hold")),
    ReservationState.REFUSED: ("refused", _("Refused")),
    ReservationState.USED: ("done", _("Used")),
    ReservationState.UNUSED: ("", _("Came, did not charge")),
    ReservationState.EXPIRED: ("", _("Ran out")),
    ReservationState.CANCELLED: ("", _("Cancelled")),
    ReservationState.REMOVED: ("halted", _("Given up by the station")),
}
"""How each looks, and what it is called."""


def _states(said: str) -> tuple[str, ...]:
    match said:
        case "open":
            return OPEN_RESERVATIONS
        case "past":
            return _PAST
        case "all":
            return ()
    return (said,)


@get("/reservations", needs=Permission.READ_STATIONS, include_in_schema=False)
async def reservations_page(
    request: Asked, principal: Who, services: Given, cursors: Paging, cursor: Cursor = None
) -> Response[str]:
    """Reservations that fit, the last changed first; if nothing is said, those that are open."""
    which = filters_of(request, _Which)
    look = Look(
        station=which.station,
        sites=seen_sites(principal, which.site),
        states=_states(which.state),
        after=cursors.place(request, cursor, tuple[datetime, str, str]),
        limit=_ROWS + 1,
    )
    found = await services.reservations.page(principal.tenant, look)
    return page(
        request,
        "reservations.html",
        reservations=page_of_records(
            request, cursors, look, found, lambda row: out(principal, row)
        ),
        state=which.state,
        sites=await sites_of(services, principal),
        words=STATES_IN_WORDS,
        open_states=OPEN_RESERVATIONS,
        is_narrowed=bool(which.station or which.site or which.state != "open"),
    )


AT_THE_ROOT = [reservations_page]
EXAMPLES: list[object] = []
