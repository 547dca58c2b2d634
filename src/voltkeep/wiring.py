"""Every service, over whatever store and stations it is given: the server's, and the tests'."""

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Protocol

from voltkeep.bus.outbound import CheckedOutbound
from voltkeep.bus.outward import Outward
from voltkeep.bus.sealing import AskSeal
from voltkeep.config import ConfigError, Settings, parse_networks
from voltkeep.dialects import DIALECTS
from voltkeep.dialects.checking import FrameChecker
from voltkeep.dialects.dialect import Services
from voltkeep.dialects.masking import masked, without_secrets_of
from voltkeep.dialects.ocpp16.security import SAME_EVENTS
from voltkeep.domain.certificates import IssuedCertificate
from voltkeep.domain.security import Rules
from voltkeep.domain.stations import NameCheck
from voltkeep.gateway.counting import BUCKETS_S, WireCounts
from voltkeep.gateway.revocation import OnlineRevocations
from voltkeep.gateway.stations import LocalStations
from voltkeep.pki.firmware import FirmwareSignatures
from voltkeep.services.accounts import AccountService
from voltkeep.services.addresses import Addresses
from voltkeep.services.asking import table
from voltkeep.services.audit import AuditedStations, AuditService
from voltkeep.services.authority import Authority, Files
from voltkeep.services.authorization import AuthorizationService
from voltkeep.services.availability import AvailabilityService
from voltkeep.services.batches import BatchService
from voltkeep.services.campaigns import CampaignService
from voltkeep.services.certificates import CertificateService
from voltkeep.services.charging_reports import ChargingReportService
from voltkeep.services.checking import Checker
from voltkeep.services.closing import ClosingService
from voltkeep.services.configuration import ConfigurationService
from voltkeep.services.credentials import CredentialsService
from voltkeep.services.data_transfer import DataTransferService, Registry
from voltkeep.services.day_counting import DayCounter
from voltkeep.services.days import DayService
from voltkeep.services.diagnostics import DiagnosticsService
from voltkeep.services.explain import ExplainService
from voltkeep.services.firmware import FirmwareService
from voltkeep.services.imports import ImportService
from voltkeep.services.intrusion import IntrusionService
from voltkeep.services.list_keeper import ListKeeper
from voltkeep.services.local_list import LocalListService
from voltkeep.services.meter_values import MeterValuesService
from voltkeep.services.order_queue import OrderQueue
from voltkeep.services.orders import OrderService
from voltkeep.services.people import People, make_people
from voltkeep.services.ports import (
    Announce,
    Begin,
    Clock,
    Journal,
    Read,
    Stations,
    StoreUnavailable,
)
from voltkeep.services.provisioning import ProvisioningService
from voltkeep.services.remote_control import RemoteControlService
from voltkeep.services.reservations import ReservationService
from voltkeep.services.roots import RootService
from voltkeep.services.security import Keys, SecurityService
from voltkeep.services.security_events import SecurityEventService
from voltkeep.services.sites import SiteService
from voltkeep.services.smart_charging import SmartChargingService
from voltkeep.services.templates import TemplateService
from voltkeep.services.transactions import TransactionService
from voltkeep.services.transfers import Listeners
from voltkeep.services.unknown_tokens import UnknownTokenService
from voltkeep.services.unsolicited import ConsiderateStations
from voltkeep.services.webhooks import SealedSecrets, WebhookService

if TYPE_CHECKING:
    from voltkeep.bus.tracing import Tracing
    from voltkeep.store import Store
    from voltkeep.web.api.vitals import Vitals
    from voltkeep.web.metrics import Sources


