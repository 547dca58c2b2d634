"""Charging profiles: what a station may draw, when; and which of them it has."""

import enum
from datetime import UTC, datetime, timedelta
from typing import Annotated

from msgspec import Meta, Struct, ValidationError, convert, structs, to_builtins

from voltkeep.domain.identity import Evse, StationId, TransactionRef

MOST_SECONDS = 2**31 - 1
_LATE = datetime(9900, 1, 1, tzinfo=UTC)  # what lasts longer has no end
Seconds = Annotated[int, Meta(ge=0, le=MOST_SECONDS)]
Amount = Annotated[float, Meta(ge=-1e9, le=1e9)]


class Purpose(enum.StrEnum):
    """OCPP 2.1 ChargingProfilePurposeEnumType."""

    EXTERNAL_CONSTRAINTS = "ChargingStationExternalConstraints"
    STATION_MAX = "ChargingStationMaxProfile"
    TX_DEFAULT = "TxDefaultProfile"
    TX = "TxProfile"
    PRIORITY_CHARGING = "PriorityCharging"
    LOCAL_GENERATION = "LocalGeneration"


class Kind(enum.StrEnum):
    """OCPP 2.1 ChargingProfileKindEnumType, without Dynamic."""

    ABSOLUTE = "Absolute"
    RECURRING = "Recurring"
    RELATIVE = "Relative"


class Recurrency(enum.StrEnum):
    """OCPP 2.1 RecurrencyKindEnumType."""

    DAILY = "Daily"
    WEEKLY = "Weekly"


class RateUnit(enum.StrEnum):
    """OCPP 2.1 ChargingRateUnitEnumType: W is of all phases together, A of each of them."""

    W = "W"
    A = "A"


