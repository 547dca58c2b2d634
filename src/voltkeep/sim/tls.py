"""TLS as a station does it: contexts that many stations share, and sessions that are resumed."""

import contextlib
import os
import ssl
import tempfile
import warnings
from collections.abc import Iterator
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

_SHARED = 64  # contexts; a fleet needs one
_session: ContextVar[ssl.SSLSession | None] = ContextVar("session", default=None)


class Terms(NamedTuple):
    """What a station asks of a TLS connection."""

    roots: str = ""  # PEM; empty: the machine's
    verify: bool = True
    check_host: bool = True
    maximum: ssl.TLSVersion | None = None
    ciphers: str = ""


class _Resuming(ssl.SSLContext):
    """asyncio has no way to say which session to resume; the task that connects says it."""

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,  # noqa: FBT001, FBT002  # the library's signature
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        return super().wrap_bio(
            incoming, outgoing, server_side, server_hostname, session or _session.get()
        )


@contextlib.contextmanager
def resuming(session: ssl.SSLSession | None) -> Iterator[None]:
    """Resume a session with the connection that is made in the block."""
    token = _session.set(session)
    try:
        yield
    finally:
        _session.reset(token)


@lru_cache(maxsize=_SHARED)
def shared_context(terms: Terms) -> ssl.SSLContext:
    """The context of all stations that ask for the same and show no certificate."""
    return _context(terms)


def own_context(terms: Terms, certificate: str, key: str) -> ssl.SSLContext:
    """A context of a station that shows its certificate."""
    context = _context(terms)
    with _files(certificate, key) as files:
        context.load_cert_chain(*files)
    return context


@contextlib.contextmanager
def _files(*texts: str) -> Iterator[list[str]]:
    """Paths of files with these texts: the library reads certificates and keys from files only.

    Where the kernel can, they are in memory: nothing is left on a disk by a process that is killed.
    """
    if not hasattr(os, "memfd_create"):
        with tempfile.TemporaryDirectory(prefix="sim-") as folder:
            paths = [Path(folder, str(number)) for number in range(len(texts))]
            for path, text in zip(paths, texts, strict=True):
                path.write_text(text)
            yield [str(path) for path in paths]
        return
    opened = [os.memfd_create("sim") for _ in texts]
    try:
        for descriptor, text in zip(opened, texts, strict=True):
            os.write(descriptor, text.encode())
        yield [f"/proc/self/fd/{descriptor}" for descriptor in opened]
    finally:
        for descriptor in opened:
            os.close(descriptor)


def verified_root(connection: Any) -> bytes | None:
    """The root under which a connection's server was verified, as DER; None where none was."""
    if connection is None or connection.context.verify_mode is ssl.CERT_NONE:
        return None
    if hasattr(connection, "get_verified_chain"):  # Python 3.13
        chain = connection.get_verified_chain()
        return bytes(chain[-1]) if chain else None
    chain = connection._sslobj.get_verified_chain()  # noqa: SLF001  # before 3.13 the only way
    return ssl.PEM_cert_to_DER_cert(chain[-1].public_bytes()) if chain else None


def _context(terms: Terms) -> ssl.SSLContext:
    context = _Resuming(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if terms.maximum is not None:
        with warnings.catch_warnings():  # of old versions, which is what it is for
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            context.maximum_version = terms.maximum
    if terms.ciphers:
        context.set_ciphers(terms.ciphers)
    context.check_hostname = terms.check_host and terms.verify
    if not terms.verify:
        context.verify_mode = ssl.CERT_NONE
    elif terms.roots:
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(cadata=terms.roots)
    else:
        context.load_default_certs()
    return context
