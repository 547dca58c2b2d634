"""Logs that stations upload: what was asked for, and what has arrived."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

from litestar import delete, get
from litestar.params import FromPath
from litestar.response import Stream
from msgspec import Struct

from voltkeep.domain.accounts import Permission
from voltkeep.domain.diagnostics import LogKind, LogState, LogUpload
from voltkeep.web.access import Given, Known, Paging, Who
from voltkeep.web.looks import LOOK, Looking
from voltkeep.web.openapi import MEDIA
from voltkeep.web.paging import Page, page_of_records
from voltkeep.web.problems import Asked, NotThere


class LogOut(Struct, frozen=True, kw_only=True):
    """One log that a station was asked for. ``status`` and ``filename`` are its own words."""

    id: str
    station: str
    state: LogState
    kind: LogKind
    requested_at: datetime
    changed_at: datetime
    status: str
    filename: str
    has_arrived: bool
    size_bytes: int
    sha256: str


def _out(upload: LogUpload) -> LogOut:
    return LogOut(
        id=upload.id,
        station=upload.station.name,
        state=upload.state,
        kind=upload.kind,
        requested_at=upload.requested_at,
        changed_at=upload.at,
        status=upload.status,
        filename=upload.filename.encode(errors="replace").decode(),  # as the station said it
        has_arrived=bool(upload.stored_as),
        size_bytes=upload.size,
        sha256=upload.sha256,
    )


@get("/logs", needs=Permission.READ_MESSAGES, states=LogState, dependencies=LOOK)
async def list_logs(
    request: Asked, principal: Who, services: Given, cursors: Paging, look: Looking
) -> Page[LogOut]:
    """Logs that stations were asked for. The command `RequestLog` asks for one."""
    async with services.read() as work:
        found = await work.logs.page(principal.tenant, look)
    return page_of_records(request, cursors, look, found, _out)


@get("/stations/{station:str}/logs/{log:str}", needs=Permission.READ_MESSAGES)
async def show_log(known: Known, log: FromPath[str], services: Given) -> LogOut:
    """One log that a station was asked for."""
    return _out(await services.diagnostics.get(known.id, log))


@get(
    "/stations/{station:str}/logs/{log:str}/content",
    needs=Permission.READ_MESSAGES,
    media_type="application/octet-stream",
    opt={MEDIA: {"application/octet-stream": "what the station sent"}},
)
async def fetch_log(known: Known, log: FromPath[str], services: Given) -> Stream:
    """What has arrived of a log, as the station sent it."""
    content = await services.diagnostics.open(known.id, log)
    try:
        first = await anext(content, b"")
    except FileNotFoundError as error:
        raise NotThere(f"the file of log {log[:60]} is not here any more") from error
    headers = {"content-disposition": "attachment"}
    blocks = _after(first, content)
    return Stream(blocks, headers=headers, media_type="application/octet-stream")


async def _after(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for block in rest:
        yield block


@delete("/stations/{station:str}/logs/{log:str}", needs=Permission.WRITE_SECURITY)
async def remove_log(known: Known, log: FromPath[str], services: Given) -> None:
    """Forget a log and its file. An upload that is under way is refused."""
    await services.diagnostics.remove(known.id, log)


ROUTES = [list_logs, show_log, fetch_log, remove_log]

_AT = datetime(2026, 5, 2, 9, 30, tzinfo=UTC)
EXAMPLES = [
    LogOut(
        id="17",
        station="CP-1001",
        state=LogState.UPLOADED,
        kind=LogKind.DIAGNOSTICS,
        requested_at=_AT,
        changed_at=_AT,
        status="Uploaded",
        filename="diagnostics.tar.gz",
        has_arrived=True,
        size_bytes=48_211,
        sha256="6f1c2a" + "0" * 58,
    )
]
