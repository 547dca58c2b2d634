"""Functional block A, security: events that stations report, and alerts that people should see."""

import hashlib
from datetime import datetime

from msgspec import structs

from voltkeep.domain.events import AlertRaised
from voltkeep.domain.identity import Sender, StationId
from voltkeep.domain.security import Alert
from voltkeep.services.ports import Begin, Clock, Read, Work


class SecurityEventService:
    """Stores what stations report, and raises alerts."""

    def __init__(self, begin: Begin, read: Read, clock: Clock) -> None:
        self._begin = begin
        self._read = read
        self._clock = clock

    async def report(
        self, sender: Sender, type: str, happened_at: datetime, tech_info: str | None
    ) -> None:
        """Store a security event once, however often it is said (A04)."""
        raise NotImplementedError


async def raise_alert(work: Work, station: StationId, kind: str, text: str, at: datetime) -> None:
    """Have people look. What is open already of that kind and station counts up."""
    for alert in await work.alerts.of(station, states=("open",)):
        if alert.kind == kind:
            await work.alerts.put(structs.replace(alert, at=at, count=alert.count + 1, text=text))
            return
    id = hashlib.sha256(f"{station}\0{kind}\0{at.isoformat()}".encode()).hexdigest()[:16]
    await work.alerts.put(Alert(station=station, id=id, at=at, first_at=at, kind=kind, text=text))
    work.emit(AlertRaised(station=station, at=at, alert=id, kind=kind, text=text))
