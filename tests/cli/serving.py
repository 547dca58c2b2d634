"""A data directory where a server runs, and the command line beside it, in processes."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import CommandLine

ROOT = Path(__file__).parents[2]
STARTS_WITHIN_S = 60


@dataclass
class Installation:
    """A data directory, and commands run on it as processes of their own."""

    data: Path
    env: dict[str, str]

    async def start(self, *args: str) -> asyncio.subprocess.Process:
        """Start a command as a process."""
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "voltkeep.cli", *args),
            env=self.env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def run(self, *args: str) -> tuple[int, str, str]:
        """Run a command to its end: in a thread, or in a process if it heeds signals."""
        if args[0] not in {"serve", "sim"}:
            result = await asyncio.to_thread(CommandLine(self.data), *args)
            return result.code, result.out, result.err
        process = await self.start(*args)
        out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    async def json(self, *args: str) -> Any:
        """What a command says to a program."""
        code, out, err = await self.run(*args, "--json")
        assert code == 0, err
        return json.loads(out)

    @contextlib.asynccontextmanager
    async def serving(self, *args: str, stop: int = signal.SIGTERM) -> AsyncIterator["Server"]:
        """A server, asked to stop after the block; it has to end well."""
        process = await self.start("serve", "--ocpp", "127.0.0.1:0", *args)
        server = Server(process)
        try:
            yield server
            process.send_signal(stop)
            async with asyncio.timeout(30):
                out, err = await process.communicate()
            assert process.returncode == 0, err
            server.rest = out.decode() + err.decode()
        finally:
            if process.returncode is None:
                process.kill()
                await process.communicate()


@dataclass
class Server:
    """A running `voltkeep serve`."""

    process: asyncio.subprocess.Process
    rest: str = ""

    async def line(self, part: str, within_s: float = STARTS_WITHIN_S) -> str:
        """Read until a line holds this."""
        assert self.process.stdout is not None
        async with asyncio.timeout(within_s):
            while line := (await self.process.stdout.readline()).decode():
                if part in line:
                    return line
        assert self.process.stderr is not None
        raise AssertionError((await self.process.stderr.read()).decode())

    async def logged(self, part: str) -> str:
        """Read what a person is told beside the view, until a line holds this."""
        assert self.process.stderr is not None
        async with asyncio.timeout(STARTS_WITHIN_S):
            while line := (await self.process.stderr.readline()).decode():
                if part in line:
                    return line
        raise AssertionError(part)

    def close_log(self) -> None:
        """Hang up on it, as a log collector that has crashed."""
        transport = self.process._transport.get_pipe_transport(1)  # type: ignore[attr-defined]  # no public way
        transport.close()

    async def url(self) -> str:
        """Where stations connect, once it listens (with --json)."""
        return f"ws://{json.loads(await self.line('listening'))['ocpp']}/ocpp"


@pytest.fixture
def installation(voltkeep: CommandLine, tmp_path: Path) -> Installation:
    """The one of `voltkeep`, where a server runs beside."""
    env = os.environ | {
        "PYTHONPATH": str(ROOT / "src"),
        "VOLTKEEP_DATA": str(voltkeep.data),
        "XDG_DATA_HOME": str(tmp_path / "xdg"),
        **{
            f"VOLTKEEP_{name}": "off"
            for name in ("OCPP_TLS", "OCPP_MTLS", "FILES", "FILES_TLS", "HTTP")
        },
    }
    return Installation(voltkeep.data, env)
