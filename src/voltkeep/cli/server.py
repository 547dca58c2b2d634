"""The server in the foreground: from its start to the signal that ends it."""

import asyncio
import contextlib
import errno
import os
import signal
import sys
from collections.abc import AsyncIterator, Coroutine
from importlib.metadata import version
from typing import Any

import structlog

from voltkeep.app import App
from voltkeep.bus.local import Subscription
from voltkeep.cli.accounts import setup_link
from voltkeep.cli.command import Run, shell_path
from voltkeep.cli.demo import demo_settings, origins, run_demo
from voltkeep.cli.errors import ExitCode, Failure
from voltkeep.cli.event_log import log_event
from voltkeep.cli.logs import server_logs
from voltkeep.cli.output import Cell, Output
from voltkeep.cli.server_lock import TOLD, Server, only_server
from voltkeep.cli.text import Timeline
from voltkeep.cli.view import View
from voltkeep.config import Settings, address_or_off, make_data_directory, public_value
from voltkeep.domain.events import EnergyMetered
from voltkeep.domain.stations import SecurityProfile
from voltkeep.sim import DEMO_STATIONS
from voltkeep.wiring import now

log = structlog.get_logger(__name__)

_PROFILES = {
    SecurityProfile.BASIC: "security profile 1: a password",
    SecurityProfile.TLS_BASIC: "profile 2: TLS and a password",
    SecurityProfile.TLS_CERTIFICATE: "profile 3: TLS and a client certificate",
}
_FILES = {
    "files": "logs, firmware, and which certificates are revoked",
    "files_tls": "the same over TLS",
    "ftp": "logs and firmware, with TLS or without",
}


async def run_server(run: Run, *, demo: bool) -> None:
    """Until a signal. Raises Failure, ConfigError or StoreUnavailable when it cannot start."""
    settings = demo_settings(run.loaded) if demo else run.settings
    is_human = _is_human(run, demo=demo)
    timeline = Timeline()
    server_logs(settings.log_level, human=is_human, debug=run.debug, timeline=timeline)
    make_data_directory(settings)
    with only_server(settings.data) as describe:
        stop = _stop_on_signals()
        app = App(settings, origins(run.loaded, settings))
        ours = _ours(demo=demo)
        view = View(program=run.program(), ours=ours, timeline=timeline) if is_human else None
        # A person sees cars charge; a log collector has the meter values in the database.
        news = app.bus.subscribe(without=() if view else (EnergyMetered,))
        async with _listening(app), _beside(_tell(news, view)):
            actual = app.services.addresses.settings
            told = {name: getattr(actual, name) for name in TOLD}
            describe(Server(pid=os.getpid(), started_at=now(), **told))
            if is_human:
                _greet(run, app, demo=demo, first=await _first_user(run, app))
            else:
                log.info("listening", **_listening_on(actual), pid=os.getpid(), data=settings.data)
                if await app.services.people.users.is_nobody():
                    log.info("nobody can sign in yet", command="voltkeep user setup-link")
            async with _beside(run_demo(app) if demo else None):
                await stop.wait()
            if is_human:
                run.out.say("Stopping; Ctrl-C again stops at once.")
    if is_human:
        run.out.say("Stopped.")


def _is_human(run: Run, *, demo: bool) -> bool:
    if run.out.as_json:
        return False
    if run.settings.log_format == "auto":
        return demo or sys.stdout.isatty()
    return run.settings.log_format == "human"


def _stop_on_signals() -> asyncio.Event:
    """Set at the first SIGINT or SIGTERM; a second one ends the process where it stands."""
    stop = asyncio.Event()

    def asked() -> None:
        if stop.is_set():
            os._exit(ExitCode.INTERRUPTED)
        stop.set()

    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, asked)
    return stop


@contextlib.asynccontextmanager
async def _listening(app: App) -> AsyncIterator[None]:
    """The app, serving. Raises Failure when its address cannot be had."""
    async with contextlib.AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(app.running(serve=True))
        except OSError as error:
            raise _cannot_listen(error) from error
        yield


