"""Logs that a CSMS asks for: put together, uploaded, and told of (N01; GetDiagnostics of 1.6)."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from voltkeep.sim.clock import timestamp
from voltkeep.sim.station import Station
from voltkeep.sim.transfer import TransferError, upload

SECURITY, DIAGNOSTICS = "SecurityLog", "DiagnosticsLog"
_JOB = "log"
_RETRY_S = 10.0


class LogRequest(NamedTuple):
    """What is asked for. `tell` says how it goes, in LogStatusNotification's words."""

    kind: str
    location: str
    retries: int
    retry_s: float | None
    tell: Callable[[str], None]


def send_log(station: Station, request: LogRequest) -> tuple[str, str]:
    """Begin once the CALL is answered; how it is taken, and the file's name (N01.FR.01, .11)."""
    if station.manners.any("refuses_files"):
        return "Rejected", ""
    former = station.jobs.cancel(_JOB)
    name = f"{station.spec.id}-{request.kind}-{station.today():%Y%m%d%H%M%S}.log"
    name = "".join(each if each.isalnum() or each in "-." else "_" for each in name)
    station.later(lambda: station.jobs.start(_JOB, _send(station, request, name)))
    return "AcceptedCanceled" if former else "Accepted", name


def log_text(station: Station, kind: str) -> bytes:
    """The security log, or the last frames."""
    if kind == SECURITY:
        lines = [f"{e.at.isoformat()} {e.type} {e.text}" for e in station.security_log]
    else:
        lines = [
            f"{timestamp(station.wall(at)).isoformat()} {direction} {len(frame)} bytes"
            for at, direction, frame in station.log
        ]
    head = f"{kind} of {station.spec.id}, {station.firmware}"
    return "\n".join([head, *lines, ""]).encode()


async def _send(station: Station, request: LogRequest, name: str) -> None:
    request.tell("Uploading")
    content = log_text(station, request.kind)
    for attempt in range(request.retries + 1):
        if attempt:
            wait = _RETRY_S if request.retry_s is None else request.retry_s
            await asyncio.sleep(station.clock.real(wait))
        try:
            await upload(
                request.location, name, content, station.downloads(), station.spec.upload_by
            )
        except TransferError as error:
            word = error.word
            station.note("UploadFailed", str(error))
        else:
            word = "Uploaded"
            break
    request.tell(word)
