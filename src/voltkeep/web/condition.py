"""How this server does, for people: what it is, what waits, and what is wrong."""

import asyncio
import platform
import shutil
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from msgspec import Struct

from voltkeep.services.ports import StoreUnavailable
from voltkeep.web.loop_lag import LoopLag
from voltkeep.web.metrics import CensusNumbers, Sources

T = TypeVar("T")

# The settings that say how long records are kept, in days.
RETENTION = (
    "message_log_retention_days",
    "event_retention_days",
    "status_history_retention_days",
    "meter_value_retention_days",
    "transaction_retention_days",
    "transaction_event_retention_days",
    "unknown_token_retention_days",
    "security_retention_days",
)
_KNOWN_S = 15.0  # for so long what the database was asked for is not asked for again


class DatabaseFacts(Protocol):
    """`store.store.Described`."""

    @property
    def kind(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def schema(self) -> str: ...
    @property
    def size_bytes(self) -> int: ...
    @property
    def latency_s(self) -> float: ...


class DatabaseOut(Struct, frozen=True, kw_only=True):
    """The database. All but ``in_use`` is null while it is away."""

    kind: str | None
    version: str | None
    schema_revision: str | None
    size_bytes: int | None
    latency_ms: float | None
    in_use: int


class QueuesOut(Struct, frozen=True, kw_only=True):
    """What waits. ``events_untold`` is null while the database is away."""

    events_untold: int | None
    rows_unstored: int
    rows_dropped: int
    commands: int
    webhook_deliveries: int


class ConnectionsOut(Struct, frozen=True, kw_only=True):
    """Stations at the door, since the server was started; ``refused`` is by reason."""

    connected: int
    at_most: int
    by_protocol: dict[str, int]
    let_in: int
    refused: dict[str, int]
    upgrades_per_s: float
    event_streams: int


class LoopOut(Struct, frozen=True, kw_only=True):
    """How late the event loop is: ``worst_ms`` in the last minute."""

    lag_ms: float
    worst_ms: float


class ListenerOut(Struct, frozen=True, kw_only=True):
    """Something that listens, by the name of its setting; one that is off is left out."""

    setting: str
    address: str
    is_open: bool


class RetentionOut(Struct, frozen=True, kw_only=True):
    """How long records are kept, by the name of the setting; null: for ever."""

    setting: str
    days: float | None


class DiskOut(Struct, frozen=True, kw_only=True):
    """The disk of the data directory."""

    path: str
    total_bytes: int
    free_bytes: int


class EndOut(Struct, frozen=True, kw_only=True):
    """The certificate of its kind that ends first."""

    kind: str
    not_after: datetime


class SystemOut(Struct, frozen=True, kw_only=True):
    """The server that answers. ``troubles`` tell why it may not be used now."""

    version: str
    python: str
    started_at: datetime
    troubles: list[str]
    database: DatabaseOut
    queues: QueuesOut
    connections: ConnectionsOut
    event_loop: LoopOut
    listeners: list[ListenerOut]
    retention: list[RetentionOut]
    pruned_at: datetime | None
    prunes_at: datetime | None
    disk: DiskOut | None
    certificates: list[EndOut]


class Facts(Struct, frozen=True, kw_only=True):
    """What is known beside the numbers of the metrics. Each is asked when somebody looks."""

    started_at: datetime
    data: Path
    max_connections: int
    upgrades_per_s: float
    retention: Mapping[str, float]  # days by setting; 0: for ever
    listeners: Callable[[], Mapping[str, tuple[str, bool]]]  # where, and whether it is open
    troubles: Callable[[], Awaitable[list[str]]]
    database: Callable[[], Awaitable[DatabaseFacts]]
    pruned: Callable[[], tuple[datetime | None, datetime | None]]  # when last, and when next


class Condition:
    """Looks at the server when somebody asks."""

    def __init__(self, sources: Sources, facts: Facts, lag: LoopLag) -> None:
        self._sources = sources
        self._facts = facts
        self._lag = lag
        self._database = _Remembered(facts.database)
        self._census: _Remembered[CensusNumbers] = _Remembered(sources.census)

    async def run(self) -> None:
        """Measure how late the event loop is, until cancelled."""
        await self._lag.run()

    async def look(self) -> SystemOut:
        """All of it, as it is now; what the database counts, as of 15 seconds ago at most."""
        facts = self._facts
        pruned_at, prunes_at = facts.pruned()
        return SystemOut(
            version=version("voltkeep"),
            python=platform.python_version(),
            started_at=facts.started_at,
            troubles=await facts.troubles(),
            database=await self._of_database(),
            queues=await self._queues(),
            connections=self._connections(),
            event_loop=LoopOut(
                lag_ms=round(self._lag.last_s * 1000, 1),
                worst_ms=round(self._lag.worst_lately_s * 1000, 1),
            ),
            listeners=[
                ListenerOut(setting=name, address=address, is_open=is_open)
                for name, (address, is_open) in facts.listeners().items()
            ],
            retention=[
                RetentionOut(setting=name, days=days or None)
                for name, days in facts.retention.items()
            ],
            pruned_at=pruned_at,
            prunes_at=prunes_at,
            disk=_disk(facts.data),
            certificates=self._certificates(),
        )

    async def _of_database(self) -> DatabaseOut:
        found = await self._database.get()
        return DatabaseOut(
            kind=None if found is None else found.kind,
            version=None if found is None else found.version,
            schema_revision=None if found is None else found.schema,
            size_bytes=None if found is None else found.size_bytes,
            latency_ms=None if found is None else round(found.latency_s * 1000, 1),
            in_use=self._sources.pool_in_use(),
        )

    async def _queues(self) -> QueuesOut:
        census, journal = await self._census.get(), self._sources.journal()
        return QueuesOut(
            events_untold=None if census is None else census.events_untold,
            rows_unstored=journal.waiting,
            rows_dropped=journal.dropped,
            commands=self._sources.commands_waiting(),
            webhook_deliveries=self._sources.webhooks_waiting(),
        )

    def _connections(self) -> ConnectionsOut:
        by_protocol: dict[str, int] = {}
        for protocol, _ in self._sources.connections():
            by_protocol[protocol] = by_protocol.get(protocol, 0) + 1
        return ConnectionsOut(
            connected=sum(by_protocol.values()),
            at_most=self._facts.max_connections,
            by_protocol=dict(sorted(by_protocol.items())),
            let_in=self._sources.wire.connects,
            refused=dict(sorted(self._sources.refusals().items())),
            upgrades_per_s=self._facts.upgrades_per_s,
            event_streams=self._sources.streams(),
        )

    def _certificates(self) -> list[EndOut]:
        first: dict[str, datetime] = {}
        for kind, not_after in self._sources.certificates():
            first[kind] = min(first.get(kind, not_after), not_after)
        return [EndOut(kind=kind, not_after=end) for kind, end in sorted(first.items())]


class _Remembered(Generic[T]):
    """What the database said a while ago; None: it is away. Who comes meanwhile waits for it."""

    def __init__(self, ask: Callable[[], Awaitable[T]]) -> None:
        self._ask = ask
        self._asking = asyncio.Lock()
        self._at = -_KNOWN_S
        self._found: T | None = None

    async def get(self) -> T | None:
        async with self._asking:
            now = time.monotonic()
            if now - self._at >= _KNOWN_S:
                try:
                    self._found = await self._ask()
                except StoreUnavailable:
                    self._found = None
                self._at = now
            return self._found


def _disk(path: Path) -> DiskOut | None:
    try:
        found = shutil.disk_usage(path)
    except OSError:
        return None
    return DiskOut(path=str(path), total_bytes=found.total, free_bytes=found.free)
