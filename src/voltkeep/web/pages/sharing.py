"""One reading for all who ask for the same at the same time."""

import asyncio
import gzip
from collections.abc import Awaitable, Callable, Hashable
from functools import cached_property

from litestar import Response
from msgspec import json

from voltkeep.web.problems import Asked


class Document:
    """A document as it is sent: encoded once, and packed once if anybody can unpack it."""

    def __init__(self, content: object) -> None:
        self._plain = json.encode(content)

    @cached_property
    def _packed(self) -> bytes:
        return gzip.compress(self._plain, compresslevel=1, mtime=0)

    def answer(self, request: Asked) -> Response[bytes]:
        """As this browser can read it."""
        headers = {"vary": "Accept-Encoding"}
        content = self._plain
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["content-encoding"] = "gzip"
            content = self._packed
        return Response(content, media_type="application/json", headers=headers)


class Shared:
    """Documents while they are read. Nothing is kept once those who waited for it have it.

    What somebody gets was read after they asked, so that events from before are in it: who comes
    while a document is read waits for the next reading, together with all who come meanwhile.
    """

    def __init__(self) -> None:
        self._reading: dict[Hashable, asyncio.Task[Document]] = {}
        self._next: dict[Hashable, asyncio.Task[Document]] = {}

    async def get(self, key: Hashable, read: Callable[[], Awaitable[object]]) -> Document:
        """What ``read`` returns; ``key`` is all that it depends on but time, and who may see it.

        Raises what ``read`` raises. It goes on if somebody goes away: others may wait for it.
        """
        task = self._next.get(key)
        if task is None:
            before = self._reading.get(key)
            task = asyncio.create_task(self._read(key, before, read))
            (self._reading if before is None else self._next)[key] = task
        return await asyncio.shield(task)

    async def _read(
        self,
        key: Hashable,
        before: asyncio.Task[Document] | None,
        read: Callable[[], Awaitable[object]],
    ) -> Document:
        if before is not None:
            await asyncio.wait([before])
            self._reading[key] = self._next.pop(key)
        try:
            return Document(await read())
        finally:
            if key not in self._next:
                del self._reading[key]
