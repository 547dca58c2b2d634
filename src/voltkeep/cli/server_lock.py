"""One server on a data directory, and where to find it: a locked file that it leaves there."""

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec import Struct, structs

from voltkeep.cli.errors import Failure
from voltkeep.config import Settings

_FILE = "server.lock"
_TRIES, _PAUSE_S = 10, 0.05  # who only looks holds the lock for a moment


class Server(Struct, frozen=True, kw_only=True):
    """A running server, as it describes itself: with its flags, and ports as they really are."""

    pid: int
    started_at: datetime
    ocpp: str
    ocpp_tls: str
    ocpp_mtls: str
    files: str
    files_tls: str
    ftp: str
    http: str = "off"  # of a server before there was an API
    https: str = "off"
    public_host: str
    ocpp_tls_client_certificates: bool
    cpo_name: str
    tls_policy: str

    def over(self, settings: Settings) -> Settings:
        """The settings of a shell beside it, where they decide what stations are told."""
        return structs.replace(settings, **{name: getattr(self, name) for name in TOLD})


TOLD = tuple(name for name in Server.__struct_fields__ if name in Settings.__struct_fields__)


@contextlib.contextmanager
def only_server(data: Path) -> Iterator[Callable[[Server], None]]:
    """Hold the lock; call what it gives with how to find us. Raises Failure if it is taken.

    The kernel frees the lock with the process, however that ends.
    """
    try:
        handle = os.open(data / _FILE, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise Failure(
            f"The data directory {data} cannot be written to: {error.strerror}.",
            "Run this as the user who owns it, or name another with --data DIR.",
        ) from error
    try:
        for attempt in range(_TRIES):
            if _locks(handle, fcntl.LOCK_EX):
                break
            if attempt + 1 == _TRIES:
                other = find_server(data)
                who = f" (process {other.pid})" if other else ""
                raise Failure(
                    f"Another server runs on {data} already{who}.",
                    "Stop it first, or give this one a directory of its own: --data DIR.",
                )
            time.sleep(_PAUSE_S)

        def describe(server: Server) -> None:
            os.ftruncate(handle, 0)
            os.pwrite(handle, msgspec.json.encode(server), 0)

        yield describe
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def find_server(data: Path) -> Server | None:
    """The server that runs on a data directory, if one does and has said where it listens."""
    try:
        handle = os.open(data / _FILE, os.O_RDONLY)
    except OSError:
        return None
    try:
        if _locks(handle, fcntl.LOCK_SH):
            return None
        return msgspec.json.decode(os.pread(handle, 4096, 0), type=Server)
    except msgspec.DecodeError:  # it is about to start or to stop, or of another release
        return None
    finally:
        os.close(handle)


def _locks(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
