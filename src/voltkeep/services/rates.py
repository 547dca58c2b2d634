"""Token buckets: how often something may happen, for many keys in bounded memory."""

from collections.abc import Hashable
from typing import Generic, TypeVar

from cachetools import LRUCache
from msgspec import Struct

K = TypeVar("K", bound=Hashable)

MOST_KEYS = 100_000


class Rate(Struct, frozen=True):
    """``burst`` at once, ``per_s`` for long."""

    burst: float
    per_s: float


class Buckets(Generic[K]):
    """One bucket for each key; of more keys than that, those not asked for longest start anew."""

    def __init__(self, rate: Rate, at_most: int = MOST_KEYS) -> None:
        self.rate = rate
        self._levels: LRUCache[K, tuple[float, float]] = LRUCache(at_most)

    def __len__(self) -> int:
        return len(self._levels)

    def take(self, key: K, now: float, tokens: float = 1.0) -> bool:
        """Take so many; False, and nothing taken, if there are not."""
        level = self._level(key, now)
        if level < tokens:
            return False
        self._levels[key] = (level - tokens, now)
        return True

    def give(self, key: K, now: float, tokens: float = 1.0) -> None:
        """Give back what was taken; a full bucket stays as it is."""
        self._levels[key] = (min(self.rate.burst, self._level(key, now) + tokens), now)

    def wait(self, key: K, now: float, tokens: float = 1.0) -> float:
        """Seconds until so many can be taken; 0 if they can be now."""
        return max(0.0, tokens - self._level(key, now)) / self.rate.per_s

    def forget(self, key: K) -> None:
        """Fill it up."""
        self._levels.pop(key, None)

    def _level(self, key: K, now: float) -> float:
        level, at = self._levels.get(key, (self.rate.burst, now))
        return min(self.rate.burst, level + max(0.0, now - at) * self.rate.per_s)
