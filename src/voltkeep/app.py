"""The composition root: builds every part from the settings, and starts what was asked for."""

import asyncio
import contextlib
import gc
import getpass
import hashlib
import hmac
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Protocol

import structlog

from voltkeep.bus.commands import CommandDesk, QueuedStations
from voltkeep.bus.local import LocalBus
from voltkeep.bus.outbox import Relay
from voltkeep.bus.sealing import Seal
from voltkeep.config import (
    Address,
    KeyFiles,
    Settings,
    address_or_off,
    make_data_directory,
    parse_networks,
    read_pki_key,
    read_secret,
)
from voltkeep.dialects import DIALECTS
from voltkeep.dialects.dialect import Services
from voltkeep.dialects.masking import masked
from voltkeep.domain.events import (
    EnergyMetered,
    Event,
    RootsChanged,
    StationAdded,
    StationChanged,
    StationRemoved,
    StationRenamed,
)
from voltkeep.domain.security import Rules
from voltkeep.domain.stations import NameCheck
from voltkeep.gateway.limits import Limits
from voltkeep.gateway.revocation import OnlineRevocations
from voltkeep.gateway.server import Gateway
from voltkeep.gateway.stations import LocalStations
from voltkeep.gateway.tls import TlsKind
from voltkeep.gateway.tls_source import TlsSource
from voltkeep.pki.authority import CertificateAuthority
from voltkeep.pki.firmware import FirmwareSignatures
from voltkeep.pki.vault import UnusableFile
from voltkeep.services.audit import AuditedStations, AuditService
from voltkeep.services.authority import Authority, BadCertificate, Files
from voltkeep.services.authorization import AuthorizationService
from voltkeep.services.availability import AvailabilityService
from voltkeep.services.campaigns import CampaignService
from voltkeep.services.certificates import CertificateService
from voltkeep.services.credentials import CredentialsService
from voltkeep.services.diagnostics import DiagnosticsService
from voltkeep.services.explain import ExplainService
from voltkeep.services.firmware import FirmwareService
from voltkeep.services.intrusion import IntrusionService
from voltkeep.services.meter_values import MeterValuesService
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
from voltkeep.services.roots import RootService
from voltkeep.services.security import Keys, SecurityService
from voltkeep.services.security_events import SecurityEventService
from voltkeep.services.transactions import TransactionService
from voltkeep.services.transfers import Listeners
from voltkeep.store import Store, migrate, open_store
from voltkeep.store.files import DirectoryFiles
from voltkeep.web.listeners import FileListeners

log = structlog.get_logger(__name__)

_ONE_TRY_S = 5.0  # of the store; a connection tries again until `store_patience_s` is over
# Nearly nothing of ours is a cycle, so young objects need not be looked through every 700.
_COLLECT_AFTER = (20_000, 20, 20)
_SAVE_STATUS_EVERY_S = 0.25
_LOOK_FOR_EVENTS_EVERY_S = 0.5
_PRUNE_EVERY_S = 3600.0
_LOOK_FOR_CERTIFICATES_EVERY_S = 5.0
_COMPLAIN_EVERY_S = 60.0