def now() -> datetime:
    """The clock of this installation: aware, UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class AllServices(Services):
    """What handlers may call, and what only operators may."""

    read: Read
    security: SecurityService
    remote_control: RemoteControlService
    smart_charging: SmartChargingService
    closing: ClosingService
    credentials: CredentialsService
    campaigns: CampaignService
    templates: TemplateService
    roots: RootService
    explain: ExplainService
    audit: AuditService
    intrusion: IntrusionService
    addresses: Addresses
    local_lists: LocalListService
    list_keeper: ListKeeper
    orders: OrderService
    order_queue: OrderQueue
    batches: BatchService
    accounts: AccountService
    people: People
    webhooks: WebhookService
    sites: SiteService
    imports: ImportService
    days: DayService
    day_counter: DayCounter
    checker: Checker


class Numbered(Protocol):
    """The events that were published, as far as they are counted."""

    async def last(self) -> int: ...


class Storage(Protocol):
    """A store, as far as services need it."""

    @property
    def journal(self) -> Journal: ...
    @property
    def begin(self) -> Begin: ...
    @property
    def read(self) -> Read: ...
    @property
    def outbox(self) -> Numbered: ...


def make_services(  # noqa: PLR0913  # each is a part that a test may replace
    store: Storage,
    stations: Stations,
    announce: Announce,
    *,
    settings: Settings,
    secret: bytes,
    authority: Authority,
    files: Files,
    clock: Clock = now,
    is_metering_heard: Callable[[], bool] = lambda: True,
) -> AllServices:
    """Every service, over a store and whatever reaches the stations."""
    shared = _shared(store, stations, announce, settings, secret, authority, files, clock)
    begin, read, stations, by_hand = store.begin, store.read, shared.stations, shared.by_hand
    firmware = _firmware(shared)
    services = AllServices(
        read=read,
        orders=shared.orders,
        order_queue=OrderQueue(begin, read, shared.orders, clock),
        batches=BatchService(begin, read, shared.orders, clock),
        provisioning=_provisioning(shared),
        sites=SiteService(begin, read, clock),
        imports=ImportService(begin, read, files, clock),
        days=DayService(read, clock),
        day_counter=DayCounter(begin, read, clock, SAME_EVENTS),
        checker=FrameChecker(list(reversed(DIALECTS.values()))),
        security=shared.security,
        authorization=AuthorizationService(begin, read, clock, announce, shared.unknown),
        availability=_availability(shared),
        meter_values=MeterValuesService(begin, store.journal, announce, is_metering_heard),
        transactions=_transactions(shared),
        remote_control=RemoteControlService(begin, read, by_hand, clock),
        closing=_closing(shared),
        security_events=SecurityEventService(begin, read, clock),
        credentials=shared.credentials,
        campaigns=_campaigns(shared, firmware),
        certificates=shared.certificates,
        configuration=shared.configuration,
        templates=TemplateService(begin, read, shared.configuration, clock),
        data_transfer=DataTransferService(begin, read, by_hand, _registry()),
        roots=RootService(begin, read, stations, authority, clock),
        diagnostics=_diagnostics(shared),
        firmware=firmware,
        reservations=ReservationService(begin, read, stations, clock),
        charging_reports=ChargingReportService(begin),
        smart_charging=SmartChargingService(begin, read, stations, clock),
        addresses=shared.addresses,
        local_lists=shared.local_lists,
        list_keeper=ListKeeper(begin, read, shared.local_lists, clock),
        accounts=shared.people.accounts,
        webhooks=_webhooks(store, secret, clock, shared.outbound),
        people=shared.people,
        explain=ExplainService(read, clock, shared.addresses),
        audit=AuditService(read),
        intrusion=IntrusionService(begin, read, clock, quarantine_s=settings.quarantine_s),
    )
    shared.orders.use(table(services))
    return services


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shared:
    """What several services are made of."""

    store: Storage
    stations: Stations
    by_hand: AuditedStations
    announce: Announce
    settings: Settings
    secret: bytes
    files: Files
    clock: Clock
    addresses: Addresses
    outbound: CheckedOutbound
    listeners: Listeners
    unknown: UnknownTokenService
    local_lists: LocalListService
    credentials: CredentialsService
    certificates: CertificateService
    configuration: ConfigurationService
    security: SecurityService
    people: People
    orders: OrderService


def _shared(  # as `make_services`
    store: Storage,
    stations: Stations,
    announce: Announce,
    settings: Settings,
    secret: bytes,
    authority: Authority,
    files: Files,
    clock: Clock,
) -> _Shared:
    begin, read = store.begin, store.read
    stations = ConsiderateStations(stations, read)
    by_hand = AuditedStations(stations, begin, clock)
    keys = Keys(subkey(secret, b"station keys"))
    addresses = Addresses(settings)
    outbound = CheckedOutbound(parse_networks(settings.outbound_allowed))
    return _Shared(
        store=store,
        stations=stations,
        by_hand=by_hand,
        announce=announce,
        settings=settings,
        secret=secret,
        files=files,
        clock=clock,
        addresses=addresses,
        outbound=outbound,
        listeners=Listeners(addresses),
        unknown=UnknownTokenService(begin, read, outbound, clock),
        local_lists=LocalListService(begin, read, stations, clock),
        credentials=CredentialsService(begin, read, stations, keys, clock, addresses),
        certificates=CertificateService(begin, read, stations, authority, clock, settings),
        configuration=ConfigurationService(begin, read, by_hand, clock),
        security=_door(store, keys, clock, announce, authority, settings),
        people=make_people(begin, read, clock, settings, partial(subkey, secret)),
        orders=_orders(store, secret, clock),
    )


def _provisioning(shared: _Shared) -> ProvisioningService:
    return ProvisioningService(
        shared.store.begin,
        shared.store.read,
        shared.by_hand,
        shared.clock,
        heartbeat_interval_s=shared.settings.heartbeat_interval_s,
        boot_retry_s=shared.settings.boot_retry_s,
        check_url=shared.outbound.check,
    )


def _availability(shared: _Shared) -> AvailabilityService:
    store = shared.store
    patience = timedelta(hours=shared.settings.status_stale_hours) or None
    return AvailabilityService(
        store.begin, store.read, store.journal, shared.stations, shared.clock, patience=patience
    )


def _transactions(shared: _Shared) -> TransactionService:
    store = shared.store
    return TransactionService(
        store.begin,
        store.read,
        store.journal,
        shared.clock,
        shared.announce,
        shared.unknown,
        number_key=subkey(shared.secret, b"transaction numbers"),
    )


def _closing(shared: _Shared) -> ClosingService:
    patience = timedelta(hours=shared.settings.unended_after_hours)
    return ClosingService(shared.store.begin, shared.store.read, shared.clock, patience=patience)


def _diagnostics(shared: _Shared) -> DiagnosticsService:
    return DiagnosticsService(
        shared.store.begin,
        shared.store.read,
        shared.stations,
        shared.files,
        shared.listeners,
        shared.clock,
        shared.settings,
        shared.security.refusals,
    )


def _campaigns(shared: _Shared, firmware: FirmwareService) -> CampaignService:
    begin, read = shared.store.begin, shared.store.read
    known = (shared.credentials, shared.certificates, firmware)
    return CampaignService(begin, read, *known, shared.clock)


def _firmware(shared: _Shared) -> FirmwareService:
    return FirmwareService(
        shared.store.begin,
        shared.store.read,
        shared.stations,
        shared.files,
        FirmwareSignatures(),
        shared.listeners,
        shared.clock,
        shared.settings,
        shared.security.refusals,
    )


def _orders(store: Storage, secret: bytes, clock: Clock) -> OrderService:
    seal = AskSeal(subkey(secret, b"commands"), masked, without_secrets_of)
    return OrderService(store.begin, store.read, seal, clock)


def _webhooks(
    store: Storage, secret: bytes, clock: Clock, outbound: CheckedOutbound
) -> WebhookService:
    seal = SealedSecrets(subkey(secret, b"webhooks"))
    return WebhookService(store.begin, store.read, clock, outbound, seal, store.outbox.last)


def _door(
    store: Storage,
    keys: Keys,
    clock: Clock,
    announce: Announce,
    authority: Authority,
    settings: Settings,
) -> SecurityService:
    return SecurityService(
        store.begin,
        store.read,
        keys,
        clock,
        announce,
        authority=authority,
        revocations=OnlineRevocations(clock),
        rules=Rules(
            cpo_name=settings.cpo_name,
            organization=NameCheck(settings.organization_check),
            common_name=NameCheck(settings.common_name_check),
            is_lenient=settings.revocation_check == "lenient",
        ),
    )


def _registry() -> Registry:
    registry = Registry()
    registry.load()
    return registry


KEY_FILES = b"key files"  # of the authority: what they are encrypted for, if nothing else is set


def subkey(secret: bytes, purpose: bytes) -> bytes:
    """Each use of the installation's secret has a key of its own."""
    return hmac.new(secret, purpose, hashlib.sha256).digest()


