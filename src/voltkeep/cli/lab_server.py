"""A server of our own for the laboratory: on free ports, with all that the cases need, for once."""

import asyncio
import base64
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import structs, toml

from voltkeep.app import App
from voltkeep.cli.accounts import whoever
from voltkeep.cli.server_lock import Server, find_server
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
from voltkeep.store import migrate, schema_status
from voltkeep.wiring import now

_HOST = "127.0.0.1"
_NAME = "csms.laboratory.example"  # in the server's certificate; nobody is asked where it is
_OPERATOR = "Voltkeep Laboratory"
_LISTENERS = ("ocpp", "ocpp_tls", "ocpp_mtls", "http")
_NO_LISTENERS = ("files", "files_tls", "https", "ftp")
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


@contextlib.asynccontextmanager
async def running_server(
    folder: Path, database: str = "", log: Path | None = None
) -> AsyncIterator[Tested]:
    """`voltkeep serve` in a process of its own, with its data in `folder`, until the block ends.

    It ends with this process too, however that ends, and the folder with it. ``database`` is the
    URL of one that is empty; else it is a file in the folder. ``log`` is where the server writes.

    Raises:
        ServerFailed: it did not start.
    """
    chosen: dict[str, Any] = {
        **dict.fromkeys(_LISTENERS, f"{_HOST}:0"),
        **dict.fromkeys(_NO_LISTENERS, "off"),
        "public_host": _NAME,
        "cpo_name": _OPERATOR,
    }
    settings = Settings(data=folder / "data", database=database, **chosen)
    plan, key = await _prepared(settings)
    async with _process(settings, folder, log or folder / "server.log") as server:
        environ = {"VOLTKEEP_SERVER": f"http://{server.http}", "VOLTKEEP_API_KEY": key}
        driver = HttpDriver(driver_file("voltkeep"), environ)
        try:
            yield Tested(_reached_at(plan, server), driver)
        finally:
            await driver.close()


def driver_file(name: str) -> HttpDriverFile:
    """The driver's file that comes with us."""
    path = Path(__file__).parent.parent / "lab" / "drivers" / f"{name}.toml"
    return toml.decode(path.read_bytes(), type=HttpDriverFile)


async def _prepared(settings: Settings) -> tuple[Plan, str]:
    """Register what the cases need; the plan of it, without addresses, and a key for the API.

    Raises ServerFailed: in the database is something already.
    """
    if (await schema_status(settings.database_url)).current is not None:
        raise ServerFailed("its database is not empty, and the laboratory fills one of its own")
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
        csms=Csms(urls={}, roots=roots, address=_HOST),
        stations=accounts,
        tokens=_TOKENS,
        files=files,
        shown=shown,
        deadlines=Deadlines(answer_s=15.0, order_s=15.0, case_s=90.0, idle_s=5.0),
        reservation_s=2,
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
async def _process(settings: Settings, folder: Path, log: Path) -> AsyncIterator[Server]:
    chosen = (*_LISTENERS, *_NO_LISTENERS, "database", "public_host", "cpo_name")
    # What this shell has set is for another server.
    environ = {name: it for name, it in os.environ.items() if not name.startswith("VOLTKEEP_")}
    environ |= {f"VOLTKEEP_{name.upper()}": str(getattr(settings, name)) for name in chosen}
    command = [sys.executable, "-m", "voltkeep.cli.lab_child", str(folder)]
    command += ["--data", str(settings.data), "serve", "--log-format", "json"]
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,  # `lab_child` says what for
            stdout=output,
            stderr=output,
            env=environ,
            start_new_session=True,  # Ctrl-C is for the laboratory, which then stops its server
        )
    try:
        yield await _listening(process, settings.data, log)
    finally:
        await asyncio.shield(_stop(process))


async def _listening(process: asyncio.subprocess.Process, data: Path, log: Path) -> Server:
    """The server as it describes itself, once it listens. Raises ServerFailed."""
    try:
        async with asyncio.timeout(_START_S):
            while (server := await asyncio.to_thread(find_server, data)) is None:
                if process.returncode is not None:
                    raise ServerFailed(await asyncio.to_thread(_end_of, log))
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise ServerFailed(f"it does not listen after {_START_S:g} s") from None
    return server


async def _stop(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(_STOP_S):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _reached_at(plan: Plan, server: Server) -> Plan:
    """The plan, with the ports that the server has got."""
    by_profile = {1: server.ocpp, 2: server.ocpp_tls, 3: server.ocpp_mtls}
    ports = {profile: int(each.rpartition(":")[2]) for profile, each in by_profile.items()}
    # The URLs are the same in each run, and so are two reports.
    urls = {profile: f"{'wss' if profile > 1 else 'ws'}://{_NAME}/ocpp" for profile in ports}
    return structs.replace(plan, csms=structs.replace(plan.csms, urls=urls, ports=ports))


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]
