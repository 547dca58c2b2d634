"""TLS as stations need it: the versions, suites and certificates of a listener."""

import enum
import ssl
from datetime import date

import structlog
from msgspec import Struct

from voltkeep.gateway.tickets import can_resume, share_tickets, ticket_keys

log = structlog.get_logger(__name__)

# Whitepaper A00.FR.317 and 421 demand the first two and the last two; the last two have no
# forward secrecy. CBC and SHA-1 are out: ENISA no longer takes them (A00.FR.319, 423).
_FORWARD_SECRET = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
)
_LEGACY = ("AES128-GCM-SHA256", "AES256-GCM-SHA384")
# X509_V_FLAG_NO_CHECK_TIME: an expired certificate is refused one step later, where its station
# is known and told of (`domain.security`), and not by an alert that says nothing.
_NO_CHECK_TIME = 0x200000


class TlsKind(enum.StrEnum):
    """What a TLS listener asks of its clients."""

    SERVER = "no client certificate"
    OPTIONAL = "a client certificate, if there is one"
    MUTUAL = "a client certificate"

    @property
    def asks(self) -> bool:
        return self is not TlsKind.SERVER


class ServerFiles(Struct, frozen=True, kw_only=True):
    """A certificate of the server: its chain, the certificate first, and its key, as PEM files."""

    chain: str
    key: str
    passphrase: bytes = b""


class TlsMaterial(Struct, frozen=True, kw_only=True):
    """What TLS listeners present, and whom they believe."""

    server: tuple[ServerFiles, ...]  # one of each family: RSA and ECDSA
    client_roots: str = ""  # PEM: below these, client certificates are let in
    is_modern: bool = False  # forward secrecy only
    ticket_secret: bytes = b""  # "": session tickets are good in this process only


class BadTlsFiles(ValueError):
    """A certificate, key or root that OpenSSL does not take; the message names the file."""


def contexts(material: TlsMaterial, day: date) -> dict[TlsKind, ssl.SSLContext]:
    """A context for each kind of listener, whose tickets are those of this UTC day.

    Raises BadTlsFiles.
    """
    made = {kind: _context(material, kind) for kind in TlsKind}
    if _shares_tickets(material):
        for kind, context in made.items():
            if not share_tickets(context, ticket_keys(material.ticket_secret, day, kind.value)):
                break
    return made


def resumes_elsewhere(material: TlsMaterial, day: date) -> bool:
    """Whether a session begun in one process goes on in another: tried out, in memory."""
    if not _shares_tickets(material):
        return False
    first, second = (contexts(material, day)[TlsKind.SERVER] for _ in range(2))
    return can_resume(first, second)


def _shares_tickets(material: TlsMaterial) -> bool:
    # Keys that can be made again from a secret would undo the forward secrecy of TLS 1.2.
    return bool(material.ticket_secret) and not material.is_modern


def _context(material: TlsMaterial, kind: TlsKind) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # A00.FR.312, 416
    suites = _FORWARD_SECRET if material.is_modern else _FORWARD_SECRET + _LEGACY
    context.set_ciphers(":".join(suites))
    context.options |= (
        ssl.OP_NO_COMPRESSION  # A00.FR.320, 424
        | ssl.OP_NO_RENEGOTIATION
        | ssl.OP_CIPHER_SERVER_PREFERENCE
    )
    context.num_tickets = 1  # a station has one connection
    for files in material.server:
        _load(context, files)
    if kind.asks:
        context.verify_mode = ssl.CERT_REQUIRED if kind is TlsKind.MUTUAL else ssl.CERT_OPTIONAL
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME
        if material.client_roots:
            _believe(context, material.client_roots)
    return context


def _load(context: ssl.SSLContext, files: ServerFiles) -> None:
    try:
        context.load_cert_chain(files.chain, files.key, password=lambda: files.passphrase)
    except (OSError, ssl.SSLError) as error:
        raise BadTlsFiles(
            f"the server certificate {files.chain} and its key {files.key} cannot be used: "
            f"{error}. See `voltkeep ca show`."
        ) from error


def _believe(context: ssl.SSLContext, roots: str) -> None:
    try:
        context.load_verify_locations(cadata=roots)
    except (ssl.SSLError, ValueError) as error:
        raise BadTlsFiles(
            f"the roots for client certificates cannot be used: {error}. "
            "See `voltkeep ca roots list`."
        ) from error
