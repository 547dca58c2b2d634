"""Why a station is refused, in plain words, and what to do about it."""

from voltkeep.config import Settings
from voltkeep.services.ports import Clock, Read


class ExplainService:
    """Reads what is known of a station, its connections and its refusals, and says it."""

    def __init__(self, read: Read, clock: Clock, settings: Settings) -> None:
        self._read = read
        self._clock = clock
        self._settings = settings
