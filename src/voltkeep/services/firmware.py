"""Functional block L, firmware: images, and updates through downloads and reboots."""

from voltkeep.config import Settings
from voltkeep.domain.identity import Sender
from voltkeep.services.authority import Files
from voltkeep.services.ports import Begin, Clock, Read, Stations


class FirmwareService:
    """Keeps images, serves them, and follows each update."""

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

    async def status(
        self, sender: Sender, status: str, request_id: int | None, *, signed: bool
    ) -> None:
        """A station tells how far its update is (L01). Unknown and missing ids are no error."""
        raise NotImplementedError