def _cannot_listen(error: OSError) -> Failure:
    setting, _, address = str(error.filename or "").partition(" = ")
    if not address:
        return Failure(f"The server cannot start: {error}.", "See `voltkeep doctor`.")
    flag = f"--{setting.replace('_', '-')} HOST:PORT"
    if error.errno == errno.EADDRINUSE:
        return Failure(
            f"Another program listens on {address} already, perhaps another Voltkeep.",
            f"Stop it, or choose another address: {flag} (port 0 takes any free one).",
        )
    return Failure(
        f"Cannot listen on {address}: {error.strerror or error}.",
        f"Choose an address of this machine, and a port above 1023: {flag}.",
    )


@contextlib.asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None] | None) -> AsyncIterator[None]:
    """Do something beside the block, until it ends. The server goes on if it fails."""
    if work is None:
        yield
        return

    async def watched() -> None:
        try:
            await work
        except Exception:
            log.exception("something beside the server failed")

    task = asyncio.create_task(watched())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _listening_on(settings: Settings) -> dict[str, str]:
    """Where it listens, by the setting; empty for what is off."""
    return {
        setting: str(address_or_off(getattr(settings, setting)) or "")
        for setting in (
            *("ocpp", "ocpp_tls", "ocpp_mtls", "files", "files_tls", "ftp", "http", "https"),
        )
    }


def _ours(*, demo: bool) -> frozenset[str]:
    return frozenset(station.id for station in DEMO_STATIONS) if demo else frozenset()


async def _tell(news: Subscription, view: View | None) -> None:
    """Tell of each event: a sentence for a person, or a log line for a program."""
    out = Output(as_json=False)

    def write(before: str, what: Cell) -> None:
        out.styled(before, what)
        sys.stdout.flush()

    async for event in news:
        if view is None:
            log_event(event)
        elif line := view.line(event):
            # A terminal that is held (Ctrl-S) must hold this thread, and no station.
            await asyncio.to_thread(write, *line)


def _tell_where(out: Output, app: App) -> None:
    addresses = app.services.addresses
    label = "Stations connect to"
    for profile, what in _PROFILES.items():
        if base := addresses.base(profile):
            out.line(f"{label:<21}{base}/STATION  ({what})")
            label = ""
    if label:
        out.line(f"{label}  nowhere: `ocpp`, `ocpp_tls` and `ocpp_mtls` are off")
    for setting in ("https", "http"):
        if url := addresses.api(setting):
            out.line(f"The API is at        {url}")
    label = "Files are at"
    for setting, url in addresses.files().items():
        out.line(f"{label:<21}{url}  ({_FILES[setting]})")
        label = ""


async def _first_user(run: Run, app: App) -> str:
    """How somebody becomes the first administrator; "" if there is a user.

    The link is for a terminal: what is written elsewhere is kept, and read by others.
    """
    if not await app.services.people.users.is_nobody():
        return ""
    if not sys.stdout.isatty():
        return f"Nobody can sign in yet:\n\n  {run.program()} user setup-link"
    link = setup_link(app, await app.services.people.sign_in.new_setup_token())
    return link and f"Who opens this first, within a day, becomes the administrator:\n\n  {link}"


def _greet(run: Run, app: App, *, demo: bool, first: str) -> None:
    """What runs, and what to do next."""
    settings, out = run.settings, run.out
    database = (
        public_value("database", settings.database) or f"SQLite in {shell_path(settings.data)}"
    )
    out.line(f"Voltkeep {version('voltkeep')}")
    _tell_where(out, app)
    out.line(f"Database             {database}")
    command = run.program()
    if app.authority.is_new:
        directory = shell_path(settings.pki_path)
        out.line(f"Made certificates    by an authority of our own, in {directory}; back it up")
        out.line(f"The root's SHA-256   {app.authority.root.fingerprint}")
        if {app.settings.ocpp_tls, app.settings.ocpp_mtls} != {"off"}:
            out.line(f"Stations need it     {command} ca export root")
    if demo:
        out.line(
            f"\nThis is a demo: {len(DEMO_STATIONS)} simulated stations charge cars with small "
            "batteries.\nIn another terminal try:\n"
        )
        examples = [
            "station list",
            "station tail --all",
            "transaction list",
            "station command DEMO-01 remote-stop",
        ]
    else:
        out.line("\nIn another terminal, register a station and let a token charge:\n")
        examples = ["station add CS-01", "token add 04A2B3C4D5E680", "doctor"]
    for example in examples:
        out.line(f"  {command} {example}")
    if first:
        out.line(f"\n{first}")
    out.line("\nCtrl-C ends it. From here on, what happens:\n")
    sys.stdout.flush()
