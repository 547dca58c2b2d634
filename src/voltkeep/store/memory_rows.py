"""The tables and rows of the store in memory."""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any, TypeVar

from msgspec import structs

from voltkeep.domain.audit import AuditEntry
from voltkeep.domain.authorization import Authorization, Token
from voltkeep.domain.availability import AvailabilityPlan, AvailabilityWish
from voltkeep.domain.certificates import InstalledCertificate, TrustAnchor
from voltkeep.domain.configuration import Assignment
from voltkeep.domain.days import Counted, Progress
from voltkeep.domain.device_model import ComponentState, DeviceReport
from voltkeep.domain.identity import Evse, IdToken, Sender, StationId, TenantId, TransactionRef
from voltkeep.domain.local_list import LocalList
from voltkeep.domain.reservations import Reservation
from voltkeep.domain.smart_charging import ChargingNeeds, HeldProfile, ProfileReport
from voltkeep.domain.stations import Boot, Policy, Registration, SecurityProfile, Station, Trust
from voltkeep.domain.transactions import Transaction, TransactionUpdate
from voltkeep.services.ports import (
    ConnectorRow,
    LoggedExchange,
    MeterRow,
    QueuedCommand,
    RemoteStart,
    Superseded,
)
from voltkeep.store.engine import ReadsOnly

S = TypeVar("S", Station, Transaction, QueuedCommand)


GONE_WITH_A_STATION: tuple[type[Any], ...] = (
    InstalledCertificate,
    TrustAnchor,
    ComponentState,
    DeviceReport,
    Assignment,
    Reservation,
    LocalList,
    AvailabilityWish,
    AvailabilityPlan,
    HeldProfile,
    ChargingNeeds,
    ProfileReport,
)
_NAMED = (
    *("connectors", "transactions", "remote_starts", "meter_values", "commands"),
    "day_counted",
)


