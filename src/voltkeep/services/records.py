"""Ports for what is kept by name and looked at by state: records, and the audit log."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from msgspec import Struct

from voltkeep.domain.accounts import ApiKey, IdempotencyKey, Installation, Session, Tenant, User
from voltkeep.domain.audit import Actor, AuditEntry, Deed
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


class Record(Protocol):
    """What every record has: whose it is, its name there, its state, and when it last changed."""

    @property
    def station(self) -> StationId: ...
    @property
    def id(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def at(self) -> datetime: ...


R = TypeVar("R", bound=Record)


Fields = tuple[tuple[str, str], ...]
"""Names and values of fields that a kind of record is found by: those with a column."""


class Look(Struct, frozen=True, kw_only=True):
    """Which records of a tenant: those that fit each field that is set."""

    station: str | None = None
    sites: tuple[str, ...] | None = None  # only of stations that stand there
    states: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None  # not itself
    fields: Fields = ()
    oldest_first: bool = False
    after: tuple[datetime, str, str] | None = None  # (at, station's name, id) of the last one seen
    limit: int = 100


class Records(Protocol[R]):
    """Records of one kind, known by station and id; a station of name "" is the whole tenant."""

    async def get(self, station: StationId, id: str) -> R | None: ...
    async def lock(self, station: StationId, id: str) -> R | None:
        """As `get`, and nobody else may change it until this work is over."""
        ...

    async def find(self, tenant: TenantId, id: str) -> R | None:
        """Whichever station it is of; the latest changed, if several are."""
        ...

    async def put(self, record: R) -> None:
        """Insert, or replace the one of that station and id."""
        ...

    async def replace(self, record: R) -> bool:
        """Replace the one of that station and id; False, and nothing changed, if there is none."""
        ...

    async def add(self, record: R) -> bool:
        """Insert; False, and nothing changed, if there is one of that station and id."""
        ...

    async def remove(self, station: StationId, id: str) -> bool: ...
    async def of(
        self, station: StationId, *, states: Sequence[str] = (), limit: int = 1000
    ) -> list[R]:
        """Of one station, in these states (all, if none is named), the latest changed first."""
        ...

    async def all(
        self,
        tenant: TenantId | None = None,
        *,
        states: Sequence[str] = (),
        since: datetime | None = None,
        before: tuple[datetime, StationId, str] | None = None,
        limit: int = 1000,
    ) -> list[R]:
        """Of every station, the latest changed first: by (at, station, id), descending.

        ``since`` leaves out what changed before it; ``before`` continues after a page.
        """
        ...

    async def page(self, tenant: TenantId, look: Look) -> list[R]:
        """Those that fit, in order of (at, station, id), the latest changed first."""
        ...

    async def tally(
        self, tenant: TenantId, by: tuple[str, ...], fields: Fields = ()
    ) -> dict[tuple[str, ...], int]:
        """How many there are of each combination of values of ``by``, among those that fit."""
        ...

    async def amount(self, tenant: TenantId, look: Look) -> int:
        """How many fit; not counted further than ``look.limit``."""
        ...

    async def amounts(self, tenant: TenantId, looks: Sequence[Look]) -> list[int]:
        """As `amount`, of each look, asked at once."""
        ...

    async def of_each(
        self, tenant: TenantId, stations: Sequence[str], ids: Sequence[str] = ()
    ) -> list[R]:
        """Those of stations by their names; only of these ids, if any is named. In no order."""
        ...

    async def count(self, station: StationId, *, states: Sequence[str] = ()) -> int: ...


class Ending(Records[R], Protocol[R]):
    """Records with a ``not_after``, looked for by it. ``states`` names one at least."""

    async def soonest(self, tenant: TenantId, look: Look) -> list[R]:
        """Those that fit, in order of (not_after, station's name, id): the soonest first.

        ``since``, ``until`` and ``after`` of the look are times at which they end.
        """
        ...

    async def months(
        self,
        tenant: TenantId,
        states: Sequence[str],
        station: str | None = None,
        *,
        limit: int = 60,
    ) -> dict[str, int]:
        """How many end in each month (UTC) in which any does: by names as 2026-11, in order.

        The first ``limit`` of them.
        """
        ...


class RecordKinds(Protocol):
    """Every kind of record that a work reaches."""

    @property
    def orders(self) -> Records[Order]: ...
    @property
    def batches(self) -> Records[Batch]: ...
    @property
    def certificates(self) -> Ending[IssuedCertificate]: ...
    @property
    def certificate_requests(self) -> Records[CertificateRequest]: ...
    @property
    def installed(self) -> Records[InstalledCertificate]: ...
    @property
    def anchors(self) -> Ending[TrustAnchor]: ...
    @property
    def logs(self) -> Records[LogUpload]: ...
    @property
    def images(self) -> Records[FirmwareImage]: ...
    @property
    def updates(self) -> Records[FirmwareUpdate]: ...
    @property
    def security_events(self) -> Records[SecurityEvent]: ...
    @property
    def refusals(self) -> Records[Refusal]: ...
    @property
    def alerts(self) -> Records[Alert]: ...
    @property
    def campaigns(self) -> Records[Campaign]: ...
    @property
    def steps(self) -> Records[CampaignStep]: ...
    @property
    def variables(self) -> Records[ComponentState]: ...
    @property
    def reports(self) -> Records[DeviceReport]: ...
    @property
    def templates(self) -> Records[Template]: ...
    @property
    def assignments(self) -> Records[Assignment]: ...
    @property
    def reservations(self) -> Records[Reservation]: ...
    @property
    def local_lists(self) -> Records[LocalList]: ...
    @property
    def unknown_tokens(self) -> Records[SeenToken]: ...
    @property
    def token_groups(self) -> Records[TokenGroup]: ...
    @property
    def token_changes(self) -> Records[TokenChange]: ...
    @property
    def availability(self) -> Records[AvailabilityWish]: ...
    @property
    def availability_plans(self) -> Records[AvailabilityPlan]: ...
    @property
    def unended(self) -> Records[Unended]: ...
    @property
    def sites(self) -> Records[Site]: ...
    @property
    def imports(self) -> Records[Import]: ...
    @property
    def users(self) -> Records[User]: ...
    @property
    def api_keys(self) -> Records[ApiKey]: ...
    @property
    def sessions(self) -> Records[Session]: ...
    @property
    def tenants(self) -> Records[Tenant]: ...
    @property
    def installation(self) -> Records[Installation]: ...
    @property
    def webhooks(self) -> Records[Webhook]: ...
    @property
    def deliveries(self) -> Records[Delivery]: ...
    @property
    def idempotency_keys(self) -> Records[IdempotencyKey]: ...

    @property
    def charging_profiles(self) -> Records[HeldProfile]: ...
    @property
    def charging_needs(self) -> Records[ChargingNeeds]: ...
    @property
    def profile_reports(self) -> Records[ProfileReport]: ...


class AuditRows(Protocol):
    """The audit log: entries are added, and never changed."""

    async def append(self, tenant: TenantId, at: datetime, actor: Actor, deed: Deed) -> None:
        """Chain it to the last entry of its tenant, at the latest when this work commits."""
        ...

    async def since(
        self, tenant: TenantId, after: int = 0, *, limit: int = 1000
    ) -> list[AuditEntry]:
        """Those with a greater ``seq``, in order."""
        ...

    async def last(self, tenant: TenantId, *, limit: int = 20) -> list[AuditEntry]:
        """The newest, in order."""
        ...

    async def tenants(self) -> list[TenantId]:
        """Who has entries."""
        ...
