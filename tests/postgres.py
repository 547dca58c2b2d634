"""PostgreSQL for tests: clusters that live as long as who started them, and leave nothing behind.

The fixtures in conftest.py give a test its own database in one cluster that all share. A test that
stops or crashes its server makes a `Cluster` of its own.
"""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

_PACKAGE = "postgresql"
_DEBIAN = Path("/usr/lib/postgresql")  # Debian keeps the server's programs off the PATH
_PATIENCE_SECONDS = 30.0
# Below the ports that the kernel gives to clients: nobody takes ours while the server is down.
_PORTS = range(15_000, 32_000)
_SIGNALS = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}


class PostgresMissing(RuntimeError):
    """PostgreSQL's server is not installed."""


class PostgresFailed(RuntimeError):
    """A program of PostgreSQL's ended badly; its own words follow."""


def program(name: str) -> str:
    """The path of one of PostgreSQL's programs, of the newest version there is."""
    versions = sorted(_DEBIAN.glob(f"*/bin/{name}"), key=lambda path: float(path.parts[-3]))
    found = str(versions[-1]) if versions else shutil.which(name)
    if found is None:
        raise PostgresMissing(
            f"PostgreSQL's {name} is not installed. On Debian: sudo apt-get install {_PACKAGE}"
        )
    return found


class Cluster:
    """A server on a free port of 127.0.0.1, in a temporary directory.

    It ends when the thread that started it ends, however that happens. ``settings`` are lines of
    postgresql.conf: a cluster keeps its promises to the disk unless told ``{"fsync": "off"}``.
    """

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        self.port = _free_port()
        self._password = secrets.token_hex(16)
        self._settings = {"max_connections": "200", **(settings or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._user = _user()
        # Not below pytest's own directory: only its owner may enter that.
        self.directory = Path(tempfile.mkdtemp(prefix="voltkeep-postgres-"))
        try:
            self._make()
        except BaseException:
            shutil.rmtree(self.directory)
            raise

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    @property
    def url(self) -> str:
        """What SQLAlchemy connects to: the cluster's own database, as its superuser."""
        return f"postgresql+asyncpg://postgres:{self._password}@127.0.0.1:{self.port}/postgres"

    @property
    def pid(self) -> int | None:
        """The server's process id; None while it is stopped."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start the server and return when it takes connections. Raises PostgresFailed."""
        assert self._process is None, "the cluster is running"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._as_user([program("postgres"), "-D", str(self._data)]),
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for pytest; it will stop us
            )
        try:
            self._await_ready(self._process)
        except BaseException:
            self.stop("immediate")
            raise

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """End the server: ``fast`` as an operator would, ``immediate`` as a crash would."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(_SIGNALS[mode])
        try:
            process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def remove(self) -> None:
        """Stop the server and delete all it stored."""
        self.stop("immediate")
        shutil.rmtree(self.directory)

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    @property
    def _log(self) -> Path:
        return self.directory / "log"

    def _make(self) -> None:
        if self._user is not None:
            os.chown(self.directory, self._user.pw_uid, self._user.pw_gid)
        password_file = self.directory / "password"
        password_file.write_text(self._password)
        password_file.chmod(0o644)  # whom the server runs as reads it; the directory is closed
        _run(
            self._as_user(
                [
                    program("initdb"),
                    f"--pgdata={self._data}",
                    "--username=postgres",
                    f"--pwfile={password_file}",
                    "--auth=scram-sha-256",
                    "--encoding=UTF8",
                    "--no-locale",
                    "--no-sync",
                ]
            ),
            cwd=self.directory,
        )
        password_file.unlink()
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.directory),
            **self._settings,
        }
        with (self._data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())

    def _as_user(self, command: Sequence[str]) -> list[str]:
        """PostgreSQL refuses to run as root, and must not outlive a pytest that was killed."""
        prefix = ["setpriv", "--pdeathsig=QUIT"]
        if self._user is not None:
            prefix += [
                f"--reuid={self._user.pw_uid}",
                f"--regid={self._user.pw_gid}",
                "--clear-groups",
            ]
        return [*prefix, *command]

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        """The last line of the server's pid file says how far it is."""
        pid_file = self._data / "postmaster.pid"
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            try:
                lines = pid_file.read_text().splitlines()
            except FileNotFoundError:
                lines = []
            if len(lines) >= 8 and lines[0] == str(process.pid) and lines[7].strip() == "ready":
                return
            time.sleep(0.02)
        raise PostgresFailed(f"PostgreSQL did not start:\n{self._log.read_text()[-2000:]}")


def create_database(server: str, *, template: str = "template0") -> str:
    """A new database of the server at ``server``, a copy of ``template``: its URL."""
    name = f"test_{secrets.token_hex(8)}"
    execute(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return f"{server.rpartition('/')[0]}/{name}"


def drop_database(url: str) -> None:
    """Drop the database at ``url``, whoever is still connected to it."""
    server, _, name = url.rpartition("/")
    execute(f"{server}/postgres", f'DROP DATABASE "{name}" WITH (FORCE)')


def execute(url: str, statement: str) -> str:
    """Run one statement and return its rows as text. Needs no event loop, unlike asyncpg."""
    parts = urlsplit(url)
    return _run(
        [
            program("psql"),
            f"--host={parts.hostname}",
            f"--port={parts.port}",
            f"--username={parts.username}",
            f"--dbname={parts.path.removeprefix('/')}",
            "--no-psqlrc",
            "--quiet",
            "--tuples-only",
            "--no-align",
            "--set=ON_ERROR_STOP=1",
            f"--command={statement}",
        ],
        env={"PGPASSWORD": parts.password or "", "LC_ALL": "C"},
    ).strip()


def _user() -> pwd.struct_passwd | None:
    """Whom the server runs as: None is who runs the tests."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise PostgresFailed("PostgreSQL does not run as root, and there is no user `nobody`.")


def _free_port() -> int:
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as candidate:
            try:
                candidate.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def _run(
    command: Sequence[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> str:
    done = subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=60
    )
    if done.returncode != 0:
        raise PostgresFailed(f"{command[0]} failed: {done.stderr.strip()}")
    return done.stdout
