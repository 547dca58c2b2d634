"""The calendar of what expires: our own certificates, those we issued, and foreign roots."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol

from msgspec import Struct

from voltkeep.domain.certificates import CertificateState, IssuedCertificate, TrustAnchor
from voltkeep.domain.identity import StationId, TenantId
from voltkeep.services.authority import Authority
from voltkeep.services.ports import Clock, Read, Work
from voltkeep.services.records import Look

IN_USE = (CertificateState.ACCEPTED, CertificateState.ACTIVE)
_TRUSTED = ("trusted",)
_PAGE = 1000
MOST_MONTHS = 60
_INSTANT = timedelta(microseconds=1)

Kind = Literal["anchor", "issued", "own"]
KINDS: tuple[Kind, ...] = ("anchor", "issued", "own")  # in the order of what ends at once
Place = tuple[datetime, Kind, str, str]
"""Where an expiry is in the calendar: when it ends, its kind, the station's name, its id."""


class Expiry(Struct, frozen=True, kw_only=True):
    """A line of the expiry calendar."""

    not_after: datetime
    kind: Kind
    station: StationId  # name "": of none, or of all
    subject: str
    id: str  # serial number; of an anchor its fingerprint
    state: str = ""
    profile: str = ""  # of what we issued; "" of an anchor

    @property
    def place(self) -> Place:
        return (self.not_after, self.kind, self.station.name, self.id)


class Wanted(Struct, frozen=True, kw_only=True):
    """Which expiries of a tenant: those that fit each field that is set."""

    kind: Kind | None = None
    station: str | None = None
    since: datetime | None = None
    until: datetime | None = None  # not itself
    after: Place | None = None
    limit: int = 100


class _Ends(Protocol):
    @property
    def station(self) -> StationId: ...
    @property
    def id(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def not_after(self) -> datetime: ...


class ExpiryService:
    """What is in use and ends: by pages and months, however much there is."""

    def __init__(self, read: Read, authority: Authority, clock: Clock) -> None:
        self._read = read
        self._authority = authority
        self._clock = clock

    async def calendar(
        self, days: float | None = None, tenant: TenantId | None = None
    ) -> list[Expiry]:
        """All that expires, within so many days if they are said, the soonest first."""
        until = None if days is None else self._clock() + timedelta(days=days)
        lines = self._own()
        async with self._read() as work:
            lines += [_line("issued", each) async for each in issued(work, tenant)]
            lines += [_line("anchor", each) async for each in anchors(work, tenant)]
        lines = [each for each in lines if until is None or each.not_after <= until]
        return sorted(lines, key=lambda each: (each.not_after, each.kind, each.station, each.id))

    async def page(self, tenant: TenantId, wanted: Wanted) -> list[Expiry]:
        """Those that fit, in the order of their places: the soonest first."""
        lines = [each for each in self._own() if _fits(each, wanted)]
        async with self._read() as work:
            if wanted.kind in {None, "issued"}:
                found = await work.certificates.soonest(tenant, _look("issued", IN_USE, wanted))
                lines += [_line("issued", each) for each in found]
            if wanted.kind in {None, "anchor"}:
                roots = await work.anchors.soonest(tenant, _look("anchor", _TRUSTED, wanted))
                lines += [_line("anchor", each) for each in roots]
        return sorted(lines, key=lambda each: each.place)[: wanted.limit]

    async def months(
        self, tenant: TenantId, *, kind: Kind | None = None, station: str | None = None
    ) -> dict[str, dict[Kind, int]]:
        """How many of each kind end in each month (UTC) in which any does: 2026-11, in order.

        The first `MOST_MONTHS` of them.
        """
        wanted = Wanted(kind=kind, station=station)
        own = [each for each in self._own() if _fits(each, wanted)]
        counts: dict[Kind, dict[str, int]] = {
            "own": Counter(f"{each.not_after.astimezone(UTC):%Y-%m}" for each in own)
        }
        async with self._read() as work:
            if kind in {None, "issued"}:
                counts["issued"] = await work.certificates.months(
                    tenant, IN_USE, station, limit=MOST_MONTHS
                )
            if kind in {None, "anchor"}:
                counts["anchor"] = await work.anchors.months(
                    tenant, _TRUSTED, station, limit=MOST_MONTHS
                )
        names = sorted({name for months in counts.values() for name in months})[:MOST_MONTHS]
        return {name: {each: counts.get(each, {}).get(name, 0) for each in KINDS} for name in names}

    def _own(self) -> list[Expiry]:
        return [_line("own", each) for each in self._authority.certificates()]


def _look(kind: Kind, states: Sequence[str], wanted: Wanted) -> Look:
    after = None
    if wanted.after is not None:
        at, last, station, id = wanted.after
        # What ends at the same instant comes before or after as its kind does.
        if kind == last:
            after = (at, station, id)
        else:
            after = (at if kind > last else at + _INSTANT, "", "")
    return Look(
        station=wanted.station,
        states=tuple(states),
        since=wanted.since,
        until=wanted.until,
        after=after,
        limit=wanted.limit,
    )


def _fits(line: Expiry, wanted: Wanted) -> bool:
    return (
        wanted.kind in {None, line.kind}
        and wanted.station in {None, line.station.name}
        and (wanted.since is None or line.not_after >= wanted.since)
        and (wanted.until is None or line.not_after < wanted.until)
        and (wanted.after is None or line.place > wanted.after)
    )


def _line(kind: Kind, each: _Ends) -> Expiry:
    return Expiry(
        not_after=each.not_after,
        kind=kind,
        station=each.station,
        subject=each.subject,
        id=each.id,
        state=each.state if kind != "anchor" else "",
        profile=getattr(each, "profile", ""),
    )


async def issued(work: Work, tenant: TenantId | None) -> AsyncIterator[IssuedCertificate]:
    """Every certificate in use, the latest changed first."""
    before = None
    while page := await work.certificates.all(tenant, states=IN_USE, before=before, limit=_PAGE):
        for each in page:
            yield each
        before = (page[-1].at, page[-1].station, page[-1].id)


async def anchors(work: Work, tenant: TenantId | None) -> AsyncIterator[TrustAnchor]:
    """Every foreign root, the latest changed first."""
    before = None
    while page := await work.anchors.all(tenant, before=before, limit=_PAGE):
        for each in page:
            yield each
        before = (page[-1].at, page[-1].station, page[-1].id)
