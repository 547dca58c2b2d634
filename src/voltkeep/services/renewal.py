"""Certificates that grow old: stations are asked to renew theirs, and people hear of the rest."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog
from msgspec import structs

from voltkeep.domain.certificates import IssuedCertificate
from voltkeep.domain.commands import Outcome
from voltkeep.domain.identity import DEFAULT_TENANT, StationId
from voltkeep.domain.stations import Registration
from voltkeep.services.authority import Authority
from voltkeep.services.expiries import IN_USE, anchors, issued
from voltkeep.services.ports import (
    Begin,
    Clock,
    Read,
    StationUnreachable,
    StoreUnavailable,
)
from voltkeep.services.security_events import raise_alert

log = structlog.get_logger(__name__)

_LOOK_EVERY = timedelta(minutes=10)
_AT_MOST = 10  # stations that are asked at one look
_AGAIN_AFTER = timedelta(days=1)
_WARN_DAYS = (1, 7, 30)


class Renewal:
    """Looks at what is in use; ``ask`` has a station send a new request."""

    def __init__(
        self,
        begin: Begin,
        read: Read,
        authority: Authority,
        clock: Clock,
        ask: Callable[[StationId], Awaitable[Outcome]],
    ) -> None:
        self._begin = begin
        self._read = read
        self._authority = authority
        self._clock = clock
        self._ask = ask
        self._warned: set[tuple[str, int]] = set()
        self.soonest: dict[str, datetime] = {}  # when the first expires, by kind, at the last look

    async def run(self) -> None:
        """Look now and then, until cancelled."""
        while True:
            wait = _LOOK_EVERY
            try:
                wait = min(wait, await self.look() / 60)
            except StoreUnavailable as error:
                log.warning("renewals wait for the database", error=str(error))
            await asyncio.sleep(max(1.0, wait.total_seconds()))

    async def look(self) -> timedelta:
        """Ask whom it is time to ask, a few at a time. The shortest life of what is in use."""
        now = self._clock()
        newest = await self._newest()
        asked = 0
        for certificate in sorted(newest.values(), key=lambda each: each.not_after):
            if asked == _AT_MOST:
                break
            if now >= renewal_due(certificate) and await self._may_ask(certificate, now):
                await self._renew(certificate)
                asked += 1
        self._note("station", [each.not_after for each in newest.values()])
        await self._warn([*newest.values(), *self._authority.certificates()], now)
        lives = (each.not_after - each.not_before for each in newest.values())
        return min(lives, default=_AGAIN_AFTER)

    async def _newest(self) -> dict[StationId, IssuedCertificate]:
        """The certificate of each station that is meant to be used."""
        newest: dict[StationId, IssuedCertificate] = {}
        async with self._read() as work:
            async for each in issued(work, None):
                known = newest.get(each.station)
                if known is None or known.not_before < each.not_before:
                    newest[each.station] = each
        return newest

    async def _may_ask(self, certificate: IssuedCertificate, now: datetime) -> bool:
        if certificate.renewal_at and now - certificate.renewal_at < _AGAIN_AFTER:
            return False
        async with self._read() as work:
            station = await work.stations.get(certificate.station)
        return (
            station is not None
            and station.is_connected
            and not station.passive
            and station.registration is not Registration.REJECTED
        )

    async def _renew(self, certificate: IssuedCertificate) -> None:
        now, station = self._clock(), certificate.station
        async with self._begin() as work:
            current = await work.certificates.lock(station, certificate.id)
            if current is None or current.state not in IN_USE:
                return
            await work.certificates.put(structs.replace(current, renewal_at=now))
        try:
            outcome = await self._ask(station)
            problem = "" if outcome.accepted else f"it answered {outcome.status}"
        except StationUnreachable as failure:
            problem = str(failure) or failure.result
        if problem:
            async with self._begin() as work:
                text = (
                    f"certificate {certificate.id} expires on {certificate.not_after:%Y-%m-%d}, "
                    f"and the station could not be asked to renew it: {problem}"
                )
                await raise_alert(work, station, "certificate not renewed", text, self._clock())

    async def _warn(self, certificates: list[IssuedCertificate], now: datetime) -> None:
        """Tell once, 30, 7 and 1 days before, of what was not renewed though it was time to."""
        async with self._read() as work:
            trusted = [each async for each in anchors(work, None)]
        self._note("trust anchor", [anchor.not_after for anchor in trusted])
        for each in certificates:
            if now >= _share(each, 3, 4):  # by then it should have been renewed
                await self._warn_of(each.station, each.id, each.subject, each.not_after, now)
        for anchor in trusted:
            await self._warn_of(anchor.station, anchor.id, anchor.subject, anchor.not_after, now)

    def _note(self, kind: str, ends: list[datetime]) -> None:
        if ends:
            self.soonest[kind] = min(ends)
        else:
            self.soonest.pop(kind, None)

    async def _warn_of(
        self, station: StationId, id: str, subject: str, not_after: datetime, now: datetime
    ) -> None:
        left = not_after - now
        days = next((days for days in _WARN_DAYS if left <= timedelta(days=days)), None)
        if days is None or (id, days) in self._warned:
            return
        async with self._begin() as work:
            has = "has expired" if left <= timedelta() else f"expires on {not_after:%Y-%m-%d}"
            text = f"the certificate {subject} ({id}) {has}"
            at = StationId(station.tenant or DEFAULT_TENANT, station.name)
            await raise_alert(work, at, f"certificate expires within {days} days", text, now)
        self._warned.add((id, days))


def renewal_due(certificate: IssuedCertificate) -> datetime:
    """From two thirds of its life; up to a twelfth later, so that a fleet does not come at once."""
    life = certificate.not_after - certificate.not_before
    spread = int(certificate.fingerprint[:4] or "0", 16) / 0xFFFF
    return _share(certificate, 2, 3) + life / 12 * spread


def _share(certificate: IssuedCertificate, part: int, of: int) -> datetime:
    life = certificate.not_after - certificate.not_before
    return certificate.not_before + life * part / of
