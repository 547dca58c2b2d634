"""Connections that were not let in: counted, told and logged, in bounded memory and space."""

import asyncio
import hashlib
from collections import Counter
from datetime import timedelta
from enum import StrEnum

import structlog
from cachetools import LRUCache
from msgspec import Struct, structs

from voltkeep.domain.barriers import Barrier, remedy
from voltkeep.domain.events import ConnectionRefused
from voltkeep.domain.identity import DEFAULT_TENANT, StationId
from voltkeep.domain.security import Refusal
from voltkeep.services.ports import Announce, Begin, Clock, StoreUnavailable, Work
from voltkeep.services.rates import Buckets, Rate

log = structlog.get_logger(__name__)

NOBODY = StationId(DEFAULT_TENANT, "")  # it never came to a station's name
MORE = Barrier.MORE.value
_KEPT_APART = 1000  # between two flushes
_AT_ONCE = 100  # rows of one work: nobody else waits long for it
_FLUSH_EVERY_S = 1.0
_SUMMARY_EVERY_S = 60.0
_TOLD = Rate(20, 10 / 60)  # lines in the log, of one source
_LONGEST = 200
_LONGEST_WAIT = timedelta(days=1)  # whatever `failure_wait_longest_s` is

Key = tuple[StationId, str, str]


class _Unsaid(Struct):
    count: int
    since: float


def refusal_id(reason: str, host: str) -> str:
    """What refusals of a station are counted under."""
    return hashlib.sha256(f"{reason}\0{host}".encode()).hexdigest()[:32]


class Refusals:
    """Tells of each refusal at once, but of no source without end; stores the counts soon."""

    def __init__(self, begin: Begin, clock: Clock, announce: Announce) -> None:
        self._begin = begin
        self._clock = clock
        self._announce = announce
        self._counted: dict[Key, Refusal] = {}
        self.numbers: Counter[str] = Counter()  # since the start, by reason
        self._told_to_wait: LRUCache[StationId, bool] = LRUCache(_KEPT_APART)
        self._forgiven: set[StationId] = set()
        self._told: Buckets[str] = Buckets(_TOLD)
        self._unsaid: LRUCache[str, _Unsaid] = LRUCache(_KEPT_APART)

    def note(
        self,
        station: StationId,
        remote_address: str,
        reason: str,
        detail: str = "",
        *,
        wait_s: float = 0.0,
    ) -> None:
        """Somebody who asked for this station was not let in. Never waits, never raises.

        ``wait_s``: for how long credentials are not looked at, if they are told to wait.
        """
        self.numbers[str(reason) if isinstance(reason, StrEnum) else "other"] += 1
        at, host = self._clock(), host_of(remote_address)
        host, reason, detail = host[:_LONGEST], str(reason)[:_LONGEST], detail[:_LONGEST]
        self._count(
            Refusal(
                station=station,
                id=refusal_id(reason, host),
                at=at,
                first_at=at,
                count=1,
                host=host,
                reason=reason,
                detail=detail,
                until=at + timedelta(seconds=wait_s) if wait_s else None,
            )
        )
        if wait_s:
            self._told_to_wait[station] = True
        now = at.timestamp()
        if not self._told.take(host, now):
            unsaid = self._unsaid.get(host)
            if unsaid is None:
                unsaid = self._unsaid[host] = _Unsaid(0, now)
            unsaid.count += 1
            return
        fields = {"detail": detail} if detail else {}
        name = str(station) if station.name else ""
        if advice := remedy(reason, station):
            fields["advice"] = advice
        log.warning("refused", station=name, remote=remote_address, why=reason, **fields)
        self._announce(
            ConnectionRefused(station=station, at=at, remote_address=remote_address, reason=reason)
        )

    def _count(self, refusal: Refusal) -> None:
        key = (refusal.station, refusal.reason, refusal.host)
        known = self._counted.get(key)
        if known is None and len(self._counted) >= _KEPT_APART:
            key = (NOBODY, MORE, "")
            known = self._counted.get(key)
            refusal = structs.replace(
                refusal,
                station=NOBODY,
                id=refusal_id(MORE, ""),
                host="",
                reason=MORE,
                detail="",
                until=None,
            )
        if known is not None:
            refusal = _together(known, refusal)
        self._counted[key] = refusal

    def forgive(self, station: StationId) -> None:
        """Whoever was told to wait as this station need not any more."""
        if self._told_to_wait.pop(station, None) is None:
            return
        for key, refusal in self._counted.items():
            if refusal.station == station:
                self._counted[key] = structs.replace(refusal, until=None)
        self._forgiven.add(station)

    async def run(self) -> None:
        """Store every second what was counted, and say every minute what was not said."""
        await self.forget_waits()
        while True:
            await asyncio.sleep(_FLUSH_EVERY_S)
            self.summarize()
            try:
                await self.flush()
            except StoreUnavailable as error:
                log.warning("refusals wait for the database", error=str(error))

    async def forget_waits(self) -> None:
        """Who was told to wait by a server that has ended need not any more."""
        try:
            async with self._begin() as work:
                recent = await work.refusals.all(since=self._clock() - _LONGEST_WAIT)
            for each in recent:
                if each.until is not None:
                    await self._end_wait(each)
        except StoreUnavailable as error:
            log.warning("refusals wait for the database", error=str(error))

    async def flush(self) -> None:
        """Raises StoreUnavailable; what was not stored is kept."""
        while self._forgiven:
            station = self._forgiven.pop()
            try:
                async with self._begin() as work:
                    its = await work.refusals.of(station)
                for each in its:
                    if each.until is not None:
                        await self._end_wait(each)
            except BaseException:
                self._forgiven.add(station)
                raise
        while self._counted:
            batch = [self._counted.pop(key) for key in list(self._counted)[:_AT_ONCE]]
            try:
                async with self._begin() as work:
                    for refusal in batch:
                        await _add(work, refusal)
            except BaseException:
                for refusal in batch:
                    self._count(refusal)
                raise

    async def _end_wait(self, refusal: Refusal) -> None:
        async with self._begin() as work:
            known = await work.refusals.lock(refusal.station, refusal.id)
            if known is not None:
                await work.refusals.put(structs.replace(known, until=None))

    def summarize(self) -> None:
        """One line for each source of which more was refused than said."""
        now = self._clock().timestamp()
        for host, unsaid in list(self._unsaid.items()):
            if now - unsaid.since >= _SUMMARY_EVERY_S:
                del self._unsaid[host]
                log.warning("… and more were refused", remote=host, count=unsaid.count)


async def _add(work: Work, refusal: Refusal) -> None:
    known = await work.refusals.lock(refusal.station, refusal.id)
    await work.refusals.put(refusal if known is None else _together(known, refusal))


def _together(known: Refusal, newer: Refusal) -> Refusal:
    first, last = min(known.first_at, newer.first_at), max(known.at, newer.at)
    return structs.replace(
        newer,
        first_at=first,
        at=last,
        count=known.count + newer.count,
        detail=newer.detail or known.detail,
        until=max(filter(None, (known.until, newer.until)), default=None),
    )


def host_of(remote_address: str) -> str:
    """The host of ``HOST:PORT`` or ``[IPV6]:PORT``; a host alone is what it is."""
    if remote_address.startswith("["):
        return remote_address[1:].partition("]")[0]
    host, colon, _ = remote_address.partition(":")
    return host if colon and remote_address.count(":") == 1 else remote_address
