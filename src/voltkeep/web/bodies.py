"""The bodies of uploads: read in blocks, at a decent pace, and never held in memory."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from litestar.exceptions import InternalServerException
from litestar.types import Receive
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

_PAUSE_S = 30.0  # without a byte
_BEGIN_S = 60.0  # before the pace counts
_SLOWEST_BYTES_PER_S = 512  # a third of what GPRS carries at its worst
_LONGEST_BOUNDARY = 200  # RFC 2046: 70
_MOST_FIELDS = 16  # of a form, before its file


class TooSlow(Exception):
    """The body came to a halt, or so slowly that it would never end."""


class BadBody(Exception):
    """The body was broken off, or is not in the form that it says."""


class Pace:
    """How long the next block of a body may take."""

    def __init__(self) -> None:
        self._began, self._received = time.monotonic(), 0

    def wait(self) -> asyncio.Timeout:
        """Around waiting for a block."""
        late = time.monotonic() - self._began
        allowed = _BEGIN_S + self._received / _SLOWEST_BYTES_PER_S - late
        return asyncio.timeout(max(0.0, min(_PAUSE_S, allowed)))

    def came(self, block: bytes) -> None:
        """A block has come."""
        self._received += len(block)


async def steadily(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same blocks. Raises TooSlow."""
    pace = Pace()
    blocks = aiter(body)
    while True:
        try:
            async with pace.wait():
                block = await anext(blocks)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise TooSlow from error
        except InternalServerException as error:  # Litestar's word for a peer that has left
            raise BadBody from error
        pace.came(block)
        if block:
            yield block


def paced(receive: Receive) -> Receive:
    """What an application of ASGI receives, as long as its body keeps pace. Raises TooSlow."""
    pace = Pace()
    is_over = False

    async def next_message() -> Any:
        nonlocal is_over
        if is_over:  # what comes next is that the peer leaves
            return await receive()
        try:
            async with pace.wait():
                message: Any = await receive()
        except TimeoutError as error:
            raise TooSlow from error
        is_over = message["type"] != "http.request" or not message.get("more_body", False)
        pace.came(message.get("body", b""))
        return message

    return next_message


async def whole(body: AsyncIterator[bytes], limit: int) -> bytes:
    """A small body. Raises BadBody when it is not."""
    content = b""
    async for block in body:
        content += block
        if len(content) > limit:
            raise BadBody
    return content


async def file_in(body: AsyncIterator[bytes], content_type: str) -> AsyncIterator[bytes]:
    """The file: the body itself, or the first file of a form (RFC 7578). Raises BadBody."""
    kind, options = parse_options_header(content_type)
    if kind.lower() != "multipart/form-data":
        async for block in body:
            yield block
        return
    boundary = options.get("boundary", "")
    try:
        if not 0 < len(boundary) <= _LONGEST_BOUNDARY:
            raise BadBody
        parser = PushMultipartParser(boundary, max_segment_count=_MOST_FIELDS)
        is_file = is_found = False
        async for data in body:
            for part in parser.parse(data):
                if isinstance(part, MultipartSegment):
                    is_file = part.filename is not None and not is_found
                    is_found |= is_file
                elif part and is_file:
                    yield bytes(part)
        parser.close()
    except MultipartError as error:
        raise BadBody from error
    if not is_found:
        raise BadBody
