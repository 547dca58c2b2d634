"""The listeners for files, as the settings ask for them, and their certificates."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from ipaddress import AddressValueError, IPv4Address
from typing import Protocol

import structlog
from OpenSSL import SSL

from voltkeep.config import Address, Settings, address_or_off, parse_ports
from voltkeep.services.addresses import Addresses
from voltkeep.services.diagnostics import DiagnosticsService
from voltkeep.services.firmware import FirmwareService
from voltkeep.services.transfers import Via
from voltkeep.web.files import Revocations, make_app
from voltkeep.web.ftp import CertificateFiles, FtpServer, tls_context
from voltkeep.web.server import HttpServer

log = structlog.get_logger(__name__)

_LOOK_EVERY_S = 2.0


class Certified(Protocol):
    """Whoever has the server's certificates; ``generation`` changes with them."""

    @property
    def generation(self) -> int: ...
    def server_files(self) -> Sequence[CertificateFiles]: ...


class FileListeners:
    """HTTP, HTTPS and FTP(S), each on if its setting is.

    ``tls`` makes the context of the server's certificates as they are now.
    """

    def __init__(
        self,
        diagnostics: DiagnosticsService,
        firmware: FirmwareService,
        revocations: Revocations,
        authority: Certified,
        tls: Callable[[], ssl.SSLContext],
    ) -> None:
        self._diagnostics = diagnostics
        self._firmware = firmware
        self._http = HttpServer(make_app(diagnostics, firmware, revocations))
        self._ftp: FtpServer | None = None
        self._authority = authority
        self._tls = tls
        self._used: int | None = None
        self.addresses: dict[Via, Address] = {}

    async def open(self, settings: Settings, told: Addresses) -> None:
        """Listen, and let stations be told where. Raises OSError, which names the setting."""
        for via, name in ((Via.HTTP, "files"), (Via.HTTPS, "files_tls"), (Via.FTP, "ftp")):
            text: str = getattr(settings, name)
            wanted = address_or_off(text)
            if wanted is None:
                continue
            try:
                address = await self._listen(via, wanted, settings)
            except OSError as error:
                await self.close()
                raise OSError(error.errno, error.strerror, f"{name} = {text}") from error
            self.addresses[via] = address
            told.listens(name, address)

    async def _listen(self, via: Via, wanted: Address, settings: Settings) -> Address:
        if via is Via.HTTP:
            return await self._http.listen(wanted)
        self._used = self._authority.generation
        if via is Via.HTTPS:
            self._http.use_tls(self._tls())
            return await self._http.listen(wanted, secured=True)
        self._ftp = FtpServer(self._diagnostics, self._firmware)
        return await self._ftp.listen(
            wanted,
            self._ftp_tls(),
            passive_ports=parse_ports(settings.ftp_passive_ports),
            public_address=_ipv4(settings.public_host),
        )

    def _ftp_tls(self) -> SSL.Context:
        suites = [each["name"] for each in self._tls().get_ciphers()]
        return tls_context(self._authority.server_files(), ":".join(suites))

    async def keep(self) -> None:
        """Present new certificates when there are some, until cancelled."""
        while self._used is not None:
            await asyncio.sleep(_LOOK_EVERY_S)
            if (generation := self._authority.generation) == self._used:
                continue
            try:
                self._http.use_tls(self._tls())
                if self._ftp is not None:
                    self._ftp.use_tls(self._ftp_tls())
            except (OSError, ValueError) as error:
                log.warning("files keep their certificates", error=str(error))
            self._used = generation

    async def close(self) -> None:
        await self._http.close()
        if self._ftp is not None:
            await self._ftp.close()


def _ipv4(host: str) -> str | None:
    """What a passive FTP answer can say; a name it cannot."""
    try:
        return str(IPv4Address(host))
    except AddressValueError:
        return None
