"""The lists of the store in memory."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from voltkeep.domain.audit import AuditEntry
from voltkeep.domain.authorization import Token
from voltkeep.domain.availability import StatusUpdate
from voltkeep.domain.events import Event
from voltkeep.domain.identity import IdToken, Sender, StationId, TenantId
from voltkeep.domain.stations import Make, Station
from voltkeep.domain.transactions import Transaction
from voltkeep.services.lists import (
    AuditFilter,
    ConnectorFilter,
    ConnectorSort,
    EventFilter,
    LoggedStatus,
    MakeCount,
    Makes,
    MessageFilter,
    MeterFilter,
    Page,
    Place,
    StationFilter,
    StationSort,
    StatusFilter,
    StoredEvent,
    TimeSort,
    TokenFilter,
    TokenSort,
    TransactionFilter,
    TransactionSort,
    instant,
)
from voltkeep.services.ports import ConnectorRow, LoggedExchange, MeterRow
from voltkeep.store.memory_rows import State
from voltkeep.store.meter_values import digest

T = TypeVar("T")

_NO_MAKE = Make(vendor="", model="")
_MADE = ("vendor", "model", "firmware")
_SET = ("registration", "security_profile", "passive", "subprotocol")


class MemoryLists:
    """`services.lists.Lists`."""

    def __init__(
        self,
        state: State,
        messages: Sequence[LoggedExchange],
        statuses: Sequence[tuple[Sender, StatusUpdate]],
        told: Callable[[TenantId, int], Awaitable[list[tuple[int, Event]]]],
    ) -> None:
        self._state = state
        self._messages = messages
        self._statuses = statuses
        self._told = told

    async def stations(
        self,
        tenant: TenantId,
        which: StationFilter,
        sort: StationSort = "name",
        *,
        after: Place | None = None,
        limit: int = 100,
    ) -> Page[Station]:
        name = sort.removeprefix("-")

        def place(row: Station) -> Place:
            return (row.id.name,) if name == "name" else (_at(getattr(row, name)), row.id.name)

        found = (
            row
            for row in self._state.stations.values()
            if row.id.tenant == tenant
            and self._stands(row.id, which.sites)
            and _fits_station(row, which)
        )
        return _page(found, place, sort, after, limit)

    async def makes(self, tenant: TenantId, which: StationFilter, *, limit: int = 100) -> Makes:
        found = [
            row
            for row in self._state.stations.values()
            if row.id.tenant == tenant
            and self._stands(row.id, which.sites)
            and _fits_station(row, which)
        ]
        connected = Counter(_made(row) for row in found if row.is_connected)
        passive = Counter(_made(row) for row in found if row.passive)
        counts = sorted(Counter(map(_made, found)).items(), key=lambda each: (-each[1], each[0]))
        return Makes(
            stations=len(found),
            connected=connected.total(),
            passive=passive.total(),
            rows=[
                MakeCount(
                    vendor=made[0],
                    model=made[1],
                    firmware=made[2],
                    stations=count,
                    connected=connected[made],
                    passive=passive[made],
                )
                for made, count in counts[:limit]
            ],
        )

    async def at_sites(self, tenant: TenantId, sites: Sequence[str]) -> dict[str, int]:
        rows = self._state.stations.values()
        return Counter(row.site for row in rows if row.id.tenant == tenant and row.site in sites)

    async def connectors(
        self,
        tenant: TenantId,
        which: ConnectorFilter,
        sort: ConnectorSort = "station",
        *,
        after: Place | None = None,
        limit: int = 100,
    ) -> Page[ConnectorRow]:
        def place(row: ConnectorRow) -> Place:
            evse = row.update.evse
            evse_id, connector_id = (evse.id, evse.connector_id or 0) if evse else (0, 0)
            return (row.station.name, evse_id, connector_id)

        found = (
            row
            for row in self._state.connectors.values()
            if row.station.tenant == tenant
            and self._stands(row.station, which.sites)
            and which.station in {None, row.station.name}
            and row.station.name.startswith(which.prefix)
            and which.status in {None, row.update.status}
            and _within(row.received_at, which.heard_since, which.heard_before)
            and (
                which.stale_before is None
                or row.received_at < which.stale_before
                or not self._is_connected(row.station)
            )
        )
        return _page(found, place, sort, after, limit)

    async def tokens(
        self,
        tenant: TenantId,
        which: TokenFilter,
        sort: TokenSort = "key",
        *,
        after: Place | None = None,
        limit: int = 100,
    ) -> Page[Token]:
        def place(row: Token) -> Place:
            key = row.id_token.key
            return (key,) if sort.endswith("key") else (_at(row.created_at), key)

        prefix, before = IdToken(which.prefix).key, which.expires_before
        found = (
            row
            for (of, key), row in self._state.tokens.items()
            if of == tenant
            and key.startswith(prefix)
            and which.group in {None, row.group}
            and which.blocked in {None, row.blocked}
            and (before is None or (row.expires_at is not None and row.expires_at < before))
        )
        return _page(found, place, sort, after, limit)

    async def transactions(
        self,
        tenant: TenantId,
        which: TransactionFilter,
        sort: TransactionSort = "-first_heard_at",
        *,
        after: Place | None = None,
        limit: int = 100,
    ) -> Page[Transaction]:
        def place(row: Transaction) -> Place:
            return (_at(getattr(row, sort.removeprefix("-"))), row.station.name, row.ref)

        found = (
            row
            for row in self._state.transactions.values()
            if row.station.tenant == tenant
            and self._stands(row.station, which.sites)
            and _fits_transaction(row, which)
        )
        return _page(found, place, sort, after, limit)

    async def meter_values(
        self,
        station: StationId,
        which: MeterFilter,
        sort: TimeSort = "at",
        *,
        after: Place | None = None,
        limit: int = 100,
    ) -> Page[MeterRow]:
        def place(row: MeterRow) -> Place:
            evse_id = row.evse.id if row.evse else 0
            return (instant(row.value.at), row.ref or "", evse_id, digest(row.value))

        found = (
            row
            for row in self._state.meter_values.values()
            if row.station == station
            and which.ref in {None, row.ref}
            and which.evse_id in {None, row.evse.id if row.evse else 0}
            and _within(row.value.at, which.since, which.before)
        )
        return _page(found, place, sort, after, limit)

    async def status_history(
        self,
        station: StationId,
        which: StatusFilter,
        sort: TimeSort = "-at",
        *,
        after: Place | None = None,
        limit: int = 100,
    ) -> Page[LoggedStatus]:
        found = (
            LoggedStatus(
                id=id,
                row=ConnectorRow(
                    station=station, update=update, received_at=sender.received_at.astimezone(UTC)
                ),
            )
            for id, (sender, update) in enumerate(self._statuses, 1)
            if sender.station == station
            and which.evse_id in {None, update.evse.id if update.evse else 0}
            and _within(sender.received_at, which.since, which.before)
        )
        return _page(found, lambda row: (row.id,), sort, after, limit)

    async def messages(
        self,
        tenant: TenantId,
        which: MessageFilter,
        sort: TimeSort = "-at",
        *,
        after: Place | None = None,
        limit: int = 100,
    ) -> Page[LoggedExchange]:
        names = ("direction", "action", "message_id", "verdict")
        found = (
            row
            for row in self._messages
            if row.exchange.station.tenant == tenant
            and self._stands(row.exchange.station, which.sites)
            and which.station in {None, row.exchange.station.name}
            and all(getattr(which, name) in {None, getattr(row.exchange, name)} for name in names)
            and _within(row.exchange.called_at, which.since, which.before)
        )
        return _page(found, lambda row: (row.id,), sort, after, limit)

    async def audit(
        self,
        tenant: TenantId,
        which: AuditFilter,
        sort: TimeSort = "-at",
        *,
        after: Place | None = None,
        limit: int = 100,
    ) -> Page[AuditEntry]:
        found = (
            row
            for row in self._state.audit.values()
            if row.tenant == tenant
            and which.actor in {None, row.actor.name}
            and row.deed.action.startswith(which.action)
            and row.deed.object.startswith(which.object)
            and _within(row.at, which.since, which.before)
        )
        return _page(found, lambda row: (row.seq,), sort, after, limit)

    async def events(
        self,
        tenant: TenantId,
        which: EventFilter,
        sort: TimeSort = "at",
        *,
        after: Place | None = None,
        limit: int = 100,
    ) -> Page[StoredEvent]:
        told = await self._everything(tenant)
        found = (
            StoredEvent(position=position, event=event)
            for position, event in told
            if self._stands(event.station, which.sites)
            and which.station in {None, event.station.name}
            and (not which.types or type(event).__name__ in which.types)
        )
        return _page(found, lambda row: (row.position,), sort, after, limit)

    async def _everything(self, tenant: TenantId) -> list[tuple[int, Event]]:
        found: list[tuple[int, Event]] = []
        while more := await self._told(tenant, found[-1][0] if found else 0):
            found += more
        return found

    def _stands(self, station: StationId, sites: tuple[str, ...] | None) -> bool:
        known = self._state.stations.get(station)
        return sites is None or (known is not None and known.site in sites)

    def _is_connected(self, station: StationId) -> bool:
        known = self._state.stations.get(station)
        return known is not None and known.is_connected


def _made(row: Station) -> tuple[str, str, str]:
    make = row.make or _NO_MAKE
    return make.vendor, make.model, make.firmware or ""


def _fits_station(row: Station, which: StationFilter) -> bool:
    seen = row.last_seen_at
    since, before = which.last_seen_since, which.last_seen_before
    make = row.make or _NO_MAKE
    return (
        row.id.name.startswith(which.prefix)
        and (which.names is None or row.id.name in which.names)
        and which.connected in {None, row.is_connected}
        and all(getattr(which, name) in {None, getattr(row, name)} for name in _SET)
        and all(getattr(which, name) in {None, getattr(make, name)} for name in _MADE)
        and (since is None or (seen is not None and seen >= since))
        and (before is None or seen is None or seen < before)
    )


def _fits_transaction(row: Transaction, which: TransactionFilter) -> bool:
    return (
        which.station in {None, row.station.name}
        and which.evse_id in {None, row.evse.id if row.evse else None}
        and which.ref in {None, row.ref}
        and (
            which.id_token is None
            or (row.id_token is not None and row.id_token.key == which.id_token.key)
        )
        and which.group in {None, row.group}
        and which.active in {None, row.is_active}
        and which.closed in {None, row.closing is not None}
        and _within(row.started_at, which.started_since, which.started_before)
        and _within(row.ended_at, which.ended_since, which.ended_before)
    )


def _within(at: datetime | None, since: datetime | None, before: datetime | None) -> bool:
    if at is None:
        return since is None and before is None
    return (since is None or at >= since) and (before is None or at < before)


def _at(value: datetime | None) -> int | None:
    return None if value is None else instant(value)


def _page(
    rows: Iterable[T], place: Callable[[T], Place], sort: str, after: Place | None, limit: int
) -> Page[T]:
    """What has no first value comes last, whichever way the list is turned."""
    turned = sort.startswith("-")
    placed = [(place(row), row) for row in rows]
    ordered = []
    for is_null in (False, True):
        part = [each for each in placed if (each[0][0] is None) == is_null]
        if after is not None and (after[0] is None) == is_null:
            part = [each for each in part if _is_beyond(each[0], after, turned=turned)]
        elif after is not None and not is_null:
            part = []
        ordered += sorted(part, key=lambda each: _comparable(each[0]), reverse=turned)
    found = [row for _, row in ordered[:limit]]
    return Page(found, ordered[limit - 1][0] if len(ordered) > limit else None)


def _is_beyond(place: Place, after: Place, *, turned: bool) -> bool:
    here, there = _comparable(place), _comparable(after)
    return here < there if turned else here > there


def _comparable(place: Place) -> tuple[int | str, ...]:
    return tuple(each for each in place if each is not None)
