"""Simulated time, and the one ticker that drives every station of a process."""

import asyncio
import logging
import math
import time
from datetime import UTC, datetime
from typing import Protocol

NEVER = math.inf

log = logging.getLogger("voltkeep.sim")


class Clock:
    """Simulated seconds since 1970; `speed` of them pass in one real second.

    What a car and a meter do is timed by `now`. What a network does (an answer's deadline) is
    timed by `monotonic`, which no speed changes: the other side lives in real time.
    """

    __slots__ = ("_began", "_origin", "speed")

    def __init__(self, speed: float = 1.0, start: float | None = None) -> None:
        self.speed = speed
        self._began = time.monotonic()
        self._origin = time.time() if start is None else start

    def now(self) -> float:
        """Simulated seconds since 1970."""
        return self._origin + (time.monotonic() - self._began) * self.speed

    @staticmethod
    def monotonic() -> float:
        """Real seconds since some instant."""
        return time.monotonic()

    def real(self, seconds: float) -> float:
        """How long simulated seconds last in reality."""
        return seconds / self.speed


def timestamp(seconds: float) -> datetime:
    """Seconds since 1970 as the wire writes them: UTC, to the millisecond."""
    return datetime.fromtimestamp(round(seconds, 3), UTC)


def seconds(at: datetime) -> float:
    """A timestamp of the wire as seconds since 1970; one without an offset is read as UTC."""
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


class Ticking(Protocol):
    """What a ticker drives: `due` is when it next wants to be called, in real monotonic seconds."""

    due: float

    def tick(self, now: float) -> None:
        """Do what is due, and set `due` anew."""


class Ticker:
    """Calls whoever is due. One task for a whole fleet: timers of their own would cost it more."""

    def __init__(self, period: float = 0.02) -> None:
        self._period = period
        self._members: dict[int, Ticking] = {}
        self._task: asyncio.Task[None] | None = None

    def add(self, member: Ticking) -> None:
        """Drive a member from now on."""
        self._members[id(member)] = member
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="ticker")

    def remove(self, member: Ticking) -> None:
        """Leave a member alone; the task ends with the last."""
        self._members.pop(id(member), None)
        if not self._members and self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        while True:
            now = time.monotonic()
            for member in [m for m in self._members.values() if m.due <= now]:
                try:
                    member.tick(now)
                except Exception:  # one station's trouble is not the fleet's
                    log.exception("A simulated station is stuck")
                    self.remove(member)
            await asyncio.sleep(self._period)
