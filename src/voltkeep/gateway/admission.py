"""How often who may knock: buckets of accepts, failures, identities and upgrades.

No I/O and no clock: the time is passed in. What a stranger does is counted by their source, an
address or an IPv6 /64. Only what was refused for its credentials counts as a failure: who was
told to come back later has not failed, so a fleet that returns at once locks nobody out.

An attempt is charged before its credentials are looked at, and what did not fail is given back:
a hundred guesses at the same time gain no more than one after the other (ASVS 15.4.2).

Being limited is not being refused: see `voltkeep.services.intrusion`, which says whose credential
is looked at all the same, so that nobody's failures keep the real station out.
"""

import ipaddress
import math
from collections import Counter
from collections.abc import Sequence

from cachetools import LRUCache
from msgspec import Struct

from voltkeep.domain.identity import StationId
from voltkeep.gateway.limits import Limits
from voltkeep.services.rates import MOST_KEYS, Buckets, Rate, address_of, source

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_FORGOTTEN_S = 7200.0  # a row of failures ends when there was none for so long
_MOST_SOURCES_OF_NAMES = 20_000
_CROWDED_S = 1.0  # until another attempt of the same identity is answered
_BITS = 512  # for counting the identities that one source has tried
_RESERVED = 0.5  # of the line for upgrades, for stations that were here lately


def is_in(host: str, networks: Sequence[Network]) -> bool:
    """Whether an address is of one of these networks; IPv4 in IPv6's clothes is IPv4."""
    address = address_of(host)
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

    last: float
    count: int = 0
    until: float = 0.0
    pending: int = 0  # attempts that may become failures


class _Names(Struct, gc=False):
    """Which identities a source has tried since: a bit for each, by its hash."""

    since: float
    bits: int = 0
    blocked_until: float = 0.0


class Attempt(Struct, eq=False):
    """Credentials that are looked at now, or not. It counts as failed until it has ended."""

    source: str
    station: StationId
    wait: Wait | None = None  # who is told to wait all the same is charged for its own row
    row: _Row | None = None
    has_token: bool = False  # of the identity's bucket
    is_last: bool = False  # there was no other in it
    is_counted: bool = False  # among those of the identity that are under way


class Turnstile:
    """The buckets of one listener process, at most `MOST_KEYS` of a kind."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._accepts: Buckets[str] = Buckets(Rate(limits.accepts_burst, limits.accepts_per_s))
        self._rows: LRUCache[tuple[str, StationId], _Row] = LRUCache(MOST_KEYS)
        self._by_identity: Buckets[StationId] = Buckets(
            Rate(limits.identity_failures_burst, limits.identity_failures_per_s)
        )
        self._under_way: Counter[StationId] = Counter()
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

    def begin(self, host: str, station: StationId, now: float) -> Attempt:
        """Charge an attempt before it is looked at: the same for an unknown identity.

        Its end is `end`, whatever became of it.
        """
        who = source(host)
        row, names = self._row(who, station, now), self._names.get(who)
        own = self._own_wait(row, now)
        if own > 0:
            return Attempt(who, station, Wait(own, is_own=True))
        if row is None:
            row = self._rows[who, station] = _Row(now)
        row.pending += 1
        attempt = Attempt(who, station, row=row)
        seconds = names.blocked_until - now if names is not None else 0.0
        if seconds <= 0 and self._under_way[station] >= self._limits.attempts_at_once:
            seconds = _CROWDED_S
        if seconds <= 0:
            seconds = self._charge_identity(attempt, now)
        if seconds > 0:
            attempt.wait = Wait(seconds, is_own=False)
        return attempt

    def _charge_identity(self, attempt: Attempt, now: float) -> float:
        station = attempt.station
        if not self._by_identity.take(station, now):
            return self._by_identity.wait(station, now)
        attempt.has_token = attempt.is_counted = True
        attempt.is_last = self._by_identity.wait(station, now) > 0
        self._under_way[station] += 1
        return 0.0

    def failed(self, attempt: Attempt, now: float) -> Failed:
        """Its credentials were refused. The same for an unknown identity as for a known one."""
        who, station = attempt.source, attempt.station
        self._release_row(attempt)
        row = self._row(who, station, now) or _Row(now)
        row.count, row.last = row.count + 1, now
        if row.count >= self._limits.failures_burst:
            row.until = now + self._penalty(row.count)
        self._rows[who, station] = row
        attempt.has_token = False
        return Failed(is_enumeration=self._tried(who, station, now), is_guessing=attempt.is_last)

    def succeeded(self, attempt: Attempt) -> None:
        """The right credentials: whatever failed from there before was a mistake."""
        row = self._rows.get((attempt.source, attempt.station))
        if row is not None:
            row.count, row.until = 0, 0.0

    def end(self, attempt: Attempt, now: float) -> None:
        """It is answered. What has not failed is given back; to end it twice changes nothing."""
        who, station = attempt.source, attempt.station
        self._release_row(attempt)
        row = self._rows.get((who, station))
        if row is not None and not row.count and not row.pending:
            del self._rows[who, station]
        if attempt.has_token:
            self._by_identity.give(station, now)
            attempt.has_token = False
        if attempt.is_counted:
            attempt.is_counted = False
            self._under_way[station] -= 1
            if not self._under_way[station]:
                del self._under_way[station]

    @staticmethod
    def _release_row(attempt: Attempt) -> None:
        if attempt.row is not None:
            attempt.row.pending -= 1
            attempt.row = None

    def _own_wait(self, row: _Row | None, now: float) -> float:
        """What the source has to wait for its own sake, were all that is under way to fail."""
        if row is None:
            return 0.0
        free = max(1, self._limits.failures_burst - row.count)
        pending = self._penalty(row.count + row.pending) if row.pending >= free else 0.0
        return max(row.until - now, pending)

    def _penalty(self, count: int) -> float:
        limits = self._limits
        wait = limits.failure_wait_s * 2.0 ** min(max(count - limits.failures_burst, 0), 20)
        return min(wait, limits.failure_wait_longest_s)

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
