"""Files to and from a server, as a station moves them: HTTP, HTTPS, FTP and FTPS."""

import asyncio
import ftplib
import io
import ssl
from collections.abc import Callable
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

PATIENCE_S = 30.0
_LARGEST = 1 << 30


class TransferError(Exception):
    """A file did not move. `word` is what OCPP calls it, of an upload."""

    def __init__(self, text: str, word: str = "UploadFailure") -> None:
        super().__init__(text)
        self.word = word


async def upload(
    location: str, name: str, content: bytes, context: ssl.SSLContext, by: str = "PUT"
) -> None:
    """Send a file. Raises TransferError."""
    to = urlsplit(location)
    if to.scheme in {"http", "https"}:
        await _send(location, name, content, context, by)
    elif to.scheme in {"ftp", "ftps"}:
        path = to.path if to.path.rpartition("/")[2] else f"{to.path}{name}"
        file = io.BytesIO(content)
        await _ftp(to, context, lambda ftp: ftp.storbinary(f"STOR {unquote(path)}", file))
    else:
        raise TransferError(f"No way to {to.scheme}", "NotSupportedOperation")


async def download(location: str, context: ssl.SSLContext) -> bytes:
    """Fetch a file. Raises TransferError."""
    source = urlsplit(location)
    if source.scheme in {"http", "https"}:
        return await _fetch(location, context)
    if source.scheme in {"ftp", "ftps"}:
        parts: list[bytes] = []
        command = f"RETR {unquote(source.path)}"
        await _ftp(source, context, lambda ftp: ftp.retrbinary(command, parts.append))
        return b"".join(parts)
    raise TransferError(f"No way from {source.scheme}")


_WORDS = {400: "BadMessage", 401: "PermissionDenied", 403: "PermissionDenied"}


def _client(context: ssl.SSLContext) -> Any:
    import httpx  # noqa: PLC0415  # a fleet that moves no file need not load it

    return httpx.AsyncClient(
        verify=context, timeout=PATIENCE_S, trust_env=False, follow_redirects=True
    )


async def _send(location: str, name: str, content: bytes, context: ssl.SSLContext, by: str) -> None:
    import httpx  # noqa: PLC0415  # see `_client`

    try:
        async with _client(context) as client:
            if by == "form":
                answer = await client.post(location, files={"file": (name, content)})
            else:
                answer = await client.request(by, location, content=content)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise TransferError(f"{type(error).__name__}: {error}") from error
    if not answer.is_success:
        word = _WORDS.get(answer.status_code, "UploadFailure")
        raise TransferError(f"The server answered {answer.status_code}", word)


async def _fetch(location: str, context: ssl.SSLContext) -> bytes:
    import httpx  # noqa: PLC0415  # see `_client`

    parts, size = [], 0
    try:
        async with _client(context) as client, client.stream("GET", location) as answer:
            if not answer.is_success:
                raise TransferError(f"The server answered {answer.status_code}")
            async for part in answer.aiter_bytes():
                size += len(part)
                if size > _LARGEST:
                    raise TransferError("The file has no end")
                parts.append(part)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise TransferError(f"{type(error).__name__}: {error}") from error
    return b"".join(parts)


async def _ftp(
    at: SplitResult, context: ssl.SSLContext, move: Callable[[ftplib.FTP], object]
) -> None:
    try:
        await asyncio.to_thread(_in_thread, at, context, move)
    except ftplib.error_perm as error:
        raise TransferError(str(error), "PermissionDenied") from error
    except (ftplib.Error, OSError, EOFError, ValueError) as error:
        raise TransferError(f"{type(error).__name__}: {error}") from error


def _in_thread(
    at: SplitResult, context: ssl.SSLContext, move: Callable[[ftplib.FTP], object]
) -> None:
    """FTPS is explicit (AUTH TLS), as the whitepaper has it."""
    with _ftp_client(at.scheme, context) as ftp:
        ftp.connect(at.hostname or "", at.port or 21)
        ftp.login(unquote(at.username or "anonymous"), unquote(at.password or ""))
        if isinstance(ftp, ftplib.FTP_TLS):
            ftp.prot_p()
        move(ftp)


def _ftp_client(scheme: str, context: ssl.SSLContext) -> ftplib.FTP:
    if scheme == "ftps":
        return ftplib.FTP_TLS(context=context, timeout=PATIENCE_S)  # noqa: S321  # OCPP names it
    return ftplib.FTP(timeout=PATIENCE_S)  # noqa: S321  # OCPP names it
