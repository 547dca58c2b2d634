"""The TLS side of a gateway: which certificates it presents, and why handshakes fail."""

import asyncio
import ssl
from collections.abc import Callable
from functools import partial

import structlog

from voltkeep.domain.security import TlsFault
from voltkeep.gateway.tls import TlsKind, TlsMaterial, contexts, resumes_elsewhere
from voltkeep.gateway.tls_link import HandshakeFailed, TlsLink, Turns
from voltkeep.gateway.websocket import Socket
from voltkeep.services.ports import Clock

log = structlog.get_logger(__name__)

# What OpenSSL calls it, and what it is. A peer that does not know our authority says so by the
# alerts unknown CA, bad certificate or certificate unknown, and most libraries by the last.
_FAULTS = {
    "NO_SHARED_CIPHER": TlsFault.NO_SHARED_CIPHER,
    "NO_SUITABLE_SIGNATURE_ALGORITHM": TlsFault.NO_SHARED_CIPHER,
    "NO_SHARED_SIGNATURE_ALGORITHMS": TlsFault.NO_SHARED_CIPHER,
    "UNSUPPORTED_PROTOCOL": TlsFault.UNSUPPORTED_PROTOCOL,
    "VERSION_TOO_LOW": TlsFault.UNSUPPORTED_PROTOCOL,
    "UNSUPPORTED_SSL_VERSION": TlsFault.UNSUPPORTED_PROTOCOL,
    "INAPPROPRIATE_FALLBACK": TlsFault.UNSUPPORTED_PROTOCOL,
    "TLSV1_ALERT_PROTOCOL_VERSION": TlsFault.UNSUPPORTED_PROTOCOL,
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": TlsFault.NO_CERTIFICATE,
    "CERTIFICATE_VERIFY_FAILED": TlsFault.UNTRUSTED,
    "EE_KEY_TOO_SMALL": TlsFault.WEAK,
    "CA_KEY_TOO_SMALL": TlsFault.WEAK,
    "CA_MD_TOO_WEAK": TlsFault.WEAK,
    "TLSV1_ALERT_UNKNOWN_CA": TlsFault.OUR_AUTHORITY_UNKNOWN,
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": TlsFault.OUR_AUTHORITY_UNKNOWN,
    "SSLV3_ALERT_BAD_CERTIFICATE": TlsFault.OUR_CERTIFICATE_REFUSED,
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": TlsFault.OUR_CERTIFICATE_REFUSED,
    "SSLV3_ALERT_CERTIFICATE_REVOKED": TlsFault.OUR_CERTIFICATE_REFUSED,
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": TlsFault.OUR_CERTIFICATE_REFUSED,
    "TOO_SLOW": TlsFault.TOO_SLOW,
    "LEFT": TlsFault.LEFT,
}
_METHODS = (b"GET ", b"HEAD ", b"POST ", b"PUT ", b"OPTIONS ", b"PRI * HTTP")
_SPEAK_TLS = (
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 34\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n\r\nThis port speaks TLS: use wss://.\n"
)


class TlsListeners:
    """The contexts of every kind of TLS listener, and the links they shake hands for."""

    def __init__(
        self,
        material: TlsMaterial,
        clock: Clock,
        on_failed: Callable[[Socket, TlsFault, str], None],
    ) -> None:
        self._clock = clock
        self._on_failed = on_failed
        self._turns = Turns()
        self.use(material)
        if not resumes_elsewhere(material, self._day):
            log.info("TLS sessions are resumed only by the process that began them")

    def use(self, material: TlsMaterial) -> None:
        """For handshakes from now on. Raises BadTlsFiles, and keeps what was."""
        day = self._clock().date()
        self._contexts = contexts(material, day)
        self._material, self._day = material, day

    def link(self, kind: TlsKind, socket: Socket) -> asyncio.Protocol:
        """What stands between a TCP connection and its socket."""
        return TlsLink(
            partial(self._context, kind), socket, self._turns, partial(self._failed, socket)
        )

    def _context(self, kind: TlsKind) -> ssl.SSLContext:
        if self._clock().date() != self._day:
            self.use(self._material)  # the tickets of another day
        return self._contexts[kind]

    def _failed(self, socket: Socket, link: TlsLink, failure: HandshakeFailed) -> None:
        if failure.begin:
            is_http = failure.begin.startswith(_METHODS)
            if is_http:
                link.write_plain(_SPEAK_TLS)
            fault = TlsFault.HTTP if is_http else TlsFault.NO_TLS
        else:
            other = TlsFault.ALERT if "ALERT" in failure.reason else TlsFault.BROKEN
            fault = _FAULTS.get(failure.reason, other)
        self._on_failed(socket, fault, failure.detail)