@dataclass
class State:
    """Every table. A copy of it is a draft."""

    stations: dict[StationId, Station] = field(default_factory=dict)
    connectors: dict[tuple[StationId, int, int], ConnectorRow] = field(default_factory=dict)
    tokens: dict[tuple[TenantId, str], Token] = field(default_factory=dict)
    transactions: dict[tuple[StationId, TransactionRef], Transaction] = field(default_factory=dict)
    marks: set[tuple[StationId, TransactionRef, str]] = field(default_factory=set)
    remote_starts: dict[int, RemoteStart] = field(default_factory=dict)
    meter_values: dict[tuple[Any, ...], MeterRow] = field(default_factory=dict)
    commands: dict[str, QueuedCommand] = field(default_factory=dict)
    records: defaultdict[type[Any], dict[tuple[StationId, str], Any]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    audit: dict[tuple[TenantId, int], AuditEntry] = field(default_factory=dict)
    day_totals: dict[tuple[TenantId, str, str, date], int] = field(default_factory=dict)
    day_counted: dict[tuple[StationId, TransactionRef], Counted] = field(default_factory=dict)
    day_progress: dict[TenantId, Progress] = field(default_factory=dict)
    renamed: list[tuple[StationId, StationId]] = field(default_factory=list)
    is_draft: bool = False

    def draft(self) -> "State":
        tables = {each.name: getattr(self, each.name) for each in fields(self)}
        copies = {name: table.copy() for name, table in tables.items() if name != "is_draft"}
        for kind, table in self.records.items():
            copies["records"][kind] = table.copy()
        return State(**copies, is_draft=True)

    def rename(self, station: StationId, new: StationId) -> None:
        self.renamed.append((station, new))
        row = self.stations.pop(station)
        self.stations[new] = structs.replace(row, id=new)
        self.marks = {_moved(key, station, new) for key in self.marks}
        for name in _NAMED:
            setattr(self, name, _renamed(getattr(self, name), station, new))
        for kind, table in self.records.items():
            self.records[kind] = _renamed(table, station, new)

    def writes(self) -> None:
        if not self.is_draft:
            raise ReadsOnly(ReadsOnly.__doc__)


def _moved(key: Any, station: StationId, new: StationId) -> Any:
    """The key of a table, with the station's new name where it had the old one."""
    if isinstance(key, tuple) and key[0] == station:
        return (new, *key[1:])
    return key


def _renamed(table: dict[Any, Any], station: StationId, new: StationId) -> dict[Any, Any]:
    return {
        _moved(key, station, new): structs.replace(row, station=new)
        if row.station == station
        else row
        for key, row in table.items()
    }


def _copy(row: S) -> S:
    return structs.replace(row)


class MemoryStationRows:
    def __init__(self, state: State) -> None:
        self._state = state

    async def get(self, station: StationId) -> Station | None:
        found = self._state.stations.get(station)
        return _copy(found) if found else None

    async def add(self, station: Station) -> bool:
        self._state.writes()
        if station.id in self._state.stations:
            return False
        self._state.stations[station.id] = _copy(station)
        return True

    async def all(
        self, tenant: TenantId | None = None, *, after: StationId | None = None, limit: int = 1000
    ) -> list[Station]:
        found = [
            _copy(row)
            for name, row in sorted(self._state.stations.items())
            if tenant in {None, name.tenant} and (after is None or name > after)
        ]
        return found[:limit]

    async def remove(self, station: StationId) -> bool:
        self._state.writes()
        tables: list[dict[Any, Any]] = [
            self._state.connectors,
            *(self._state.records[kind] for kind in GONE_WITH_A_STATION),
        ]
        for table in tables:
            for key in [key for key in table if key[0] == station]:
                del table[key]
        return self._state.stations.pop(station, None) is not None

    async def rename(self, station: StationId, new: StationId) -> None:
        self._state.writes()
        if new in self._state.stations:
            raise ValueError(f"there is a station called {new} already")
        if station not in self._state.stations:
            raise ValueError(f"there is no station called {station}")
        self._state.rename(station, new)

    async def set_key(self, station: StationId, key_hash: str | None) -> None:
        self._set(station, key_hash=key_hash)

    async def set_profile(self, station: StationId, profile: SecurityProfile) -> None:
        self._set(station, security_profile=profile)

    async def lock(self, station: StationId) -> Station | None:
        self._state.writes()
        return await self.get(station)

    async def set_trust(self, station: StationId, trust: Trust) -> None:
        self._set(station, trust=trust)

    async def set_registration(self, station: StationId, registration: Registration) -> None:
        self._set(station, registration=registration)

    async def set_passive(self, station: StationId, *, passive: bool) -> None:
        self._set(station, passive=passive)

    async def set_note(self, station: StationId, note: str) -> None:
        self._set(station, note=note)

    async def set_site(self, station: StationId, site: str) -> None:
        self._set(station, site=site)

    async def set_policy(self, station: StationId, policy: Policy) -> None:
        self._set(station, policy=policy)

    async def connected(
        self, station: StationId, *, at: datetime, subprotocol: str, address: str
    ) -> int:
        row = self._state.stations.get(station)
        if row is None:
            raise Superseded(f"{station} was removed")
        self._set(
            station,
            epoch=row.epoch + 1,
            connected_at=at,
            disconnected_at=None,
            subprotocol=subprotocol,
            remote_address=address,
        )
        return row.epoch + 1

    async def disconnected(self, station: StationId, epoch: int, at: datetime) -> bool:
        row = self._state.stations.get(station)
        if row is None or row.epoch != epoch:
            return False
        self._end(row, at)
        return True

    async def disconnect_all(self, at: datetime) -> int:
        connected = [row for row in self._state.stations.values() if row.is_connected]
        for row in connected:
            self._end(row, at)
        return len(connected)

    def _end(self, row: Station, at: datetime) -> None:
        self._set(row.id, disconnected_at=max(at, row.connected_at or at))

    async def booted(self, station: StationId, boot: Boot, at: datetime) -> None:
        self._set(station, make=boot.make, booted_at=at)

    async def hold(self, sender: Sender) -> Station:
        row = await self.lock(sender.station)
        if row is None:
            raise Superseded(f"{sender.station} was removed")
        if row.epoch != sender.epoch:
            raise Superseded(f"{sender.station} has connected again")
        return row

    async def seen(self, last_seen: dict[StationId, datetime]) -> None:
        for station, at in last_seen.items():
            row = self._state.stations.get(station)
            if row is not None and (row.last_seen_at is None or row.last_seen_at < at):
                self._set(station, last_seen_at=at)

    def _set(self, station: StationId, **values: Any) -> None:
        self._state.writes()
        row = self._state.stations.get(station)
        if row is not None:
            self._state.stations[station] = structs.replace(row, **values)


class MemoryConnectorRows:
    def __init__(self, state: State) -> None:
        self._state = state

    async def save(self, rows: Sequence[ConnectorRow]) -> None:
        self._state.writes()
        for row in rows:
            evse = row.update.evse
            ids = (evse.id, evse.connector_id or 0) if evse else (0, 0)
            self._state.connectors[row.station, *ids] = row

    async def of(self, station: StationId) -> list[ConnectorRow]:
        found = sorted(key for key in self._state.connectors if key[0] == station)
        return [self._state.connectors[key] for key in found]


class MemoryTransactionRows:
    def __init__(self, state: State, numbers: "itertools.count[int]") -> None:
        self._state = state
        self._numbers = numbers

    async def get(self, station: StationId, ref: TransactionRef) -> Transaction | None:
        found = self._state.transactions.get((station, ref))
        return _copy(found) if found else None

    async def started_as(self, station: StationId, start_key: str) -> Transaction | None:
        for row in self._state.transactions.values():
            if (row.station, row.start_key) == (station, start_key):
                return _copy(row)
        return None

    async def next_number(self) -> int:
        self._state.writes()
        return next(self._numbers)

    async def add(self, transaction: Transaction) -> bool:
        self._state.writes()
        key = (transaction.station, transaction.ref)
        start_key = transaction.start_key
        if key in self._state.transactions:
            return False
        if start_key is not None and await self.started_as(transaction.station, start_key):
            return False
        self._state.transactions[key] = _copy(transaction)
        return True

    async def save(self, transaction: Transaction) -> None:
        self._state.writes()
        self._state.transactions[transaction.station, transaction.ref] = _copy(transaction)

    async def mark(
        self, station: StationId, ref: TransactionRef, update: TransactionUpdate, at: datetime
    ) -> bool:
        self._state.writes()
        mark = (station, ref, update.mark)
        is_new = mark not in self._state.marks
        self._state.marks.add(mark)
        return is_new

    async def active_with(
        self,
        tenant: TenantId,
        id_token: IdToken,
        *,
        except_at: tuple[StationId, Evse | None] | None = None,
    ) -> int:
        station, evse = except_at or (None, None)
        active = [row for row in self._state.transactions.values() if row.is_active]
        latest: dict[tuple[StationId, object], Transaction] = {}
        for row in sorted(active, key=lambda row: (row.first_heard_at, row.ref)):
            latest[row.station, row.evse.id if row.evse else row.ref] = row
        return sum(
            row.station.tenant == tenant
            and row.id_token is not None
            and row.id_token.key == id_token.key
            and row.authorization == Authorization.ACCEPTED
            and not (evse and row.evse and (row.station, row.evse.id) == (station, evse.id))
            for row in latest.values()
        )

    async def all(
        self,
        tenant: TenantId | None = None,
        *,
        station: StationId | None = None,
        active: bool | None = None,
        before: tuple[datetime, StationId, TransactionRef] | None = None,
        limit: int = 1000,
    ) -> list[Transaction]:
        found = [
            (row.first_heard_at, row.station, row.ref)
            for row in self._state.transactions.values()
            if tenant in {None, row.station.tenant}
            and station in {None, row.station}
            and active in {None, row.is_active}
        ]
        keys = sorted((key for key in found if before is None or key < before), reverse=True)
        return [_copy(self._state.transactions[key[1:]]) for key in keys[:limit]]

    async def suspects(
        self,
        silent_since: datetime,  # every open one is a suspect
        *,
        after: tuple[StationId, TransactionRef] | None = None,
        limit: int = 1000,
    ) -> list[Transaction]:
        found = sorted(self._state.transactions.items())
        open_ = [row for key, row in found if row.is_active and (after is None or key > after)]
        return [_copy(row) for row in open_[:limit]]

    async def newer(self, transaction: Transaction) -> Transaction | None:
        place = transaction.evse
        found = [
            row
            for row in self._state.transactions.values()
            if place is not None
            and row.station == transaction.station
            and row.evse is not None
            and row.evse.id == place.id
            and row.first_heard_at > transaction.first_heard_at
        ]
        first = min(found, key=lambda row: (row.first_heard_at, row.ref), default=None)
        return _copy(first) if first else None


class MemoryRemoteStartRows:
    def __init__(self, state: State, numbers: "itertools.count[int]") -> None:
        self._state = state
        self._numbers = numbers

    async def open(
        self, station: StationId, id_token: IdToken, evse: Evse | None, at: datetime
    ) -> int:
        self._state.writes()
        number = next(self._numbers)
        self._state.remote_starts[number] = RemoteStart(
            id=number, station=station, id_token=id_token, evse=evse, at=at
        )
        return number

    async def claim(
        self, station: StationId, id_token: IdToken, evse: Evse | None, since: datetime
    ) -> int | None:
        self._state.writes()
        for number, row in sorted(self._state.remote_starts.items()):
            is_same_evse = evse is None or row.evse is None or evse.id == row.evse.id
            is_same = (row.station, row.id_token.key) == (station, id_token.key)
            if is_same and is_same_evse and row.at >= since:
                del self._state.remote_starts[number]
                return number
        return None

    async def withdraw(self, station: StationId, id: int) -> None:
        self._state.writes()
        row = self._state.remote_starts.get(id)
        if row is not None and row.station == station:
            del self._state.remote_starts[id]


class MemoryMeterRows:
    def __init__(self, state: State) -> None:
        self._state = state

    async def of_transaction(self, station: StationId, ref: TransactionRef) -> list[MeterRow]:
        found = [
            row
            for row in self._state.meter_values.values()
            if (row.station, row.ref) == (station, ref)
        ]
        return sorted(found, key=lambda row: (row.value.at, row.received_at))


class MemoryCommandRows:
    def __init__(self, state: State) -> None:
        self._state = state

    async def add(self, command: QueuedCommand) -> None:
        self._state.writes()
        self._state.commands[command.id] = _copy(command)

    async def take(self, now: datetime, limit: int = 50) -> list[QueuedCommand]:
        self._state.writes()
        waiting = [
            row
            for row in self._state.commands.values()
            if row.taken_at is None and row.done_at is None and row.expires_at > now
        ]
        taken = sorted(waiting, key=lambda row: (row.created_at, row.id))[:limit]
        for row in taken:
            self._state.commands[row.id] = structs.replace(row, taken_at=now)
        return [_copy(self._state.commands[row.id]) for row in taken]

    async def settle(self, command: QueuedCommand) -> None:
        self._state.writes()
        row = self._state.commands.get(command.id)
        if row is not None:
            self._state.commands[command.id] = structs.replace(
                row,
                command=command.command,
                done_at=command.done_at,
                result=command.result,
                outcome=command.outcome,
                error=command.error,
                messages=command.messages,
                sealed=None,
            )

    async def waiting(self, now: datetime) -> bool:
        return any(
            row.taken_at is None and row.done_at is None and row.expires_at > now
            for row in self._state.commands.values()
        )

    async def get(self, tenant: TenantId, id: str) -> QueuedCommand | None:
        found = self._state.commands.get(id)
        return _copy(found) if found and found.station.tenant == tenant else None


class MemoryMessageRows:
    def __init__(self, messages: list[LoggedExchange]) -> None:
        self._messages = messages

    async def since(
        self, after: int, *, station: StationId | None = None, limit: int = 500
    ) -> list[LoggedExchange]:
        return [row for row in self._of(station) if row.id > after][:limit]

    async def last(
        self, *, station: StationId | None = None, limit: int = 20
    ) -> list[LoggedExchange]:
        return list(self._of(station))[-limit:] if limit else []

    def _of(self, station: StationId | None) -> Iterable[LoggedExchange]:
        return (row for row in self._messages if station in {None, row.exchange.station})
