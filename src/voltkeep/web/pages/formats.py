"""How pages write quantities, times and states: filters for templates."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from markupsafe import Markup

from voltkeep.domain.sites import Site

_NONE = "–"
_PARTS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[./_,;:])(?=\w)")

# What a status of a connector or a state of a record looks like: a colour, and a sign beside it.
_LOOKS = {
    **dict.fromkeys(
        (
            "available",
            "accepted",
            "active",
            "done",
            "well",
            "enabled",
            "in step",
            "good",
            "connected",
            "complete",
            "installed",
        ),
        "good",
    ),
    **dict.fromkeys(
        (
            "charging",
            "occupied",
            "preparing",
            "finishing",
            "running",
            "reserved",
            "requested",
            "evconnected",
            "queued",
            "sent",
        ),
        "busy",
    ),
    **dict.fromkeys(
        (
            "suspendedev",
            "suspendedevse",
            "pending",
            "due",
            "halted",
            "waiting",
            "expiring",
            "offline",
            "silent",
            "left",
            "unclear",
            "impossible",
            "passive",
            "unserved",
            "interrupted",
            "busy",
            "warn",
        ),
        "warn",
    ),
    **dict.fromkeys(
        (
            "faulted",
            "rejected",
            "failed",
            "revoked",
            "expired",
            "refused",
            "blocked",
            "dead",
            "unfit",
            "bad",
        ),
        "bad",
    ),
}
_SIGNS = {"good": "●", "busy": "▶", "warn": "▲", "bad": "✖", "": "○"}


def energy(watt_hours: float | None) -> str:
    """``1234.5`` as ``1.23 kWh``."""
    return _NONE if watt_hours is None else f"{watt_hours / 1000:.2f} kWh"


def power(watts: float | None) -> str:
    return _NONE if watts is None else f"{watts / 1000:.1f} kW"


def percent(value: float | None) -> str:
    return _NONE if value is None else f"{value:.0f} %"


def instant(at: datetime | None, zone: str = "") -> Markup | str:
    """A time, which browsers show in the zone that people choose; ``zone`` is that of its site."""
    if at is None:
        return _NONE
    text = at.isoformat(timespec="seconds").replace("+00:00", "Z")
    return Markup('<time datetime="{}"{}>{}</time>').format(
        text,
        Markup(' data-zone="{}"').format(zone) if zone else "",
        at.strftime("%Y-%m-%d %H:%M:%S UTC"),
    )


def duration(seconds: float | None) -> str:
    """``5400`` as ``1 h 30 min``."""
    if seconds is None:
        return _NONE
    minutes = int(seconds // 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"


def look(state: object) -> str:
    """The class of a badge."""
    return _LOOKS.get(str(state).lower(), "")


def sign(state: object) -> str:
    """The sign beside a state, for who tells no colours."""
    return _SIGNS[look(state)]


def in_address(value: object) -> str:
    """What stands in an address: names and values of a query, or one part of a path.

    Unlike Jinja's own ``urlencode`` it leaves no slash, which parts a path: a name may have one.
    """
    if isinstance(value, Mapping):
        return urlencode({key: each for key, each in value.items() if each is not None})
    return quote(str(value), safe="")


def parted(text: object) -> Markup:
    """A long name, which a line may end in between its words, and not within them."""
    return Markup("<wbr>").join(_PARTS.split(str(text)))


def called(sites: Iterable[Site]) -> dict[str, str]:
    """What people call sites, by their ids."""
    return {each.id: each.name or each.id for each in sites}


def with_cursor(query: Mapping[str, str], cursor: str) -> str:
    """The query of the page that was asked for, for what comes after it."""
    return urlencode({**query, "cursor": cursor})


FILTERS: dict[str, Callable[..., Any]] = {
    "energy": energy,
    "power": power,
    "percent": percent,
    "instant": instant,
    "duration": duration,
    "look": look,
    "sign": sign,
    "with_cursor": with_cursor,
    "urlencode": in_address,
    "called": called,
    "parted": parted,
}