class Period(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """From ``start_s`` of its schedule on: at most so much. In A it is of each phase."""

    start_s: Seconds = 0
    limit_w: Amount | None = None
    limit_a: Amount | None = None
    phases: Annotated[int, Meta(ge=0, le=3)] | None = None
    phase_to_use: Annotated[int, Meta(ge=0, le=3)] | None = None

    def __post_init__(self) -> None:
        if (self.limit_w is None) == (self.limit_a is None):
            raise ValueError("a period has either limit_w or limit_a")

    @property
    def unit(self) -> RateUnit:
        return RateUnit.A if self.limit_w is None else RateUnit.W

    @property
    def limit(self) -> float:
        """In its own unit."""
        limit = self.limit_a if self.limit_w is None else self.limit_w
        assert limit is not None
        return limit


class Schedule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Periods after each other, from ``starts_at`` on, or from where its profile begins."""

    periods: Annotated[tuple[Period, ...], Meta(min_length=1, max_length=1024)]
    id: Annotated[int, Meta(ge=0, le=MOST_SECONDS)] | None = None  # 1.6 has none
    starts_at: datetime | None = None
    duration_s: Seconds | None = None
    min_rate_w: Amount | None = None
    min_rate_a: Amount | None = None

    def __post_init__(self) -> None:
        units = {period.unit for period in self.periods}
        units |= {RateUnit.W} if self.min_rate_w is not None else set()
        units |= {RateUnit.A} if self.min_rate_a is not None else set()
        if len(units) > 1:
            raise ValueError("a schedule counts in W or in A, not in both")

    @property
    def unit(self) -> RateUnit:
        return self.periods[0].unit

    @property
    def min_rate(self) -> float | None:
        return self.min_rate_a if self.min_rate_w is None else self.min_rate_w


class ChargingProfile(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """A limit over time, for a station, an EVSE or a transaction (K01; 1.6 section 3.13).

    Several schedules are alternatives that an EV chooses from (K15), and 1.6 has but one.
    Without ``id`` we give it one.
    """

    id: Annotated[int, Meta(ge=-MOST_SECONDS, le=MOST_SECONDS)] | None = None
    purpose: Purpose
    kind: Kind = Kind.ABSOLUTE
    stack_level: Annotated[int, Meta(ge=0, le=MOST_SECONDS)] = 0
    schedules: Annotated[tuple[Schedule, ...], Meta(min_length=1, max_length=3)]
    recurrency: Recurrency | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    transaction: Annotated[TransactionRef, Meta(min_length=1, max_length=36)] | None = None

    @property
    def schedule(self) -> Schedule:
        """The one that counts until an EV has chosen another."""
        return self.schedules[0]

    def with_utc(self) -> "ChargingProfile":
        """Every time with its zone: what has none is UTC."""
        return structs.replace(
            self,
            valid_from=_utc(self.valid_from),
            valid_to=_utc(self.valid_to),
            schedules=tuple(
                structs.replace(each, starts_at=_utc(each.starts_at)) for each in self.schedules
            ),
        )


def readable(profile: ChargingProfile) -> ChargingProfile | None:
    """A profile that a station told, if it is within the bounds of one; else None."""
    try:
        return convert(to_builtins(profile), ChargingProfile)
    except ValidationError:
        return None


def _utc(at: datetime | None) -> datetime | None:
    if at is None:
        return None
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError:
        raise ValueError("a time is outside the years 1 to 9999") from None


class ToldProfile(Struct, frozen=True, kw_only=True):
    """A profile as a station tells of it; ``profile`` None: in words that we do not compute with.

    Hostile, but within bounds.
    """

    id: int
    purpose: str
    stack_level: int
    profile: ChargingProfile | None


class ProfilesTold(Struct, frozen=True, kw_only=True):
    """A part of what a station has been asked for (K09)."""

    request_id: int
    source: str
    evse: Evse | None
    profiles: tuple[ToldProfile, ...]
    more: bool  # parts will follow


class LimitTold(Struct, frozen=True, kw_only=True):
    """A limit that somebody else has set (K12); without a schedule it is not said which."""

    source: str
    evse: Evse | None
    is_grid_critical: bool
    schedules: tuple[Schedule, ...] = ()


class ProfileCriteria(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Which profiles: those that fit each field that is set (1.6 errata 3.25; K09, K10).

    Without ``evse`` at any place; ``whole_station``: only those of the station as a whole.
    """

    ids: Annotated[tuple[int, ...], Meta(max_length=1024)] = ()
    purpose: Purpose | None = None
    stack_level: Annotated[int, Meta(ge=0, le=MOST_SECONDS)] | None = None
    evse: Evse | None = None
    whole_station: bool = False
    sources: Annotated[tuple[str, ...], Meta(max_length=4)] = ()  # who set the limit: CSO, EMS …

    def __post_init__(self) -> None:
        if self.evse is not None and self.whole_station:
            raise ValueError("evse and whole_station are two places: say one of them")

    def fits(self, held: "HeldProfile") -> bool:
        """Whether a profile that a station has is among them."""
        if self.ids:
            return held.profile_id in self.ids  # 1.6 errata 3.25: the others are ignored
        return (
            (not self.whole_station or held.evse is None)
            and (self.evse is None or (held.evse is not None and held.evse.id == self.evse.id))
            and self.purpose in {None, held.purpose}
            and self.stack_level in {None, held.stack_level}
            and (not self.sources or held.source in self.sources)
        )


class ProfileState(enum.StrEnum):
    """What we believe of a profile that was sent to a station, or told by it."""

    SENT = "sent"  # and not answered yet
    UNKNOWN = "unknown"  # it was not answered: the station may have it
    ACCEPTED = "accepted"  # the station has it
    REJECTED = "rejected"
    UNSENT = "unsent"  # it did not reach the station
    REPLACED = "replaced"
    CLEARED = "cleared"
    ENDED = "ended"  # with its transaction
    EXPIRED = "expired"
    MISSING = "missing"  # a report of the station does not have it


LIVE = (ProfileState.SENT, ProfileState.UNKNOWN, ProfileState.ACCEPTED)
"""What may limit a station now."""

UNCLAIMED = timedelta(hours=1)
"""How long a profile that came with a remote start may wait for its transaction."""

CSO = "CSO"
"""The source of what the operator sets (ChargingLimitSourceEnumType)."""


class HeldProfile(Struct, frozen=True, kw_only=True):
    """A profile and its fate at one station: a record."""

    station: StationId
    id: str
    state: ProfileState
    at: datetime
    profile_id: int
    purpose: str
    stack_level: int
    evse: Evse | None = None
    profile: ChargingProfile | None = None  # None: told in words that we cannot compute with
    source: str = CSO
    status: str = ""  # the station's own word
    sent_at: datetime | None = None
    told_at: datetime | None = None  # in a report of the station
    remote_start_id: int | None = None  # it came with that, and waits for its transaction
    transaction: TransactionRef | None = None
    grid_critical: bool = False

    def as_of(self, now: datetime) -> "HeldProfile":
        """As it is now: one whose time has come is over, though nobody says so."""
        if self.state not in LIVE:
            return self
        ends = [] if self.profile is None else [ends_at(self.profile)]
        if self.remote_start_id is not None and self.transaction is None:
            ends.append((self.sent_at or self.at) + UNCLAIMED)
        end = min((each for each in ends if each is not None), default=None)
        if end is None or end > now:
            return self
        return structs.replace(self, state=ProfileState.EXPIRED, at=end)


def ends_at(profile: ChargingProfile) -> datetime | None:
    """From when on it can never say anything again; None if that is not to be foreseen."""
    ends = [] if profile.valid_to is None else [profile.valid_to]
    spans = [(each.starts_at, each.duration_s) for each in profile.schedules]
    if profile.kind is Kind.ABSOLUTE:
        lasts = [
            start + timedelta(seconds=duration)
            for start, duration in spans
            if start is not None and duration is not None and start < _LATE
        ]
        ends += [max(lasts)] if len(lasts) == len(spans) else []
    return min(ends, default=None)


def replaces(new: HeldProfile, old: HeldProfile, *, whenever_valid: bool) -> bool:
    """Whether a station that accepts ``new`` has ``old`` no longer (K01.FR.05, 06; 1.6 3.13.2).

    ``whenever_valid``: also if both are never valid at the same time, as in 1.6.
    """
    if old.id == new.id or old.purpose == Purpose.EXTERNAL_CONSTRAINTS:
        return False
    if old.profile_id == new.profile_id:
        return True
    if (old.purpose, old.stack_level) != (new.purpose, new.stack_level) or not same_place(new, old):
        return False
    if new.purpose == Purpose.TX and old.transaction != new.transaction:
        return False
    return whenever_valid or overlap(new.profile, old.profile)


def same_place(one: HeldProfile, other: HeldProfile) -> bool:
    """Whether both are of the same EVSE, or both of the station as a whole."""
    return (one.evse.id if one.evse else None) == (other.evse.id if other.evse else None)


def overlap(one: ChargingProfile | None, other: ChargingProfile | None) -> bool:
    """Whether both may be valid at the same time."""
    if one is None or other is None:
        return True

    def is_before(a: ChargingProfile, b: ChargingProfile) -> bool:
        return a.valid_to is not None and b.valid_from is not None and a.valid_to <= b.valid_from

    return not (is_before(one, other) or is_before(other, one))


class Step(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """From ``start_s`` on: at most so much; neither: no limit that we know of."""

    start_s: float
    limit_w: float | None = None
    limit_a: float | None = None

    @property
    def limit(self) -> float | None:
        return self.limit_a if self.limit_w is None else self.limit_w


class CompositeSchedule(Struct, frozen=True, kw_only=True):
    """What all profiles come to (K08). ``evse`` None: the station as a whole."""

    evse: Evse | None
    starts_at: datetime | None  # None: the station did not say
    duration_s: int
    unit: RateUnit
    steps: tuple[Step, ...]


class Difference(Struct, frozen=True, kw_only=True):
    """Where what a station tells of its limits is not what we compute: None is no limit."""

    start_s: float
    end_s: float
    station: float | None
    computed: float | None
    more: float | None  # what the station allows beyond it; None where one of both has no limit


class ChargingNeeds(Struct, frozen=True, kw_only=True):
    """What an EV wants, and what it has chosen (K15, K17): one record for each EVSE."""

    station: StationId
    id: str  # of the EVSE
    state: str  # how we answered
    at: datetime
    energy_transfer: str = ""
    departure_at: datetime | None = None
    max_schedule_periods: int | None = None
    energy_wh: float | None = None
    ev_min_current_a: float | None = None
    ev_max_current_a: float | None = None
    ev_max_voltage_v: float | None = None
    ev_max_power_w: float | None = None
    battery_wh: float | None = None
    soc_percent: float | None = None
    full_soc_percent: float | None = None
    transaction: TransactionRef | None = None
    schedule: tuple[Step, ...] = ()  # of the EV
    schedule_starts_at: datetime | None = None
    schedule_answer: str = ""  # Accepted, if it stays within what we allow


class ProfileReportState(enum.StrEnum):
    """How far a report of profiles has come (K09)."""

    ASKED = "asked"
    RUNNING = "running"  # some parts are there
    COMPLETE = "complete"
    NONE = "none"  # the station has no such profile
    FAILED = "failed"


class ProfileReport(Struct, frozen=True, kw_only=True):
    """A station was asked which profiles it has."""

    station: StationId
    id: str  # of the request
    state: ProfileReportState
    at: datetime
    criteria: ProfileCriteria
    asked_at: datetime
    status: str = ""
    told: tuple[str, ...] = ()  # the records that it has told of