def make_tracing(settings: Settings) -> "Tracing | None":
    """Where spans go, if anywhere. Raises ConfigError if what sends them is not installed."""
    if not settings.otlp_endpoint:
        return None
    try:
        from voltkeep.bus.tracing import tracing_to  # noqa: PLC0415  # an extra
    except ImportError as error:
        raise ConfigError(
            "otlp_endpoint is set, but what sends spans is not installed. "
            "Run: pip install 'voltkeep[otel]'"
        ) from error
    return tracing_to(settings.otlp_endpoint)


def make_vitals(  # noqa: PLR0913  # each knows something of how the server does
    settings: Settings,
    services: AllServices,
    wire: WireCounts,
    stations: LocalStations,
    store: "Store",
    outward: Outward,
    certificates: Callable[[], Sequence[IssuedCertificate]],
    *,
    pruned: Callable[[], tuple[datetime | None, datetime | None]],
    origins: Mapping[str, str],
) -> "Vitals":
    """What tells machines and people how a server does."""
    from voltkeep.store import SchemaMismatch  # noqa: PLC0415  # tests bring another store
    from voltkeep.web.metrics import Sources  # noqa: PLC0415  # a shell needs no web

    def ends() -> Iterator[tuple[str, datetime]]:
        yield from ((each.profile, each.not_after) for each in certificates())
        yield from services.certificates.soonest.items()

    def connections() -> Iterator[tuple[str, int]]:
        return ((each.subprotocol, int(each.profile)) for each in stations)

    async def troubles() -> list[str]:
        closed = services.addresses.closed()
        found = [f"{each} = {getattr(settings, each)} is not open" for each in closed]
        try:
            await store.health()
        except StoreUnavailable as error:
            found.append(f"the database is away: {error}")
        except SchemaMismatch as error:
            found.append(str(error))
        return found

    sources = Sources(
        wire=wire,
        bounds_s=BUCKETS_S,
        flush_bounds_s=store.flush_bounds_s,
        connections=connections,
        commands_waiting=lambda: sum(each.commands_waiting for each in stations),
        refusals=lambda: services.security.refusals.numbers,
        journal=lambda: store.counters,
        pool_in_use=lambda: store.pool_in_use,
        census=store.census,
        certificates=ends,
        webhooks=lambda: outward.webhooks.results,
        webhooks_waiting=lambda: outward.webhooks.waiting,
        streams=lambda: outward.feed.streams,
        clock=now,
    )
    return _vitals(settings, services, store, sources, troubles, pruned, origins)


