"""FTP and FTPS for stations that know nothing else: one token is one user, with one file.

pyftpdlib has its own event loop, which runs in a thread; whatever it asks of the services runs in
ours. There is no directory behind it: names are words, and no path leads anywhere.
"""

import asyncio
import contextlib
import errno
import logging
import sys
import threading
from collections.abc import AsyncIterator, Coroutine, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import structlog
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL

from voltkeep.config import Address
from voltkeep.services.authority import FileTooLarge
from voltkeep.services.diagnostics import DiagnosticsService, Receiving
from voltkeep.services.firmware import Download, FirmwareService
from voltkeep.services.transfers import NoRoom, TransferBusy, TransferRefused
from voltkeep.web.pyftpd import (
    AbstractedFS,
    AuthenticationFailed,
    DummyAuthorizer,
    FTPServer,
    IOLoop,
    TLS_DTPHandler,
    TLS_FTPHandler,
)

log = structlog.get_logger(__name__)

T = TypeVar("T")

_SESSIONS = 64
_SESSIONS_PER_HOST = 8
_ANSWER_WITHIN_S = 30.0  # what a session asks of our loop; it holds up the others meanwhile
_TICK_S = 0.25
_IDLE_S = 120
_STALLED_S = 60
_UPLOADS, _DOWNLOADS = "ew", "elr"  # pyftpdlib's letters: enter and write; enter, list and read


class CertificateFiles(Protocol):
    """A certificate of the server, and its key, as PEM files."""

    @property
    def chain(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def passphrase(self) -> bytes: ...


def tls_context(server: Sequence[CertificateFiles], suites: str) -> SSL.Context:
    """For AUTH TLS: TLS 1.2 and later, with these certificates. Raises SSL.Error."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION)
    context.set_cipher_list(suites.encode())
    for files in server:
        key = load_pem_private_key(Path(files.key).read_bytes(), files.passphrase or None)
        assert isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
        context.use_certificate_chain_file(files.chain)
        context.use_privatekey(key)
    return context


class _Bridge:
    """From the thread of FTP into the event loop of the services."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        diagnostics: DiagnosticsService,
        firmware: FirmwareService,
    ) -> None:
        self._loop = loop
        self.diagnostics = diagnostics
        self.firmware = firmware

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Raises OSError when it takes too long."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(_ANSWER_WITHIN_S)
        except TimeoutError as error:
            future.cancel()
            raise OSError(errno.ETIMEDOUT, "Try again later") from error


class _Upload:
    """What pyftpdlib takes for a file that is open for writing."""

    def __init__(self, bridge: _Bridge, token: str, host: str, name: str) -> None:
        self.name = name
        self.closed = False
        self._bridge = bridge
        self._stack = contextlib.AsyncExitStack()
        receiving = bridge.diagnostics.receiving(token, host, name=name.strip("/"))
        self._file: Receiving = self._asked(self._stack.enter_async_context(receiving))

    def write(self, data: bytes) -> None:
        self._asked(self._file.write(data))

    def keep(self) -> None:
        """All has arrived."""
        self._asked(self._file.keep())

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._asked(self._stack.aclose())

    def _asked(self, work: Coroutine[Any, Any, T]) -> T:
        """What pyftpdlib can tell a station is an OSError."""
        try:
            return self._bridge.run(work)
        except FileTooLarge as error:
            raise OSError(errno.EFBIG, "The file is too large") from error
        except NoRoom as error:
            raise OSError(errno.ENOSPC, "There is no room") from error
        except (TransferRefused, TransferBusy) as error:
            raise OSError(errno.EACCES, "Not allowed") from error


class _Firmware:
    """What pyftpdlib takes for a file that is open for reading."""

    def __init__(self, bridge: _Bridge, download: Download, name: str) -> None:
        self.name = name
        self.closed = False
        self._bridge = bridge
        self._download = download
        self._content: AsyncIterator[bytes] | None = None
        self._start = 0

    def seek(self, start: int) -> None:
        self._start = start

    def read(self, size: int) -> bytes:
        if self._content is None:
            self._content = self._bridge.firmware.content(self._download, self._start)
        return self._bridge.run(_next(self._content))

    def close(self) -> None:
        self.closed = True


async def _next(content: AsyncIterator[bytes]) -> bytes:
    return await anext(content, b"")


class _NoDirectory(AbstractedFS):
    """Every name is the one file of the session."""

    cmd_channel: "_Session"

    def validpath(self, path: str) -> bool:
        return True

    def realpath(self, path: str) -> str:
        return path

    def chdir(self, path: str) -> None:
        """Wherever a station believes to go, there is nothing."""

    def open(self, filename: str, mode: str) -> _Upload | _Firmware:
        return self.cmd_channel.opened(filename, mode)

    def mkstemp(self, *, prefix: str = "", **_: object) -> _Upload | _Firmware:
        return self.cmd_channel.opened(prefix, "wb")

    def isfile(self, path: str) -> bool:
        return self.cmd_channel.download is not None

    def isdir(self, path: str) -> bool:
        return path == "/"

    def islink(self, path: str) -> bool:
        return False

    def lexists(self, path: str) -> bool:
        return False

    def getsize(self, path: str) -> int:
        if self.cmd_channel.download is None:
            raise _nothing()
        return self.cmd_channel.download.size

    def listdir(self, path: str) -> list[str]:
        return []

    def listdirinfo(self, path: str) -> list[str]:
        return []

    def _refused(self, *_: object, **__: object) -> Any:
        raise _nothing()

    mkdir = rmdir = remove = rename = chmod = utime = _refused
    stat = lstat = readlink = getmtime = _refused


