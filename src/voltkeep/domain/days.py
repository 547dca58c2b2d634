"""What was charged on each day at each site: how a transaction is divided between days.

A day is one of the site's time zone, or of UTC where a site has none. A transaction's energy and
time are spread evenly over the time from its begin to its end (ADR 18).
"""

import math
import zoneinfo
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache

from msgspec import Struct, structs

from voltkeep.domain.identity import StationId, TransactionRef
from voltkeep.domain.transactions import Transaction

EVERYWHERE = "*"
"""In place of a site: all of a tenant's together. No site can be called that."""

SESSIONS, ENERGY_WH, BUSY_S = "sessions", "energy_wh", "busy_s"
CONNECTOR_S = "connector_s"
RUNNING = "running/"  # before one of those three: of transactions that are not over
SECURITY = "security/"  # before a kind of security event
OTHER = "Other"

# OCPP 2.1 part 2, appendix 1. What else a station says is hostile text, of which there may be any
# number: it is counted as one kind.
KINDS = frozenset(
    {
        *("FirmwareUpdated", "FailedToAuthenticateAtCsms", "CsmsFailedToAuthenticate"),
        *("SettingSystemTime", "StartupOfTheDevice", "ResetOrReboot", "SecurityLogWasCleared"),
        *("ReconfigurationOfSecurityParameters", "MemoryExhaustion", "InvalidMessages"),
        *("AttemptedReplayAttacks", "TamperDetectionActivated", "InvalidFirmwareSignature"),
        *("InvalidFirmwareSigningCertificate", "InvalidCsmsCertificate"),
        *("InvalidChargingStationCertificate", "InvalidTLSVersion", "InvalidTLSCipherSuite"),
        *("DiscardedRenewedClientCertificate", "MaintenanceLoginAccepted"),
        "MaintenanceLoginFailed",
    }
)

LONGEST = timedelta(days=92)
"""Longer than that no transaction takes: one of the times it was told with is wrong."""

STILL_RUNS = timedelta(days=7)
"""What has run for longer is taken for one that never ended, until it is over."""

_MOST_WH = 10**9
_AHEAD = timedelta(days=1)  # as far as a station's clock is trusted to be fast
_LATE = timedelta(days=366)  # as much later a station may tell what it did
_NO_SECONDS = timedelta()

Key = tuple[str, str, date]
"""A site, what is counted, and the day."""


class Counted(Struct, frozen=True, kw_only=True):
    """A transaction as it was counted: enough to take it out of the totals again."""

    station: StationId
    ref: TransactionRef
    site: str
    zone: str
    begun_at: datetime
    over_at: datetime
    energy_wh: int


class Share(Struct, frozen=True, kw_only=True):
    """A day's part of a transaction, which began on the one with a session."""

    day: date
    sessions: int
    energy_wh: int
    busy_s: int


class Total(Struct, frozen=True, kw_only=True):
    """A number that was counted."""

    site: str
    what: str
    day: date
    number: int


class Progress(Struct, frozen=True, kw_only=True):
    """How far a tenant's days are counted.

    Events are counted up to ``position``. What was there before counting began, at ``since``, is
    walked through in order: ``walked`` is the last (station, ref), ``walked_security`` the last
    (at, station, id); the one is over when ``is_walked``, the other when ``is_security_walked``.
    ``heard_at`` is when the latest security event was heard that events told of. ``is_utc``: no
    connector stands at a site of another time zone.
    """

    position: int = 0
    since: datetime | None = None
    walked: tuple[str, str] | None = None
    is_walked: bool = False
    walked_security: tuple[datetime, str, str] | None = None
    is_security_walked: bool = False
    heard_at: datetime | None = None
    is_utc: bool = False


@lru_cache(maxsize=1000)
def zone_of(name: str) -> tzinfo:
    """A time zone by its name; UTC if there is none of that name here."""
    if not name:
        return UTC
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def day_of(at: datetime, zone: str) -> date:
    """The day at a place."""
    return at.astimezone(zone_of(zone)).date()


def begin_of(day: date, zone: str) -> datetime:
    """When a day begins at a place, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=zone_of(zone)).astimezone(UTC)


def seconds_of(day: date, zone: str) -> int:
    """How long a day is at a place: 23 and 25 hours where clocks are changed."""
    ends = begin_of(day + timedelta(days=1), zone)
    return round((ends - begin_of(day, zone)).total_seconds())


def kind_of(event: str) -> str:
    """Of what kind a station's security event is counted."""
    return event if event in KINDS else OTHER


def counted(
    transaction: Transaction, site: str, zone: str, until: datetime | None = None
) -> Counted | None:
    """How a transaction is counted once it is over, or ``until`` now; None: not yet.

    Stations may say any time: an end ahead of when we heard of it, or a year before, is not
    believed, and neither is a begin that is after the end or long before it.
    """
    over = transaction.over_at or until
    if over is None:
        return None
    closed_at = transaction.closing.at if transaction.closing else None
    heard = until or max(transaction.last_heard_at, closed_at or transaction.last_heard_at)
    if not transaction.first_heard_at - _LATE <= over <= heard + _AHEAD:
        over = heard
    begun = transaction.started_at or transaction.first_heard_at
    if not _NO_SECONDS <= over - begun <= LONGEST:
        begun = transaction.first_heard_at
    if not _NO_SECONDS <= over - begun <= LONGEST:
        begun = over
    energy = transaction.energy_wh
    is_sane = energy is not None and math.isfinite(energy) and 0 <= energy <= _MOST_WH
    return Counted(
        station=transaction.station,
        ref=transaction.ref,
        site=site,
        zone=zone,
        begun_at=begun,
        over_at=over,
        energy_wh=round(energy) if energy is not None and is_sane else 0,
    )


def same(one: Counted, other: Counted) -> bool:
    """Whether both come to the same, wherever the station has moved or its site's clock."""
    return one == structs.replace(other, site=one.site, zone=one.zone)


def shares(found: Counted) -> Iterator[Share]:
    """What falls on each day, in order; together it is all of it, to the Wh and the second."""
    span = found.over_at - found.begun_at
    whole_s = round(span.total_seconds())
    day, last = day_of(found.begun_at, found.zone), day_of(found.over_at, found.zone)
    energy = busy = 0
    sessions = 1
    while True:
        is_last = day >= last
        ends = found.over_at if is_last else begin_of(day + timedelta(days=1), found.zone)
        part = 1.0 if is_last or not span else (ends - found.begun_at) / span
        until_energy = found.energy_wh if is_last else round(found.energy_wh * part)
        until_busy = whole_s if is_last else round(whole_s * part)
        if sessions or until_energy > energy or until_busy > busy:
            yield Share(
                day=day,
                sessions=sessions,
                energy_wh=until_energy - energy,
                busy_s=until_busy - busy,
            )
        if is_last:
            return
        energy, busy, sessions = until_energy, until_busy, 0
        day += timedelta(days=1)


def totals(
    found: Iterable[Counted], prefix: str = "", sign: int = 1, into: Counter[Key] | None = None
) -> Counter[Key]:
    """What transactions come to, at their sites and everywhere."""
    sums: Counter[Key] = Counter() if into is None else into
    for each in found:
        for share in shares(each):
            for what, number in (
                (SESSIONS, share.sessions),
                (ENERGY_WH, share.energy_wh),
                (BUSY_S, share.busy_s),
            ):
                if number:
                    for site in (each.site, EVERYWHERE):
                        sums[site, f"{prefix}{what}", share.day] += sign * number
    return sums
