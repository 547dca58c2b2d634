"""Charging profiles: which are kept, and what limit they make at an instant (OCPP part 2, K)."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from voltkeep.ocpp.v21 import ChargingProfileKindEnum as Kind
from voltkeep.ocpp.v21 import ChargingProfilePurposeEnum as Purpose
from voltkeep.ocpp.v21 import ChargingRateUnitEnum as Unit
from voltkeep.ocpp.v21 import RecurrencyKindEnum as Recurrency
from voltkeep.sim.meter import PACK_VOLTAGE, VOLTAGE

UNLIMITED = math.inf
_DAY = 86_400.0
_WEEK = 7 * _DAY

STATION_WIDE = frozenset(
    {Purpose.CHARGING_STATION_MAX_PROFILE, Purpose.CHARGING_STATION_EXTERNAL_CONSTRAINTS}
)


class Period(NamedTuple):
    """From `start` seconds into a schedule on: at most `limit`, over so many phases."""

    start: float
    limit: float
    phases: int | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """A charging profile as both dialects mean it. Times are seconds since 1970."""

    id: int
    stack_level: int
    purpose: Purpose
    kind: Kind
    unit: Unit
    periods: tuple[Period, ...]
    evse: int = 0
    starts: float | None = None
    duration: float | None = None
    recurrency: Recurrency | None = None
    valid_from: float = -math.inf
    valid_to: float = math.inf
    transaction: str | None = None
    said: Any = None  # the message it came with, to be reported

    def period(self, now: float, began: float | None) -> Period | None:
        """The period in force; None while the profile says nothing.

        `began` is when the transaction did, which relative schedules count from.
        """
        if not self.valid_from <= now < self.valid_to:
            return None
        start = self._start(now, began)
        if start is None or now < start:
            return None
        elapsed = now - start
        if self.duration is not None and elapsed >= self.duration:
            return None
        current = None
        for period in self.periods:
            if period.start > elapsed:
                break
            current = period
        return current

    def edges(self, start: float, end: float, began: float | None) -> Iterable[float]:
        """The instants between start and end at which the period in force may change."""
        yield from (at for at in (self.valid_from, self.valid_to) if start < at < end)
        at: float | None = start
        while at is not None and at < end:
            origin = self._start(at, began)
            if origin is None:
                return
            offsets = [p.start for p in self.periods]
            if self.duration is not None:
                offsets.append(self.duration)
            yield from (origin + o for o in offsets if start < origin + o < end)
            at = self._next_round(at, origin)
            if at is not None and start < at < end:
                yield at

    def _start(self, now: float, began: float | None) -> float | None:
        match self.kind:
            case Kind.RELATIVE:
                return began
            case Kind.RECURRING:
                round_ = _WEEK if self.recurrency is Recurrency.WEEKLY else _DAY
                first = self.starts if self.starts is not None else began
                if first is None or now < first:
                    return first  # K01.FR.30: not before it starts
                return first + math.floor((now - first) / round_) * round_
            case _:
                # K01.FR.40 demands a start; 1.6 counts from the transaction where there is none.
                return self.starts if self.starts is not None else began

    def _next_round(self, at: float, origin: float) -> float | None:
        if self.kind is not Kind.RECURRING:
            return None
        following = origin + (_WEEK if self.recurrency is Recurrency.WEEKLY else _DAY)
        return following if following > at else None


class Load(NamedTuple):
    """What a limit is asked for: an outlet, its phases, and its transaction if it has one."""

    evse: int
    phases: int
    transaction: str | None
    began: float | None
    sharing: int = 1
    dc: bool = False

    def watts(self, value: float, unit: Unit, phases: int | None) -> float:
        """A limit in W. In A it is per phase (1.6 errata 3.69), over three where none is said."""
        if unit is Unit.W:
            return value
        if self.dc:
            return value * PACK_VOLTAGE
        return value * VOLTAGE * min(self.phases, phases or 3)

    def amperes(self, watts: float) -> float:
        """A limit in A, per phase."""
        return watts / (PACK_VOLTAGE if self.dc else VOLTAGE * self.phases)


@dataclass(slots=True)
class Profiles:
    """The profiles of a station. EVSE 0 stands for all of them."""

    _kept: tuple[Profile, ...] = ()

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[Profile]:
        return iter(self._kept)

    def install(self, profile: Profile) -> None:
        """Keep a profile. It replaces the one of its id, or of its purpose, level and EVSE."""
        self._kept = (*(p for p in self._kept if not _replaces(profile, p)), profile)

    def clear(self, matches: Callable[[Profile], bool]) -> int:
        """Drop what matches; how many did."""
        kept = tuple(p for p in self._kept if not matches(p))
        dropped = len(self._kept) - len(kept)
        self._kept = kept
        return dropped

    def forget_transaction(self, ref: str) -> None:
        """A TxProfile ends with its transaction."""
        if self._kept:
            self.clear(lambda p: p.purpose is Purpose.TX_PROFILE and p.transaction == ref)

    def limit_w(self, load: Load, now: float) -> float:
        """What an outlet may draw now, in W; infinite where nothing is said."""
        if not self._kept:
            return UNLIMITED
        limits = [self._station_wide(load, now, purpose) for purpose in STATION_WIDE]
        limits.append(self._transaction(load, now))
        return min(limits)

    def composite(self, load: Load, now: float, duration: float, most_w: float) -> list[Period]:
        """The limits of the coming `duration` seconds, in W, `most_w` where none is lower."""
        edges = {at for p in self._kept for at in p.edges(now, now + duration, load.began)}
        periods: list[Period] = []
        for at in sorted({now, *edges}):
            limit = min(most_w, self.limit_w(load, at))
            if not periods or periods[-1].limit != limit:
                periods.append(Period(at - now, limit, None))
        return periods

    def _station_wide(self, load: Load, now: float, purpose: Purpose) -> float:
        profile = self._leading((p for p in self._kept if p.purpose is purpose), load, now)
        return profile / max(load.sharing, 1)

    def _transaction(self, load: Load, now: float) -> float:
        mine = [p for p in self._kept if p.evse in {0, load.evse}]
        own = [
            p
            for p in mine
            if p.purpose is Purpose.TX_PROFILE
            and load.transaction is not None
            and p.transaction in {None, load.transaction}
        ]
        defaults = [p for p in mine if p.purpose is Purpose.TX_DEFAULT_PROFILE]
        # A TxProfile overrules the default, as long as it says something (K01.FR.13).
        for candidates in (own, defaults):
            limit = self._leading(candidates, load, now)
            if limit < UNLIMITED:
                return limit
        return UNLIMITED

    def _leading(self, candidates: Iterable[Profile], load: Load, now: float) -> float:
        """The limit of the highest stack level that says something now (K01.FR.17)."""
        for profile in sorted(candidates, key=lambda p: (-p.stack_level, p.evse == 0)):
            period = profile.period(now, load.began)
            if period is not None:
                return load.watts(period.limit, profile.unit, period.phases)
        return UNLIMITED


def _replaces(new: Profile, old: Profile) -> bool:
    return old.id == new.id or (
        old.purpose is new.purpose
        and old.stack_level == new.stack_level
        and old.evse == new.evse
        and old.transaction == new.transaction
    )


def in_amperes(periods: list[Period], load: Load) -> list[Period]:
    """Periods in W as periods in A."""
    return [p._replace(limit=round(load.amperes(p.limit), 1)) for p in periods]


def for_transaction(profile: Profile, ref: str, evse: int) -> Profile:
    """A profile that came with a remote start belongs to the transaction that it started."""
    return replace(profile, transaction=ref, evse=evse)
