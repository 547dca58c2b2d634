"""What stations and browsers ask of us by HTTP: uploads, firmware, and what is revoked.

Whatever is not there, not allowed, or not any more gets the same 404.
"""

import asyncio
import base64
import binascii
import re
from collections.abc import AsyncIterator
from typing import Any, Protocol

import structlog
from litestar import Litestar, Request, Response, get, head, post, put
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.params import FromPath
from litestar.response import Stream
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from voltkeep.services.authority import FileTooLarge
from voltkeep.services.diagnostics import DiagnosticsService, Receiving
from voltkeep.services.firmware import Download, FirmwareService
from voltkeep.services.ports import StoreUnavailable
from voltkeep.services.transfers import NoRoom, TransferBusy, TransferRefused
from voltkeep.web.bodies import BadBody, TooSlow, file_in, steadily, whole

log = structlog.get_logger(__name__)

UPLOADS_AT_ONCE = 32
_LARGEST_QUESTION = 64 * 1024  # an OCSP request; a certificate's serial number takes 100 bytes
_SEND_TIMEOUT_S = 60.0  # of a block: who reads no faster does not read
_REVOCATIONS_KEPT_S = 300
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
_BINARY = "application/octet-stream"
_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; sandbox"),
    (b"referrer-policy", b"no-referrer"),
)

Asked = Request[Any, Any, State]


class Revocations(Protocol):
    """What is revoked, for everybody to ask (A00.FR.702)."""

    async def crl(self, issuer: str) -> bytes:
        """The list of an issuer, DER. Raises LookupError."""
        ...

    async def ocsp(self, request: bytes) -> bytes:
        """An answer for each request, DER."""
        ...


def make_app(
    diagnostics: DiagnosticsService, firmware: FirmwareService, revocations: Revocations
) -> ASGIApp:
    """The ASGI application of the file listeners."""
    app = Litestar(
        route_handlers=[
            upload,
            upload_posted,
            upload_named,
            upload_named_posted,
            fetch,
            peek,
            revocation_list,
            ocsp_posted,
            ocsp_asked,
        ],
        state=State(
            {
                "diagnostics": diagnostics,
                "firmware": firmware,
                "revocations": revocations,
                "slots": asyncio.Semaphore(UPLOADS_AT_ONCE),
            }
        ),
        exception_handlers={Exception: _told},
        openapi_config=None,
        logging_config=None,
        request_max_body_size=None,
        include_in_schema=False,
        debug=False,
    )
    return _guarded(app)  # around it, for what no route is found for


# --- logs ---------------------------------------------------------------------------------------


@put("/upload/{token:str}", status_code=201)
async def upload(request: Asked, token: FromPath[str]) -> Response[str]:
    return await _received(request, token, "")


@post("/upload/{token:str}", status_code=201)
async def upload_posted(request: Asked, token: FromPath[str]) -> Response[str]:
    return await _received(request, token, "")


@put("/upload/{token:str}/{name:path}", status_code=201)
async def upload_named(request: Asked, token: FromPath[str], name: FromPath[str]) -> Response[str]:
    return await _received(request, token, name)


@post("/upload/{token:str}/{name:path}", status_code=201)
async def upload_named_posted(
    request: Asked, token: FromPath[str], name: FromPath[str]
) -> Response[str]:
    return await _received(request, token, name)


async def _received(request: Asked, token: str, name: str) -> Response[str]:
    """Take a log. ``name`` is what the station calls it: kept as words, never used as a path."""
    slots: asyncio.Semaphore = request.app.state.slots
    diagnostics: DiagnosticsService = request.app.state.diagnostics
    if slots.locked():  # nobody waits here: who may upload comes again, and nobody else learns it
        raise TransferBusy if await diagnostics.may_upload(token) else TransferRefused
    async with slots:
        receiving = diagnostics.receiving(
            token, _host(request), expected=_length(request), name=name.strip("/")
        )
        async with receiving as file:
            await _copied(request, file)
    return Response("kept\n", status_code=201, media_type="text/plain")


async def _copied(request: Asked, file: Receiving) -> None:
    body = steadily(request.stream())
    async for block in file_in(body, request.headers.get("content-type", "")):
        await file.write(block)
    await file.keep()


def _length(request: Asked) -> int | None:
    """How long the file says it is; None if it does not, or if it comes inside of a form."""
    text = request.headers.get("content-length", "")
    is_form = request.headers.get("content-type", "").lower().startswith("multipart/")
    return int(text) if not is_form and text.isascii() and text.isdigit() else None


# --- firmware -----------------------------------------------------------------------------------


@get("/firmware/{token:str}/{name:path}")
async def fetch(
    request: Asked, token: FromPath[str], name: FromPath[str]
) -> Stream | Response[bytes]:
    firmware: FirmwareService = request.app.state.firmware
    download = await firmware.download(token, _host(request))
    start, end = _range(request, download)
    if start > end:
        headers = {"content-range": f"bytes */{download.size}"}
        return Response(b"", status_code=416, headers=headers, media_type=_BINARY)
    is_part = (start, end) != (0, download.size - 1)
    headers = _headers(download) | {"content-length": str(end - start + 1)}
    if is_part:
        headers["content-range"] = f"bytes {start}-{end}/{download.size}"
    content = _first(firmware.content(download, start), end - start + 1)
    return Stream(content, status_code=206 if is_part else 200, headers=headers, media_type=_BINARY)


