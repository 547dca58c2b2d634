"""Exports: stations, tokens and transactions as files, however many they are."""

from typing import Annotated

from litestar import get
from litestar.params import FromQuery, QueryParameter
from litestar.response import Stream

from voltkeep.domain.accounts import Permission
from voltkeep.domain.imports import Format, RowKind
from voltkeep.domain.stations import Registration
from voltkeep.services import exports
from voltkeep.services.lists import StationFilter, TokenFilter, TransactionFilter
from voltkeep.services.tabular import MEDIA_TYPES
from voltkeep.web.access import Given, Who, check_sees_every_site, seen_sites
from voltkeep.web.looks import Time
from voltkeep.web.openapi import MEDIA

FormatOf = Annotated[
    Format, QueryParameter(name="format", description="CSV (RFC 4180), or JSON Lines.")
]
_BOTH = {MEDIA: dict.fromkeys(MEDIA_TYPES.values(), "a file")}


@get("/exports/stations", needs=Permission.READ_STATIONS, opt=_BOTH)
async def export_stations(
    principal: Who,
    services: Given,
    form: FormatOf = Format.CSV,
    site: FromQuery[str | None] = None,
    registration: FromQuery[Registration | None] = None,
    connected: FromQuery[bool | None] = None,
) -> Stream:
    """Stations that fit, as a file. A text that a spreadsheet takes for a formula is quoted."""
    which = StationFilter(
        sites=seen_sites(principal, site), registration=registration, connected=connected
    )
    content = exports.stations(services.read, principal.tenant, which, form)
    return _file(content, RowKind.STATIONS, form)


@get("/exports/tokens", needs=Permission.READ_TOKENS, opt=_BOTH)
async def export_tokens(
    principal: Who,
    services: Given,
    form: FormatOf = Format.CSV,
    group: FromQuery[str | None] = None,
    blocked: FromQuery[bool | None] = None,
) -> Stream:
    """Tokens that fit, as a file. A text that a spreadsheet takes for a formula is quoted."""
    check_sees_every_site(principal, "tokens are")
    which = TokenFilter(group=group, blocked=blocked)
    content = exports.tokens(services.read, principal.tenant, which, form)
    return _file(content, RowKind.TOKENS, form)


@get("/exports/transactions", needs=Permission.READ_TRANSACTIONS, opt=_BOTH)
async def export_transactions(
    principal: Who,
    services: Given,
    form: FormatOf = Format.CSV,
    site: FromQuery[str | None] = None,
    station: FromQuery[str | None] = None,
    active: FromQuery[bool | None] = None,
    started_since: Time = None,
    started_before: Time = None,
    ended_since: Time = None,
    ended_before: Time = None,
) -> Stream:
    """Transactions that fit, as a file, those heard of last first.

    Without `tokens:read` tokens are shown by their last four characters.
    """
    which = TransactionFilter(
        sites=seen_sites(principal, site),
        station=station,
        active=active,
        started_since=started_since,
        started_before=started_before,
        ended_since=ended_since,
        ended_before=ended_before,
    )
    masked = not principal.may(Permission.READ_TOKENS)
    content = exports.transactions(services.read, principal.tenant, which, form, masked=masked)
    return _file(content, RowKind.TRANSACTIONS, form)


def _file(content: exports.Content, kind: RowKind, form: Format) -> Stream:
    headers = {"content-disposition": f'attachment; filename="{kind}.{form}"'}
    return Stream(content, headers=headers, media_type=MEDIA_TYPES[form])


ROUTES = [export_stations, export_tokens, export_transactions]

EXAMPLES: list[object] = []
