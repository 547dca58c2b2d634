"""Templates of values that stations shall have, and how far a station is from them."""

import enum
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal, InvalidOperation

from msgspec import Struct

from voltkeep.domain.device_model import (
    ComponentState,
    Variable,
    VariableState,
    VariableValue,
)
from voltkeep.domain.identity import StationId
from voltkeep.domain.stations import Make, Station


class MakePrefix(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Stations whose make begins like this, without regard to case."""

    vendor: str = ""
    model: str = ""
    firmware: str = ""

    def fits(self, make: Make | None) -> bool:
        """Whether a station is of that make; one that has never booted is of none."""
        return make is not None and all(
            (said or "").casefold().startswith(prefix.casefold())
            for said, prefix in (
                (make.vendor, self.vendor),
                (make.model, self.model),
                (make.firmware, self.firmware),
            )
        )


class Template(Struct, frozen=True, kw_only=True):
    """Values that stations shall have; ``id`` is its name, the station has none.

    It is for the stations it is assigned to, those of its sites, and those of its makes.
    """

    station: StationId
    id: str
    state: str = "in use"
    at: datetime
    values: tuple[VariableValue, ...]
    sites: tuple[str, ...] = ()
    makes: tuple[MakePrefix, ...] = ()
    after_boot: bool = False  # write what differs each time a station has booted
    note: str = ""


class Assignment(Struct, frozen=True, kw_only=True):
    """This template is for this station; ``id`` is the template's."""

    station: StationId
    id: str
    state: str = "assigned"
    at: datetime


class Fit(enum.IntEnum):
    """Why a template is for a station: the closer one wins."""

    NONE = 0
    MAKE = 1
    SITE = 2
    ASSIGNED = 3


def fit(template: Template, station: Station, *, is_assigned: bool) -> Fit:
    """How close a template is to a station."""
    if is_assigned:
        return Fit.ASSIGNED
    if station.site and station.site in template.sites:
        return Fit.SITE
    return Fit.MAKE if any(each.fits(station.make) for each in template.makes) else Fit.NONE


class Wanted(Struct, frozen=True, kw_only=True):
    """A value that a station shall have, and the template that says so."""

    value: VariableValue
    template: str


def wanted(fits: Iterable[tuple[Fit, Template]]) -> list[Wanted]:
    """What they want together: the closest template wins; of equal ones, the first by name."""
    chosen: dict[tuple[str, str], Wanted] = {}
    ordered = sorted((each for each in fits if each[0]), key=lambda each: (-each[0], each[1].id))
    for _, template in ordered:
        for value in template.values:
            key = (value.variable.key, value.attribute.value)
            chosen.setdefault(key, Wanted(value=value, template=template.id))
    return list(chosen.values())


class DriftKind(enum.StrEnum):
    """How a variable is not as it shall be."""

    DIFFERENT = "different"
    READ_ONLY = "read-only"  # different, and the station lets nobody write it
    REBOOT_REQUIRED = "reboot-required"  # accepted, and in use after the next boot
    MISSING = "missing"  # the station has no such variable
    UNREAD = "unread"  # the station has never said what it is


class Drift(Struct, frozen=True, kw_only=True):
    """A variable that is not as it shall be; ``at`` is when the station last said what it is."""

    wanted: VariableValue
    template: str
    kind: DriftKind
    value: str | None = None
    at: datetime | None = None


def drift_of(
    each: Wanted, component: ComponentState | None, booted_at: datetime | None
) -> Drift | None:
    """How far a variable is from what is wanted; None if it is as it shall be."""
    state = component.find(each.value.variable) if component is not None else None
    kind, value = _judged(each.value, state, booted_at)
    if kind is None:
        return None
    return Drift(
        wanted=each.value,
        template=each.template,
        kind=kind,
        value=value,
        at=None if state is None else state.at,
    )


def _judged(
    wish: VariableValue, state: VariableState | None, booted_at: datetime | None
) -> tuple[DriftKind | None, str | None]:
    if state is None:
        return DriftKind.UNREAD, None
    if not state.is_known:
        return DriftKind.MISSING, None
    value = state.value_of(wish.attribute, booted_at)
    if state.needs_reboot(booted_at) and same(state.pending, wish.value, state):
        return DriftKind.REBOOT_REQUIRED, value
    if value is None:
        return DriftKind.UNREAD, None
    if same(value, wish.value, state):
        return None, value
    return DriftKind.READ_ONLY if state.read_only else DriftKind.DIFFERENT, value


def same(said: str | None, wish: str, state: VariableState | None = None) -> bool:
    """Whether two values mean the same: stations write numbers, booleans and lists as they like."""
    if said is None:
        return False
    one, other = said.strip(), wish.strip()
    if one == other:
        return True
    if one.casefold() in _BOOLEANS:
        return one.casefold() == other.casefold()
    if "," in one or "," in other:
        members, wishes = ([part.strip() for part in text.split(",")] for text in (one, other))
        of = state.characteristics if state is not None else None
        if of is not None and of.data_type == "MemberList":  # a set: its order means nothing
            return sorted(members) == sorted(wishes)
        return members == wishes
    try:
        return Decimal(one) == Decimal(other)
    except InvalidOperation:
        return False


_BOOLEANS = {"true", "false"}


class StationDrift(Struct, frozen=True, kw_only=True):
    """One station of the fleet: what it shall be like, and how far it is from that."""

    station: StationId
    templates: tuple[str, ...]
    wanted: int
    drift: tuple[Drift, ...]


class Applied(Struct, frozen=True, kw_only=True):
    """What came of applying templates: every variable that was written, and the station's word."""

    station: StationId
    written: tuple["Written", ...] = ()
    left: tuple[Drift, ...] = ()

    @property
    def needs_reboot(self) -> bool:
        return any(each.status == "RebootRequired" for each in self.written)


class Written(Struct, frozen=True, kw_only=True):
    """One variable that was written, or was to be."""

    variable: Variable
    value: str
    status: str
    reason: str = ""
