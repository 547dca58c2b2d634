"""Imports: files of stations, tokens or transactions, taken in while one may watch."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated

from litestar import get, post
from litestar.params import FromPath, QueryParameter
from msgspec import Struct, structs

from voltkeep.domain.accounts import Permission, Principal
from voltkeep.domain.imports import Format, Import, ImportState, RowError, RowKind
from voltkeep.services.imports import UnknownImport, ended_at
from voltkeep.services.records import Look
from voltkeep.web.access import Given, Paging, Who, check_sees_every_site
from voltkeep.web.api.exports import FormatOf
from voltkeep.web.bodies import BadBody, TooSlow, steadily
from voltkeep.web.looks import LOOK, Looking
from voltkeep.web.openapi import CONTENT
from voltkeep.web.paging import Page, page_of_records
from voltkeep.web.problems import Asked, Problem

_DryRun = Annotated[
    bool, QueryParameter(description="Only say how it would go; nothing is changed.")
]
_Wait = Annotated[
    float, QueryParameter(ge=0, le=60, description="For so many seconds, if it is not over.")
]
NEEDS = {  # to read such rows, and to take them in
    RowKind.STATIONS: (Permission.READ_STATIONS, Permission.WRITE_STATIONS),
    RowKind.TOKENS: (Permission.READ_TOKENS, Permission.WRITE_TOKENS),
    RowKind.TRANSACTIONS: (Permission.READ_TRANSACTIONS, Permission.WRITE_TRANSACTIONS),
}
ANY = tuple(each for needs in NEEDS.values() for each in needs)
_FILE = {
    CONTENT: {
        "text/csv": "id,site,note\r\nCP-1001,north,behind the bakery\r\n",
        "application/jsonl": '{"id":"CP-1001","site":"north"}\n',
    }
}
_TOKENS = {
    CONTENT: {
        "text/csv": "value,group\r\n04A1B2C3D4E5F6,FLEET\r\n",
        "application/jsonl": '{"value":"04A1B2C3D4E5F6","group":"FLEET"}\n',
    }
}
_OVER = "station,ref,started_at,ended_at\r\nCP-1001,7,2026-05-01T10:00:00Z,2026-05-01T11:00:00Z\r\n"
_TRANSACTIONS = {CONTENT: {"text/csv": _OVER, "application/jsonl": "{}\n"}}


class ImportOut(Struct, frozen=True, kw_only=True):
    """How far an import is. ``errors`` are the first hundred; ``problem``: why it failed."""

    id: str
    kind: RowKind
    format: Format
    state: ImportState
    dry_run: bool
    rows_done: int
    added: int
    changed: int
    unchanged: int
    failed: int
    bytes_done: int
    size_bytes: int
    errors: tuple[RowError, ...]
    problem: str
    given_at: datetime
    given_by: str
    changed_at: datetime
    ended_at: datetime | None


def out(given: Import) -> ImportOut:
    return ImportOut(
        id=given.id,
        kind=given.kind,
        format=given.format,
        state=given.state,
        dry_run=given.dry_run,
        rows_done=given.rows_done,
        added=given.added,
        changed=given.changed,
        unchanged=given.unchanged,
        failed=given.failed,
        bytes_done=given.bytes_done,
        size_bytes=given.size_bytes,
        errors=given.errors,
        problem=given.problem,
        given_at=given.given_at,
        given_by=given.actor.name,
        changed_at=given.at,
        ended_at=ended_at(given),
    )


async def _give(
    request: Asked,
    principal: Principal,
    services: Given,
    kind: RowKind,
    form: Format,
    dry_run: bool,
) -> ImportOut:
    async def content() -> AsyncIterator[bytes]:
        try:
            async for block in steadily(request.stream()):
                yield block
        except TooSlow as error:
            raise Problem(408, "the file came to a halt") from error
        except BadBody as error:
            raise Problem(400, "the file was broken off", field="body") from error

    return out(
        await services.imports.give(
            principal.tenant, kind, form, content(), dry_run=dry_run, sites=principal.sites
        )
    )


@post(
    "/imports/stations",
    needs=Permission.WRITE_STATIONS,
    status_code=202,
    request_max_body_size=None,
    opt=_FILE,
)
async def import_stations(
    request: Asked,
    principal: Who,
    services: Given,
    form: FormatOf = Format.CSV,
    dry_run: _DryRun = False,
) -> ImportOut:
    """Register stations, or change those there are: the body is a file, as an export is."""
    return await _give(request, principal, services, RowKind.STATIONS, form, dry_run)


@post(
    "/imports/tokens",
    needs=Permission.WRITE_TOKENS,
    status_code=202,
    request_max_body_size=None,
    opt=_TOKENS,
)
async def import_tokens(
    request: Asked,
    principal: Who,
    services: Given,
    form: FormatOf = Format.CSV,
    dry_run: _DryRun = False,
) -> ImportOut:
    """Register tokens, or change those there are: the body is a file, as an export is."""
    check_sees_every_site(principal, "tokens are")
    return await _give(request, principal, services, RowKind.TOKENS, form, dry_run)


@post(
    "/imports/transactions",
    needs=Permission.WRITE_TRANSACTIONS,
    status_code=202,
    request_max_body_size=None,
    opt=_TRANSACTIONS,
)
async def import_transactions(
    request: Asked,
    principal: Who,
    services: Given,
    form: FormatOf = Format.CSV,
    dry_run: _DryRun = False,
) -> ImportOut:
    """Keep transactions of another system that are over. Those there are stay as they are."""
    return await _give(request, principal, services, RowKind.TRANSACTIONS, form, dry_run)


def visible(principal: Principal, given: Import) -> Import:
    """Raises UnknownImport for what is not theirs to see."""
    if not _may_see(principal, given) or not _is_theirs(principal, given):
        raise UnknownImport(f"there is no import {given.id}")
    return given


def _is_theirs(principal: Principal, given: Import) -> bool:
    """Whether they may read such rows, or take them in."""
    return any(principal.may(each) for each in NEEDS[given.kind])


def _may_see(principal: Principal, given: Import) -> bool:
    if principal.sites is None:
        return True
    return given.sites is not None and set(given.sites) <= set(principal.sites)


@get("/imports", needs=ANY, states=ImportState, dependencies=LOOK)
async def list_imports(
    request: Asked, principal: Who, services: Given, cursors: Paging, look: Looking
) -> Page[ImportOut]:
    """Imports, by default the latest changed first. They are not of a station or a site.

    Those of stations, tokens or transactions, as the key may read or write them.
    """
    if principal.sites is not None:
        raise Problem(403, "you see some sites only: ask for an import by id", code="not-allowed")
    found = await theirs(services, principal, look)
    return page_of_records(request, cursors, look, found, out)


async def theirs(services: Given, principal: Principal, look: Look) -> list[Import]:
    """As many as are looked for, of those that they may see."""
    found: list[Import] = []
    part = look
    while True:
        page = await services.imports.page(principal.tenant, part)
        found += [each for each in page if _is_theirs(principal, each)]
        if len(page) < part.limit or len(found) >= look.limit:
            return found[: look.limit]
        last = page[-1]
        part = structs.replace(part, after=(last.at, last.station.name, last.id))


@get("/imports/{import_id:str}", needs=ANY)
async def show_import(
    import_id: FromPath[str], principal: Who, services: Given, wait: _Wait = 0
) -> ImportOut:
    """How far an import is, and which rows failed. With ``wait``, when it is over."""
    found = visible(principal, await services.imports.get(principal.tenant, import_id))
    if wait:
        found = await services.imports.wait(principal.tenant, import_id, wait)
    return out(found)


@post("/imports/{import_id:str}/cancel", needs=ANY, status_code=200)
async def cancel_import(import_id: FromPath[str], principal: Who, services: Given) -> ImportOut:
    """Take no further row; those that were taken stay."""
    given = visible(principal, await services.imports.get(principal.tenant, import_id))
    needs = NEEDS[given.kind][1]
    if not principal.may(needs):
        raise Problem(403, f"this needs the permission {needs}", code="not-allowed")
    return out(await services.imports.cancel(principal.tenant, import_id))


ROUTES = [
    import_stations,
    import_tokens,
    import_transactions,
    list_imports,
    show_import,
    cancel_import,
]

_AT = datetime(2026, 5, 2, 9, 30, tzinfo=UTC)

EXAMPLES = [
    ImportOut(
        id="5f0c2c4be9a81d37",
        kind=RowKind.STATIONS,
        format=Format.CSV,
        state=ImportState.DONE,
        dry_run=False,
        rows_done=1000,
        added=998,
        changed=1,
        unchanged=0,
        failed=1,
        bytes_done=64_211,
        size_bytes=64_211,
        errors=(RowError(line=17, field="site", problem="there is no site south: add it first"),),
        problem="",
        given_at=_AT,
        given_by="alice",
        changed_at=_AT,
        ended_at=_AT,
    )
]
