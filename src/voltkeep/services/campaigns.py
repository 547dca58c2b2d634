"""Campaigns: a change walked through a fleet, a few stations at a time."""

from voltkeep.config import Settings
from voltkeep.services.credentials import CredentialsService
from voltkeep.services.ports import Begin, Clock, Read


class CampaignService:
    """Starts, watches and halts campaigns."""

    def __init__(
        self,
        begin: Begin,
        read: Read,
        credentials: CredentialsService,
        clock: Clock,
        settings: Settings,
    ) -> None:
        self._begin = begin
        self._read = read
        self._credentials = credentials
        self._clock = clock
        self._settings = settings

    async def run(self) -> None:
        """Move running campaigns on, until cancelled."""
