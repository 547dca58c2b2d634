"""A server of our own for the laboratory: on free ports, with all that the cases need, for once."""

import asyncio
import base64
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from msgspec import toml

from voltkeep.app import App
from voltkeep.cli.accounts import whoever
from voltkeep.config import Settings
from voltkeep.domain.accounts import Permission
from voltkeep.domain.authorization import Token
from voltkeep.domain.certificates import RootUse
from voltkeep.domain.identity import DEFAULT_TENANT, IdToken, StationId, station_id
from voltkeep.domain.stations import SecurityProfile, Station
from voltkeep.lab.authority import Authority
from voltkeep.lab.drivers.http import HttpDriver, HttpDriverFile
from voltkeep.lab.plan import (
    Account,
    Csms,
    Deadlines,
    Files,
    Laboratory,
    Plan,
    Product,
    Shown,
    Tokens,
)
from voltkeep.services.certificates import Names
from voltkeep.store import migrate
from voltkeep.wiring import now

_HOST = "127.0.0.1"
_NAME = "csms.laboratory.example"  # in the server's certificate; nobody is asked where it is
_OPERATOR = "Voltkeep Laboratory"
_START_S, _STOP_S = 60.0, 20.0
_STATIONS = {"1": 1, "2": 2, "3": 3, "1-to-2": 1, "2-to-3": 2, "neighbour": 3}
_TOKENS = Tokens(
    valid="LAB-VALID",
    expired="LAB-EXPIRED",
    blocked="LAB-BLOCKED",
    unknown="LAB-UNKNOWN",
    parent="LAB-PARENT",
    sibling="LAB-SIBLING",
)
_IMAGE = "laboratory"
_FIRMWARE = b"laboratory firmware"


class ServerFailed(Exception):
    """The server that was to be tested did not start; what it wrote last."""


class Tested(NamedTuple):
    """A server that runs, and how the laboratory reaches it."""

    plan: Plan
    driver: HttpDriver


@dataclass
class _Ports:
    ocpp: int
    ocpp_tls: int
    ocpp_mtls: int
    http: int


@contextlib.asynccontextmanager
async def running_server(folder: Path, database: str = "") -> AsyncIterator[Tested]:
    """`voltkeep serve` in a process of its own, with its data in `folder`, until the block ends.

    Raises:
        ServerFailed: it did not start.
    """
    ports = _Ports(*_free_ports(4))
    settings = Settings(
        data=folder / "data",
        database=database,
        ocpp=f"{_HOST}:{ports.ocpp}",
        ocpp_tls=f"{_HOST}:{ports.ocpp_tls}",
        ocpp_mtls=f"{_HOST}:{ports.ocpp_mtls}",
        http=f"{_HOST}:{ports.http}",
        files="off",
        files_tls="off",
        public_host=_NAME,
        cpo_name=_OPERATOR,
    )
    plan, key = await _prepared(settings, ports)
    environ = {"VOLTKEEP_SERVER": f"http://{_HOST}:{ports.http}", "VOLTKEEP_API_KEY": key}
    driver = HttpDriver(driver_file("voltkeep"), environ)
    try:
        async with _process(settings, folder / "server.log", ports):
            yield Tested(plan, driver)
    finally:
        await driver.close()


def driver_file(name: str) -> HttpDriverFile:
    """The driver's file that comes with us."""
    path = Path(__file__).parent.parent / "lab" / "drivers" / f"{name}.toml"
    return toml.decode(path.read_bytes(), type=HttpDriverFile)


