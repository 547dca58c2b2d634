"""Lists as people page through them: filtered, sorted, and as quick at the end as at the start.

A page goes on after a place, not after a count: what is added or removed meanwhile moves nothing.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Generic, Literal, Protocol, TypeVar

from msgspec import Struct

from voltkeep.domain.audit import AuditEntry
from voltkeep.domain.authorization import Token
from voltkeep.domain.availability import ConnectorStatus
from voltkeep.domain.events import Event
from voltkeep.domain.identity import IdToken, StationId, TenantId, TransactionRef
from voltkeep.domain.stations import Registration, SecurityProfile, Station
from voltkeep.domain.transactions import Transaction
from voltkeep.services.rows import ConnectorRow, LoggedExchange, MeterRow

T = TypeVar("T")

Place = tuple[int | str | None, ...]
"""Where a page ended, for a cursor: plain values, times among them in microseconds since 1970."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def instant(at: datetime) -> int:
    """A time as it stands in a `Place`."""
    return (at - _EPOCH) // _MICROSECOND


class Page(Struct, Generic[T], frozen=True):
    """Rows in order, and where the list goes on; None: there are no more.

    A page may have fewer rows than asked for, or none, and be followed by more: a filter that few
    rows fit is looked for a stretch at a time.
    """

    rows: list[T]
    next: Place | None = None


# A minus before the name of a sort turns it round. What has no such time comes last, either way.
StationSort = Literal[
    "name",
    "-name",
    "created_at",
    "-created_at",
    "last_seen_at",
    "-last_seen_at",
    "connected_at",
    "-connected_at",
]
ConnectorSort = Literal["station", "-station"]
TokenSort = Literal["key", "-key", "created_at", "-created_at"]
TransactionSort = Literal[
    "first_heard_at", "-first_heard_at", "started_at", "-started_at", "ended_at", "-ended_at"
]
TimeSort = Literal["at", "-at"]

# Each field that is set leaves out what does not fit it. ``since`` is meant with that instant,
# ``before`` without it. ``sites`` are those that whoever asks may see or wants to: only what
# belongs to a station that stands at one of them fits.


class StationFilter(Struct, frozen=True, kw_only=True):
    sites: tuple[str, ...] | None = None
    names: tuple[str, ...] | None = None
    prefix: str = ""  # how the name begins
    registration: Registration | None = None
    connected: bool | None = None
    security_profile: SecurityProfile | None = None
    passive: bool | None = None
    vendor: str | None = None
    model: str | None = None
    firmware: str | None = None
    subprotocol: str | None = None
    last_seen_since: datetime | None = None
    last_seen_before: datetime | None = None  # or never


class MakeCount(Struct, frozen=True, kw_only=True):
    """Stations of one make and firmware; what a station has never said is ""."""

    vendor: str
    model: str
    firmware: str
    stations: int
    connected: int
    passive: int


class Makes(Struct, frozen=True, kw_only=True):
    """How many stations fit, of how many makes: ``rows`` are those of the most stations."""

    stations: int
    connected: int
    passive: int
    rows: list[MakeCount]


class ConnectorFilter(Struct, frozen=True, kw_only=True):
    sites: tuple[str, ...] | None = None
    station: str | None = None
    prefix: str = ""  # how the station's name begins
    status: ConnectorStatus | None = None
    heard_since: datetime | None = None
    heard_before: datetime | None = None
    # Heard of before then, or of a station that is not connected.
    stale_before: datetime | None = None


class TokenFilter(Struct, frozen=True, kw_only=True):
    prefix: str = ""  # how its key begins
    group: str | None = None
    blocked: bool | None = None
    expires_before: datetime | None = None


class TransactionFilter(Struct, frozen=True, kw_only=True):
    sites: tuple[str, ...] | None = None
    station: str | None = None
    evse_id: int | None = None
    ref: TransactionRef | None = None
    id_token: IdToken | None = None
    group: str | None = None
    active: bool | None = None
    closed: bool | None = None  # in the record, by a person
    started_since: datetime | None = None
    started_before: datetime | None = None
    ended_since: datetime | None = None
    ended_before: datetime | None = None