def _nothing() -> OSError:
    return OSError(errno.ENOENT, "No such file or directory")


class _Rights(DummyAuthorizer):
    """The user of a session is the name of a token, and the password its secret."""

    def __init__(self, session: "_Session") -> None:
        super().__init__()
        self._session = session

    def validate_authentication(self, username: str, password: str, handler: "_Session") -> None:
        try:
            handler.enter(f"{username}.{password}")
        except (TransferRefused, OSError) as error:
            raise AuthenticationFailed("Authentication failed.") from error
        except Exception as error:
            log.exception("FTP: a login failed")
            raise AuthenticationFailed("Try again later.") from error

    def has_perm(self, username: str, perm: str, path: str | None = None) -> bool:
        return perm in (_UPLOADS if self._session.download is None else _DOWNLOADS)

    def get_home_dir(self, username: str) -> str:
        return "/"

    def get_msg_login(self, username: str) -> str:
        return "Welcome."

    def get_msg_quit(self, username: str) -> str:
        return "Goodbye."

    def impersonate_user(self, username: str, password: str) -> None:
        pass

    def terminate_impersonation(self, username: str) -> None:
        pass


class _Data(TLS_DTPHandler):
    """An upload counts when the services have taken it, and not before the station is told so."""

    timeout = _STALLED_S
    transfer_finished: bool

    def handle_error(self) -> None:
        """Or pyftpdlib would tell a station nothing, and let it wait."""
        error = sys.exc_info()[1]
        cause = error.__cause__ if error is not None else None
        words = cause.strerror if isinstance(cause, OSError) else "Transfer aborted"
        self._resp = (f"426 {words}.", logging.getLogger("pyftpdlib").debug)
        super().handle_error()

    def close(self) -> None:
        file = self.file_obj
        has_arrived = self.transfer_finished and not self._closed
        if has_arrived and isinstance(file, _Upload) and not file.closed:
            try:
                file.keep()
            except Exception as error:  # noqa: BLE001  # pyftpdlib would tell of success
                log.warning("FTP: an upload was not kept", error=str(error))
                self.transfer_finished = False
                self._resp = ("426 The file was not kept.", logging.getLogger("pyftpdlib").debug)
        super().close()


class _Session(TLS_FTPHandler):
    """One control connection."""

    banner = "Ready."
    timeout = _IDLE_S
    auth_failed_timeout = 1
    dtp_handler = _Data
    abstracted_fs = _NoDirectory
    use_sendfile = False
    bridge: _Bridge
    token = ""
    download: Download | None = None

    def __init__(self, *args: Any, **given: Any) -> None:
        self.authorizer = _Rights(self)
        super().__init__(*args, **given)

    def enter(self, token: str) -> None:
        """Raises TransferRefused, OSError."""
        self.download = None
        if not self.bridge.run(self.bridge.diagnostics.may_upload(token)):
            self.download = self.bridge.run(self.bridge.firmware.download(token, self.remote_ip))
        self.token = token
        self._current_type = "i"  # or a station that forgets TYPE has its archive mended

    def opened(self, name: str, mode: str) -> _Upload | _Firmware:
        if self.download is not None and mode == "rb":
            return _Firmware(self.bridge, self.download, name)
        if self.download is None and mode == "wb":
            return _Upload(self.bridge, self.token, self.remote_ip, name)
        raise OSError(errno.EACCES, "Not allowed")


class FtpServer:
    """A listener for FTP, and for FTPS by AUTH TLS."""

    def __init__(self, diagnostics: DiagnosticsService, firmware: FirmwareService) -> None:
        self._bridge = _Bridge(asyncio.get_running_loop(), diagnostics, firmware)
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._handler: type[_Session] | None = None

    async def listen(
        self,
        address: Address,
        tls: SSL.Context,
        *,
        passive_ports: range | None = None,
        public_address: str | None = None,
    ) -> Address:
        """Raises OSError when the address cannot be had."""
        logging.getLogger("pyftpdlib").setLevel(logging.CRITICAL)  # it names what it is told
        self._handler = type(
            "Session",
            (_Session,),
            {
                "bridge": self._bridge,
                "ssl_context": tls,
                "passive_ports": passive_ports and list(passive_ports),
                "masquerade_address": public_address,
            },
        )
        server = FTPServer((address.host, address.port), self._handler, ioloop=IOLoop())
        server.max_cons = 2 * _SESSIONS  # control and data connections are counted alike
        server.max_cons_per_ip = _SESSIONS_PER_HOST
        host, port = server.address
        self._thread = threading.Thread(target=self._run, args=(server,), name="ftp", daemon=True)
        self._thread.start()
        return Address(host, port)

    def use_tls(self, tls: SSL.Context) -> None:
        """New sessions present these certificates."""
        if self._handler is not None:
            self._handler.ssl_context = tls

    def _run(self, server: Any) -> None:
        try:
            while not self._ended.is_set():
                try:
                    server.ioloop.loop(timeout=_TICK_S, blocking=False)
                except Exception:
                    log.exception("FTP: a session failed")
        finally:
            server.close_all()

    async def close(self) -> None:
        """End every session; uploads under way are forgotten."""
        self._ended.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, _ANSWER_WITHIN_S)
