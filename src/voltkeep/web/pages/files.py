"""Lists as files: JSON Lines, as the API has each of them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

from litestar.response import Stream
from msgspec import json

from voltkeep.services.lists import Page, Place

_FETCHED = 500

R = TypeVar("R")

Fetch = Callable[[Place | None, int], Awaitable[Page[R]]]
"""The rows after a place, at most so many."""


def json_lines(name: str, most: int, fetch: Fetch[R], out: Callable[[R], Any]) -> Stream:
    """A file of that name: a list from its beginning, at most ``most`` rows of it."""

    async def lines() -> AsyncIterator[bytes]:
        after: Place | None = None
        for _part in range(most // _FETCHED):
            found = await fetch(after, _FETCHED)
            yield b"".join(json.encode(out(row)) + b"\n" for row in found.rows)
            after = found.next
            if after is None:
                return

    headers = {"content-disposition": f'attachment; filename="{name}.jsonl"'}
    return Stream(lines(), headers=headers, media_type="application/jsonl")
