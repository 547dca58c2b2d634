"""What goes on by itself: work done now and then, and records that are carried out until they end.

The database may be away for a while; whatever else fails ends the job, which its supervisor logs
and begins again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from typing import Generic, TypeVar

import structlog

from voltkeep.services.ports import StoreUnavailable

R = TypeVar("R")

log = structlog.get_logger(__name__)


async def now_and_then(
    what: str, do: Callable[[], Awaitable[object]], every_s: float, *, at_once: bool = True
) -> None:
    """Do it every so many seconds, until cancelled; first at once or after the first wait.

    While the database is away ``what`` waits, and the log says so.
    """
    while True:
        if at_once:
            await _once(what, do)
        at_once = True
        await asyncio.sleep(every_s)


class Carried(Generic[R]):
    """Carries out every record that is open, each in a task, also those of before a restart.

    ``open_ones`` finds them with their keys; ``carry_out`` takes one to its end.
    """

    def __init__(
        self,
        what: str,
        open_ones: Callable[[], Awaitable[Mapping[Hashable, R]]],
        carry_out: Callable[[R], Awaitable[object]],
        every_s: float,
    ) -> None:
        self._what = what
        self._open_ones = open_ones
        self._carry_out = carry_out
        self._every_s = every_s
        self._news = asyncio.Event()
        self._running: dict[Hashable, asyncio.Task[None]] = {}

    def look_now(self) -> None:
        """There may be a new one."""
        self._news.set()

    def task(self, key: Hashable) -> asyncio.Task[None] | None:
        """The task that carries one out here and now."""
        return self._running.get(key)

    async def go_on(self) -> None:
        """Until cancelled, and then nothing of it goes on."""
        try:
            while True:
                self._news.clear()
                await _once(self._what, self._look)
                try:
                    async with asyncio.timeout(self._every_s):
                        await self._news.wait()
                except TimeoutError:
                    pass
        finally:
            await _end(self._running.values())

    async def _look(self) -> None:
        for key, record in (await self._open_ones()).items():
            if key not in self._running:
                self._running[key] = asyncio.create_task(
                    self._carried(key, record), name=f"{self._what} {key}"
                )

    async def _carried(self, key: Hashable, record: R) -> None:
        try:
            await self._carry_out(record)
        except Exception:
            log.exception("a job failed", job=f"{self._what} {key}")
        finally:
            del self._running[key]


async def _once(what: str, do: Callable[[], Awaitable[object]]) -> None:
    try:
        await do()
    except StoreUnavailable as error:
        log.warning("a job waits for the database", job=what, error=str(error))


async def _end(tasks: Iterable[asyncio.Task[None]]) -> None:
    ended = list(tasks)
    for task in ended:
        task.cancel()
    await asyncio.gather(*ended, return_exceptions=True)
