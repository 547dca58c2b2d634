"""Session tickets that every process of an installation can open (ADR 0008).

Python has no API for the keys of session tickets, so OpenSSL is asked directly. All that depends
on how CPython lays out an `SSLContext` is here, tried out before it is relied on, and done
without where anything is unexpected.
"""

import _ssl
import ctypes
import ssl
import sys
from datetime import date

import structlog
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

log = structlog.get_logger(__name__)

_SSL_CTRL_SET_TLSEXT_TICKET_KEYS = 59
_SSL_CTRL_GET_TLSEXT_TICKET_KEYS = 58
_KEYS_BYTES = 80  # of OpenSSL 1.1.0 and later: a name of 16, and two keys of 32
# Where the SSL_CTX* is the first field of the object; looked up in Modules/_ssl.c of each.
_KNOWN = ((3, 11), (3, 12), (3, 13), (3, 14))


def ticket_keys(secret: bytes, day: date, purpose: str) -> bytes:
    """The keys of one UTC day. ``purpose`` keeps what one listener issued from another."""
    info = f"voltkeep session tickets {purpose} {day.isoformat()}".encode()
    return HKDF(algorithm=SHA256(), length=_KEYS_BYTES, salt=None, info=info).derive(secret)


def share_tickets(context: ssl.SSLContext, keys: bytes) -> bool:
    """Encrypt session tickets with these keys. False: only this process can open its own."""
    try:
        return _set(context, keys)
    except (AttributeError, OSError, ValueError) as error:
        log.warning("session tickets are not shared between processes", error=str(error))
        return False


def _set(context: ssl.SSLContext, keys: bytes) -> bool:
    if sys.implementation.name != "cpython" or sys.version_info[:2] not in _KNOWN:
        log.warning("session tickets are not shared between processes", python=sys.version)
        return False
    # The library that `_ssl` itself is linked with, and no other of that name.
    control = ctypes.CDLL(_ssl.__file__).SSL_CTX_ctrl
    control.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_long, ctypes.c_void_p)
    control.restype = ctypes.c_long
    native = ctypes.c_void_p.from_address(id(context) + object.__basicsize__)
    read = ctypes.create_string_buffer(_KEYS_BYTES)
    done = (
        control(native, _SSL_CTRL_SET_TLSEXT_TICKET_KEYS, _KEYS_BYTES, keys) == 1
        and control(native, _SSL_CTRL_GET_TLSEXT_TICKET_KEYS, _KEYS_BYTES, read) == 1
        and read.raw == keys
    )
    if not done:
        log.warning("session tickets are not shared between processes", openssl=ssl.OPENSSL_VERSION)
    return done


def can_resume(first: ssl.SSLContext, second: ssl.SSLContext) -> bool:
    """Whether a session that ``first`` began goes on with ``second``: tried out in memory."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    client.maximum_version = ssl.TLSVersion.TLSv1_2  # the ticket comes within the handshake
    try:
        session = _shake_hands(client, first, None).session
        return bool(_shake_hands(client, second, session).session_reused)
    except ssl.SSLError:
        return False


def _shake_hands(
    client: ssl.SSLContext, server: ssl.SSLContext, session: ssl.SSLSession | None
) -> ssl.SSLObject:
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = server.wrap_bio(to_server, to_client, server_side=True)
    theirs = client.wrap_bio(to_client, to_server, session=session)
    for _ in range(4):
        for side in (theirs, ours):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return theirs
