"""Event streams as server-sent events (WHATWG HTML, 9.2): what was missed, and then what happens.

A stream ends when whoever reads may read no longer; the server cuts off who does not read at all.
What is told to many is compressed once: each piece is deflated by itself, so it fits any stream.
"""

import asyncio
import zlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing

import structlog
from msgspec import json

from voltkeep.bus.feed import Batch, Entry, Feed, Gap
from voltkeep.domain.telling import Choice
from voltkeep.services.ports import StoreUnavailable

log = structlog.get_logger(__name__)

MEDIA_TYPE = "text/event-stream"
_QUIET_S = 15.0  # shorter than what proxies wait for
_CHECK_EVERY_S = 10.0
_LARGEST_PIECE = 32 * 1024

_GZIP = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"  # the head of a member: no name, no time

_Pack = Callable[[bytes], bytes]
_Piece = tuple[bytes, int | None]

Recheck = Callable[[], Awaitable[Choice | None]]
"""What whoever reads may see now; None if nothing any more."""


async def frames(
    feed: Feed,
    choice: Choice,
    after: int | None,
    recheck: Recheck,
    *,
    follow: bool,
    is_packed: bool = False,
) -> AsyncGenerator[bytes, None]:
    """The stream, in pieces that are to be sent one by one.

    ``follow``: go on when all that is kept was told. ``is_packed``: in gzip (RFC 1952), which ends
    without a checksum; browsers take that for what it is, the end of a connection.
    """
    pack = _deflated if is_packed else bytes
    yield (_GZIP if is_packed else b"") + pack(b"retry: 2000\n\n")
    while True:
        changed: Choice | None = None
        begun = feed.latest
        quiet_s = min(_QUIET_S, _CHECK_EVERY_S) if follow else 0.0
        try:
            if after is not None:
                try:
                    await feed.check(choice.tenant, after)
                except Gap as gap:
                    yield pack(_truncated(after, gap.resumes_after))
                    after = gap.resumes_after
            async with aclosing(_checked(feed, choice, after, recheck, quiet_s)) as stream:
                async for batch in stream:
                    if isinstance(batch, Choice):
                        changed = batch
                        break
                    for piece, last in _pieces(batch, choice, pack):
                        yield piece
                        after = last if last is not None else after
                    if not batch:
                        if not follow:
                            return
                        yield pack(b":\n\n")
        except StoreUnavailable as error:
            log.warning("an event stream ends: the database is away", error=str(error))
            return  # whoever reads comes back, and says where they were
        if changed is None:
            return
        # What came while it was looked up is told to who may see it now.
        choice, after = changed, begun if after is None else after


async def _checked(
    feed: Feed, choice: Choice, after: int | None, recheck: Recheck, quiet_s: float
) -> AsyncGenerator[Batch | Choice, None]:
    """Batches, until whoever reads may read something else (that is told), or nothing."""
    loop = asyncio.get_running_loop()
    due = loop.time() + _CHECK_EVERY_S
    async with aclosing(feed.stream(choice, after, quiet_s=quiet_s)) as stream:
        async for batch in stream:
            if loop.time() >= due:
                due = loop.time() + _CHECK_EVERY_S
                now = await recheck()
                if now is None:
                    return
                if now != choice:
                    yield now
                    return
            yield batch


def _deflated(content: bytes) -> bytes:
    """Blocks of a deflated stream (RFC 1951) that need nothing of what came before them."""
    packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush(zlib.Z_SYNC_FLUSH)


def _pieces(batch: Batch, choice: Choice, pack: _Pack) -> Sequence[_Piece]:
    """What is sent at once, and the position it ends with."""
    pieces = batch.encoded.get(pack)
    if pieces is None:
        plain = _encoded(batch, shows_tokens=choice.shows_tokens)
        pieces = batch.encoded[pack] = [(pack(piece), last) for piece, last in plain]
    return pieces


def _encoded(batch: Batch, *, shows_tokens: bool) -> list[_Piece]:
    pieces: list[_Piece] = []
    parts: list[bytes] = []
    size, last = 0, None
    for entry in batch:
        frame = _frame(entry, shows_tokens=shows_tokens)
        parts.append(frame)
        size += len(frame)
        last = entry.position if entry.position is not None else last
        if size >= _LARGEST_PIECE:
            pieces.append((b"".join(parts), last))
            parts, size = [], 0
    if parts:
        pieces.append((b"".join(parts), last))
    return pieces


def _frame(entry: Entry, *, shows_tokens: bool) -> bytes:
    id = b"" if entry.position is None else b"id: %d\n" % entry.position
    content = entry.content(shows_tokens=shows_tokens)
    return b"%sevent: %s\ndata: %s\n\n" % (id, entry.name.encode(), content)


def _truncated(asked: int, resumes_after: int) -> bytes:
    told = {
        "type": "replay.truncated",
        "asked_after": str(asked),
        "resumes_after": str(resumes_after),
    }
    return b"id: %d\nevent: replay.truncated\ndata: %s\n\n" % (resumes_after, json.encode(told))
