"""Functional blocks A and M, certificates: sign, install, list, delete, renew, revoke."""

from voltkeep.config import Settings
from voltkeep.domain.identity import Sender
from voltkeep.services.authority import Authority
from voltkeep.services.ports import Begin, Clock, Read, Stations


class CertificateService:
    """Requests in, chains out; what is installed where; what is trusted."""

    def __init__(
        self,
        begin: Begin,
        read: Read,
        stations: Stations,
        authority: Authority,
        clock: Clock,
        settings: Settings,
    ) -> None:
        self._begin = begin
        self._read = read
        self._stations = stations
        self._authority = authority
        self._clock = clock
        self._settings = settings

    async def requested(
        self, sender: Sender, request: str, *, use: str = "", request_id: int | None = None
    ) -> bool:
        """A station asks for a certificate (A02, A03). True: it will get one, in its own message.

        ``use`` is what a 2.x station wants it for; "" and ChargingStationCertificate are its own.
        """
        raise NotImplementedError

    async def run(self) -> None:
        """Sign and send what was asked for, and renew what grows old, until cancelled."""