def now() -> datetime:
    """The clock of this installation: aware, UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class AllServices(Services):
    """What handlers may call, and what only operators may."""

    security: SecurityService
    remote_control: RemoteControlService
    credentials: CredentialsService
    campaigns: CampaignService
    roots: RootService
    explain: ExplainService
    audit: AuditService
    intrusion: IntrusionService
    listeners: Listeners


class Storage(Protocol):
    """A store, as far as services need it."""

    @property
    def journal(self) -> Journal: ...
    @property
    def begin(self) -> Begin: ...
    @property
    def read(self) -> Read: ...


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
    begin, read = store.begin, store.read
    keys = Keys(_subkey(secret, b"station keys"))
    number_key = _subkey(secret, b"transaction numbers")
    listeners = Listeners(settings)
    by_hand = AuditedStations(stations, begin, clock)
    credentials = CredentialsService(begin, read, stations, keys, clock, settings)
    certificates = CertificateService(begin, read, stations, authority, clock, settings)
    return AllServices(
        provisioning=ProvisioningService(
            begin,
            read,
            by_hand,
            clock,
            heartbeat_interval_s=settings.heartbeat_interval_s,
            boot_retry_s=settings.boot_retry_s,
        ),
        security=SecurityService(
            begin,
            read,
            keys,
            clock,
            announce,
            authority=authority,
            revocations=OnlineRevocations(clock),
            rules=_rules(settings),
        ),
        authorization=AuthorizationService(begin, read, clock, announce),
        availability=AvailabilityService(begin, read, store.journal),
        meter_values=MeterValuesService(begin, store.journal, announce, is_metering_heard),
        transactions=TransactionService(
            begin, read, store.journal, clock, announce, number_key=number_key
        ),
        remote_control=RemoteControlService(begin, read, by_hand, clock),
        security_events=SecurityEventService(begin, read, clock),
        credentials=credentials,
        campaigns=CampaignService(begin, read, credentials, certificates, clock),
        certificates=certificates,
        roots=RootService(begin, read, stations, authority, clock),
        diagnostics=DiagnosticsService(begin, read, stations, files, listeners, clock, settings),
        firmware=FirmwareService(
            begin, read, stations, files, FirmwareSignatures(), listeners, clock, settings
        ),
        listeners=listeners,
        explain=ExplainService(read, clock, settings),
        audit=AuditService(read),
        intrusion=IntrusionService(begin, read, clock, quarantine_s=settings.quarantine_s),
    )


class App:
    """One process of Voltkeep. The parts are there while `running` is."""

    store: Store
    stations: Stations
    files: DirectoryFiles
    services: AllServices
    authority: CertificateAuthority
    gateway: Gateway | None = None
    file_listeners: FileListeners | None = None
    ocpp_address: Address | None = None
    ocpp_tls_address: Address | None = None
    ocpp_mtls_address: Address | None = None

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.bus = LocalBus()
        self._relay: Relay | None = None
        self._jobs: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def running(self, *, serve: bool) -> AsyncIterator["App"]:
        """Open the database, and with ``serve`` let stations in and do the scheduled work.

        Without it only the services are up; commands to stations travel through the database to
        the process that serves. Raises ConfigError, StoreUnavailable, SchemaOutdated, OSError.
        """
        settings = self.settings
        make_data_directory(settings)
        secret = read_secret(settings)
        if serve and settings.auto_upgrade:
            await migrate(settings.database_url)
        self.store = await open_store(
            settings.database_url,
            clock=now,
            pool_size=settings.database_pool,
            patience=min(_ONE_TRY_S, settings.store_patience_s),
        )
        try:
            self._build(secret, serve=serve)
            try:
                if serve:
                    await self._serve()
                yield self
            finally:
                if serve:
                    await self._stop()
        finally:
            await self.store.close()

    def _build(self, secret: bytes, *, serve: bool) -> None:
        store, settings, announce = self.store, self.settings, self.bus.publish
        self._seal = Seal(_subkey(secret, b"commands"), masked)
        self.stations = (
            LocalStations()
            if serve
            else QueuedStations(store.begin, store.read, now, self._seal, issued_by=_user())
        )
        self.authority = CertificateAuthority(
            KeyFiles(settings.pki_path),
            read_pki_key(settings, _subkey(secret, b"key files")),
            settings,
            now(),
        )
        self.files = DirectoryFiles(settings.files_path)
        self.services = make_services(
            store,
            self.stations,
            announce,
            settings=settings,
            secret=secret,
            authority=self.authority,
            files=self.files,
            is_metering_heard=partial(self.bus.hears, EnergyMetered),
        )
        self._tls = TlsSource(
            self.authority,
            self.services.security,
            is_modern=settings.tls_policy == "modern",
            ticket_secret=_subkey(secret, b"session tickets"),
        )

    async def _serve(self) -> None:
        settings, store = self.settings, self.store
        assert isinstance(self.stations, LocalStations)
        await self.services.provisioning.start()
        await self.files.clear()
        await self._open_authority()
        self.gateway = Gateway(
            dialects=DIALECTS,
            services=self.services,
            security=self.services.security,
            intrusion=self.services.intrusion,
            stations=self.stations,
            log_exchange=store.journal.exchange,
            clock=now,
            limits=_limits(settings),
            compression=settings.compression != "off",
            trusted_proxies=parse_networks(settings.trusted_proxies),
        )
        self.bus.handle(
            partial(self._heed, self.gateway),
            *(StationAdded, StationRemoved, StationRenamed, StationChanged),
        )
        self.bus.handle(lambda _: self._tls.roots_changed(), RootsChanged)
        self._relay = relay = Relay(
            store.outbox, self.bus.publish, look_every_s=_LOOK_FOR_EVENTS_EVERY_S
        )
        desk = CommandDesk(store.begin, store.read, self.stations, now, self._seal)
        self._job("relay", relay.run)
        self._job("commands", desk.run)
        self._job("status", self._save_status)
        self._job("refusals", self.services.security.refusals.run)
        self._job("retention", self._prune)
        self._job("audit", self.services.audit.run)
        self._job("certificates", self.services.certificates.run)
        self._job("server certificates", self._keep_server_certificates)
        self._job("campaigns", self.services.campaigns.run)
        # What was imported and built stays: the collector need not look at it again and again,
        # and pauses for a tenth of a second each time it does.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_COLLECT_AFTER)
        await self._listen(self.gateway)

    async def _listen(self, gateway: Gateway) -> None:
        """Open what the settings ask for. Raises BadTlsFiles, or OSError naming the setting."""
        settings = self.settings
        optional = settings.ocpp_tls_client_certificates
        wanted = [
            ("ocpp", settings.ocpp, None),
            ("ocpp_tls", settings.ocpp_tls, TlsKind.OPTIONAL if optional else TlsKind.SERVER),
            ("ocpp_mtls", settings.ocpp_mtls, TlsKind.MUTUAL),
        ]
        if any(kind is not None and text != "off" for _, text, kind in wanted):
            gateway.use_tls(await self._tls.material())
            self._job("tls", partial(self._tls.keep, gateway))
        services = self.services
        self.file_listeners = FileListeners(
            services.diagnostics,
            services.firmware,
            services.certificates,
            self.authority,
            self._tls.for_files,
        )
        await self.file_listeners.open(settings, services.listeners)
        self._job("certificates of files", self.file_listeners.keep)
        found = []
        for setting, text, kind in wanted:
            address = address_or_off(text)
            try:
                found.append(await gateway.listen(*address, kind) if address is not None else None)
            except OSError as error:
                raise OSError(error.errno, error.strerror, f"{setting} = {text}") from error
        self.ocpp_address, self.ocpp_tls_address, self.ocpp_mtls_address = found

    async def _stop(self) -> None:
        """Let stations go first, while what they say can still be stored."""
        if self.gateway is not None:
            await self.gateway.close()
        if self.file_listeners is not None:
            await self.file_listeners.close()
        jobs = list(self._jobs)
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
        with contextlib.suppress(StoreUnavailable):
            await self.services.availability.save()
            if self._relay is not None:
                while await self._relay.relay():  # or the next start would tell it as news
                    pass

    async def _open_authority(self) -> None:
        """Raises UnusableFile, BadCertificate, OSError."""
        await asyncio.to_thread(self.authority.load)
        if self.authority.is_new:
            log.info(
                "made a certificate authority",
                directory=str(self.settings.pki_path),
                root=self.authority.root.fingerprint,
                advice="back the directory up; `voltkeep ca` shows and replaces what is in it",
            )

    # Scheduled work.

    def _job(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        task = asyncio.create_task(self._supervise(name, work), name=name)
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)

    async def _supervise(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """A job that fails is logged and begun again: nothing else may stop with it."""
        while True:
            try:
                await work()
            except Exception:
                log.exception("a job failed", job=name)
                await asyncio.sleep(1 + random.random())  # noqa: S311  # spreads retries
            else:
                return

    async def _save_status(self) -> None:
        while True:
            await asyncio.sleep(_SAVE_STATUS_EVERY_S)
            try:
                await self.services.availability.save()
            except StoreUnavailable as error:
                log.warning("status waits for the database", error=str(error))
                await asyncio.sleep(1)

    async def _keep_server_certificates(self) -> None:
        """Renew the server's own in time, and take up what `voltkeep ca` has changed."""
        while True:
            await asyncio.sleep(_LOOK_FOR_CERTIFICATES_EVERY_S)
            try:
                if await asyncio.to_thread(self.authority.renew_server, now()):
                    log.info("renewed the server's certificates")
                await asyncio.to_thread(self.authority.refresh, now())
            except (UnusableFile, BadCertificate, OSError) as error:
                log.warning("the server's certificates stay as they were", error=str(error))
                await asyncio.sleep(_COMPLAIN_EVERY_S)

    async def _prune(self) -> None:
        while True:
            try:
                messages = timedelta(days=self.settings.message_log_retention_days)
                events = timedelta(days=self.settings.event_retention_days)
                await self.store.prune_messages(now() - messages)
                await self.store.prune_events(now() - events)
                await self.store.prune_commands(now() - events)
                history = timedelta(days=self.settings.status_history_retention_days)
                await self.store.prune_status_history(now() - history)
                security = timedelta(days=self.settings.security_retention_days)
                await self.store.prune_security(now() - security)
            except StoreUnavailable as error:
                log.warning("retention waits for the database", error=str(error))
            await asyncio.sleep(_PRUNE_EVERY_S)

    def _heed(self, gateway: Gateway, event: Event) -> None:
        """What an operator changed, perhaps from another process, counts for live connections."""
        gateway.reconsider(event.station)
        match event:
            case StationRemoved():
                gateway.drop(event.station, "the station was removed")
            case StationRenamed():
                gateway.drop(event.station, "the station was renamed")
            case StationChanged(what="security profile"):
                gateway.drop(event.station, "the security profile was changed")
            case StationChanged(what="certificate revoked"):
                gateway.drop(event.station, "its certificate was revoked")
            case StationChanged():
                self._once(self.services.provisioning.refresh(event.station))

    def _once(self, work: Awaitable[None]) -> None:
        async def quietly() -> None:
            try:
                await work
            except StoreUnavailable as error:
                log.warning("a change waits for the next connection", error=str(error))

        task = asyncio.create_task(quietly())
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)


