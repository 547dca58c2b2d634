"""The audit log as people read it: who did what, and whether anybody has changed that."""

from typing import Annotated

from litestar import Response, get, post
from litestar.response import Stream
from msgspec import Meta, Struct

from voltkeep.domain.accounts import Permission
from voltkeep.domain.audit import AuditEntry
from voltkeep.services import lists
from voltkeep.services.lists import AuditFilter, Place
from voltkeep.web.access import Given, Paging, Who, check_sees_every_site
from voltkeep.web.api.audit import KEPT_END, out, verdict
from voltkeep.web.pages.choosing import Instant, Text, filters, filters_of
from voltkeep.web.pages.files import json_lines
from voltkeep.web.pages.marking import _
from voltkeep.web.pages.rendering import page
from voltkeep.web.paging import Cursor, page_of
from voltkeep.web.problems import Asked

_ROWS = 50
_MOST = 100_000  # entries in a file


# How the words of a problem begin or end, and what such a problem means.
MEANINGS = {
    "its content is not what its hash says": _(
        "Somebody changed this entry after it was written: do not trust what it says."
    ),
    "the beginning of the log is missing": _("The oldest entries were removed."),
    "is missing": _("An entry was removed here: what was done then is not known from this log."),
    "it does not follow the entry before it": _(
        "Entries before this one were replaced, or this one was put in."
    ),
    "it is not the entry that it was": _(
        "The log was written anew at least from here back: this end was told outside, and it is "
        "another now."
    ),
    "the log ended at": _("The newest entries were cut off, perhaps by an older backup put back."),
}


class _Which(Struct, frozen=True, kw_only=True):
    """The filters, as they stand in an address."""

    actor: Text | None = None
    action: Text = ""
    object: Text = ""
    since: Instant | None = None
    before: Instant | None = None


class _Kept(Struct, frozen=True, kw_only=True):
    """An end that somebody has kept; "" if they have none."""

    kept: Annotated[str, Meta(pattern=KEPT_END)] = ""


FILTERS = _Which.__struct_fields__


def _meant(which: _Which) -> AuditFilter:
    """What the filters in an address mean."""
    return AuditFilter(
        actor=which.actor,
        action=which.action,
        object=which.object,
        since=which.since,
        before=which.before,
    )


def meaning(problem: str) -> str:
    """What it means that the chain is broken so; "" if nothing more is to be said."""
    for words, means in MEANINGS.items():
        if problem.startswith(words) or problem.endswith(words):
            return means
    return ""


@get("/audit", needs=Permission.READ_AUDIT, include_in_schema=False)
async def audit_page(
    request: Asked,
    principal: Who,
    services: Given,
    cursors: Paging,
    cursor: Cursor = None,
) -> Response[str]:
    """Deeds that fit, the latest first."""
    check_sees_every_site(principal, "the audit log is")
    which = _meant(filters_of(request, _Which))

    async def fetch(after: Place | None) -> lists.Page[AuditEntry]:
        async with services.read() as work:
            return await work.lists.audit(principal.tenant, which, after=after, limit=_ROWS)

    found = await page_of(request, cursors, cursor, fetch, out)
    return page(
        request,
        "audit.html",
        entries=found,
        most=_MOST,
        told=services.audit.told(principal.tenant),
        is_narrowed=any(request.query_params.get(name) for name in FILTERS),
    )


@post("/audit/verification", needs=Permission.READ_AUDIT, include_in_schema=False, status_code=200)
async def verification_page(request: Asked, principal: Who, services: Given) -> Response[str]:
    """Whether the whole chain holds, in words. It is long work, so no link leads to it."""
    sent = {name: str(value) for name, value in (await request.form()).items()}
    kept = filters(sent, _Kept).kept
    found = await verdict(principal, services, kept)
    return page(
        request,
        "audit_verification.html",
        verdict=found,
        problems=[(each.seq, each.problem, meaning(each.problem)) for each in found.problems],
        kept=kept,
    )


@get("/audit.jsonl", needs=Permission.READ_AUDIT, include_in_schema=False)
async def audit_file(request: Asked, principal: Who, services: Given) -> Stream:
    """Those that fit as JSON Lines, as the API has them, the latest first."""
    check_sees_every_site(principal, "the audit log is")
    which = _meant(filters(request.query_params, _Which))

    async def fetch(after: Place | None, limit: int) -> lists.Page[AuditEntry]:
        async with services.read() as work:
            return await work.lists.audit(principal.tenant, which, after=after, limit=limit)

    return json_lines("audit", _MOST, fetch, out)


AT_THE_ROOT = [audit_page, verification_page, audit_file]
EXAMPLES: list[object] = []
