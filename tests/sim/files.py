"""A file server to meet simulated stations with."""

import contextlib
import http.server
import ssl
import threading
import warnings
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

with warnings.catch_warnings():  # of asyncore, which it is built on
    warnings.simplefilter("ignore", DeprecationWarning)
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import FTPHandler
    from pyftpdlib.servers import FTPServer


class Files:
    """What was uploaded, and what may be fetched, by path. `status` refuses everything."""

    def __init__(self) -> None:
        self.uploaded: dict[str, bytes] = {}
        self.offered: dict[str, bytes] = {}
        self.methods: list[str] = []
        self.status = HTTPStatus.OK
        self.go_on = threading.Event()  # uploads wait for it
        self.go_on.set()
        self.url = ""


def _handler(files: Files) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def take(self) -> None:
            files.methods.append(self.command)
            content = self.rfile.read(int(self.headers["Content-Length"]))
            files.go_on.wait(30)
            if files.status is HTTPStatus.OK:
                files.uploaded[self.path] = content
            self.answer(files.status, b"")

        do_PUT = do_POST = take  # noqa: N815  # the library finds them by these names

        def do_GET(self) -> None:
            content = files.offered.get(self.path)
            self.answer(HTTPStatus.OK if content else HTTPStatus.NOT_FOUND, content or b"")

        def answer(self, status: HTTPStatus, content: bytes) -> None:
            with contextlib.suppress(OSError):
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """A test that fails says enough."""

    return Handler


@contextlib.contextmanager
def http_files(tls: ssl.SSLContext | None = None) -> Iterator[Files]:
    """Serve over HTTP or HTTPS."""
    files = Files()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(files))
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    files.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield files
    finally:
        files.go_on.set()
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def ftp_files(folder: Path) -> Iterator[str]:
    """Serve a folder over FTP; the URL."""
    authorizer = DummyAuthorizer()
    authorizer.add_user("station", "secret", str(folder), perm="elrw")
    handler = type("Handler", (FTPHandler,), {"authorizer": authorizer})
    server = FTPServer(("127.0.0.1", 0), handler)
    over = threading.Event()

    def run() -> None:
        while not over.is_set():
            server.serve_forever(timeout=0.02, blocking=False)
        server.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield f"ftp://station:secret@127.0.0.1:{server.address[1]}"
    finally:
        over.set()
        thread.join()