class MeterFilter(Struct, frozen=True, kw_only=True):
    ref: TransactionRef | None = None  # None: whatever the station metered
    evse_id: int | None = None
    since: datetime | None = None
    before: datetime | None = None


class StatusFilter(Struct, frozen=True, kw_only=True):
    evse_id: int | None = None  # 0: the station as a whole
    since: datetime | None = None
    before: datetime | None = None


class MessageFilter(Struct, frozen=True, kw_only=True):
    sites: tuple[str, ...] | None = None
    station: str | None = None
    direction: Literal["in", "out"] | None = None
    action: str | None = None
    message_id: str | None = None
    verdict: str | None = None
    since: datetime | None = None
    before: datetime | None = None


class AuditFilter(Struct, frozen=True, kw_only=True):
    actor: str | None = None  # by name
    action: str = ""  # how it begins: "station." is all that was done to stations
    object: str = ""  # how it begins
    since: datetime | None = None
    before: datetime | None = None


class EventFilter(Struct, frozen=True, kw_only=True):
    sites: tuple[str, ...] | None = None
    station: str | None = None
    types: tuple[str, ...] = ()  # names of events: "StationBooted"


class LoggedStatus(Struct, frozen=True, kw_only=True):
    """What was heard of a connector once; ``id`` grows with time."""

    id: int
    row: ConnectorRow


class StoredEvent(Struct, frozen=True, kw_only=True):
    """An event that was told; ``position`` grows in that order."""

    position: int
    event: Event


class Lists(Protocol):
    """Every list. ``after`` is the ``next`` of the page before, of the same filter and sort."""

    async def stations(
        self,
        tenant: TenantId,
        which: StationFilter,
        sort: StationSort = "name",
        *,
        after: Place | None = None,
        limit: int = 100,
    ) -> Page[Station]: ...

    async def makes(self, tenant: TenantId, which: StationFilter, *, limit: int = 100) -> Makes:
        """How many stations fit, by make and firmware, the most first, then by their names."""
        ...

    async def at_sites(self, tenant: TenantId, sites: Sequence[str]) -> dict[str, int]:
        """How many stations stand at each of these sites; without those at which none does."""
        ...

    async def connectors(
        self,
        tenant: TenantId,
        which: ConnectorFilter,
        sort: ConnectorSort = "station",
        *,
        after: Place | None = None,
        limit: int = 100,
    ) -> Page[ConnectorRow]:
        """By station, EVSE and connector; a station as a whole (evse None) before its EVSEs."""
        ...

    async def tokens(
        self,
        tenant: TenantId,
        which: TokenFilter,
        sort: TokenSort = "key",
        *,
        after: Place | None = None,
        limit: int = 100,
    ) -> Page[Token]: ...

    async def transactions(
        self,
        tenant: TenantId,
        which: TransactionFilter,
        sort: TransactionSort = "-first_heard_at",
        *,
        after: Place | None = None,
        limit: int = 100,
    ) -> Page[Transaction]: ...

    async def meter_values(
        self,
        station: StationId,
        which: MeterFilter,
        sort: TimeSort = "at",
        *,
        after: Place | None = None,
        limit: int = 100,
    ) -> Page[MeterRow]: ...

    async def status_history(
        self,
        station: StationId,
        which: StatusFilter,
        sort: TimeSort = "-at",
        *,
        after: Place | None = None,
        limit: int = 100,
    ) -> Page[LoggedStatus]:
        """In the order in which it was heard."""
        ...

    async def messages(
        self,
        tenant: TenantId,
        which: MessageFilter,
        sort: TimeSort = "-at",
        *,
        after: Place | None = None,
        limit: int = 100,
    ) -> Page[LoggedExchange]:
        """In the order in which they were logged: a call when it was answered."""
        ...

    async def audit(
        self,
        tenant: TenantId,
        which: AuditFilter,
        sort: TimeSort = "-at",
        *,
        after: Place | None = None,
        limit: int = 100,
    ) -> Page[AuditEntry]: ...

    async def events(
        self,
        tenant: TenantId,
        which: EventFilter,
        sort: TimeSort = "at",
        *,
        after: Place | None = None,
        limit: int = 100,
    ) -> Page[StoredEvent]:
        """Those that were told, by ``position``. To replay: ``after=(position,)``."""
        ...
