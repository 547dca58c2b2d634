"""The listeners of the API, as the settings ask for them."""

import asyncio
import ssl
from collections.abc import Callable
from typing import Protocol

import structlog
from litestar.types import ASGIApp

from voltkeep.config import Settings, address_or_off
from voltkeep.services.addresses import Addresses
from voltkeep.web.server import HttpServer

log = structlog.get_logger(__name__)

_CONNECTIONS = 4096  # an event stream is one each
_LOOK_EVERY_S = 2.0
_UNREAD_S = 30.0


class Generations(Protocol):
    """Whoever has the server's certificates; ``generation`` changes with them."""

    @property
    def generation(self) -> int: ...


class ApiListeners:
    """HTTP and HTTPS. ``tls`` makes the context of the server's certificates as they are now."""

    def __init__(
        self, app: ASGIApp, authority: Generations, tls: Callable[[], ssl.SSLContext]
    ) -> None:
        self._http = HttpServer(app, connections=_CONNECTIONS, unread_s=_UNREAD_S)
        self._authority = authority
        self._tls = tls
        self._used: int | None = None

    async def open(self, settings: Settings, addresses: Addresses) -> None:
        """Listen. Raises OSError, which names the setting."""
        for name, is_secured in (("http", False), ("https", True)):
            text: str = getattr(settings, name)
            wanted = address_or_off(text)
            if wanted is None:
                continue
            if is_secured:
                self._used = self._authority.generation
                self._http.use_tls(self._tls())
            try:
                addresses.listens(name, await self._http.listen(wanted, secured=is_secured))
            except OSError as error:
                await self.close()
                raise OSError(error.errno, error.strerror, f"{name} = {text}") from error

    async def keep(self) -> None:
        """Present new certificates when there are some, until cancelled."""
        while self._used is not None:
            await asyncio.sleep(_LOOK_EVERY_S)
            if (generation := self._authority.generation) == self._used:
                continue
            try:
                self._http.use_tls(self._tls())
            except (OSError, ValueError) as error:
                log.warning("the API keeps its certificates", error=str(error))
            self._used = generation

    async def close(self) -> None:
        await self._http.close()
