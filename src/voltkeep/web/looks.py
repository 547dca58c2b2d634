"""The filters that all lists of records have."""

from datetime import datetime
from typing import Annotated, Literal

from litestar.di import NamedDependency, Provide
from litestar.params import FromQuery, QueryParameter, SkipValidation

from voltkeep.services.records import Look
from voltkeep.web.access import Paging, Who, seen_sites
from voltkeep.web.paging import DEFAULT_LIMIT, Cursor, Limit
from voltkeep.web.problems import Asked

Looking = NamedDependency[SkipValidation[Look]]  # look

Time = Annotated[datetime | None, QueryParameter(description="RFC 3339; with a zone.")]


# A handler's argument `state` is Litestar's own.
_State = Annotated[str | None, QueryParameter(name="state")]


def _look(  # noqa: PLR0913, PLR0917  # each is a parameter of the query
    request: Asked,
    principal: Who,
    cursors: Paging,
    station: FromQuery[str | None] = None,
    site: FromQuery[str | None] = None,
    in_state: _State = None,
    since: Time = None,
    until: Time = None,
    sort: FromQuery[Literal["at", "-at"]] = "-at",
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Look:
    """One more than asked for is looked at: it tells whether there are more."""
    return Look(
        station=station,
        sites=seen_sites(principal, site),
        states=() if in_state is None else (in_state,),
        since=since,
        until=until,
        oldest_first=sort == "at",
        after=cursors.place(request, cursor, tuple[datetime, str, str]),
        limit=limit + 1,
    )


LOOK = {"look": Provide(_look, sync_to_thread=False)}
"""For the ``dependencies`` of a route that takes `Looking`."""
