"""What the pages of one station have in common: its head, its tabs, and what changes them."""

from datetime import datetime
from typing import Any

from litestar import Response
from msgspec import Struct

from voltkeep.domain.accounts import Permission, Principal
from voltkeep.domain.stations import Station
from voltkeep.services.records import Look
from voltkeep.web.access import ApiServices
from voltkeep.web.api.stations import out
from voltkeep.web.pages.marking import _
from voltkeep.web.pages.rendering import page
from voltkeep.web.paging import Cursors
from voltkeep.web.problems import Asked

ROWS = 50
"""How many a page of a list has."""


class Tab(Struct, frozen=True):
    """A page of a station; ``end`` follows its address."""

    end: str
    name: str
    needs: Permission


_P = Permission
TABS = (
    Tab("", _("Overview"), _P.READ_STATIONS),
    Tab("/command", _("Commands"), _P.SEND_COMMANDS),
    Tab("/transactions", _("Transactions"), _P.READ_TRANSACTIONS),
    Tab("/reservations", _("Reservations"), _P.READ_STATIONS),
    Tab("/charging", _("Charging profiles"), _P.READ_STATIONS),
    Tab("/configuration", _("Configuration"), _P.READ_STATIONS),
    Tab("/files", _("Firmware and logs"), _P.READ_STATIONS),
    Tab("/certificates", _("Certificates"), _P.READ_SECURITY),
    Tab("/security", _("Security"), _P.READ_SECURITY),
    Tab("/timeline", _("Timeline"), _P.READ_EVENTS),
    Tab("/settings", _("Settings"), _P.WRITE_STATIONS),
)
"""In the order in which they are shown, each to those who may see it."""


async def framed(
    request: Asked,
    services: ApiServices,
    known: Station,
    template: str,
    **values: Any,
) -> Response[str]:
    """A page of a station: ``values`` for its template, and what all of them show."""
    principal = request.user
    assert principal is not None, "the guard lets nobody in without one"
    return page(
        request,
        template,
        station=out(known),
        zone=await services.sites.time_zone(known.id.tenant, known.site),
        tabs=[each for each in TABS if principal.may(each.needs)],
        **values,
    )


def look_at(
    request: Asked,
    principal: Principal,
    cursors: Cursors,
    known: Station,
    cursor: str | None,
    state: str = "",
) -> Look:
    """The station's records of a kind, the latest changed first: one more than are shown."""
    after = cursors.place(request, cursor, tuple[datetime, str, str])
    return Look(
        station=known.id.name,
        sites=principal.sites,
        states=(state,) if state else (),
        after=after,
        limit=ROWS + 1,
    )
