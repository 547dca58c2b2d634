"""The audit log: who did what to what, in a chain that shows if it was changed."""

from datetime import UTC, datetime
from typing import Annotated

from litestar import get, post
from litestar.params import FromQuery, QueryParameter
from msgspec import Struct

from voltkeep.domain.accounts import Permission, Principal
from voltkeep.domain.audit import GENESIS, Actor, AuditEntry, Deed
from voltkeep.services import lists
from voltkeep.services.audit import Head
from voltkeep.services.lists import AuditFilter, Place, TimeSort
from voltkeep.web.access import ApiServices, Given, Paging, Who, check_sees_every_site
from voltkeep.web.looks import Time
from voltkeep.web.paging import DEFAULT_LIMIT, Cursor, Limit, Page, page_of
from voltkeep.web.problems import Asked

_AT = datetime(2026, 5, 2, 9, 30, tzinfo=UTC)

KEPT_END = r"^([0-9]{1,18}:[0-9A-Fa-f]{64})?$"
KeptEnd = Annotated[
    str,
    QueryParameter(
        description="An end that was kept: its number, a colon, its hash.",
        pattern=KEPT_END,
    ),
]


class AuditOut(Struct, frozen=True, kw_only=True):
    """One deed. ``hash`` covers it and the hash before it."""

    seq: int
    at: datetime
    actor: Actor
    deed: Deed
    hash: str


class AuditProblem(Struct, frozen=True, kw_only=True):
    """Where the chain is broken."""

    seq: int
    problem: str


class AuditCheckpoint(Struct, frozen=True, kw_only=True):
    """An end of the log that the server has written to its own log, which is kept elsewhere."""

    at: datetime
    seq: int
    hash: str


class AuditVerdict(Struct, frozen=True, kw_only=True):
    """Whether the chain holds, and its end: keep that elsewhere, and compare.

    ``entries`` were looked at, heard from ``first_at`` to ``last_at``. ``checkpoint`` is null if
    the server that answers has told no end yet, else the log was compared with it.
    """

    is_intact: bool
    last_seq: int
    last_hash: str
    problems: list[AuditProblem]
    entries: int
    first_at: datetime | None
    last_at: datetime | None
    checkpoint: AuditCheckpoint | None


@get("/audit", needs=Permission.READ_AUDIT)
async def list_audit(
    request: Asked,
    principal: Who,
    services: Given,
    cursors: Paging,
    actor: FromQuery[str | None] = None,
    action: FromQuery[str] = "",
    about: Annotated[str, QueryParameter(name="object")] = "",
    since: Time = None,
    before: Time = None,
    sort: FromQuery[TimeSort] = "-at",
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[AuditOut]:
    """Deeds, by default the latest first. ``action`` and ``object`` are how those begin."""
    check_sees_every_site(principal, "the audit log is")
    which = AuditFilter(actor=actor, action=action, object=about, since=since, before=before)

    async def fetch(after: Place | None) -> lists.Page[AuditEntry]:
        async with services.read() as work:
            return await work.lists.audit(principal.tenant, which, sort, after=after, limit=limit)

    return await page_of(request, cursors, cursor, fetch, out)


@post("/audit/verification", needs=Permission.READ_AUDIT, status_code=200)
async def verify_audit(principal: Who, services: Given, kept: KeptEnd = "") -> AuditVerdict:
    """Look at the whole chain: whether anything in it was changed, removed or put in."""
    return await verdict(principal, services, kept)


async def verdict(principal: Principal, services: ApiServices, kept: str) -> AuditVerdict:
    """What became of the log of their tenant. Raises Problem."""
    check_sees_every_site(principal, "the audit log is")
    told = services.audit.told(principal.tenant)
    heads = [] if told is None else [told.head]
    if kept:
        seq, _, hash_ = kept.partition(":")
        heads.append(Head(int(seq), hash_.lower()))
    found = await services.audit.examine(principal.tenant, heads)
    async with services.read() as work:
        last = await work.audit.last(principal.tenant, limit=1)
    return AuditVerdict(
        is_intact=not found.problems,
        last_seq=last[-1].seq if last else 0,
        last_hash=last[-1].hash if last else GENESIS,
        problems=[AuditProblem(seq=each.seq, problem=each.what) for each in found.problems],
        entries=found.entries,
        first_at=found.first_at,
        last_at=found.last_at,
        checkpoint=None
        if told is None
        else AuditCheckpoint(at=told.at, seq=told.head.seq, hash=told.head.hash),
    )


def out(entry: AuditEntry) -> AuditOut:
    return AuditOut(seq=entry.seq, at=entry.at, actor=entry.actor, deed=entry.deed, hash=entry.hash)


ROUTES = [list_audit, verify_audit]

EXAMPLES = [
    AuditOut(
        seq=12,
        at=_AT,
        actor=Actor(kind="api", name="billing", address="192.0.2.9"),
        deed=Deed(action="station.added", object="CP-1001", after="security profile 2, Accepted"),
        hash="6f1c2a" + "0" * 58,
    ),
    AuditVerdict(
        is_intact=True,
        last_seq=12,
        last_hash="6f1c2a" + "0" * 58,
        problems=[],
        entries=12,
        first_at=_AT,
        last_at=_AT,
        checkpoint=AuditCheckpoint(at=_AT, seq=12, hash="6f1c2a" + "0" * 58),
    ),
]
