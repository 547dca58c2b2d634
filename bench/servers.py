"""Servers in processes of their own, and the stations they know."""

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from voltkeep.app import App
from voltkeep.config import Settings
from voltkeep.domain.identity import station_id
from voltkeep.domain.stations import SecurityProfile, Station
from voltkeep.store import migrate
from voltkeep.wiring import now

ROOT = Path(__file__).parent.parent
NOTHING_ELSE = {
    f"VOLTKEEP_{name}": "off" for name in ("OCPP_TLS", "OCPP_MTLS", "FILES", "FILES_TLS", "HTTP")
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def process(command: list[str], port: int, environ: dict[str, str]) -> Iterator[psutil.Process]:
    """A server in a process of its own, once it accepts connections."""
    with (
        tempfile.TemporaryFile() as output,
        subprocess.Popen(
            command, stdout=output, stderr=output, cwd=ROOT, env=os.environ | environ
        ) as running,
    ):
        try:
            for _ in range(300):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                if running.poll() is not None:
                    output.seek(0)
                    raise RuntimeError(output.read().decode(errors="replace"))
                time.sleep(0.1)
            yield psutil.Process(running.pid)
        finally:
            with contextlib.suppress(ProcessLookupError):
                running.send_signal(signal.SIGTERM)
            try:
                running.wait(20)
            except subprocess.TimeoutExpired:
                running.kill()


async def register(
    settings: Settings, count: int, profile: SecurityProfile = SecurityProfile.BASIC
) -> dict[str, str | None]:
    """Stations with generated keys, by the path they connect to."""
    await migrate(settings.database_url)
    paths: dict[str, str | None] = {}
    async with App(settings).running(serve=False) as app:
        for number in range(count):
            station = Station(
                id=station_id(f"B{number:05}"), security_profile=profile, created_at=now()
            )
            await app.services.provisioning.add(station)
            paths[f"/ocpp/{station.id.name}"] = await app.services.security.rotate_key(station.id)
    return paths