@head("/firmware/{token:str}/{name:path}", media_type="text/plain")
async def peek(request: Asked, token: FromPath[str], name: FromPath[str]) -> Response[None]:
    firmware: FirmwareService = request.app.state.firmware
    download = await firmware.download(token, _host(request))
    headers = _headers(download) | {"content-length": str(download.size)}
    return Response(None, headers=headers)


def _headers(download: Download) -> dict[str, str]:
    return {
        "accept-ranges": "bytes",
        "cache-control": "no-store",
        "content-disposition": "attachment",
        "etag": _etag(download),
    }


def _etag(download: Download) -> str:
    return f'"{download.sha256}"'


def _range(request: Asked, download: Download) -> tuple[int, int]:
    """The first and the last byte that are wanted (RFC 9110, 14); all, if that is unclear."""
    last = download.size - 1
    match = _RANGE.fullmatch(request.headers.get("range", ""))
    if match is None or request.headers.get("if-range", _etag(download)) != _etag(download):
        return 0, last
    if not match[1]:
        return (max(0, download.size - int(match[2])), last) if match[2] else (0, last)
    end = min(int(match[2]), last) if match[2] else last
    return (0, last) if match[2] and int(match[2]) < int(match[1]) else (int(match[1]), end)


async def _first(content: AsyncIterator[bytes], count: int) -> AsyncIterator[bytes]:
    async for block in content:
        yield block[:count]
        count -= len(block)
        if count <= 0:
            return


# --- what is revoked ----------------------------------------------------------------------------


@get("/ca/{name:str}")
async def revocation_list(request: Asked, name: FromPath[str]) -> Response[bytes]:
    issuer, dot, kind = name.rpartition(".")
    if not dot or kind != "crl":
        raise LookupError(name)
    revocations: Revocations = request.app.state.revocations
    content = await revocations.crl(issuer)
    headers = {
        "cache-control": f"public, max-age={_REVOCATIONS_KEPT_S}",
        "content-disposition": "attachment",
    }
    return Response(content, headers=headers, media_type="application/pkix-crl")


@post("/ocsp", status_code=200)
async def ocsp_posted(request: Asked) -> Response[bytes]:
    """RFC 6960, A.1."""
    question = await whole(steadily(request.stream()), _LARGEST_QUESTION)
    return await _ocsp(request, question, "no-store")


@get("/ocsp/{question:path}")
async def ocsp_asked(request: Asked, question: FromPath[str]) -> Response[bytes]:
    """RFC 6960, A.1.1: base64 in the path, in which a slash may stand as it is."""
    try:
        octets = base64.b64decode(question.removeprefix("/"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise LookupError(question) from error
    return await _ocsp(request, octets, f"public, max-age={_REVOCATIONS_KEPT_S}")


async def _ocsp(request: Asked, question: bytes, cache: str) -> Response[bytes]:
    revocations: Revocations = request.app.state.revocations
    answer = await revocations.ocsp(question)
    headers = {"cache-control": cache}
    return Response(answer, headers=headers, media_type="application/ocsp-response")


# --- for all ------------------------------------------------------------------------------------


def _host(request: Asked) -> str:
    return request.client.host if request.client else ""


_ANSWERS: dict[type[Exception], tuple[int, str]] = {
    BadBody: (400, "this is not what it says it is"),
    TooSlow: (408, "too slow"),
    FileTooLarge: (413, "too large"),
    TransferBusy: (503, "busy; try again"),
    StoreUnavailable: (503, "busy; try again"),
    NoRoom: (507, "no room"),
    OSError: (507, "no room"),
}


def _told(request: Asked, error: Exception) -> Response[str]:
    """No more than is needed: who guesses learns nothing, and who may come again is told so."""
    is_missing = isinstance(error, TransferRefused | LookupError | FileNotFoundError) or (
        isinstance(error, HTTPException) and error.status_code < 500
    )
    status, words = (404, "not found") if is_missing else (500, "this failed here")
    if not is_missing:
        for kind, answer in _ANSWERS.items():
            if isinstance(error, kind):
                status, words = answer
                break
        else:
            log.error("a request failed", place=request.url.path.split("/")[1], exc_info=error)
    headers = {"connection": "close", "cache-control": "no-store"}
    if status == 503:
        headers["retry-after"] = "30"
    return Response(f"{words}\n", status_code=status, headers=headers, media_type="text/plain")


def _guarded(app: ASGIApp) -> ASGIApp:
    """What every answer bears; and nobody holds a connection by not reading."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        async def bounded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_ALWAYS]
            async with asyncio.timeout(_SEND_TIMEOUT_S):
                await send(message)

        await app(scope, receive, bounded)

    return guarded
