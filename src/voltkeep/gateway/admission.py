"""How often who may knock: buckets of accepts, failures, identities and upgrades.

No I/O and no clock: the time is passed in. What a stranger does is counted by their source, an
address or an IPv6 /64. Only what was refused for its credentials counts as a failure: who was
told to come back later has not failed, so a fleet that returns at once locks nobody out.

Being limited is not being refused: see `voltkeep.services.intrusion`, which says whose credential
is looked at all the same, so that nobody's failures keep the real station out.
"""

import ipaddress
import math
from collections.abc import Sequence
from functools import lru_cache

from cachetools import LRUCache
from msgspec import Struct

from voltkeep.domain.identity import StationId
from voltkeep.gateway.limits import Limits
from voltkeep.services.rates import MOST_KEYS, Buckets, Rate

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_FORGOTTEN_S = 7200.0  # a row of failures ends when there was none for so long
_MOST_SOURCES_OF_NAMES = 20_000
_BITS = 512  # for counting the identities that one source has tried
_RESERVED = 0.5  # of the line for upgrades, for stations that were here lately


@lru_cache(10_000)  # stations come back, and Python takes longer over it than over a hash
def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
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
    address = _address(host)
    if address is None:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    prefix = int(address) >> 64 << 64
    return f"{ipaddress.IPv6Address(prefix)}/64"


def is_in(host: str, networks: Sequence[Network]) -> bool:
    """Whether an address is of one of these networks; IPv4 in IPv6's clothes is IPv4."""
    address = _address(host)
    if address is None:
        return False
    return any(address in network for network in networks)


class Wait(Struct, frozen=True):
    """For so many seconds credentials are not looked at, or only those of `may_try`."""

    seconds: float
    is_own: bool  # this source has failed with this very identity


class Failed(Struct, frozen=True):
    """What a failure was the last straw of."""

    is_enumeration: bool = False  # this source has tried too many identities
    is_guessing: bool = False  # this identity fails too often, from wherever


class _Row(Struct, gc=False):
    """Failures of one source with one identity, one after the other."""

    count: int
    last: float
    until: float


class _Names(Struct, gc=False):
    """Which identities a source has tried since: a bit for each, by its hash."""

    since: float
    bits: int = 0
    blocked_until: float = 0.0


class Turnstile:
    """The buckets of one listener process, at most `MOST_KEYS` of a kind."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._accepts: Buckets[str] = Buckets(Rate(limits.accepts_burst, limits.accepts_per_s))
        self._rows: LRUCache[tuple[str, StationId], _Row] = LRUCache(MOST_KEYS)
        self._by_identity: Buckets[StationId] = Buckets(
            Rate(limits.identity_failures_burst, limits.identity_failures_per_s)
        )
        self._names: LRUCache[str, _Names] = LRUCache(_MOST_SOURCES_OF_NAMES)
        self._forgiven: LRUCache[StationId, float] = LRUCache(MOST_KEYS)
        self._turns = limits.upgrades_per_s  # of a second; below zero there is a line
        self._turns_at = 0.0

    def accepts(self, host: str, now: float) -> bool:
        """May this address open one more connection? If not, it is closed before TLS."""
        if is_in(host, self._limits.unlimited_sources):
            return True
        return self._accepts.take(source(host), now)

    # Failed authentications.

    def wait(self, host: str, station: StationId, now: float) -> Wait | None:
        """How long these credentials are not looked at; None: they are."""
        who = source(host)
        row, names = self._row(who, station, now), self._names.get(who)
        own = row.until - now if row is not None else 0.0
        others = names.blocked_until - now if names is not None else 0.0
        seconds = max(own, others, self._by_identity.wait(station, now))
        return Wait(seconds, is_own=own > 0) if seconds > 0 else None

    def failed(self, host: str, station: StationId, now: float) -> Failed:
        """These credentials were refused. The same for an unknown identity as for a known one."""
        who, limits = source(host), self._limits
        row = self._row(who, station, now) or _Row(0, now, now)
        row.count, row.last = row.count + 1, now
        over = row.count - limits.failures_burst
        if over >= 0:
            wait = limits.failure_wait_s * 2.0 ** min(over, 20)
            row.until = now + min(wait, limits.failure_wait_longest_s)
        self._rows[who, station] = row
        had_some = self._by_identity.take(station, now)
        return Failed(
            is_enumeration=self._tried(who, station, now),
            is_guessing=had_some and self._by_identity.wait(station, now) > 0,
        )

    def succeeded(self, host: str, station: StationId) -> None:
        """The right credentials: whatever failed from there before was a mistake."""
        self._rows.pop((source(host), station), None)

    def forgive(self, station: StationId, now: float) -> None:
        """An operator changed what decides over this station: it may try at once."""
        self._forgiven[station] = now
        self._by_identity.forget(station)

    def _row(self, who: str, station: StationId, now: float) -> _Row | None:
        row = self._rows.get((who, station))
        if row is None or now - row.last > _FORGOTTEN_S:
            return None
        return None if row.last <= self._forgiven.get(station, -math.inf) else row

    def _tried(self, who: str, station: StationId, now: float) -> bool:
        """Whether this is one identity too many (linear counting: a bit for each hash)."""
        limits = self._limits
        names = self._names.get(who)
        if names is None or now - names.since > limits.identities_window_s:
            names = self._names[who] = _Names(now)
        names.bits |= 1 << hash(station) % _BITS
        clear = _BITS - names.bits.bit_count()
        tried = _BITS * math.log(_BITS / clear) if clear else math.inf
        if tried <= limits.identities_per_source or names.blocked_until > now:
            return False
        names.blocked_until = now + limits.identities_window_s
        return True

    # Upgrades.

    def turn(self, now: float, *, is_known: bool) -> float | None:
        """Seconds until it is this station's turn to be let in; None: the line is too long.

        Those that were here lately may stand in all of the line, others in its first half, so
        that newcomers cannot crowd a fleet out.
        """
        limits = self._limits
        rate = limits.upgrades_per_s
        turns = min(rate, self._turns + max(0.0, now - self._turns_at) * rate)
        wait = max(0.0, 1.0 - turns) / rate
        if wait > limits.upgrade_wait_s * (1.0 if is_known else _RESERVED):
            return None
        self._turns, self._turns_at = turns - 1.0, now
        return wait
