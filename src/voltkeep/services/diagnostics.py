"""Functional block N, diagnostics: logs that stations upload to us."""

from voltkeep.config import Settings
from voltkeep.domain.identity import Sender
from voltkeep.services.authority import Files
from voltkeep.services.ports import Begin, Clock, Read, Stations


class DiagnosticsService:
    """Asks for logs, receives them, and tells how far they have come."""

    def __init__(
        self,
        begin: Begin,
        read: Read,
        stations: Stations,
        files: Files,
        clock: Clock,
        settings: Settings,
    ) -> None:
        self._begin = begin
        self._read = read
        self._stations = stations
        self._files = files
        self._clock = clock
        self._settings = settings

    async def log_status(self, sender: Sender, status: str, request_id: int | None) -> None:
        """A station tells how far its upload is (N01). Unknown and missing ids are no error."""
        raise NotImplementedError
