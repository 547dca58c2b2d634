"""Where TLS listeners have their certificates from, and when they take up new ones."""

import asyncio
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

import structlog

from voltkeep.gateway.server import Gateway
from voltkeep.gateway.tls import BadTlsFiles, ServerFiles, TlsKind, TlsMaterial, contexts
from voltkeep.services.ports import StoreUnavailable
from voltkeep.services.security import SecurityService

log = structlog.get_logger(__name__)

_LOOK_EVERY_S = 2.0
_ROOTS_EVERY_S = 30.0  # another process may have changed them


class NamedFiles(Protocol):
    """A chain and its key, as an authority names them."""

    @property
    def chain(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def passphrase(self) -> bytes: ...


class Certified(Protocol):
    """Whoever has the server's certificates; ``generation`` counts their changes."""

    generation: int

    def server_files(self) -> Sequence[NamedFiles]: ...
    def ca_bundle(self) -> str: ...


class TlsSource:
    """Gathers what listeners present and whom they believe, and keeps a gateway up to date."""

    def __init__(
        self,
        authority: Certified,
        security: SecurityService,
        *,
        is_modern: bool,
        ticket_secret: bytes,
    ) -> None:
        self._authority = authority
        self._security = security
        self._is_modern = is_modern
        self._ticket_secret = ticket_secret
        self._generation = -1
        self._roots = ""
        self._changed = asyncio.Event()

    async def material(self) -> TlsMaterial:
        """As it is now. Raises StoreUnavailable."""
        self._generation = self._authority.generation
        self._roots = await self._security.client_roots()
        return TlsMaterial(
            server=self._server(),
            client_roots=f"{self._authority.ca_bundle().strip()}\n{self._roots}".strip(),
            is_modern=self._is_modern,
            ticket_secret=self._ticket_secret,
        )

    def for_files(self) -> ssl.SSLContext:
        """For listeners that ask for no client certificate, and speak no OCPP."""
        material = TlsMaterial(server=self._server(), is_modern=self._is_modern)
        return contexts(material, datetime.now(UTC).date())[TlsKind.SERVER]

    def _server(self) -> tuple[ServerFiles, ...]:
        return tuple(
            ServerFiles(chain=files.chain, key=files.key, passphrase=files.passphrase)
            for files in self._authority.server_files()
        )

    def roots_changed(self) -> None:
        """What is trusted has changed: look now."""
        self._security.forget_roots()
        self._changed.set()

    async def keep(self, gateway: Gateway) -> None:
        """Let the gateway present what is new, until cancelled; live connections stay."""
        loop = asyncio.get_running_loop()
        look_at_roots = loop.time() + _ROOTS_EVERY_S
        while True:
            try:
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await self._changed.wait()
            except TimeoutError:
                is_due = loop.time() >= look_at_roots
                if self._authority.generation == self._generation and not is_due:
                    continue
            self._changed.clear()
            look_at_roots = loop.time() + _ROOTS_EVERY_S
            await self._renew(gateway)

    async def _renew(self, gateway: Gateway) -> None:
        before = (self._generation, self._roots)
        try:
            material = await self.material()
            if (self._generation, self._roots) != before:
                gateway.use_tls(material)
                log.info("new handshakes have the new certificates")
        except StoreUnavailable as error:
            self._generation, self._roots = before
            log.warning("new certificates wait for the database", error=str(error))
        except BadTlsFiles as error:
            log.warning("the certificates for TLS stay as they were", error=str(error))
