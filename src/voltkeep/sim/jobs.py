"""What a station does beside charging: one task for each kind of it."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from typing import Any

log = logging.getLogger("voltkeep.sim")


class Jobs:
    """At most one of each name. A new one ends the former."""

    __slots__ = ("_changed", "_tasks")

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def __len__(self) -> int:
        return len(self._tasks)

    def runs(self, name: str) -> bool:
        """Whether there is one of that name."""
        return name in self._tasks

    def start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Begin."""
        self.cancel(name)
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks[name] = task
        task.add_done_callback(lambda _: self._ended(name, task))

    def cancel(self, name: str) -> bool:
        """End one; False if there was none."""
        task = self._tasks.pop(name, None)
        if task is not None:
            task.cancel()
        return task is not None

    async def stop(self) -> None:
        """End all of them."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, name: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(name) is task:
            del self._tasks[name]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("A simulated station failed at its %s", name, exc_info=error)
        self._changed()
