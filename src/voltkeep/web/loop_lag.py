"""How late the event loop is: whatever blocks it makes everybody wait."""

import asyncio
from collections import deque

_EVERY_S = 0.25
_REMEMBERED_S = 60.0


class LoopLag:
    """Measured four times a second, while `run` runs."""

    def __init__(self) -> None:
        self.last_s = 0.0
        self._worst_unread_s = 0.0
        self._lately: deque[float] = deque(maxlen=int(_REMEMBERED_S / _EVERY_S))

    def note(self, seconds: float) -> None:
        """It was so late just now."""
        self.last_s = seconds
        self._worst_unread_s = max(self._worst_unread_s, seconds)
        self._lately.append(seconds)

    def take_worst_s(self) -> float:
        """How late it was at most since somebody called this."""
        worst, self._worst_unread_s = self._worst_unread_s, 0.0
        return worst

    @property
    def worst_lately_s(self) -> float:
        """How late it was at most in the last minute."""
        return max(self._lately, default=0.0)

    async def run(self) -> None:
        """Measure until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _EVERY_S
            await asyncio.sleep(_EVERY_S)
            self.note(max(0.0, loop.time() - due))
