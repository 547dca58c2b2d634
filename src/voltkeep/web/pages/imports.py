"""Files in and out: what is imported, how that went, and everything that can be downloaded."""

import re
from collections.abc import Sequence
from datetime import datetime

from litestar import Response, get
from litestar.params import FromPath, FromQuery
from msgspec import Struct

from voltkeep.domain.accounts import Principal
from voltkeep.domain.imports import RowKind
from voltkeep.domain.stations import Registration
from voltkeep.services.records import Look
from voltkeep.web.access import Given, Paging, Who
from voltkeep.web.api.imports import ANY, NEEDS, ImportOut, out, theirs, visible
from voltkeep.web.pages.choosing import in_words, sites_of
from voltkeep.web.pages.marking import _
from voltkeep.web.pages.rendering import page
from voltkeep.web.paging import Cursor, Page, page_of_records
from voltkeep.web.problems import Asked

_ROWS = 25


class Kind(Struct, frozen=True, kw_only=True):
    """What a file is about: its name, and what its columns are."""

    name: str
    needed: str
    more: str
    says: str


KINDS_IN_WORDS: dict[RowKind, Kind] = {
    RowKind.STATIONS: Kind(
        name=_("Stations"),
        needed="id",
        more="site, note, security_profile, registration, passive",
        says=_("Registers stations, or changes those there are. Sites have to be there before."),
    ),
    RowKind.TOKENS: Kind(
        name=_("Tokens"),
        needed="value",
        more="kind, group, blocked, expires_at, max_active, note",
        says=_("Registers tokens, or changes those there are. A column left out changes nothing."),
    ),
    RowKind.TRANSACTIONS: Kind(
        name=_("Transactions"),
        needed="station, ref, started_at, ended_at",
        more="evse_id, connector_id, id_token, group, meter_start_wh, meter_last_wh, stop_reason",
        says=_("Keeps transactions of another system that are over. Those there stay as they are."),
    ),
}


# What a row is refused for because of the kind of a value: how that is said, and what to do.
_KINDS_OF_VALUES: Sequence[tuple[re.Pattern[str], str]] = (
    (re.compile(r"missing required field"), _("It is missing: every row needs it.")),
    (re.compile(r"RFC3339"), _("Write a time as 2026-05-01T10:00:00Z.")),
    (re.compile(r"Expected `int"), _("Write a whole number, such as 1.")),
    (re.compile(r"Expected `float"), _("Write a number with a dot, such as 7.4, and no unit.")),
    (re.compile(r"Expected `bool"), _("Write true or false.")),
    (re.compile(r"Expected `str` of length <="), _("It is too long.")),
    (re.compile(r"Expected `str` of length >="), _("It may not be empty.")),
    (re.compile(r"Expected `str"), _("Write a text.")),
)


def advice(problem: str) -> str:
    """What to do about a row that failed; "" if the problem says it itself."""
    found = (words for pattern, words in _KINDS_OF_VALUES if pattern.search(problem))
    return next(found, "")


def _kinds(principal: Principal, which: int) -> list[RowKind]:
    """Those that they may take out (0) or in (1)."""
    return [
        kind
        for kind, needs in NEEDS.items()
        if principal.may(needs[which]) and (kind is not RowKind.TOKENS or principal.sites is None)
    ]


@get("/imports", needs=ANY, include_in_schema=False)
async def imports_page(
    request: Asked,
    principal: Who,
    services: Given,
    cursors: Paging,
    kind: FromQuery[RowKind | None] = None,
    cursor: Cursor = None,
) -> Response[str]:
    """Where files are taken in, those that were, and what can be downloaded."""
    look = Look(
        after=cursors.place(request, cursor, tuple[datetime, str, str]),
        limit=_ROWS + 1,
    )
    ran: Page[ImportOut] | None = None
    if principal.sites is None:
        found = await theirs(services, principal, look)
        ran = page_of_records(request, cursors, look, found, out)
    into: Sequence[RowKind] = _kinds(principal, 1)
    return page(
        request,
        "imports.html",
        imports=ran,
        into=into,
        chosen=kind if kind in into else next(iter(into), None),
        out_of=_kinds(principal, 0),
        words=KINDS_IN_WORDS,
        site_options=in_words(await sites_of(services, principal)),
        registration_options=[(each.value, each.value) for each in Registration],
    )


@get("/imports/{import_id:str}", needs=ANY, include_in_schema=False)
async def import_page(
    request: Asked, principal: Who, services: Given, import_id: FromPath[str]
) -> Response[str]:
    """How far an import is, and which rows failed."""
    given = visible(principal, await services.imports.get(principal.tenant, import_id))
    return page(
        request,
        "import.html",
        given=out(given),
        words=KINDS_IN_WORDS,
        advice=advice,
        may_cancel=principal.may(NEEDS[given.kind][1]),
    )


AT_THE_ROOT = [imports_page, import_page]
EXAMPLES: list[object] = []
