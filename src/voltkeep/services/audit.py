"""The audit log: every deed that matters for security is chained in the work that does it."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

import structlog
from msgspec import Struct

from voltkeep.domain.audit import SYSTEM, Actor, AuditEntry, Deed, broken_at
from voltkeep.domain.commands import Command, Outcome, RawCommand
from voltkeep.domain.identity import StationId, TenantId
from voltkeep.services.background import now_and_then
from voltkeep.services.ports import (
    Begin,
    Clock,
    CommandUnfit,
    Read,
    Stations,
    StationUnreachable,
    Work,
)
from voltkeep.services.sending import followed

log = structlog.get_logger(__name__)

_PAGE = 1000
_MOST_PROBLEMS = 100
_ANCHOR_EVERY_S = 3600.0

_actor: ContextVar[Actor] = ContextVar("actor", default=SYSTEM)


@contextmanager
def acting_as(actor: Actor) -> Iterator[None]:
    """Whatever is audited inside is this actor's deed."""
    token = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(token)


def act_as(actor: Actor) -> None:
    """As `acting_as`, until the task that calls it ends."""
    _actor.set(actor)


def acting() -> Actor:
    """Who acts now."""
    return _actor.get()


async def audit(work: Work, tenant: TenantId, at: datetime, deed: Deed) -> None:
    """Chain a deed of whoever acts now; it counts if the work commits."""
    await work.audit.append(tenant, at, acting(), deed)


class Head(Struct, frozen=True):
    """The end of a log, as it was told outside: whoever rewrites the log cannot rewrite that."""

    seq: int
    hash: str


class Problem(Struct, frozen=True, kw_only=True):
    """Where the log of a tenant is not what it was."""

    tenant: TenantId
    seq: int
    what: str


class Told(Struct, frozen=True):
    """An end that this process has told its log, and when."""

    at: datetime
    head: Head


class Examination(Struct, frozen=True, kw_only=True):
    """What was found in a tenant's log. It ends early at the hundredth problem."""

    entries: int
    first_at: datetime | None
    last_at: datetime | None
    head: Head | None
    problems: list[Problem]


class AuditService:
    """Reads the audit log, and proves that nobody has changed it."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._told: dict[TenantId, Told] = {}

    async def verify(
        self, tenant: TenantId | None = None, *, known: Head | None = None
    ) -> list[Problem]:
        """What is wrong with the log of a tenant, or of all of them; the first hundred problems.

        ``known`` is an end of the tenant's log that was told outside: without one nobody can see
        that the end was cut off, or that all of it was written anew.
        """
        problems: list[Problem] = []
        heads = () if known is None else (known,)
        for each in [tenant] if tenant is not None else await self._tenants():
            most = _MOST_PROBLEMS - len(problems)
            problems += (await self.examine(each, heads, most=most)).problems
            if len(problems) >= _MOST_PROBLEMS:
                break
        return problems

    async def examine(
        self, tenant: TenantId, known: Sequence[Head] = (), *, most: int = _MOST_PROBLEMS
    ) -> Examination:
        """As `verify`, with how much was looked at, and against any number of known ends."""
        problems: list[Problem] = []
        first: AuditEntry | None = None
        before: AuditEntry | None = None
        count = 0
        async for entry in self._walk(tenant):
            if what := broken_at(before, entry):
                problems.append(Problem(tenant=tenant, seq=entry.seq, what=what))
            if any(each.seq == entry.seq and each.hash != entry.hash for each in known):
                what = "it is not the entry that it was"
                problems.append(Problem(tenant=tenant, seq=entry.seq, what=what))
            first, before, count = first or entry, entry, count + 1
            if len(problems) >= most:
                break
        last = before.seq if before is not None else 0
        once = max((each.seq for each in known), default=0)
        if once > last and len(problems) < most:
            what = f"the log ended at {once} once, and ends at {last} now"
            problems.append(Problem(tenant=tenant, seq=last, what=what))
        return Examination(
            entries=count,
            first_at=None if first is None else first.at,
            last_at=None if before is None else before.at,
            head=None if before is None else Head(before.seq, before.hash),
            problems=problems,
        )

    def told(self, tenant: TenantId) -> Told | None:
        """The last end of its log that was told outside; None: none since this process began."""
        return self._told.get(tenant)

    async def entries(
        self,
        tenant: TenantId,
        *,
        since: datetime | None = None,
        about: str = "",
        actor: str = "",
        limit: int = 100,
    ) -> list[AuditEntry]:
        """The newest, in order: of that time and actor, and with that word in the object."""
        found: deque[AuditEntry] = deque(maxlen=limit)
        async for entry in self._walk(tenant):
            if (
                (since is None or entry.at >= since)
                and about in entry.deed.object
                and actor in {"", entry.actor.name}
            ):
                found.append(entry)
        return list(found)

    async def heads(self) -> list[AuditEntry]:
        """The newest entry of each tenant."""
        async with self._read() as work:
            tenants = await work.audit.tenants()
            return [(await work.audit.last(tenant, limit=1))[-1] for tenant in tenants]

    async def run(self) -> None:
        """Tell where each log ends, every hour, until cancelled: logs are kept elsewhere."""
        await now_and_then("heads of the audit log", self._tell_heads, _ANCHOR_EVERY_S)

    async def _tell_heads(self) -> None:
        for head in await self.heads():
            log.info("audit head", tenant=head.tenant, seq=head.seq, hash=head.hash)
            self._told[head.tenant] = Told(datetime.now(UTC), Head(head.seq, head.hash))

    async def _tenants(self) -> list[TenantId]:
        async with self._read() as work:
            return await work.audit.tenants()

    async def _walk(self, tenant: TenantId) -> AsyncIterator[AuditEntry]:
        """Every entry; no database transaction is held from page to page."""
        after = 0
        while True:
            async with self._read() as work:
                page = await work.audit.since(tenant, after, limit=_PAGE)
            if not page:
                return
            for entry in page:
                yield entry
            after = page[-1].seq


class AuditedStations:
    """`Stations`, for what people ask: each command that was sent leaves an entry."""

    def __init__(self, stations: Stations, begin: Begin, clock: Clock) -> None:
        self._stations = stations
        self._begin = begin
        self._clock = clock

    async def send(
        self, station: StationId, command: Command, timeout: float | None = None
    ) -> Outcome:
        try:
            outcome = await self._stations.send(station, command, timeout)
        except CommandUnfit:
            raise  # nothing was asked
        except StationUnreachable as failure:
            await self._audit(station, command, failure.result)
            raise
        except asyncio.CancelledError:
            await self._audit(station, command, "given up")
            raise
        await self._audit(station, command, outcome.status)
        return outcome

    async def _audit(self, station: StationId, command: Command, result: str) -> None:
        """Which message, and never what was in it: that may be a secret."""
        if followed() is not None:
            return  # it is an order's, which is audited as a whole
        name = type(command).__name__
        if isinstance(command, RawCommand):
            name = f"{command.action}, forced" if command.force else command.action
        deed = Deed(action="command.sent", object=str(station), after=name, result=result)
        async with self._begin() as work:
            await audit(work, station.tenant, self._clock(), deed)
