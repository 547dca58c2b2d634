"""Records and the audit log, in memory."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Generic

from msgspec import structs

from voltkeep.domain.accounts import ApiKey, IdempotencyKey, Installation, Session, Tenant, User
from voltkeep.domain.audit import GENESIS, Actor, AuditEntry, Deed, chained
from voltkeep.domain.authorization import SeenToken, TokenChange, TokenGroup
from voltkeep.domain.availability import AvailabilityPlan, AvailabilityWish
from voltkeep.domain.campaigns import Campaign, CampaignStep
from voltkeep.domain.certificates import (
    CertificateRequest,
    InstalledCertificate,
    IssuedCertificate,
    TrustAnchor,
)
from voltkeep.domain.closing import Unended
from voltkeep.domain.configuration import Assignment, Template
from voltkeep.domain.device_model import ComponentState, DeviceReport
from voltkeep.domain.diagnostics import LogUpload
from voltkeep.domain.firmware import FirmwareImage, FirmwareUpdate
from voltkeep.domain.identity import StationId, TenantId
from voltkeep.domain.imports import Import
from voltkeep.domain.local_list import LocalList
from voltkeep.domain.orders import Batch, Order
from voltkeep.domain.reservations import Reservation
from voltkeep.domain.security import Alert, Refusal, SecurityEvent
from voltkeep.domain.sites import Site
from voltkeep.domain.smart_charging import ChargingNeeds, HeldProfile, ProfileReport
from voltkeep.domain.webhooks import Delivery, Webhook
from voltkeep.services.records import Fields, Look, R
from voltkeep.store.columns import all_storable
from voltkeep.store.ending import month_of, place_by_end
from voltkeep.store.memory_rows import State


class MemoryRecords(Generic[R]):
    """`services.records.Records`, of one table of the state."""

    def __init__(self, state: State, kind: type[R]) -> None:
        self._state = state
        self._kind = kind

    @property
    def _table(self) -> dict[tuple[StationId, str], R]:
        """Looked up each time: a rename makes it anew."""
        return self._state.records[self._kind]

    async def get(self, station: StationId, id: str) -> R | None:
        return self._table.get((station, id))

    async def lock(self, station: StationId, id: str) -> R | None:
        self._state.writes()
        return self._table.get((station, id))

    async def find(self, tenant: TenantId, id: str) -> R | None:
        found = [row for row in self._table.values() if row.station.tenant == tenant]
        return max((row for row in found if row.id == id), key=_order, default=None)

    async def put(self, record: R) -> None:
        self._state.writes()
        self._table[record.station, record.id] = record

    async def replace(self, record: R) -> bool:
        self._state.writes()
        is_there = (record.station, record.id) in self._table
        if is_there:
            self._table[record.station, record.id] = record
        return is_there

    async def add(self, record: R) -> bool:
        self._state.writes()
        return self._table.setdefault((record.station, record.id), record) is record

    async def remove(self, station: StationId, id: str) -> bool:
        self._state.writes()
        return self._table.pop((station, id), None) is not None

    async def of(
        self, station: StationId, *, states: Sequence[str] = (), limit: int = 1000
    ) -> list[R]:
        found = [row for row in self._table.values() if row.station == station]
        return _latest(found, states)[:limit]

    async def all(
        self,
        tenant: TenantId | None = None,
        *,
        states: Sequence[str] = (),
        since: datetime | None = None,
        before: tuple[datetime, StationId, str] | None = None,
        limit: int = 1000,
    ) -> list[R]:
        found = [
            row
            for row in self._table.values()
            if tenant in {None, row.station.tenant}
            and (since is None or row.at >= since)
            and (before is None or _order(row) < before)
        ]
        return _latest(found, states)[:limit]

    async def page(self, tenant: TenantId, look: Look) -> list[R]:
        found = [row for row in self._table.values() if self._fits(row, tenant, look)]
        found.sort(key=_place, reverse=not look.oldest_first)
        return found[: look.limit]

    async def amount(self, tenant: TenantId, look: Look) -> int:
        return len(await self.page(tenant, look))

    async def amounts(self, tenant: TenantId, looks: Sequence[Look]) -> list[int]:
        return [await self.amount(tenant, look) for look in looks]

    async def of_each(
        self, tenant: TenantId, stations: Sequence[str], ids: Sequence[str] = ()
    ) -> list[R]:
        return [
            row
            for row in self._table.values()
            if row.station.tenant == tenant
            and row.station.name in stations
            and (not ids or row.id in ids)
        ]

    def _fits(self, row: R, tenant: TenantId, look: Look, by: str = "at") -> bool:
        known = self._state.stations.get(row.station)
        time = getattr(row, by)
        place = (time, row.station.name, row.id)
        is_past = look.after is None or (
            place > look.after if look.oldest_first else place < look.after
        )
        return (
            is_past
            and row.station.tenant == tenant
            and look.station in {None, row.station.name}
            and (look.sites is None or (known is not None and known.site in look.sites))
            and (not look.states or row.state in look.states)
            and (look.since is None or time >= look.since)
            and (look.until is None or time < look.until)
            and all(getattr(row, name) == value for name, value in look.fields)
        )

    async def tally(
        self, tenant: TenantId, by: tuple[str, ...], fields: Fields = ()
    ) -> dict[tuple[str, ...], int]:
        return Counter(
            tuple(str(getattr(row, name)) for name in by)
            for row in self._table.values()
            if row.station.tenant == tenant
            and all(getattr(row, name) == value for name, value in fields)
        )

    async def count(self, station: StationId, *, states: Sequence[str] = ()) -> int:
        return len(await self.of(station, states=states, limit=len(self._table)))


class MemoryEnding(MemoryRecords[R]):
    """`services.records.Ending`."""

    async def soonest(self, tenant: TenantId, look: Look) -> list[R]:
        look = structs.replace(look, oldest_first=True)
        rows = self._table.values()
        found = [row for row in rows if self._fits(row, tenant, look, "not_after")]
        return sorted(found, key=place_by_end)[: look.limit]

    async def months(
        self,
        tenant: TenantId,
        states: Sequence[str],
        station: str | None = None,
        *,
        limit: int = 60,
    ) -> dict[str, int]:
        look = Look(states=tuple(states), station=station)
        rows = [row for row in self._table.values() if self._fits(row, tenant, look)]
        counts = Counter(month_of(place_by_end(row)[0]) for row in rows)
        return dict(sorted(counts.items())[:limit])


def _order(row: R) -> tuple[datetime, StationId, str]:
    return (row.at, row.station, row.id)


def _place(row: R) -> tuple[datetime, str, str]:
    return (row.at, row.station.name, row.id)


def _latest(rows: list[R], states: Sequence[str]) -> list[R]:
    kept = [row for row in rows if not states or row.state in states]
    return sorted(kept, key=_order, reverse=True)


class MemoryRecordKinds:
    """`services.records.RecordKinds`."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.orders = MemoryRecords(state, Order)
        self.batches = MemoryRecords(state, Batch)
        self.certificates = MemoryEnding(state, IssuedCertificate)
        self.certificate_requests = MemoryRecords(state, CertificateRequest)
        self.installed = MemoryRecords(state, InstalledCertificate)
        self.anchors = MemoryEnding(state, TrustAnchor)
        self.logs = MemoryRecords(state, LogUpload)
        self.images = MemoryRecords(state, FirmwareImage)
        self.updates = MemoryRecords(state, FirmwareUpdate)
        self.security_events = MemoryRecords(state, SecurityEvent)
        self.refusals = MemoryRecords(state, Refusal)
        self.alerts = MemoryRecords(state, Alert)
        self.campaigns = MemoryRecords(state, Campaign)
        self.variables = MemoryRecords(state, ComponentState)
        self.reports = MemoryRecords(state, DeviceReport)
        self.templates = MemoryRecords(state, Template)
        self.assignments = MemoryRecords(state, Assignment)
        self.steps = MemoryRecords(state, CampaignStep)
        self.reservations = MemoryRecords(state, Reservation)
        self.local_lists = MemoryRecords(state, LocalList)
        self.unknown_tokens = MemoryRecords(state, SeenToken)
        self.token_groups = MemoryRecords(state, TokenGroup)
        self.token_changes = MemoryRecords(state, TokenChange)
        self.availability = MemoryRecords(state, AvailabilityWish)
        self.availability_plans = MemoryRecords(state, AvailabilityPlan)
        self.unended = MemoryRecords(state, Unended)
        self.sites = MemoryRecords(state, Site)
        self.imports = MemoryRecords(state, Import)
        self.users = MemoryRecords(state, User)
        self.api_keys = MemoryRecords(state, ApiKey)
        self.sessions = MemoryRecords(state, Session)
        self.tenants = MemoryRecords(state, Tenant)
        self.installation = MemoryRecords(state, Installation)
        self.webhooks = MemoryRecords(state, Webhook)
        self.deliveries = MemoryRecords(state, Delivery)
        self.idempotency_keys = MemoryRecords(state, IdempotencyKey)

        self.charging_profiles = MemoryRecords(state, HeldProfile)
        self.charging_needs = MemoryRecords(state, ChargingNeeds)
        self.profile_reports = MemoryRecords(state, ProfileReport)


class MemoryAuditRows:
    """`services.records.AuditRows`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def append(self, tenant: TenantId, at: datetime, actor: Actor, deed: Deed) -> None:
        self._state.writes()
        last = await self.last(tenant, limit=1)
        seq, before = (last[0].seq + 1, last[0].hash) if last else (1, GENESIS)
        clean_actor, clean_deed = all_storable(actor), all_storable(deed)
        entry = chained(tenant, seq, at.astimezone(UTC), clean_actor, clean_deed, before)
        self._state.audit[tenant, seq] = entry

    async def since(
        self, tenant: TenantId, after: int = 0, *, limit: int = 1000
    ) -> list[AuditEntry]:
        return [entry for entry in self._of(tenant) if entry.seq > after][:limit]

    async def last(self, tenant: TenantId, *, limit: int = 20) -> list[AuditEntry]:
        return self._of(tenant)[-limit:]

    async def tenants(self) -> list[TenantId]:
        return sorted({tenant for tenant, _ in self._state.audit})

    def _of(self, tenant: TenantId) -> list[AuditEntry]:
        return sorted(
            (entry for entry in self._state.audit.values() if entry.tenant == tenant),
            key=lambda entry: entry.seq,
        )
