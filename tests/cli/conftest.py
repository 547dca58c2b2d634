"""`voltkeep` as a function: each call is one run of the command line on one data directory."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
import structlog
from typer.testing import CliRunner

from voltkeep.app import App
from voltkeep.cli.__main__ import tree
from voltkeep.config import Settings
from voltkeep.domain.identity import Sender, station_id
from voltkeep.services.ports import Work

T = TypeVar("T")


@dataclass
class Result:
    """How a run ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


@dataclass
class CommandLine:
    """One installation, as its operator types at it."""

    data: Path

    def __call__(self, *args: str, typed: str = "") -> Result:
        """Run a command in this process."""
        installation = () if args[0] == "lab" else ("--data", str(self.data))
        result = CliRunner().invoke(tree, [*installation, *args], input=typed)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return Result(result.exit_code, result.stdout, result.stderr)

    def ok(self, *args: str, typed: str = "") -> Result:
        """A run that ends well."""
        result = self(*args, typed=typed)
        assert result.code == 0, result.err
        return result

    def inside(self, work: Callable[[App], Awaitable[T]]) -> T:
        """Do something with the services behind it."""

        async def run() -> T:
            app = App(Settings(data=self.data))
            async with app.running(serve=False):
                return await work(app)

        return asyncio.run(run())


@pytest.fixture
def voltkeep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CommandLine]:
    """An installation of its own, whatever the machine has set."""
    for variable in [name for name in os.environ if name.startswith("VOLTKEEP_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    # No server runs on it, unless a test starts one: nothing is waited for.
    monkeypatch.setattr("voltkeep.bus.commands._TAKE_WITHIN_S", 1.0)
    yield CommandLine(tmp_path / "data")
    structlog.reset_defaults()


async def connected(work: Work, name: str) -> Sender:
    """A station that has just connected, as the gateway would note it."""
    station = station_id(name)
    now = datetime.now(UTC)
    epoch = await work.stations.connected(
        station, at=now, subprotocol="ocpp-of-a-test", address="192.0.2.1"
    )
    return Sender(station, epoch, now)
