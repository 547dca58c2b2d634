"""`voltkeep serve` in a process of its own, to be used, stopped and killed."""

import asyncio
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from typer.testing import CliRunner

from voltkeep.app import App
from voltkeep.cli.__main__ import tree
from voltkeep.config import Settings
from voltkeep.domain.authorization import Token
from voltkeep.domain.identity import DEFAULT_TENANT, IdToken, station_id
from voltkeep.domain.stations import SecurityProfile, Station
from voltkeep.store import migrate

# Below those that the kernel hands out, and each worker of the tests has some of its own: nobody
# takes one between here and the server that listens on it.
_PORTS = itertools.cycle(range(10_000, 12_000))
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 10


def free_port():
    """A port that is free, and that no other test gets soon."""
    while True:
        port = next(_PORTS) + _WORKER * 2_000
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


LISTENERS = ("ocpp_tls", "ocpp_mtls", "files", "files_tls", "http")
"""What listens beside the plain one, where a test asks for it by name."""


class CommandFailed(Exception):
    """The command line ended badly: with this code, and these words."""

    def __init__(self, code: int, words: str):
        super().__init__(f"{code}: {words}")
        self.code = code


class Server:
    """One installation: a data directory, a database, and a process while it runs.

    `listen` names those of LISTENERS that get a port; the others are off.
    """

    def __init__(self, directory: Path, database: str = "", listen: Iterable[str] = (), **settings):
        self.port = free_port()
        self.ports = {name: free_port() for name in listen}
        addresses = {
            name: f"127.0.0.1:{self.ports[name]}" if name in self.ports else "off"
            for name in LISTENERS
        }
        plain = {"ocpp": f"127.0.0.1:{self.port}"}
        self.settings = Settings(data=directory, database=database, **plain, **addresses | settings)
        settings = addresses | settings
        self.environ = {f"VOLTKEEP_{key.upper()}": str(value) for key, value in settings.items()}
        self._process: subprocess.Popen[bytes] | None = None
        self._log = directory.with_name(f"{directory.name}.log")

    async def prepare(self, stations, tokens=()):
        """Register stations without a security profile, and tokens."""
        await migrate(self.settings.database_url)
        now = datetime.now(UTC)
        async with App(self.settings).running(serve=False) as app:
            for name in stations:
                station = Station(
                    id=station_id(name), security_profile=SecurityProfile.NONE, created_at=now
                )
                await app.services.provisioning.add(station)
            for value in tokens:
                token = Token(id_token=IdToken(value), max_active=0, created_at=now)
                await app.services.authorization.save(DEFAULT_TENANT, token)

    async def start(self):
        """Run it, until it accepts connections."""
        command = [sys.executable, "-m", "voltkeep.cli", "serve", "--log-format", "json"]
        command += ["--data", str(self.settings.data), "--ocpp", f"127.0.0.1:{self.port}"]
        environ = os.environ | self.environ | {"VOLTKEEP_DATABASE": self.settings.database}
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=output, env=environ)
        async with asyncio.timeout(30):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                except OSError:
                    assert self._process.poll() is None, self.output()
                    await asyncio.sleep(0.05)
                else:
                    writer.close()
                    return

    async def say(self, *args: str):
        """Run a command beside the server, as its operator; what it says.

        Raises CommandFailed.
        """
        options = ["--data", str(self.settings.data), *args]
        environ = self.environ | {"VOLTKEEP_DATABASE": self.settings.database}
        result = await asyncio.to_thread(CliRunner().invoke, tree, options, env=environ)
        if result.exit_code != 0:
            raise CommandFailed(result.exit_code, result.stderr or repr(result.exception))
        return result.stdout

    async def voltkeep(self, *args: str):
        """What a command says to a program."""
        return json.loads(await self.say(*args, "--json"))

    def kill(self):
        """Kill it as nothing can be caught."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self):
        """SIGTERM, and the exit status."""
        if self._process is None or self._process.poll() is not None:
            return None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(20)

    @property
    def is_running(self):
        return self._process is not None and self._process.poll() is None

    def output(self):
        """All that it has written."""
        return self._log.read_text(errors="replace")

    def url(self, name):
        return f"{self.urls[1]}/{name}"

    @property
    def urls(self):
        """Where stations of each security profile connect, without their id."""
        urls = {1: f"ws://127.0.0.1:{self.port}/ocpp"}
        for profile, name in ((2, "ocpp_tls"), (3, "ocpp_mtls")):
            if name in self.ports:
                urls[profile] = f"wss://127.0.0.1:{self.ports[name]}/ocpp"
        return urls