def _limits(settings: Settings) -> Limits:
    return Limits(
        message_bytes=settings.message_size_limit_bytes,
        discard_bytes=max(1024 * 1024, 4 * settings.message_size_limit_bytes),
        fragments_per_message=settings.fragments_per_message,
        frames_per_s=settings.frames_per_s,
        frames_burst=settings.frames_burst,
        calls_queued=settings.queue_in,
        commands_queued=settings.queue_out,
        handshake_timeout_s=settings.handshake_timeout_s,
        call_timeout_s=settings.call_timeout_s,
        store_patience_s=settings.store_patience_s,
        ping_interval_s=settings.ping_interval_s,
        ping_misses=settings.ping_misses,
        max_connections=settings.max_connections,
        drain_s=settings.drain_s,
        accepts_per_s=settings.accepts_per_s,
        accepts_burst=settings.accepts_burst,
        # Behind a proxy every station comes from one address.
        unlimited_sources=tuple(
            parse_networks(settings.unlimited_sources) + parse_networks(settings.trusted_proxies)
        ),
        upgrades_per_s=settings.upgrades_per_s,
        duplicate_probe_s=settings.duplicate_probe_s,
    )


def _rules(settings: Settings) -> Rules:
    return Rules(
        cpo_name=settings.cpo_name,
        organization=NameCheck(settings.organization_check),
        common_name=NameCheck(settings.common_name_check),
        is_lenient=settings.revocation_check == "lenient",
    )


def _subkey(secret: bytes, purpose: bytes) -> bytes:
    """Each use of the installation's secret has a key of its own."""
    return hmac.new(secret, purpose, hashlib.sha256).digest()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
