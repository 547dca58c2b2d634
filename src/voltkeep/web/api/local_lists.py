"""Local lists: the tokens that stations know by themselves, for when they cannot ask."""

from datetime import UTC, datetime
from typing import Annotated

from litestar import Response, get, patch
from litestar.params import JSONBody
from msgspec import UNSET, Meta, Struct, UnsetType

from voltkeep.domain.accounts import Permission
from voltkeep.domain.local_list import ListState, LocalList
from voltkeep.web.access import Given, Known, Paging, Who
from voltkeep.web.editing import IfMatch, tagged, unchanged
from voltkeep.web.looks import LOOK, Looking
from voltkeep.web.paging import Page, page_of_records
from voltkeep.web.problems import Asked

_AT = datetime(2026, 5, 2, 9, 30, tzinfo=UTC)
_Groups = Annotated[
    tuple[Annotated[str, Meta(min_length=1, max_length=255)], ...], Meta(max_length=100)
]


class LocalListOut(Struct, frozen=True, kw_only=True):
    """A station's list. It has every change of the tokens from before ``synced_until``.

    ``on``: it is kept in step by itself. ``groups``: of these only; none are every token.
    ``entries`` were in the last full list; ``left_out``, of it and of every change since, are
    those that the station's version of OCPP cannot say.
    """

    station: str
    state: ListState
    on: bool
    groups: tuple[str, ...]
    version: int
    synced_until: datetime | None
    sent_at: datetime | None
    entries: int
    left_out: int
    left_out_why: str
    status: str
    reason: str
    most_entries: int | None
    per_message: int | None
    changed_at: datetime


class LocalListChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be changed of how a list is kept; what is left out stays."""

    on: bool | UnsetType = UNSET
    groups: _Groups | UnsetType = UNSET


def _out(known: LocalList) -> LocalListOut:
    return LocalListOut(
        station=known.station.name,
        state=known.state,
        on=known.is_on,
        groups=known.groups,
        version=known.version,
        synced_until=known.synced_until,
        sent_at=known.sent_at,
        entries=known.entries,
        left_out=known.left_out,
        left_out_why=known.left_out_why,
        status=known.status,
        reason=known.reason,
        most_entries=known.most_entries,
        per_message=known.per_message,
        changed_at=known.at,
    )


@get("/local-lists", needs=Permission.READ_STATIONS, dependencies=LOOK)
async def list_local_lists(
    request: Asked, principal: Who, services: Given, cursors: Paging, look: Looking
) -> Page[LocalListOut]:
    """The lists of stations that were ever sent one, or shall be.

    The commands `SendLocalList` and `GetLocalListVersion` send them and ask for their version.
    """
    found = await services.local_lists.page(principal.tenant, look)
    return page_of_records(request, cursors, look, found, _out)


@get("/stations/{station:str}/local-list", needs=Permission.READ_STATIONS)
async def show_local_list(known: Known, services: Given) -> Response[LocalListOut]:
    """The list of one station, as far as we know it."""
    return tagged(_out(await services.local_lists.get(known.id)))


@patch("/stations/{station:str}/local-list", needs=Permission.WRITE_STATIONS)
async def change_local_list(
    data: JSONBody[LocalListChange], known: Known, services: Given, if_match: IfMatch = None
) -> Response[LocalListOut]:
    """Have a list kept in step by itself, or no longer, and choose what is in it."""
    changed = await services.local_lists.set(
        known.id,
        is_on=None if data.on is UNSET else data.on,
        groups=None if data.groups is UNSET else data.groups,
        unless_changed=unchanged(if_match, _out),
    )
    return tagged(_out(changed))


ROUTES = [list_local_lists, show_local_list, change_local_list]

EXAMPLES = [
    LocalListOut(
        station="CP-1001",
        state=ListState.IN_STEP,
        on=True,
        groups=("FLEET",),
        version=12,
        synced_until=_AT,
        sent_at=_AT,
        entries=120,
        left_out=0,
        left_out_why="",
        status="Accepted",
        reason="",
        most_entries=1000,
        per_message=50,
        changed_at=_AT,
    ),
    LocalListChange(on=True, groups=("FLEET",)),
]