async def _prepared(settings: Settings, ports: _Ports) -> tuple[Plan, str]:
    """Register what the cases need; the plan of it, and a key for the API."""
    await migrate(settings.database_url)
    authority = Authority(datetime.now(UTC), _OPERATOR)
    shown = {
        "expired": authority.expired("LAB-3"),
        "revoked": authority.revoked("LAB-3"),
    }
    certificate, signature = authority.firmware_signature(_FIRMWARE)
    files = Files(signing_certificate=certificate, signature=base64.b64encode(signature).decode())
    async with App(settings).running(serve=False) as app:
        await asyncio.to_thread(app.authority.load)
        accounts = {
            name: await _station(app, name, profile, authority)
            for name, profile in _STATIONS.items()
        }
        await _tokens(app)
        await app.services.roots.add_anchor(
            StationId(DEFAULT_TENANT, ""),
            RootUse.MANUFACTURER_ROOT,
            authority.root,
            for_clients=True,
            crl=authority.revocation_list(),
        )
        await app.services.firmware.images.add_elsewhere(DEFAULT_TENANT, _IMAGE, files.firmware)
        _, key = await app.services.people.accounts.create_key(
            whoever(), "laboratory", tuple(Permission), tenant=DEFAULT_TENANT
        )
        roots = app.authority.ca_bundle()
    neighbour = accounts.pop("neighbour")
    shown["of another station"] = Shown(
        certificate=neighbour.certificate, private_key=neighbour.private_key
    )
    plan = Plan(
        product=Product(name="Voltkeep", vendor="Voltkeep", version=version("voltkeep")),
        laboratory=Laboratory(name="Voltkeep laboratory, against itself"),
        csms=Csms(
            urls={
                1: f"ws://{_HOST}:{ports.ocpp}/ocpp",
                2: f"wss://{_NAME}:{ports.ocpp_tls}/ocpp",
                3: f"wss://{_NAME}:{ports.ocpp_mtls}/ocpp",
            },
            roots=roots,
            address=_HOST,
        ),
        stations=accounts,
        tokens=_TOKENS,
        files=files,
        shown=shown,
        deadlines=Deadlines(answer_s=15.0, order_s=15.0, case_s=90.0),
        cpo_name=_OPERATOR,
    )
    return plan, key


async def _station(app: App, name: str, profile: int, authority: Authority) -> Account:
    identity = f"LAB-{name.upper()}"
    id = station_id(identity)
    station = Station(id=id, created_at=now(), security_profile=SecurityProfile(profile))
    await app.services.provisioning.add(station)
    await app.services.provisioning.set_passive(id, passive=True)
    await app.services.certificates.expect(id, Names(serial_number=identity))
    key = "" if profile == 3 else await app.services.security.rotate_key(id)
    shown = Shown() if profile == 1 else authority.station(identity)
    return Account(
        identity=identity,
        serial_number=identity,
        key=key,
        certificate=shown.certificate,
        private_key=shown.private_key,
    )


async def _tokens(app: App) -> None:
    at = now()
    group = _TOKENS.parent
    for token in (
        Token(id_token=IdToken(_TOKENS.valid), created_at=at, group=group, max_active=0),
        Token(id_token=IdToken(_TOKENS.sibling), created_at=at, group=group, max_active=0),
        Token(id_token=IdToken(_TOKENS.expired), created_at=at, expires_at=at - timedelta(days=1)),
        Token(id_token=IdToken(_TOKENS.blocked), created_at=at, blocked=True),
    ):
        await app.services.authorization.save(DEFAULT_TENANT, token)


@contextlib.asynccontextmanager
async def _process(settings: Settings, log: Path, ports: _Ports) -> AsyncIterator[None]:
    chosen = {
        name: getattr(settings, name)
        for name in ("database", "ocpp", "ocpp_tls", "ocpp_mtls", "http", "files", "files_tls")
    } | {"public_host": _NAME, "cpo_name": _OPERATOR}
    environ = os.environ | {f"VOLTKEEP_{name.upper()}": str(it) for name, it in chosen.items()}
    command = [sys.executable, "-m", "voltkeep.cli", "serve", "--log-format", "json"]
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            "--data",
            str(settings.data),
            stdout=output,
            stderr=output,
            env=environ,
        )
    try:
        await _listening(process, ports, log)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_STOP_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def _listening(process: asyncio.subprocess.Process, ports: _Ports, log: Path) -> None:
    try:
        async with asyncio.timeout(_START_S):
            for port in (ports.ocpp, ports.ocpp_tls, ports.ocpp_mtls, ports.http):
                while not await _listens(port):
                    if process.returncode is not None:
                        raise ServerFailed(await asyncio.to_thread(_end_of, log))
                    await asyncio.sleep(0.05)
    except TimeoutError:
        raise ServerFailed(f"it does not listen after {_START_S:g} s") from None


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(_HOST, port)
    except OSError:
        return False
    writer.close()
    return True


def _free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago, each another."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((_HOST, 0))
        return [probe.getsockname()[1] for probe in probes]
