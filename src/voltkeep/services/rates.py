"""Token buckets: how often something may happen, for many keys in bounded memory."""

import ipaddress
from collections.abc import Hashable
from functools import lru_cache
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


@lru_cache(10_000)  # stations come back, and Python takes longer over it than over a hash
def address_of(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """None if it is none; IPv4 in IPv6's clothes is IPv4."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def source(host: str) -> str:
    """Who is one stranger: an IPv4 address, or an IPv6 /64."""
    address = address_of(host)
    if address is None:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    prefix = int(address) >> 64 << 64
    return f"{ipaddress.IPv6Address(prefix)}/64"
