"""Lists that come in pages: going through one fetches page after page."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Generic, TypeVar

from voltkeep.client.core import Page

T = TypeVar("T")


class Pages(Generic[T]):
    """A list, for programs that wait."""

    def __init__(self, fetch: Callable[[str | None], Page[T]]) -> None:
        self._fetch = fetch

    def page(self, cursor: str | None = None) -> Page[T]:
        """One page: the first, or the one that a cursor names."""
        return self._fetch(cursor)

    def __iter__(self) -> Iterator[T]:
        page = self.page()
        yield from page.items
        while page.next is not None:
            page = self.page(page.next)
            yield from page.items


class AsyncPages(Generic[T]):
    """A list, for asyncio."""

    def __init__(self, fetch: Callable[[str | None], Awaitable[Page[T]]]) -> None:
        self._fetch = fetch

    async def page(self, cursor: str | None = None) -> Page[T]:
        """One page: the first, or the one that a cursor names."""
        return await self._fetch(cursor)

    async def __aiter__(self) -> AsyncIterator[T]:
        page = await self.page()
        for each in page.items:
            yield each
        while page.next is not None:
            page = await self.page(page.next)
            for each in page.items:
                yield each
