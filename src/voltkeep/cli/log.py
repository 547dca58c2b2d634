"""`voltkeep log`: have stations upload their logs, and read them."""

import asyncio
import enum
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voltkeep.cli.command import Run, command
from voltkeep.cli.errors import ExitCode, Failure
from voltkeep.cli.output import Cell
from voltkeep.cli.station import Name
from voltkeep.cli.text import instant

if TYPE_CHECKING:
    from voltkeep.app import App
    from voltkeep.domain.diagnostics import LogUpload
    from voltkeep.domain.identity import StationId
    from voltkeep.services.transfers import Via

group = typer.Typer(
    help="Have stations upload their logs, to this server or elsewhere, and read them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Number = Annotated[str, typer.Argument(metavar="NUMBER", help="As `list` shows it.")]
Moment = typer.Option(
    formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"], metavar="TIME", help="UTC."
)
Retries = Annotated[int | None, typer.Option(min=0, max=1000, help="How often it may try again.")]
RetryInterval = Annotated[
    int | None, typer.Option(min=0, max=86_400, metavar="SECONDS", help="How long it waits first.")
]
Wait = Annotated[
    float | None,
    typer.Option(min=0.1, metavar="SECONDS", help="Wait so long for the end, and tell it."),
]
LOOK_EVERY_S = 0.3
_BAD = {"failed", "refused", "cancelled"}


class Carrier(enum.StrEnum):
    """How a station shall carry a file."""

    HTTPS = "https"
    HTTP = "http"
    FTPS = "ftps"
    FTP = "ftp"


By = Annotated[
    Carrier | None,
    typer.Option("--via", help="How; else as suits the station's security profile."),
]


class Kind(enum.StrEnum):
    """Which log."""

    DIAGNOSTICS = "diagnostics"
    SECURITY = "security"


def via(carrier: Carrier | None) -> "Via | None":
    from voltkeep.services.transfers import Via

    return None if carrier is None else Via(carrier.value)


def utc(at: datetime | None) -> datetime | None:
    return None if at is None else at.replace(tzinfo=UTC)


@command(
    group,
    "request",
    examples=("log request CS-01 --kind security --wait 300", "log request CS-01 --via ftp"),
)
async def request(
    run: Run,
    name: Name,
    *,
    kind: Annotated[Kind, typer.Option(help="Which log.")] = Kind.DIAGNOSTICS,
    since: Annotated[datetime | None, Moment] = None,
    until: Annotated[datetime | None, Moment] = None,
    retries: Retries = None,
    retry_interval: RetryInterval = None,
    by: By = None,
    to: Annotated[
        str | None, typer.Option(metavar="URL", help="To a server of yours, and not to us.")
    ] = None,
    older: Annotated[
        bool, typer.Option("--older", help="By GetDiagnostics, also if it may know GetLog (1.6).")
    ] = False,
    wait: Wait = None,
) -> None:
    """Ask a station to upload a log."""
    from voltkeep.domain.diagnostics import LogKind
    from voltkeep.domain.identity import parse_station

    station = parse_station(name)
    async with run.app() as app:
        asked = await app.services.diagnostics.request_log(
            station,
            LogKind[kind.name],
            oldest=utc(since),
            latest=utc(until),
            retries=retries,
            retry_interval_s=retry_interval,
            via=via(by),
            location=to,
            older=older,
        )
        upload = asked.upload
        if asked.outcome.accepted and wait is not None:
            upload = await _ended(app, station, upload.id, wait)
    _tell(run, upload)


async def _ended(app: "App", station: "StationId", id: str, patience: float) -> "LogUpload":
    """The log once it is there or will not come. Raises Failure when that takes too long."""
    from voltkeep.domain.diagnostics import OPEN_LOG_STATES

    try:
        async with asyncio.timeout(patience):
            while True:
                upload = await app.services.diagnostics.get(station, id)
                if upload.state not in OPEN_LOG_STATES:
                    return upload
                await asyncio.sleep(LOOK_EVERY_S)
    except TimeoutError:
        raise Failure(
            f"Log {id} of {station} has not come in {patience:g} s.",
            f"It may still come: `voltkeep log list {station.quoted}`.",
            ExitCode.UNREACHABLE,
        ) from None


def _tell(run: Run, upload: "LogUpload") -> None:
    if run.out.as_json:
        run.out.data(_plain(upload))
    else:
        run.out.pairs(_rows(upload))
    if upload.state in _BAD:
        raise Failure(
            f"Log {upload.id} of {upload.station} is {upload.state}: {upload.status}.",
            f"`voltkeep station tail {upload.station.quoted} --no-follow` shows what was said.",
        )
    if upload.stored_as:
        run.out.say(f"`voltkeep log get {upload.station.quoted} {upload.id}` writes it to a file.")
    elif not run.out.as_json:
        run.out.say(f"`voltkeep log list {upload.station.quoted}` tells how far it is.")


def _rows(upload: "LogUpload") -> list[tuple[str, Cell | str]]:
    return [
        ("Number", upload.id),
        ("Station", str(upload.station)),
        ("Log", upload.kind),
        ("State", _state(upload)),
        ("Station says", upload.status),
        ("To", upload.location),
        ("File", upload.filename),
        ("Size", _size(upload)),
        ("SHA-256", upload.sha256),
    ]


def _state(upload: "LogUpload") -> Cell:
    word = str(upload.state)
    if upload.stored_as:
        return Cell("here", "green")
    return Cell(word, "red" if word in _BAD else "")


def _size(upload: "LogUpload") -> str:
    return f"{upload.size} bytes" if upload.stored_as else ""


def _plain(upload: "LogUpload") -> dict[str, Any]:
    """A log for programs."""
    return {
        "station": str(upload.station),
        "number": upload.id,
        "kind": upload.kind,
        "state": upload.state,
        "status": upload.status,
        "is_here": bool(upload.stored_as),
        "location": upload.location,
        "filename": upload.filename,
        "size": upload.size,
        "sha256": upload.sha256,
        "requested_at": upload.requested_at,
        "at": upload.at,
    }


@command(group, "list", examples=("log list", "log list CS-01"))
async def list_(
    run: Run, name: Annotated[str | None, typer.Argument(metavar="STATION", help="Of this.")] = None
) -> None:
    """Logs that were asked for, the latest first."""
    from voltkeep.domain.identity import parse_station

    station = None if name is None else parse_station(name)
    async with run.app() as app:
        logs = await app.services.diagnostics.logs(station)
    if run.out.as_json:
        run.out.data([_plain(each) for each in logs])
        return
    if not logs:
        run.out.say("No log. Ask for one: `voltkeep log request STATION`.")
        return
    run.out.table(
        ("NUMBER", "STATION", "LOG", "STATE", "SAYS", "SIZE", "AT"),
        [
            (
                each.id,
                str(each.station),
                each.kind,
                _state(each),
                each.status,
                _size(each),
                instant(each.at),
            )
            for each in logs
        ],
    )


@command(group, "get", examples=("log get CS-01 1837462 --out cs-01.log",))
async def get(
    run: Run,
    name: Name,
    number: Number,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Else a new file here, named after station and number."),
    ] = None,
) -> None:
    """Write a log that has come to a file. What a station calls it is never used as a name."""
    from voltkeep.domain.identity import parse_station

    station = parse_station(name)
    async with run.app() as app:
        content = await app.services.diagnostics.open(station, number)
        path = out or Path(f"{_harmless(station.name)}-{number}.log")
        try:
            with path.open("wb" if out else "xb") as file:
                async for block in content:
                    file.write(block)
        except OSError as error:
            raise Failure(
                f"{path} cannot be written: {error.strerror}.", "Say where with --out."
            ) from error
    if run.out.as_json:
        run.out.data({"file": os.fspath(path), "size": path.stat().st_size})
    else:
        run.out.line(f"Wrote {path}, {path.stat().st_size} bytes. It is what the station sent:")
        run.out.line("open it with care.")


def _harmless(name: str) -> str:
    return "".join(each if each.isalnum() or each in "-_" else "_" for each in name)


@command(group, "remove", examples=("log remove CS-01 1837462",))
async def remove(run: Run, name: Name, number: Number) -> None:
    """Forget a log and its file. If it has not come yet, it is not taken any more."""
    from voltkeep.domain.identity import parse_station

    station = parse_station(name)
    async with run.app() as app:
        await app.services.diagnostics.remove(station, number)
    if run.out.as_json:
        run.out.data({"station": str(station), "number": number, "removed": True})
    else:
        run.out.line(f"Log {number} of {station} is gone.")
