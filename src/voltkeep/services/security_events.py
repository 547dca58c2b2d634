"""Functional block A, security: events that stations report, and alerts that people should see."""

from datetime import datetime

from voltkeep.domain.identity import Sender
from voltkeep.services.ports import Begin, Clock, Read


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