def _vitals(
    settings: Settings,
    services: AllServices,
    store: "Store",
    sources: "Sources",
    troubles: Callable[[], Awaitable[list[str]]],
    pruned: Callable[[], tuple[datetime | None, datetime | None]],
    origins: Mapping[str, str],
) -> "Vitals":
    from voltkeep.web.api.vitals import Vitals  # noqa: PLC0415  # a shell needs no web
    from voltkeep.web.condition import RETENTION, Condition, Facts  # noqa: PLC0415  # the same
    from voltkeep.web.loop_lag import LoopLag  # noqa: PLC0415  # the same
    from voltkeep.web.metrics import Metrics  # noqa: PLC0415  # the same

    facts = Facts(
        started_at=now(),
        data=settings.data,
        max_connections=settings.max_connections,
        upgrades_per_s=settings.upgrades_per_s,
        retention={name: getattr(settings, name) for name in RETENTION},
        listeners=services.addresses.open_at,
        troubles=troubles,
        database=store.describe,
        pruned=pruned,
    )
    lag = LoopLag()
    return Vitals(
        metrics=Metrics(sources, lag) if settings.metrics == "on" else None,
        troubles=troubles,
        allowed=parse_networks(settings.metrics_allowed),
        condition=Condition(sources, facts, lag),
        origins=origins,
    )
