"""Functional block A, security: rotating keys and raising security profiles over OCPP."""

from voltkeep.config import Settings
from voltkeep.services.ports import Begin, Clock, Read, Stations
from voltkeep.services.security import Keys


class CredentialsService:
    """Changes how stations authenticate, without ever locking one out."""

    def __init__(
        self,
        begin: Begin,
        read: Read,
        stations: Stations,
        keys: Keys,
        clock: Clock,
        settings: Settings,
    ) -> None:
        self._begin = begin
        self._read = read
        self._stations = stations
        self._keys = keys
        self._clock = clock
        self._settings = settings
